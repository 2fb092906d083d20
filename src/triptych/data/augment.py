"""Random changes of a snippet: zoom, crop, flip and color, the same for all of its frames.

Convention: K follows the zoom, the crop and the flip, so it is true for the frames that
come out. The color jitter touches only what the networks see; losses see the frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from triptych.geometry.camera import cropped_intrinsics, flipped_intrinsics, resized_intrinsics

LUMA = (0.299, 0.587, 0.114)  # of ITU-R BT.601; torchvision's gray rounds them to 4 digits


@dataclass(frozen=True)
class GeometricChange:
    """A window of the frames that is enlarged to their size, and whether it is mirrored.

    Attributes:
        left: column of the window's left edge (px).
        top: row of the window's top edge (px).
        width: of the window (px).
        height: of the window (px).
        flipped: True where the enlarged window is mirrored left to right.
    """

    left: int
    top: int
    width: int
    height: int
    flipped: bool


@dataclass(frozen=True)
class ColorChange:
    """Factors of brightness, contrast and saturation (1 = none) and a shift of hue.

    Attributes:
        brightness: times every value.
        contrast: times the distance from the snippet's mean luma.
        saturation: times the distance from the pixel's own luma.
        hue: rotation about the gray axis (turns, 0 = none).
    """

    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0


@final
@dataclass(frozen=True)
class Augmentation:
    """The chances and strengths of the random changes; the default is the usual mild one.

    Attributes:
        crop: largest enlargement before the crop back to size; 1 switches it off.
        flip: chance of a horizontal flip.
        jitter: chance of a color jitter.
        brightness: largest relative change.
        contrast: largest relative change.
        saturation: largest relative change.
        hue: largest shift (turns).

    Raises:
        ValueError: a chance outside [0, 1], an enlargement below 1, or a strength outside
            [0, 1) (hue: [0, 0.5]).
    """

    crop: float = 1.15
    flip: float = 0.5
    jitter: float = 0.5
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.1

    def __post_init__(self) -> None:
        if not (0.0 <= self.flip <= 1.0 and 0.0 <= self.jitter <= 1.0):
            raise ValueError(f"flip={self.flip} and jitter={self.jitter} are chances: from 0 to 1")
        if not 1.0 <= self.crop < math.inf:
            raise ValueError(f"crop={self.crop} is an enlargement: 1 or more")
        if not all(0.0 <= share < 1.0 for share in (self.brightness, self.contrast, self.saturation)):
            raise ValueError("brightness, contrast and saturation are relative changes: from 0 to below 1")
        if not 0.0 <= self.hue <= 0.5:
            raise ValueError(f"hue={self.hue} is in turns: from 0 to 0.5")

    def geometric_change(self, height: int, width: int, generator: Generator) -> GeometricChange:
        """A random window of frames of this size (px), and whether it is flipped."""
        enlargement = 1.0 + (self.crop - 1.0) * _uniform(generator)
        window_width, window_height = round(width / enlargement), round(height / enlargement)
        return GeometricChange(
            left=math.floor((width - window_width + 1) * _uniform(generator)),
            top=math.floor((height - window_height + 1) * _uniform(generator)),
            width=window_width,
            height=window_height,
            flipped=_uniform(generator) < self.flip,
        )

    def color_change(self, generator: Generator) -> ColorChange | None:
        """A random change of colors, or None where chance leaves them."""
        # All numbers are drawn in any case: a setting does not shift the others' randomness.
        chance, *draws = (_uniform(generator) for _ in range(5))
        brightness, contrast, saturation, hue = (2.0 * draw - 1.0 for draw in draws)
        if chance >= self.jitter:
            return None
        return ColorChange(
            brightness=1.0 + self.brightness * brightness,
            contrast=1.0 + self.contrast * contrast,
            saturation=1.0 + self.saturation * saturation,
            hue=self.hue * hue,
        )


def reframed(
    frames: Float[Tensor, "count 3 height width"],
    intrinsics: Float[Tensor, "3 3"],
    change: GeometricChange,
) -> tuple[Float[Tensor, "count 3 height width"], Float[Tensor, "3 3"]]:
    """The window of the frames at the frames' own size, bilinear, and its K.

    Args:
        frames: RGB.
        intrinsics: K of the frames (px).
        change: the window, and whether it is mirrored.

    Returns:
        Frames and K; the same objects where the change changes nothing.
    """
    height, width = frames.shape[-2:]
    if (change.height, change.width) != (height, width):
        rows = slice(change.top, change.top + change.height)
        columns = slice(change.left, change.left + change.width)
        window = frames[..., rows, columns]
        frames = F.interpolate(window, (height, width), mode="bilinear", align_corners=False)
        intrinsics = resized_intrinsics(
            cropped_intrinsics(intrinsics, left=change.left, top=change.top),
            scale_x=width / change.width,
            scale_y=height / change.height,
        )
    if change.flipped:
        frames, intrinsics = frames.flip(-1), flipped_intrinsics(intrinsics, width=width)
    return frames, intrinsics


def recolored(
    frames: Float[Tensor, "count 3 height width"], change: ColorChange
) -> Float[Tensor, "count 3 height width"]:
    """The frames under one change of color, clamped to [0, 1] at the end.

    Brightness, contrast and saturation are those of torchvision's transforms, in this
    order. Hue is a rotation about the gray axis, which equals torchvision's at thirds of a
    turn and is smoother between. Each is an affine map of RGB: all are one 3x3 matrix and
    an offset, forty times as fast as four steps of which one goes by way of HSV.

    Contrast turns about the mean luma of *all* the frames: the map is the same for each,
    and brightness constancy between them stays.

    Args:
        frames: RGB in [0, 1].
        change: what to change, and how far.
    """
    luma = frames.new_tensor(LUMA)
    identity = torch.eye(3, dtype=frames.dtype, device=frames.device)
    saturated = change.saturation * identity + (1.0 - change.saturation) * luma.expand(3, 3)
    colors = _hue_rotation(change.hue, like=frames) @ saturated
    matrix = colors * (change.contrast * change.brightness)
    mean_luma = torch.dot(luma, frames.mean(dim=(0, 2, 3))) * change.brightness
    # A gray offset stays what it is under saturation and hue.
    offset = (1.0 - change.contrast) * mean_luma
    count, _, height, width = frames.shape
    colored = torch.baddbmm(offset.expand(1, 1, 1), matrix.expand(count, 3, 3), frames.reshape(count, 3, -1))
    return colored.clamp_(0.0, 1.0).reshape(count, 3, height, width)


def _hue_rotation(turns: float, *, like: Tensor) -> Float[Tensor, "3 3"]:
    """The rotation of RGB about the gray axis (1, 1, 1); a third of a turn takes red to green."""
    angle = 2.0 * math.pi * turns
    along = (1.0 - math.cos(angle)) / 3.0
    across = math.sin(angle) / math.sqrt(3.0)
    same, forth, back = along + math.cos(angle), along + across, along - across
    return like.new_tensor([[same, back, forth], [forth, same, back], [back, forth, same]])


def _uniform(generator: Generator) -> float:
    """A number drawn from [0, 1)."""
    return float(torch.rand((), generator=generator, dtype=torch.float64))
