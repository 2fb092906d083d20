"""Frames as JPEG: colors stay in their channels, and what is no picture is told."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from triptych.errors import InputError
from triptych.formats.photos import load_photo, save_photo


def test_a_photo_comes_back_with_its_colors(tmp_path: Path) -> None:
    image = torch.tensor([200, 100, 30], dtype=torch.uint8)[:, None, None].expand(3, 16, 24).contiguous()
    save_photo(tmp_path / "photo.jpg", image)
    found = load_photo(tmp_path / "photo.jpg")
    assert found.shape == image.shape
    assert (found.int() - image.int()).abs().max() <= 3


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_what_is_no_picture_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.jpg is not a picture"):
        load_photo(tmp_path / "x.jpg")


def test_a_header_of_more_pixels_than_can_be_read_is_told(tmp_path: Path) -> None:
    content = cv2.imencode(".jpg", np.zeros((16, 24, 3), np.uint8))[1].tobytes()
    sides = b"\x00\x10\x00\x18"  # 16 and 24, in the header of the frame
    assert content.count(sides) == 1
    (tmp_path / "x.jpg").write_bytes(content.replace(sides, b"\xff\xdc" * 2))
    with pytest.raises(InputError, match=r"x\.jpg is not a picture"):
        load_photo(tmp_path / "x.jpg")
