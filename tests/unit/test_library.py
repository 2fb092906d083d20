"""The Python interface: what comes back, at which size, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import triptych
from triptych.config.build_model import build_model, load_model
from triptych.config.load import preset_settings
from triptych.config.schema import FrameSettings
from triptych.data.synthetic import synthetic_clip
from triptych.errors import InputError
from triptych.geometry.grid import resize_flow
from triptych.inference.resizing import resized_prediction
from triptych.library import Model
from triptych.types import CameraStep, Prediction, SyntheticClip

TINY = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "stem_width": 8}


@pytest.fixture(scope="module")
def model() -> Model:
    settings = preset_settings(
        "small",
        size="64x96",
        depth={"encoder_options": TINY, "width": 0.25, "min_depth": 0.5, "max_depth": 50.0, "initial_depth": 0.6},
        pose={"encoder_options": TINY, "channels": 16},
        flow={"width": 0.25, "normalized_costs": True},
    )
    return Model(build_model(settings), settings)


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return synthetic_clip("street", seed=5, frames=3, height=80, width=144)


@pytest.fixture(scope="module")
def packaged() -> Model:
    return triptych.load()


def test_what_is_imported_brings_what_it_needs_alone() -> None:
    script = """
import sys, triptych, triptych.cli.console, triptych.cli.predict
assert "torch" not in sys.modules
triptych.load
import triptych.config.build_sequence, triptych.inference.predictor, triptych.inference.writer
import triptych.data.shard_preparing, triptych.data.synthetic.benchmark, triptych.evaluation.streets
import triptych.evaluation.depth, triptych.evaluation.odometry, triptych.viewing.report, triptych.viewing.scene
assert "torch" in sys.modules
assert "lightning" not in sys.modules  # trainers need it, and it brings much else
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_name_that_the_package_has_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'lod'"):
        triptych.lod  # type: ignore[attr-defined]  # noqa: B018


def test_frames_give_the_same_in_every_form(model: Model, clip: SyntheticClip, tmp_path: Path) -> None:
    last = clip.images.permute(0, 2, 3, 1).numpy()
    for index, frame in enumerate(last):
        Image.fromarray(frame).save(tmp_path / f"{index}.png")
    matrix = clip.intrinsics
    numbers = (matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2])
    ways = [
        model.predict(clip.images, matrix),
        model.predict(last, matrix.numpy()),
        model.predict(last[..., ::-1].copy()[..., ::-1], [float(number) for number in numbers]),
        model.predict(list(last), ",".join(str(float(number)) for number in numbers)),
        model.predict([clip.images[0], tmp_path / "1.png", Image.fromarray(last[2])], matrix.clone().requires_grad_()),
        model.predict(tmp_path, matrix),
    ]
    for found in ways[1:]:
        assert len(found) == len(ways[0]) == 3
        assert torch.equal(found.images, ways[0].images)
        torch.testing.assert_close(found.intrinsics, ways[0].intrinsics)
        torch.testing.assert_close(found.camera_to_world, ways[0].camera_to_world)
        for one, other in zip(found.predictions, ways[0].predictions, strict=True):
            torch.testing.assert_close(one.depth, other.depth)


def test_maps_come_at_the_processing_size_or_at_that_of_the_frames(model: Model, clip: SyntheticClip) -> None:
    small = model.predict(clip.images, clip.intrinsics)
    large = model.predict(clip.images, clip.intrinsics, size="input")
    assert small.images.shape == (3, 3, 64, 96)
    assert torch.equal(large.images, clip.images)
    torch.testing.assert_close(large.intrinsics, clip.intrinsics.float(), rtol=1e-5, atol=1e-4)
    assert not torch.allclose(small.intrinsics, large.intrinsics)
    assert small.predictions[0].depth.shape == (64, 96)
    assert large.predictions[0].depth.shape == (80, 144)
    flow, of_input = small.predictions[0].flow, large.predictions[0].flow
    assert flow is not None
    assert of_input is not None
    torch.testing.assert_close(of_input, resize_flow(flow[None], (80, 144))[0])
    assert torch.equal(small.camera_to_world, large.camera_to_world)
    last = large.predictions[-1]
    assert (last.flow, last.visibility, last.motion, last.step) == (None, None, None, None)


def test_a_prediction_at_another_size_keeps_planes_and_the_centers_of_pixels() -> None:
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(12.0), indexing="ij")
    inverse = 0.1 + 0.01 * columns + 0.02 * rows
    moving = columns >= 6
    given = Prediction(
        depth=1 / inverse,
        flow=torch.stack((2 + 0 * rows, -1 + 0 * rows)),
        visibility=(columns < 6).float(),
        motion=moving,
        step=CameraStep(torch.eye(4)),
    )
    large = resized_prediction(given, (16, 36))
    # The center of pixel (r, c) of the large grid lies at ((r + 1/2) / 2 - 1/2, (c + 1/2) / 3 - 1/2) of the small one.
    assert float(large.depth[7, 16]) == pytest.approx(1 / (0.1 + 0.01 * 5.0 + 0.02 * 3.25), rel=1e-5)
    assert large.flow is not None
    assert large.flow[:, 3, 3].tolist() == [6.0, -2.0]
    assert large.motion is not None
    assert large.motion[0].nonzero().flatten().tolist() == list(range(18, 36))
    assert large.visibility is not None
    assert (large.visibility[0, :17] == 1).all()
    assert large.learned_visibility is None


