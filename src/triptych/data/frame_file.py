"""One frame of a drive whose picture size is known, read fast and refused where it is damaged."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from triptych.data.image_folder import EXIF_ORIENTATION, PICTURE_DAMAGE, rgb_image
from triptych.errors import InputError

WAY_OUT = "; replace or remove the file"
TURNED_ORIENTATIONS = range(2, 9)  # of EXIF: the picture is not stored as it is to be seen
CHANNELS = {"RGB": 3, "L": 1}


class DamagedFileError(InputError):
    """A frame that cannot be used; the message names the file and what ails it."""


def frame_from_file(file: Path, *, size: tuple[int, int]) -> UInt8[Tensor, "3 height width"]:
    """A frame as 8-bit RGB, the same as `rgb_image` gives, turned as its EXIF orientation says.

    Pillow decodes; where the pixels are plain they are copied twice instead of four times,
    which takes a third off the time of a JPEG. Other decoders would take off another
    quarter, but torchvision's is deprecated and ends the process on damaged PNGs, and
    OpenCV's fills up a truncated JPEG without a word.

    Args:
        file: the image.
        size: height and width (px) that it must have.

    Raises:
        DamagedFileError: the file is missing, no whole image, or of another size.
    """
    try:
        with Image.open(file) as image:
            stored = (image.height, image.width)
            # Before anything is decoded: a damaged header may claim a picture of gigabytes.
            if stored not in (size, size[::-1]):
                raise DamagedFileError(_other_size(file, stored, size))
            image.load()
            turned = image.getexif().get(EXIF_ORIENTATION) in TURNED_ORIENTATIONS
            plain = None if turned or image.mode not in CHANNELS else bytearray(image.tobytes())
            channels = CHANNELS.get(image.mode, 0)
        if plain is None:
            frame = rgb_image(file)
        else:
            frame = (
                torch.frombuffer(plain, dtype=torch.uint8).view(*stored, channels).permute(2, 0, 1).expand(3, -1, -1)
            )
    except InputError as error:
        raise DamagedFileError(str(error).removesuffix(WAY_OUT)) from None
    except (*PICTURE_DAMAGE, Image.DecompressionBombError) as error:
        raise DamagedFileError(f"{file}: cannot be read ({_reason(error)})") from None
    seen = (frame.shape[1], frame.shape[2])
    if seen != size:
        raise DamagedFileError(_other_size(file, seen, size))
    return frame


def _other_size(file: Path, found: tuple[int, int], wanted: tuple[int, int]) -> str:
    return f"{file}: is {found[1]}x{found[0]}, its drive's frames are {wanted[1]}x{wanted[0]}"


def _reason(error: Exception) -> str:
    """What an error says, on one line and without the file that is named already."""
    if isinstance(error, UnidentifiedImageError):
        return "no image"
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(told.split())
