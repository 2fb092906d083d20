"""Photometric error: how far two images differ at each pixel.

`a * clamp((1 - SSIM) / 2, 0, 1) + (1 - a) * |x - y|`, mean over channels: in [0, 1] for
images in [0, 1]. SSIM is that of Wang et al. 2004 over uniform 3x3 windows, mirrored at
the border. The derivative is written out by hand: left to autograd this error is a third
of a training step of depth and pose, so the maps in between are made once and changed in
place.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from triptych.geometry.precision import check_precision

SSIM_LUMINANCE = 0.01**2
"""C1 of SSIM for a range of 1."""
SSIM_CONTRAST = 0.03**2
"""C2 of SSIM for a range of 1."""


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
    check_precision(target, warped)
    if min(target.shape[-2:]) < 2:
        msg = f"SSIM needs images of at least 2x2 pixels, got {tuple(target.shape[-2:])}"
        raise ValueError(msg)
    errors: Tensor = _PhotometricErrors.apply(target.unsqueeze(1), warped, alpha)
    return errors


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


def ssim(
    x: Float[Tensor, "batch channels height width"], y: Float[Tensor, "batch channels height width"]
) -> Float[Tensor, "batch channels height width"]:
    """Structural similarity of two images over 3x3 windows, in [-1, 1]; 1 where equal.

    Raises:
        TypeError: below float32.
        ValueError: images smaller than 2x2.
    """
    channels = (image.flatten(0, 1).unsqueeze(1) for image in (x, y))
    return 1 - 2 * photometric_error(*channels, alpha=1.0).view(x.shape)


class _PhotometricErrors(torch.autograd.Function):
    """SSIM = a b / (c d), a and c of the means, b and d of the (co)variances.

    The target is (batch, 1, channels, height, width), the images the same with sources.
    SSIM is in [-1, 1], so the clamp only takes away rounding and has no derivative here.
    """

    @staticmethod
    def forward(ctx: Any, target: Tensor, warped: Tensor, alpha: float) -> Tensor:
        target_mean, mean = _box_mean(target), _box_mean(warped)
        target_mean_square, mean_square = target_mean.square(), mean.square()
        means_product = mean * target_mean
        covariance = _box_mean(warped * target).sub_(means_product)
        variance = _box_mean(warped.square()).sub_(mean_square)
        target_variance = _box_mean(target.square()).sub_(target_mean_square)
        a = means_product.mul_(2).add_(SSIM_LUMINANCE)
        b = covariance.mul_(2).add_(SSIM_CONTRAST)
        c = mean_square.add_(target_mean_square.add_(SSIM_LUMINANCE))
        d = variance.add_(target_variance.add_(SSIM_CONTRAST))
        divisor = c * d
        similarity = (a * b).div_(divisor)
        ctx.save_for_backward(target, warped, target_mean, mean, a, b, c, d, divisor, similarity)
        ctx.alpha = alpha
        structural = (1 - similarity).clamp_(0, 2).mul_(alpha / 2)
        return structural.add_((warped - target).abs_(), alpha=1 - alpha).mean(dim=2, keepdim=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        target, warped, target_mean, mean, a, b, c, d, divisor, similarity = ctx.saved_tensors
        of_channel = gradient / warped.shape[2]
        of_similarity = of_channel * (-ctx.alpha / 2)
        # SSIM depends on the windows' means of w t, of w^2 and t^2 (alike), and of w and t:
        # the derivative by the mean of w is `crossed` (mean of t) + `straight` (mean of w).
        by_product = of_similarity / divisor
        crossed = (b - a).mul_(2).mul_(by_product)
        by_product = by_product.mul_(a).mul_(2)
        scaled = similarity * of_similarity
        by_square = (scaled / d).neg_()
        straight = scaled.div_(c).add_(by_square).mul_(-2)
        spread_product, spread_square = _box_mean_adjoint(by_product), _box_mean_adjoint(by_square)
        absolute = torch.sign(warped - target).mul_(of_channel * (1 - ctx.alpha))
        of_target = of_warped = None
        if ctx.needs_input_grad[1]:
            of_warped = _box_mean_adjoint(torch.addcmul(crossed * target_mean, straight, mean))
            of_warped.addcmul_(spread_square, warped, value=2).addcmul_(spread_product, target).add_(absolute)
        if ctx.needs_input_grad[0]:
            of_target = _box_mean_adjoint(torch.addcmul(crossed * mean, straight, target_mean))
            of_target.addcmul_(spread_square, target, value=2).addcmul_(spread_product, warped).sub_(absolute)
            of_target = of_target.sum(dim=1, keepdim=True)
        return of_target, of_warped, None


def _box_sum(padded: Tensor) -> Tensor:
    """Sums over 3x3 windows that lie inside: two passes of shifted sums."""
    rows = (padded[..., :-2, :] + padded[..., 1:-1, :]).add_(padded[..., 2:, :])
    return (rows[..., :-2] + rows[..., 1:-1]).add_(rows[..., 2:])


def _box_mean(image: Tensor) -> Tensor:
    """Mean over 3x3 windows, mirrored at the border; (batch, sources, channels, height, width)."""
    padded = F.pad(image.flatten(0, 1), (1, 1, 1, 1), mode="reflect")
    return _box_sum(padded).mul_(1 / 9).view(image.shape)


def _box_mean_adjoint(gradient: Tensor) -> Tensor:
    """The gradient of `_box_mean`: the windows' sums, the border folded back in."""
    padded = _box_sum(F.pad(gradient, (2, 2, 2, 2))).mul_(1 / 9)
    padded[..., 2, :] += padded[..., 0, :]
    padded[..., -3, :] += padded[..., -1, :]
    padded[..., 2] += padded[..., 0]
    padded[..., -3] += padded[..., -1]
    return padded[..., 1:-1, 1:-1]
