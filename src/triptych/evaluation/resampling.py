"""Predictions brought to the grid of the truth, as the protocols say."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.geometry.grid import resize_flow

Resizing = Literal["disparity, bilinear", "depth, nearest"]
Rows = tuple[float, float]
"""Shares of a picture's rows, from and to."""
ALL_ROWS: Rows = (0.0, 1.0)

FLIP_EDGE = 0.05
"""Share of the width over which the flipped prediction takes over at a border ..."""
FLIP_STEEPNESS = 20.0
"""... and how steeply, per width: Godard et al. 2017."""


def depth_on_grid(
    depth: Float[Tensor, "_ _"],
    size: tuple[int, int],
    *,
    resizing: Resizing,
    rows: Rows,
) -> Float[Tensor, "{size[0]} {size[1]}"]:
    """Depth on a grid of another size, worked out in float64; NaN where nothing was predicted.

    Args:
        depth: predicted.
        size: rows and columns of the truth.
        resizing: `disparity, bilinear` (align_corners=False) or `depth, nearest`.
        rows: shares of the rows, from and to, that the prediction is of.
    """
    height, width = size
    top, bottom = row_range(rows, height)
    values = depth[None, None]
    if values.shape[-2:] != (bottom - top, width):
        values = values.double()
        if resizing == "depth, nearest":
            values = F.interpolate(values, (bottom - top, width), mode="nearest")
        else:
            values = 1 / F.interpolate(1 / values, (bottom - top, width), mode="bilinear", align_corners=False)
    return _placed(values[0], top, height)[0]


def flow_on_grid(
    flow: Float[Tensor, "2 _ _"], size: tuple[int, int], *, rows: Rows
) -> Float[Tensor, "2 {size[0]} {size[1]}"]:
    """Flow on a grid of another size and in its pixels; NaN where nothing was predicted.

    Args:
        flow: predicted (px of its own grid); NaN where unknown, which spreads to the
            pixels between.
        size: rows and columns of the truth.
        rows: shares of the rows, from and to, that it is of.
    """
    height, width = size
    top, bottom = row_range(rows, height)
    return _placed(resize_flow(flow[None], (bottom - top, width))[0], top, height)


def map_on_grid(
    values: Float[Tensor, "1 _ _"], size: tuple[int, int], *, rows: Rows
) -> Float[Tensor, "1 {size[0]} {size[1]}"]:
    """A map of [0, 1] on a grid of another size, bilinear; NaN where nothing was predicted."""
    height, width = size
    top, bottom = row_range(rows, height)
    if values.shape[-2:] != (bottom - top, width):
        values = F.interpolate(values[None], (bottom - top, width), mode="bilinear", align_corners=False)[0]
    return _placed(values, top, height)


def flip_blended(
    disparity: Float[Tensor, "height width"], of_mirrored: Float[Tensor, "height width"]
) -> Float[Tensor, "height width"]:
    """Disparity of an image and of its mirror image in one, after Godard et al. 2017.

    The mean in the middle; towards the left border the mirror image's, towards the right
    border the image's own, which see farther there.

    Args:
        disparity: of the image.
        of_mirrored: of the mirror image, as predicted for it (not mirrored back).
    """
    back = of_mirrored.flip(-1)
    across = torch.linspace(0, 1, disparity.shape[-1], dtype=disparity.dtype, device=disparity.device)
    left = 1 - (FLIP_STEEPNESS * (across - FLIP_EDGE)).clamp(0, 1)
    right = left.flip(-1)
    return right * disparity + left * back + (1 - left - right) * (disparity + back) / 2


def row_range(rows: Rows, height: int) -> tuple[int, int]:
    """Rows from and to (exclusive) of a share of a picture; one at least, rounded as a cut at the bottom is."""
    top = round(rows[0] * height)
    return top, max(height - round((1 - rows[1]) * height), top + 1)


def check_orientation(file: Path, values: Float[Tensor, "*_ _ _"], size: tuple[int, int], *, rows: Rows) -> None:
    """Refuse an upright map for a wide picture, and a wide one for an upright picture.

    Args:
        file: of the map, for the message.
        values: the map.
        size: rows and columns of the truth.
        rows: shares of the rows that the map is of.

    Raises:
        InputError: it lies across.
    """
    top, bottom = row_range(rows, size[0])
    height, width = values.shape[-2:]
    if (width - height) * (size[1] - (bottom - top)) < 0:
        raise InputError(
            f"{file}: is {width}x{height}, what it should cover is {size[1]}x{bottom - top}: are rows and columns "
            "exchanged, or is it of another picture?"
        )


def _placed(values: Float[Tensor, "channels rows width"], top: int, height: int) -> Tensor:
    """The values in a picture of `height` rows, NaN above and below."""
    if values.shape[1] == height:
        return values
    return F.pad(values, (0, 0, top, height - top - values.shape[1]), value=torch.nan)
