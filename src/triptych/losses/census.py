"""Census error: how far the local order of gray values differs at each pixel.

Zabih and Woodfill's transform, in the soft ternary form that is differentiable: each
neighbor's difference to the center, squashed to (-1, 1). Blind to brightness changes
that the photometric error mistakes for motion.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from triptych.geometry.precision import check_precision

CENSUS_RADIUS = 2
"""5x5 windows: between 3x3 (noisy) and 7x7 (twice the work)."""
CENSUS_SOFTNESS = 0.9 / 255
"""Gray difference of half saturation: about one step of an 8-bit image (Meister et al. 2018)."""
HAMMING_SOFTNESS = 0.1
"""Squared difference of two comparisons that counts half (Meister et al. 2018)."""
GRAY = (0.299, 0.587, 0.114)
"""ITU-R BT.601 luma."""


def _comparisons(gray: Float[Tensor, "*batch height width"], radius: int) -> list[Float[Tensor, "..."]]:
    """Squashed difference of each neighbor to the center, one map a neighbor."""
    height, width = gray.shape[-2:]
    padded = F.pad(gray, (radius, radius, radius, radius), mode="replicate")
    shifts = range(2 * radius + 1)
    maps = []
    for row in shifts:
        for column in shifts:
            if (row, column) != (radius, radius):
                difference = padded[..., row : row + height, column : column + width] - gray
                maps.append(difference * torch.rsqrt(difference.square() + CENSUS_SOFTNESS**2))
    return maps


def census_errors(
    target: Float[Tensor, "batch 3 height width"],
    warped: Float[Tensor, "batch sources 3 height width"],
    *,
    radius: int = CENSUS_RADIUS,
) -> Float[Tensor, "batch sources 1 height width"]:
    """Census error of one target against several images warped onto it.

    Args:
        target: RGB in [0, 1].
        warped: the sources, warped onto the target grid.
        radius: of the window (px); 2 is 5x5.

    Returns:
        Mean over the neighbors of `d^2 / (d^2 + 0.1)`, d the difference of the two
        comparisons: in [0, 1), 0 where the images differ by a constant.

    Raises:
        TypeError: below float32.
        ValueError: radius below 1.
    """
    check_precision(target, warped)
    if radius < 1:
        msg = f"the radius of the census window needs to be at least 1 px, got {radius}"
        raise ValueError(msg)
    luma = target.new_tensor(GRAY).view(3, 1, 1)
    target_maps = _comparisons((target * luma).sum(1, keepdim=True), radius)
    warped_maps = _comparisons((warped * luma).sum(2), radius)
    error = torch.zeros_like(warped[:, :, 0])
    for of_target, of_warped in zip(target_maps, warped_maps, strict=True):
        squared = (of_warped - of_target).square()
        error = error + squared / (squared + HAMMING_SOFTNESS)
    return (error / len(target_maps)).unsqueeze(2)