def test_a_missing_calibration_is_assumed_with_a_warning(model: Model, clip: SyntheticClip) -> None:
    with pytest.warns(UserWarning, match="80 degrees is assumed"):
        found = model.predict(clip.images)
    assert found.assumed_intrinsics
    assert float(found.intrinsics[0, 0]) == pytest.approx(48 / np.tan(np.radians(40)), rel=1e-4)
    assert not model.predict(clip.images, clip.intrinsics).assumed_intrinsics


def test_a_crop_of_the_training_is_made_again(model: Model, clip: SyntheticClip) -> None:
    cropped = Model(model.networks, replace(model.settings, frames=FrameSettings(bottom_crop=0.25)))
    found = cropped.predict(clip.images, clip.intrinsics, size="input")
    assert found.images.shape == (3, 3, 60, 144)
    assert torch.equal(found.images, clip.images[:, :, :60])
    assert cropped.depth(clip.images[0], size="input").shape == (60, 144)
    torch.testing.assert_close(cropped.depth(clip.images[0]), model.depth(clip.images[0, :, :60]))
    torch.testing.assert_close(found.intrinsics, clip.intrinsics.float(), rtol=1e-5, atol=1e-4)


def test_depth_of_a_picture_is_that_of_a_clip_of_it(model: Model, clip: SyntheticClip, tmp_path: Path) -> None:
    alone = model.predict(clip.images[:1], clip.intrinsics)
    assert len(alone) == 1
    torch.testing.assert_close(model.depth(clip.images[0]), alone.predictions[0].depth)
    Image.fromarray(clip.images[0].permute(1, 2, 0).numpy()).save(tmp_path / "picture.png")
    of_file = model.depth(tmp_path / "picture.png", size="input")
    assert of_file.shape == (80, 144)
    assert float(of_file.min()) >= 0.499
    assert float(of_file.max()) <= 50.1


def test_flow_of_two_pictures_follows_the_picture(packaged: Model) -> None:
    generator = torch.Generator().manual_seed(2)
    scene = torch.nn.functional.interpolate(torch.rand(1, 3, 24, 60, generator=generator), (144, 400), mode="bicubic")
    scene = (scene[0].clamp(0, 1) * 255).to(torch.uint8)
    first, second = scene[:, 8:136, 8:392], scene[:, 6:134, 2:386]  # first(x, y) = second(x + 6, y + 2)
    pair = packaged.flow(first, second)
    assert pair.visibility.shape == (128, 384)
    inner = pair.flow[:, 16:-16, 16:-16].flatten(1).median(dim=1).values
    assert inner.tolist() == pytest.approx([6, 2], abs=0.5)
    back = packaged.flow(second, first).flow[:, 16:-16, 16:-16].flatten(1).median(dim=1).values
    assert back.tolist() == pytest.approx([-6, -2], abs=0.5)
    halves = [_doubled(first), _doubled(second)]
    large = packaged.flow(*halves, size="input")
    assert large.flow.shape == (2, 256, 768)
    assert large.flow[:, 32:-32, 32:-32].flatten(1).median(dim=1).values.tolist() == pytest.approx([12, 4], abs=1)


def _doubled(image: Tensor) -> Tensor:
    return image.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)


def test_what_is_no_picture_is_refused_with_the_way_out(model: Model, clip: SyntheticClip, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"images of torch.float32: 8-bit RGB \(uint8, 0 to 255\) is needed"):
        model.predict(clip.images.float(), clip.intrinsics)
    with pytest.raises(InputError, match=r"images of shape \(3, 80, 144\): \(N, H, W, 3\) or \(N, 3, H, W\)"):
        model.predict(clip.images[0], clip.intrinsics)
    with pytest.raises(InputError, match=r"images of shape \(0,\)"):
        model.predict([], clip.intrinsics)
    with pytest.raises(InputError, match=r"images of shape \(3, 3, 80, 144\): \(H, W, 3\) or \(3, H, W\)"):
        model.depth(clip.images)
    with pytest.raises(InputError, match="there is no such picture"):
        model.depth(tmp_path / "none.png")
    with pytest.raises(InputError, match="frame 1 is 100x80, the first is 144x80; give frames of one size"):
        model.predict([clip.images[0], clip.images[1, :, :, :100]], clip.intrinsics)
    with pytest.raises(InputError, match="144x80 and 100x80; give two of one size"):
        model.flow(clip.images[0], clip.images[1, :, :, :100])
    with pytest.raises(InputError, match="does not exist"):
        model.predict(tmp_path / "none.mp4")
    with pytest.raises(InputError, match=r"intrinsics of shape \(3,\)"):
        model.predict(clip.images, [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="K must be in pixels"):
        model.predict(clip.images, [0.5, 0.5, 0.5, 0.5])


def test_words_and_devices_that_are_none_are_refused(
    model: Model, clip: SyntheticClip, request: pytest.FixtureRequest
) -> None:
    jaxtyping.config.update("jaxtyping_disable", True)  # outside of tests nothing checks types
    request.addfinalizer(lambda: jaxtyping.config.update("jaxtyping_disable", False))
    with pytest.raises(InputError, match="size 'full': take one of processing, input"):
        model.depth(clip.images[0], size="full")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="size 'full': take one of"):
        model.flow(*clip.images[:2], size="full")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="refinement 'off': take one of geometry, none"):
        model.predict(clip.images, clip.intrinsics, refinement="off")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="device 'gpu': cannot be used here"):
        triptych.load(device="gpu")


