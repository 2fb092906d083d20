"""Colors for maps: the same value has the same color in every frame.

Ranges are given by the caller and never taken from the picture in hand, so that a
video does not flicker and two pictures can be compared. `depth_limits` and
`flow_limit` choose a range for a whole sequence.
"""

from __future__ import annotations

import functools
import math
from typing import Literal

import matplotlib as mpl
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

DepthScaling = Literal["inverse", "log"]

DEPTH_COLORMAP = "magma"  # even in lightness, so that it also reads without color
NO_VALUE = (72, 72, 76)  # a gray that neither the colormap nor the wheel has
HIDDEN_COLOR = (64, 156, 255)
MOVING_COLOR = (255, 138, 0)  # apart from HIDDEN_COLOR in every common color blindness

_WHEEL_STEPS = (15, 6, 4, 11, 13, 6)
"""Hues from red to yellow, green, cyan, blue, magenta, red: Baker et al., IJCV 2011."""

_BEYOND_MAXIMUM = 0.75  # the same source darkens what is longer than the maximum
_SAMPLES = 1_000_000


def depth_colors(
    depth: Float[Tensor, "height width"],
    *,
    near: float,
    far: float,
    scaling: DepthScaling = "inverse",
) -> UInt8[Tensor, "3 height width"]:
    """Picture of depth: bright is near, dark is far.

    Position in the colormap is linear in 1 / depth or in log(depth), from `near` (1)
    to `far` (0), and clipped there; infinite depth is at the far end. Pixels without
    depth (zero, negative or NaN) are gray.

    Args:
        depth: along the optical axis.
        near: depth of the brightest color (units of depth).
        far: depth of the darkest color.
        scaling: what the colors are linear in.

    Raises:
        ValueError: unless 0 < near < far.
    """
    if not 0 < near < far:
        raise ValueError(f"0 < near < far is needed, got near {near} and far {far}")
    valid = depth > 0
    known = torch.where(valid, depth, far).float()
    if scaling == "inverse":
        position = (1 / known - 1 / far) / (1 / near - 1 / far)
    else:
        position = (math.log(far) - known.log()) / math.log(far / near)
    table = _colormap(DEPTH_COLORMAP).to(depth.device)
    picture = table[(position.clamp(0, 1) * (len(table) - 1)).round().long()].permute(2, 0, 1)
    return torch.where(valid, picture, _plain_color(NO_VALUE, like=picture))


def depth_limits(depth: Float[Tensor, "*frames height width"]) -> tuple[float, float]:
    """Depths (near, far) between which 90 % of the pixels lie, apart by a tenth at least.

    Pixels without finite positive depth do not count; (1, 2) where there is none.
    """
    values = depth[depth.isfinite() & (depth > 0)].float()
    if values.numel() == 0:
        return 1.0, 2.0
    near, far = (float(limit) for limit in _sampled(values).quantile(values.new_tensor([0.05, 0.95])))
    return near, max(far, 1.1 * near)


def flow_colors(flow: Float[Tensor, "2 height width"], *, maximum: float) -> UInt8[Tensor, "3 height width"]:
    """Picture of flow: the hue is the direction, white is 0, full color is `maximum`.

    The color wheel of Baker et al., A Database and Evaluation Methodology for Optical
    Flow (IJCV 2011): red is to the right, yellow down, blue up. Flow longer than the
    maximum is darker; pixels that are not finite are gray.

    Args:
        flow: displacement (px).
        maximum: length of the full colors (px).

    Raises:
        ValueError: unless maximum > 0.
    """
    if not maximum > 0:
        raise ValueError(f"a maximum above 0 is needed, got {maximum}")
    valid = flow.isfinite().all(dim=0)
    x, y = torch.where(valid, flow, 0.0).float() / maximum
    wheel = _color_wheel().to(flow.device)
    count = len(wheel)
    # Position 0 of the wheel, red, is to the right; positions grow through down.
    position = (torch.atan2(-y, -x) / math.pi + 1) / 2 * (count - 1)
    before = position.floor().long()
    share = (position - before)[..., None]
    hue = wheel[before] * (1 - share) + wheel[(before + 1) % count] * share
    length = torch.hypot(x, y)[..., None]
    picture = torch.where(length <= 1, 1 - length * (1 - hue), hue * _BEYOND_MAXIMUM)
    picture = (picture * 255).floor().to(torch.uint8).permute(2, 0, 1)
    return torch.where(valid, picture, _plain_color(NO_VALUE, like=picture))


def flow_limit(flow: Float[Tensor, "*frames 2 height width"]) -> float:
    """Length (px) that 95 % of the flow stays below; at least 1.

    Vectors that are not finite do not count; 1 where there is none.
    """
    length = flow.float().norm(dim=-3)
    length = length[length.isfinite()]
    return max(1.0, float(_sampled(length).quantile(0.95))) if length.numel() else 1.0


def overlaid(
    image: UInt8[Tensor, "3 height width"],
    opacity: Float[Tensor, "height width"] | Bool[Tensor, "height width"],
    color: tuple[int, int, int],
    *,
    strongest: float = 0.65,
) -> UInt8[Tensor, "3 height width"]:
    """The picture in gray, with a color laid over it where `opacity` says so.

    Args:
        image: RGB picture.
        opacity: a bool map, or a map of [0, 1] (clipped, NaN is 0).
        color: RGB of the overlay.
        strongest: share of the color where opacity is 1.
    """
    share = opacity.float().nan_to_num(nan=0.0).clamp(0, 1) * strongest
    gray = (image.float() * image.new_tensor([0.299, 0.587, 0.114], dtype=torch.float32)[:, None, None]).sum(0)
    tint = _plain_color(color, like=image).float()
    return (gray * (1 - share) + tint * share).round().clamp(0, 255).to(torch.uint8)


@functools.cache
def _colormap(name: str) -> UInt8[Tensor, "entries 3"]:
    table = mpl.colormaps[name](np.arange(256), bytes=True)
    return torch.from_numpy(np.ascontiguousarray(table[:, :3]))


@functools.cache
def _color_wheel() -> Float[Tensor, "entries 3"]:
    """Full colors in [0, 1] around the circle."""
    names = [(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0)]
    corners = torch.tensor(names, dtype=torch.float32)
    segments = []
    for steps, begin, end in zip(_WHEEL_STEPS, corners[:-1], corners[1:], strict=True):
        # Rounded down to 8 bits, as in the published tables.
        share = (torch.arange(steps) * 255 / steps).floor()[:, None] / 255
        segments.append(begin + (end - begin) * share)
    return torch.cat(segments)


def _plain_color(color: tuple[int, int, int], *, like: UInt8[Tensor, "3 height width"]) -> Tensor:
    return torch.tensor(color, dtype=torch.uint8, device=like.device)[:, None, None]


def _sampled(values: Float[Tensor, " count"]) -> Float[Tensor, " samples"]:
    """Evenly spaced values, few enough for torch.quantile, which refuses more than 16 million."""
    return values[:: max(1, -(-values.numel() // _SAMPLES))]
