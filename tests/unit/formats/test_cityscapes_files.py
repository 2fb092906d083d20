"""Cityscapes' disparity and cameras, as its documentation writes them."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from triptych.errors import InputError
from triptych.formats.cityscapes import load_cityscapes_camera, load_cityscapes_disparity

CAMERA = {
    "extrinsic": {"baseline": 0.209313, "pitch": 0.038, "roll": 0.0, "x": 1.7, "y": 0.1, "yaw": -0.0195, "z": 1.22},
    "intrinsic": {"fx": 2262.52, "fy": 2265.3017905988554, "u0": 1096.98, "v0": 513.137},
}


def test_disparity_is_one_less_than_the_pixel_over_256(tmp_path: Path) -> None:
    steps = np.array([[0, 1, 2, 257, 32769, 65535]], np.uint16)
    cv2.imwrite(str(tmp_path / "d.png"), steps)
    expected = [[0.0, 0.0, 1 / 256, 1.0, 128.0, 65534 / 256]]
    assert load_cityscapes_disparity(tmp_path / "d.png").tolist() == expected


def test_a_disparity_of_eight_bits_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "d.png"), np.ones((2, 2), np.uint8))
    with pytest.raises(InputError, match=r"d\.png: a PNG of 1 x 16 bits is needed"):
        load_cityscapes_disparity(tmp_path / "d.png")


def test_a_camera_has_its_focal_lengths_center_and_baseline(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(CAMERA))
    camera = load_cityscapes_camera(tmp_path / "c.json")
    assert (camera.fx, camera.fy) == (2262.52, 2265.3017905988554)
    assert (camera.u0, camera.v0) == (1096.98, 513.137)
    assert camera.baseline_m == 0.209313


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a Cityscapes camera"),
        (b"{", "is not a Cityscapes camera"),
        (b"\xff\xfe\x00", "is not a Cityscapes camera"),
        (b"[1]", "is not a Cityscapes camera"),
        (b"{}", "has no intrinsic"),
        (json.dumps(CAMERA | {"extrinsic": {"pitch": 1}}).encode(), "has no baseline"),
        (json.dumps(CAMERA | {"extrinsic": {"baseline": "far"}}).encode(), "is not a Cityscapes camera"),
        (json.dumps(CAMERA | {"extrinsic": {"baseline": 0.0}}).encode(), "baseline=0 must be positive"),
        (json.dumps(CAMERA | {"extrinsic": {"baseline": float("nan")}}).encode(), "all finite"),
    ],
)
def test_what_is_no_camera_is_refused_by_name_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load_cityscapes_camera(tmp_path / "c.json")
    assert "c.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_camera_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_cityscapes_camera(tmp_path / "c.json")


def test_the_disparity_png_is_one_that_others_read_alike(tmp_path: Path) -> None:
    steps: Any = np.random.default_rng(0).integers(0, 65536, (7, 9)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "d.png"), steps)
    expected = np.where(steps > 0, (steps.astype(np.float64) - 1.0) / 256.0, 0.0)
    assert np.array_equal(load_cityscapes_disparity(tmp_path / "d.png").double().numpy(), expected)
