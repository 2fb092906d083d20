"""The weights in the package, and what is written of a model for other uses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import triptych
from triptych.artefacts.checkpoints import load_weights, save_weights
from triptych.cli import main
from triptych.config.build_model import load_model, weights_file
from triptych.config.load import preset_settings
from triptych.data.synthetic import synthetic_clip
from triptych.geometry.rigid import rigid_flow

Refused = Callable[..., str]


def test_they_are_small_of_half_precision_and_of_the_small_preset() -> None:
    file = weights_file("packaged")
    assert file.stat().st_size < 25e6
    tensors, _ = load_weights(file)
    assert {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()} == {torch.float16}
    assert all(tensor.isfinite().all() for tensor in tensors.values() if tensor.is_floating_point())
    model, settings = load_model("packaged")
    assert next(model.parameters()).dtype == torch.float32
    small = preset_settings("small")
    assert (settings.depth, settings.pose, settings.flow) == (small.depth, small.pose, small.flow)


def test_predict_works_at_once(tmp_path: Path, video: Path) -> None:
    main(["predict", str(video), "--output", str(tmp_path / "out"), "--intrinsics=90,90,59.5,39.5", "--limit=3"])
    assert len(list((tmp_path / "out" / "depth").glob("*.npz"))) == 3
    assert json.loads((tmp_path / "out" / "result.json").read_text())["frames"]["predicted"] == 3


def test_they_see_a_street_that_they_were_not_trained_on() -> None:
    clip = synthetic_clip("street", seed=5, frames=4, height=128, width=384)
    predicted = triptych.load().predict(clip.images, clip.intrinsics, refinement="none")
    depth_m, seen = clip.depth_m[:-1], clip.visible_forward & ~clip.moving[:-1] & clip.depth_m[:-1].isfinite()
    depth = torch.stack([prediction.depth for prediction in predicted.predictions[:-1]])[:, None]
    next_from_frame = torch.linalg.inv(predicted.camera_to_world[1:]) @ predicted.camera_to_world[:-1]
    rigid = rigid_flow(depth, clip.intrinsics.expand(3, 3, 3), next_from_frame).flow
    flow = torch.stack([prediction.flow for prediction in predicted.predictions[:-1] if prediction.flow is not None])

    def off(guess: Tensor) -> float:
        return float((guess - clip.flow_forward).norm(dim=1, keepdim=True)[seen].median())

    def relative_error(guess: Tensor) -> float:
        scaled = guess * (depth_m[seen].median() / guess[seen].median())
        return float(((scaled - depth_m).abs() / depth_m)[seen].mean())

    assert off(torch.zeros_like(flow)) > 5
    assert off(flow) < 1
    assert off(rigid) < 2.5  # depth and camera motion together: the scales of both matter
    assert relative_error(depth) < 0.75 * relative_error(torch.ones_like(depth))


def test_export_writes_the_same_networks_in_half_the_size(refused: Refused, tmp_path: Path, fitted: Path) -> None:
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    main(["export", str(fitted), "--output", str(whole)])
    main(["export", str(fitted), "--output", str(half), "--half"])
    assert half.stat().st_size < 0.7 * whole.stat().st_size
    models = [load_model(file)[0].state_dict() for file in (fitted, whole, half)]
    for name, tensor in models[0].items():
        assert torch.equal(models[1][name], tensor)
        assert torch.equal(models[2][name], tensor.half().float() if tensor.is_floating_point() else tensor)
    assert "--overwrite" in refused("export", str(fitted), "--output", str(half))
    assert "no file of weights" in refused("export", str(tmp_path / "none"), "--output", str(tmp_path / "x"))


def test_a_model_of_another_version_is_told_by_its_file(refused: Refused, tmp_path: Path, fitted: Path) -> None:
    tensors, metadata = load_weights(fitted / "model.safetensors")
    for settings in ({"settings": metadata["settings"].replace('"alpha"', '"beta"')}, {}):
        save_weights(tmp_path / "other.safetensors", tensors, settings)
        line = refused("export", str(tmp_path / "other.safetensors"), "--output", str(tmp_path / "x"))
        assert "other.safetensors: was written by another version" in line
