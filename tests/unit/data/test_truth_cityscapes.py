"""Depth truth of a small Cityscapes folder of the exact layout."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from triptych.data.truth.cityscapes import cityscapes_truth
from triptych.errors import InputError

NAMES = ("berlin_000000_000019", "bonn_000004_000019")


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), values)


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    """Two test images of two cities and two cameras."""
    for name, baseline in zip(NAMES, (0.25, 0.5), strict=True):
        city = name.split("_")[0]
        steps = np.array([[0, 1, 257], [2561, 2, 65535]], np.uint16)
        write(tmp_path / "disparity" / "test" / city / f"{name}_disparity.png", steps)
        write(tmp_path / "leftImg8bit" / "test" / city / f"{name}_leftImg8bit.png", np.zeros((2, 3, 3), np.uint8))
        camera = {
            "extrinsic": {"baseline": baseline},
            "intrinsic": {"fx": 2000.0, "fy": 2100.0, "u0": 1.0, "v0": 0.5},
        }
        file = tmp_path / "camera" / "test" / city / f"{name}_camera.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(camera))
    return tmp_path


def test_depth_is_baseline_times_fx_over_disparity_with_each_image_s_own_camera(cityscapes: Path) -> None:
    # Disparities are none, 0, 1, 10, 1/256 and 65534/256; depth is 500 / d and 1000 / d.
    source = cityscapes_truth(cityscapes)
    assert source.names == NAMES
    first, second = source
    assert first.depth_m.tolist() == [[0.0, 0.0, 500.0], [50.0, 128000.0, float(np.float32(128000 / 65534))]]
    assert second.depth_m[1, 0] == 100.0
    assert first.name == NAMES[0]
    assert first.forward_m is None


def test_names_may_be_the_paths_of_the_images(cityscapes: Path) -> None:
    paths = [f"leftImg8bit/test/bonn/{NAMES[1]}_leftImg8bit"]
    assert cityscapes_truth(cityscapes, names=paths).names == (NAMES[1],)
    with pytest.raises(InputError, match="lacks 1 of 1 images asked for, the first is ulm_000000_000019"):
        cityscapes_truth(cityscapes, names=["ulm_000000_000019"])


def test_an_image_without_disparity_is_named(cityscapes: Path) -> None:
    (cityscapes / "disparity" / "test" / "bonn" / f"{NAMES[1]}_disparity.png").unlink()
    with pytest.raises(InputError, match=rf"1 of 2 images of .* have no disparity, the first is {NAMES[1]}"):
        cityscapes_truth(cityscapes)
    assert cityscapes_truth(cityscapes, names=NAMES[:1]).names == NAMES[:1]


def test_a_missing_camera_is_named_before_any_is_read(cityscapes: Path) -> None:
    (cityscapes / "camera" / "test" / "bonn" / f"{NAMES[1]}_camera.json").unlink()
    with pytest.raises(InputError, match=rf"1 of 2 camera files are missing, the first is .*{NAMES[1]}_camera\.json"):
        cityscapes_truth(cityscapes)


def test_a_split_that_is_not_there_is_refused(cityscapes: Path) -> None:
    with pytest.raises(InputError, match=r"disparity/val: holds no <city>/\*_disparity\.png"):
        cityscapes_truth(cityscapes, split="val")


def test_a_damaged_disparity_is_named_when_it_is_read(cityscapes: Path) -> None:
    source = cityscapes_truth(cityscapes)
    (cityscapes / "disparity" / "test" / "bonn" / f"{NAMES[1]}_disparity.png").write_bytes(b"\x89PNG")
    assert source.load(0).name == NAMES[0]
    with pytest.raises(InputError, match=rf"{NAMES[1]}_disparity\.png is not an image"):
        source.load(1)
