"""Frames that lie as image files in a folder."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from triptych.data.calibration import Calibration
from triptych.data.folder_calibration import folder_calibration
from triptych.data.frame_source import UNTIMED_RATE_HZ, FrameSource
from triptych.errors import InputError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
PLAIN_NAMES = frozenset({"frames", "images"})
"""Folders that are called after the one above."""
EXIF_ORIENTATION = 0x0112
SIDEWAYS_ORIENTATIONS = frozenset({5, 6, 7, 8})  # of EXIF: height and width change places
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of an EXIF orientation upright. (Pillow's way writes the EXIF anew, and fails over odd tags.)"""
PICTURE_DAMAGE = (OSError, ValueError, SyntaxError, TypeError, struct.error)
"""What Pillow raises over damaged pictures."""
SIXTEEN_TO_EIGHT_BIT = 257  # 65535 / 255


@final
class ImageFolder(FrameSource):
    """Image files, in the order given.

    Args:
        files: the images; at least one.
        name: of the whole.
        timestamps: time of each (s); without, the images are taken to be 0.1 s apart.
        intrinsics: their calibration, if there is one.

    Raises:
        InputError: the first image cannot be read.
    """

    def __init__(
        self,
        files: Sequence[Path],
        *,
        name: str,
        timestamps: Float[Tensor, " frames"] | None = None,
        intrinsics: Calibration | None = None,
        numbered: bool = False,
    ) -> None:
        self.files = tuple(files)
        folder = self.files[0].parent
        untimed = torch.arange(len(self.files), dtype=torch.float64) / UNTIMED_RATE_HZ
        super().__init__(
            path=folder,
            name=name,
            size=image_size(self.files[0]),
            timestamps=untimed if timestamps is None else timestamps.double() - timestamps[0].double(),
            timed=timestamps is not None,
            intrinsics=intrinsics,
            frame_names=tuple(file.stem for file in self.files),
            numbered=numbered,
        )

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[UInt8[Tensor, "3 height width"]]:
        """The images from `start` up to, not including, `stop` (RGB), read as they are asked for.

        Raises:
            InputError: an image cannot be read, or differs in size from the first.
        """
        for file in self.files[start:stop]:
            image = rgb_image(file)
            self._check_frame_size(image.shape[1], image.shape[2], where=str(file))
            yield image


def open_image_folder(folder: Path) -> ImageFolder:
    """The images of a folder in the natural order of their names, with the calibration beside them or right above.

    Raises:
        InputError: there is no image in the folder, or its calibration cannot be read.
    """
    place = folder.resolve()
    calibration = folder_calibration(place, place.parent)
    name = place.parent.name if place.name in PLAIN_NAMES else place.name
    return ImageFolder(image_files(folder), name=name or place.name, intrinsics=calibration)


def image_files(folder: Path) -> list[Path]:
    """The images in a folder, frame2 before frame10; hidden files are left out.

    Raises:
        InputError: there is none.
    """
    visible = [file for file in folder.iterdir() if not file.name.startswith(".")]
    files = [file for file in visible if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()]
    if not files:
        held = f"{len(visible)} other entries" if visible else "nothing"
        raise InputError(
            f"{folder}: holds no image but {held}; give a video, or a folder of "
            f"{', '.join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))} files"
        )
    return sorted(files, key=natural_key)


def image_size(file: Path) -> tuple[int, int]:
    """Height and width of an image as it is meant to be seen (px), from its header.

    Raises:
        InputError: the file is no image.
    """
    try:
        with Image.open(file) as image:
            sideways = image.getexif().get(EXIF_ORIENTATION) in SIDEWAYS_ORIENTATIONS
            width, height = image.size
    except (*PICTURE_DAMAGE, Image.DecompressionBombError) as error:
        raise _unreadable(file, error) from None
    return (width, height) if sideways else (height, width)


def rgb_image(file: Path) -> UInt8[Tensor, "3 height width"]:
    """An image as 8-bit RGB, turned as its EXIF orientation says.

    Gray is repeated, alpha dropped, 16 bit scaled by 1/257.

    Raises:
        InputError: the file is no whole image, or holds floating-point or 32-bit values.
    """
    try:
        with Image.open(file) as image:
            turn = TURNS.get(image.getexif().get(EXIF_ORIENTATION, 1))
            pixels = _eight_bit_rgb(image if turn is None else image.transpose(turn), file)
    except InputError:
        raise
    except (*PICTURE_DAMAGE, Image.DecompressionBombError) as error:
        raise _unreadable(file, error) from None
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _eight_bit_rgb(image: Image.Image, file: Path) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Pixels (height, width, 3). Pillow alone would clip 16-bit gray to white."""
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image)
        if image.mode == "F" or values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
            raise InputError(f"{file}: holds floating-point or 32-bit values, not a picture; convert it to 8 or 16 bit")
        eight_bit = np.round(values / SIXTEEN_TO_EIGHT_BIT).astype(np.uint8)
        return np.repeat(eight_bit[:, :, None], 3, axis=2)
    # A palette with transparency goes through RGBA, else Pillow warns and guesses.
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return np.array(image.convert("RGB"))


def _unreadable(file: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) if not isinstance(error, UnidentifiedImageError) else "no image"
    return InputError(f"{file}: cannot be read ({reason}); replace or remove the file")


def natural_key(file: PurePath) -> list[tuple[int, int, str]]:
    """A key that sorts the numbers in a name by value, and equal values by their text."""
    parts = re.split(r"(\d+)", file.name.lower())
    key = [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]
    return [*key, (2, 0, file.name)]
