"""Photometric error: how far two images differ at each pixel.

`a * clamp((1 - SSIM) / 2, 0, 1) + (1 - a) * |x - y|`, mean over channels, with a
3x3 window: in [0, 1] for images in [0, 1]. SSIM is that of Wang et al. 2004 with
uniform windows, mirrored at the border.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from triptych.geometry.precision import check_precision

SSIM_LUMINANCE = 0.01**2
"""C1 of SSIM for a range of 1."""
SSIM_CONTRAST = 0.03**2
"""C2 of SSIM for a range of 1."""


def _box_mean(image: Float[Tensor, "*batch height width"]) -> Float[Tensor, "*batch height width"]:
    """Mean over a 3x3 window, mirrored at the border; two passes of shifted sums."""
    padded = F.pad(image.flatten(0, -4) if image.ndim > 4 else image, (1, 1, 1, 1), mode="reflect")
    rows = padded[..., :-2, :] + padded[..., 1:-1, :] + padded[..., 2:, :]
    mean = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) * (1 / 9)
    return mean.reshape(image.shape)


def ssim(
    x: Float[Tensor, "batch channels height width"], y: Float[Tensor, "batch channels height width"]
) -> Float[Tensor, "batch channels height width"]:
    """Structural similarity of two images over 3x3 windows, in [-1, 1]; 1 where equal.

    Raises:
        TypeError: below float32.
        ValueError: images smaller than 2x2, which cannot be mirrored.
    """
    return _ssim(y, x.unsqueeze(1)).squeeze(1)


def _ssim(
    target: Float[Tensor, "batch channels height width"],
    warped: Float[Tensor, "batch sources channels height width"],
) -> Float[Tensor, "batch sources channels height width"]:
    """SSIM of one target with several images; the target's statistics are made once."""
    check_precision(target, warped)
    if min(target.shape[-2:]) < 2:
        msg = f"SSIM needs images of at least 2x2 pixels, got {tuple(target.shape[-2:])}"
        raise ValueError(msg)
    target_mean = _box_mean(target).unsqueeze(1)
    target_square_mean = _box_mean(target.square()).unsqueeze(1)
    target_mean_square = target_mean.square()
    mean = _box_mean(warped)
    mean_square = mean.square()
    cross = mean * target_mean
    variances = _box_mean(warped.square()) - mean_square + (target_square_mean - target_mean_square)
    covariance = _box_mean(warped * target.unsqueeze(1)) - cross
    similarity = (2 * cross + SSIM_LUMINANCE) * (2 * covariance + SSIM_CONTRAST)
    return similarity / ((mean_square + (target_mean_square + SSIM_LUMINANCE)) * (variances + SSIM_CONTRAST))


def photometric_errors(
    target: Float[Tensor, "batch channels height width"],
    warped: Float[Tensor, "batch sources channels height width"],
    *,
    alpha: float = 0.85,
) -> Float[Tensor, "batch sources 1 height width"]:
    """Photometric error of one target against several images warped onto it.

    The same numbers as `photometric_error` on each, with the target's window
    statistics computed once instead of once per source.

    Args:
        target: RGB in [0, 1].
        warped: the sources, warped onto the target grid.
        alpha: share of the structural part, in [0, 1]; the rest is the L1 part.

    Returns:
        Error in [0, 1] for images in [0, 1]; 0 where the windows are equal, as between
        black images.

    Raises:
        TypeError: below float32.
        ValueError: alpha outside [0, 1]; images smaller than 2x2.
    """
    if not 0 <= alpha <= 1:
        msg = f"alpha, the share of SSIM in the photometric error, needs to be in [0, 1], got {alpha}"
        raise ValueError(msg)
    structural = ((1 - _ssim(target, warped)) / 2).clamp(0, 1)
    absolute = (warped - target.unsqueeze(1)).abs()
    return torch.lerp(absolute, structural, alpha).mean(dim=2, keepdim=True)


def photometric_error(
    x: Float[Tensor, "batch channels height width"],
    y: Float[Tensor, "batch channels height width"],
    *,
    alpha: float = 0.85,
) -> Float[Tensor, "batch 1 height width"]:
    """Photometric error of two images; symmetric, in [0, 1], 0 where they are equal.

    Args:
        x: RGB in [0, 1].
        y: RGB in [0, 1].
        alpha: share of the structural part, in [0, 1]; the rest is the L1 part.

    Raises:
        TypeError: below float32.
        ValueError: alpha outside [0, 1]; images smaller than 2x2.
    """
    return photometric_errors(y, x.unsqueeze(1), alpha=alpha).squeeze(1)
