"""What is given from Python: frames, pictures, intrinsics, words and devices."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, final, get_args

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from triptych.data.calibration import Calibration, given_calibration
from triptych.data.frame_source import UNTIMED_RATE_HZ, FrameSource
from triptych.data.image_folder import rgb_image
from triptych.errors import InputError
from triptych.geometry.camera import intrinsics_matrix

Images = Any
"""8-bit RGB as an array or tensor, the colors last or before rows and columns."""


@final
class GivenFrames(FrameSource):
    """Frames that are in memory already.

    Args:
        images: RGB.
    """

    def __init__(self, images: UInt8[Tensor, "frames 3 height width"]) -> None:
        super().__init__(
            path=Path("frames"),
            name="frames",
            size=(images.shape[-2], images.shape[-1]),
            timestamps=torch.arange(len(images), dtype=torch.float64) / UNTIMED_RATE_HZ,
            timed=False,
            intrinsics=None,
        )
        self._images = images

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[UInt8[Tensor, "3 height width"]]:
        """The frames from `start` up to, not including, `stop`."""
        yield from self._images[start:stop]


def given_clip(frames: Images) -> UInt8[Tensor, "frames 3 height width"]:
    """Frames from an array, a tensor or a list of what `given_picture` takes.

    Raises:
        InputError: they are none, or differ in size.
    """
    if not isinstance(frames, list | tuple) or not frames:
        return _rgb(frames, axes=4, shapes="(N, H, W, 3) or (N, 3, H, W)")
    pictures = [given_picture(frame) for frame in frames]
    for index, picture in enumerate(pictures):
        if picture.shape != pictures[0].shape:
            sizes = [f"{other.shape[2]}x{other.shape[1]}" for other in (picture, pictures[0])]
            raise InputError(f"frame {index} is {sizes[0]}, the first is {sizes[1]}; give frames of one size")
    return torch.stack(pictures)


def given_picture(image: Images | str | os.PathLike[str]) -> UInt8[Tensor, "3 height width"]:
    """A picture from an array, a tensor or a file.

    Raises:
        InputError: it is none.
    """
    if isinstance(image, str | os.PathLike):
        if not Path(image).is_file():
            raise InputError(f"{os.fspath(image)}: there is no such picture")
        return rgb_image(Path(image))
    return _rgb(image, axes=3, shapes="(H, W, 3) or (3, H, W)")


def _rgb(images: Images, *, axes: int, shapes: str) -> UInt8[Tensor, "*frames 3 height width"]:
    """Images with the colors before rows and columns; the same memory where that is possible.

    Raises:
        InputError: another shape or kind of numbers.
    """
    values = images.detach().cpu() if isinstance(images, Tensor) else _tensor(images)
    shape = tuple(values.shape)
    if len(shape) != axes or 0 in shape or 3 not in (shape[-1], shape[-3]):
        raise InputError(f"images of shape {shape}: {shapes} is needed")
    if values.dtype != torch.uint8:
        raise InputError(f"images of {values.dtype}: 8-bit RGB (uint8, 0 to 255) is needed; convert them first")
    return values.movedim(-1, -3).contiguous() if shape[-1] == 3 else values


def _tensor(values: Images) -> Tensor:
    try:
        # Torch warns of memory that may not be written to, such as that of a Pillow image.
        return torch.from_numpy(np.require(values, requirements=["C", "W"]))
    except (TypeError, ValueError) as error:
        raise InputError(f"images of type {type(values).__name__}: an array or tensor is needed ({error})") from error


def intrinsics_in_any_form(given: Images | Sequence[float] | str | None) -> Calibration | None:
    """The calibration in K, in fx, fy, cx, cy (px), in a text of these, or in a file; None of None.

    Raises:
        InputError: they are none.
    """
    if given is None:
        return None
    if isinstance(given, str | os.PathLike):
        return given_calibration(os.fspath(given))
    if isinstance(given, Tensor):
        given = given.detach().cpu()
    try:
        values = torch.as_tensor(np.asarray(given, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(f"intrinsics {' '.join(repr(given).split())}: give K (3x3) or fx, fy, cx, cy (px)") from error
    if values.shape == (4,):
        return Calibration(intrinsics_matrix(*values.tolist()), "given")
    if values.shape == (3, 3):
        return Calibration(values.float(), "given")
    raise InputError(f"intrinsics of shape {tuple(values.shape)}: give K (3x3) or fx, fy, cx, cy (px)")


def check_word(name: str, value: str, allowed: Any) -> None:
    """Refuse a word that is none of those allowed; unchecked it would pass for one of them.

    Args:
        name: of what it is given for.
        value: the word.
        allowed: a `Literal` of words.

    Raises:
        InputError: it is another one.
    """
    if value not in get_args(allowed):
        raise InputError(f"{name} {value!r}: take one of {', '.join(get_args(allowed))}")


def usable_device(device: torch.device | str | None) -> torch.device:
    """The device named; of None the first GPU, or else the CPU.

    Raises:
        InputError: there is no such device here.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (AssertionError, RuntimeError) as error:  # torch without CUDA asserts
        reason = (str(error).splitlines() or ["unknown"])[0]
        raise InputError(
            f"device {str(device)!r}: cannot be used here ({reason}); take cpu, or leave it out"
        ) from error
    return found