def test_maps_may_be_changed_and_learned_from(model: Model, clip: SyntheticClip) -> None:
    for size in ("processing", "input"):
        predicted = model.predict(clip.images, clip.intrinsics, size=size).predictions[0]
        pair = model.flow(*clip.images[:2], size=size)
        assert predicted.flow is not None
        assert predicted.step is not None
        maps = (model.depth(clip.images[0], size=size), pair.flow, pair.visibility, predicted.depth, predicted.flow)
        for values in (*maps, predicted.step.next_from_current):
            values.mul_(2)
            (values * torch.ones((), requires_grad=True)).sum().backward()


def test_a_folder_brings_the_same_model_back(model: Model, clip: SyntheticClip, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "saved")
    assert sorted(file.name for file in (tmp_path / "saved").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    again = Model.from_pretrained(tmp_path / "saved")
    assert again.settings == model.settings
    assert torch.equal(again.depth(clip.images[0]), model.depth(clip.images[0]))
    with pytest.raises(InputError, match="is not empty"):
        model.save_pretrained(tmp_path / "saved")
    model.save_pretrained(tmp_path / "saved", half=True, overwrite=True)
    half, _ = load_model(tmp_path / "saved")
    for name, tensor in model.networks.state_dict().items():
        expected = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(half.state_dict()[name], expected)


def test_the_settings_of_a_folder_are_those_of_its_config(model: Model, clip: SyntheticClip, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "saved")
    file = tmp_path / "saved" / "config.json"
    content = json.loads(file.read_text())
    content["settings"]["depth"]["max_depth"] = 10.0
    file.write_text(json.dumps(content))
    assert float(Model.from_pretrained(tmp_path / "saved").depth(clip.images[0]).max()) <= 10.001
    content["settings"]["depth"]["width"] = 0.5
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match="weights do not fit"):
        triptych.load(tmp_path / "saved")
    content["settings"]["colour"] = "red"
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"config\.json: was written by another version"):
        triptych.load(tmp_path / "saved")
    file.write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match=r"config\.json: is not of a model of triptych"):
        triptych.load(tmp_path / "saved")
    file.write_text("{")
    with pytest.raises(InputError, match=r"config\.json: is not JSON"):
        triptych.load(tmp_path / "saved")


def test_a_folder_may_be_called_as_the_weights_in_the_package(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model.save_pretrained("packaged")
    assert Model.from_pretrained("packaged").settings == model.settings


def test_what_is_no_folder_of_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only local ones are read"):
        Model.from_pretrained("someone/triptych-small")
    with pytest.raises(InputError, match=r"holds no config\.json"):
        Model.from_pretrained(tmp_path)


def test_a_saved_model_tells_no_place_of_this_machine_and_leaves_what_lies_beside_it(
    model: Model, tmp_path: Path
) -> None:
    calibration = tmp_path / "K.txt"
    calibration.write_text("")
    settings = replace(model.settings, initial=str(tmp_path / "run"), intrinsics=str(calibration))
    folder = tmp_path / "model"
    placed = Model(model.networks, settings)
    placed.save_pretrained(folder)
    (folder / ".git").mkdir()
    with pytest.raises(InputError, match="is not empty"):
        placed.save_pretrained(folder)
    placed.save_pretrained(folder, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == [".git", "README.md", "config.json", "model.safetensors"]
    for file in (folder / "config.json", folder / "model.safetensors"):
        assert str(tmp_path).encode() not in file.read_bytes()
    assert repr(triptych.load(folder)).startswith("Model(")


def test_the_card_is_one_that_the_hub_reads(model: Model, packaged: Model, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    model.save_pretrained(tmp_path / "own")
    packaged.save_pretrained(tmp_path / "packaged", half=True)
    own = hub.ModelCard.load(tmp_path / "own" / "README.md")
    assert (own.data.library_name, own.data.license) == ("triptych", "unknown")
    card = hub.ModelCard.load(tmp_path / "packaged" / "README.md")
    assert card.data.license == "apache-2.0"
    assert "4.8 million, half precision" in card.text
    assert "128x384" in card.text


def test_only_the_assumption_is_warned_of(model: Model, clip: SyntheticClip) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(clip.images, clip.intrinsics, refinement="none", visibility="learned")
