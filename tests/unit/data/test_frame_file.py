"""Single frames: the same values as the plain reader's, and a refusal of whatever is damaged."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from triptych.data.frame_file import DamagedFileError, frame_from_file
from triptych.data.image_folder import EXIF_ORIENTATION, image_size, rgb_image


def picture(mode: str = "RGB", *, width: int = 40, height: int = 24) -> Image.Image:
    values = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values).resize((width, height), Image.Resampling.BOX).convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_read_as_the_plain_reader_does_whatever_its_orientation(
    tmp_path: Path, mode: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    file = tmp_path / "frame.jpg"
    picture(mode).save(file, exif=exif.tobytes(), quality=90, progressive=orientation % 2 == 0)
    assert image_size(file) == ((24, 40) if orientation <= 4 else (40, 24))
    assert torch.equal(frame_from_file(file, size=image_size(file)), rgb_image(file))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "I;16"])
def test_a_png_is_read_as_the_plain_reader_does(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "frame.png"
    if mode == "I;16":
        Image.fromarray(np.arange(960, dtype=np.uint16).reshape(24, 40) * 60).save(file)
    else:
        picture(mode).save(file)
    assert torch.equal(frame_from_file(file, size=(24, 40)), rgb_image(file))


def test_a_png_that_is_called_a_jpeg_is_still_read(tmp_path: Path) -> None:
    picture().save(tmp_path / "frame.png")
    file = (tmp_path / "frame.png").rename(tmp_path / "frame.jpg")
    assert torch.equal(frame_from_file(file, size=(24, 40)), rgb_image(file))


def test_a_file_that_is_empty_missing_or_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    picture(width=42).save(tmp_path / "wide.jpg")
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    picture().save(tmp_path / "turned.jpg", exif=exif.tobytes())
    for name, reason in (
        ("empty.png", r"cannot be read \(no image\)$"),
        ("absent.jpg", "cannot be read .*No such file"),
        ("turned.jpg", "is 24x40, its drive's frames are 40x24$"),
        ("wide.jpg", "is 42x24, its drive's frames are 40x24$"),
    ):
        with pytest.raises(DamagedFileError, match=f"{name}: {reason}"):
            frame_from_file(tmp_path / name, size=(24, 40))


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_file_that_was_cut_off_is_refused_wherever_the_cut_is(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"frame.{suffix}"
    picture().save(file)
    content = file.read_bytes()
    # The last 12 bytes of a PNG are its empty end chunk, the last two of a JPEG its end mark.
    for length in range(0, len(content) - 12, 37):
        file.write_bytes(content[:length])
        with pytest.raises(DamagedFileError, match=f"frame.{suffix}: cannot be read"):
            frame_from_file(file, size=(24, 40))


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_damaged_bytes_give_a_frame_of_the_size_or_a_refusal(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"frame.{suffix}"
    picture().save(file)
    content = file.read_bytes()
    drawn = random.Random(7)
    refusals = []
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(drawn.randrange(1, 8)):
            damaged[drawn.randrange(len(damaged))] = drawn.randrange(256)
        file.write_bytes(damaged)
        try:
            assert frame_from_file(file, size=(24, 40)).shape == (3, 24, 40)
        except DamagedFileError as error:
            refusals.append(str(error))
    assert len(refusals) > 10
    assert all(refusal.startswith(f"{file}: ") and "\n" not in refusal for refusal in refusals)
