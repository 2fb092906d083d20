"""Pixel coordinates, and reading images between pixels.

Convention: pixel centers at whole numbers, x then y, so an image covers
[-0.5, W - 0.5] x [-0.5, H - 0.5]. `grid_sample` is called with align_corners=False
and its matching normalization x_n = (2 x + 1) / W - 1.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.precision import check_precision

Padding = Literal["zeros", "border"]

OUTSIDE = -2.0
"""A place left of and above any image, in coordinates that span it from -1 to 1."""


def pixel_grid(
    height: int,
    width: int,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Float[Tensor, "2 {height} {width}"]:
    """Coordinates of every pixel center, x then y (px).

    Args:
        height: rows.
        width: columns.
        dtype: float32 or float64.
        device: where the grid is made.

    Returns:
        x = 0 .. width - 1 in channel 0, y = 0 .. height - 1 in channel 1.

    Raises:
        TypeError: below float32.
    """
    x = torch.arange(width, dtype=dtype, device=device)
    y = torch.arange(height, dtype=dtype, device=device)
    check_precision(x)
    return torch.stack((x.expand(height, width), y[:, None].expand(height, width)))


def sample(
    image: Float[Tensor, "batch channels height width"],
    pixels: Float[Tensor, "batch 2 rows columns"],
    *,
    padding: Padding = "zeros",
) -> Float[Tensor, "batch channels rows columns"]:
    """The image read bilinearly at any coordinates.

    In float32 a coordinate passes through [-1, 1] and comes back rounded to about
    W * 3e-8 px (2e-5 px at 640 columns); float64 is exact to 1e-13 px.

    Args:
        image: what is read; it may be any map.
        pixels: where, x then y (px).
        padding: outside the image: `zeros` fades to 0 within a pixel of the outermost
            centers, `border` repeats them.

    Returns:
        One value per channel and coordinate; with `border`, at NaN coordinates one of the
        border's, without gradient into them.

    Raises:
        TypeError: below float32.
    """
    check_precision(image, pixels)
    size = pixels.new_tensor((image.shape[-1], image.shape[-2]))[:, None, None]
    places = (2 * pixels).add_(1).div_(size).sub_(1).permute(0, 2, 3, 1)
    if padding == "border":
        # The backward pass of torch's CPU kernel goes by NaN as an address and ends the process.
        # In place and unseen by autograd: there is no gradient outside anyway.
        with torch.no_grad():
            places.nan_to_num_(nan=OUTSIDE)
    return F.grid_sample(image, places, mode="bilinear", padding_mode=padding, align_corners=False)


def in_frame(
    pixels: Float[Tensor, "batch 2 rows columns"], *, height: int, width: int
) -> Bool[Tensor, "batch 1 rows columns"]:
    """True where a coordinate lies within the outermost pixel centers.

    Args:
        pixels: x then y (px).
        height: rows of the image.
        width: its columns.

    Returns:
        0 <= x <= W - 1 and 0 <= y <= H - 1: all four neighbors of a bilinear reading
        exist. False for NaN.

    Raises:
        TypeError: below float32.
    """
    check_precision(pixels)
    x, y = pixels[:, 0:1], pixels[:, 1:2]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def resize_flow(
    flow: Float[Tensor, "batch 2 _ _"], size: tuple[int, int]
) -> Float[Tensor, "batch 2 {size[0]} {size[1]}"]:
    """The flow on a grid of another size, in pixels of that grid.

    Args:
        flow: displacement (px of its own grid).
        size: rows and columns wanted.

    Returns:
        Bilinear in space (align_corners=False), vectors times width and height ratios.

    Raises:
        TypeError: below float32.
    """
    check_precision(flow)
    height, width = flow.shape[-2:]
    if (height, width) == tuple(size):
        return flow
    resized = F.interpolate(flow, size=size, mode="bilinear", align_corners=False)
    scale = resized.new_tensor((size[1] / width, size[0] / height))
    return resized * scale[:, None, None]
