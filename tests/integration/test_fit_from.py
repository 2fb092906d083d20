"""Starting from another run's weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from triptych.artefacts.checkpoints import load_weights
from triptych.cli import main

Refused = Callable[..., str]


def test_networks_that_do_not_learn_keep_the_weights_of_the_run_they_start_from(
    tmp_path: Path, video: Path, fitted: Path, tiny: list[str]
) -> None:
    words = ["fit", str(video), "--output", str(tmp_path / "run"), "--initial", str(fitted), *tiny]
    main([*words, "--stages=[flow]", "--steps=1", "--intrinsics=90,90,59.5,39.5"])
    before, _ = load_weights(fitted / "model.safetensors")
    after, _ = load_weights(tmp_path / "run" / "model.safetensors")
    same = {name.split(".")[0]: [] for name in before}
    for name, tensor in before.items():
        same[name.split(".")[0]].append(torch.equal(tensor, after[name]))
    assert all(same["depth"])
    assert all(same["pose"])
    assert not all(same["flow"])
    far = max(float((after[name] - before[name]).abs().max()) for name in before if before[name].is_floating_point())
    assert far < 0.05  # one step of Adam from there, not other random weights


def test_weights_of_other_networks_are_refused_by_name(
    refused: Refused, tmp_path: Path, video: Path, fitted: Path, tiny: list[str]
) -> None:
    words = ["fit", str(video), "--output", str(tmp_path / "run"), "--steps=1", *tiny]
    line = refused(*words, "--initial", str(fitted), "--pose.channels=8")
    assert "these networks need" in line
    assert "pose." in line
    assert "no file of weights" in refused(*words, "--initial", str(tmp_path / "nowhere"))
    assert not (tmp_path / "run").exists()
