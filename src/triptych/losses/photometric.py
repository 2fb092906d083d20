"""Photometric error: how far two images differ at each pixel.

`a * clamp((1 - SSIM) / 2, 0, 1) + (1 - a) * |x - y|`, mean over channels: in [0, 1] for
images in [0, 1]. SSIM is that of Wang et al. 2004 over uniform 3x3 windows, mirrored at
the border. The derivative is written out by hand: left to autograd this error is a third
of a training step of depth and pose, so the maps in between are made once and changed in
place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

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
        target_mean = _box_mean(target)
        target_mean_square = target_mean.square()
        target_variance = _box_mean(target.square()).sub_(target_mean_square)
        errors = warped.new_empty((*warped.shape[:2], 1, *warped.shape[3:]))
        differentiable = any(ctx.needs_input_grad)
        kept = tuple(torch.empty_like(warped) for _ in range(3)) if differentiable else None
        for of_target, of_image in _pieces(warped):
            image, reference, mean_square = warped[of_image], target[of_target], target_mean_square[of_target]
            places = (None, None, None) if kept is None else tuple(maps[of_image] for maps in kept)
            mean = _box_mean(image, out=places[0])
            covariance = _box_mean(image * reference, out=places[1]).addcmul_(mean, target_mean[of_target], value=-1)
            variance = _box_mean(image.square(), out=places[2]).addcmul_(mean, mean, value=-1)
            b = covariance.mul_(2).add_(SSIM_CONTRAST)
            d = variance.add_(target_variance[of_target]).add_(SSIM_CONTRAST)
            a, c = _of_means(mean, target_mean[of_target], mean_square)
            similarity = a.mul_(b).div_(c.mul_(d))
            structural = similarity.neg_().add_(1).clamp_(0, 2).mul_(alpha / 2)
            structural.add_((image - reference).abs_(), alpha=1 - alpha)
            torch.mean(structural, dim=2, keepdim=True, out=errors[of_image])
        if kept is not None:
            ctx.save_for_backward(target, warped, target_mean, target_mean_square, *kept)
        ctx.alpha = alpha
        return errors

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        target, warped, target_mean, target_mean_square, *kept = ctx.saved_tensors
        of_target = torch.zeros_like(target) if ctx.needs_input_grad[0] else None
        of_warped = torch.empty_like(warped) if ctx.needs_input_grad[1] else None
        for of_reference, of_image in _pieces(warped):
            image, reference, reference_mean = warped[of_image], target[of_reference], target_mean[of_reference]
            mean, b, d = (values[of_image] for values in kept)
            a, c = _of_means(mean, reference_mean, target_mean_square[of_reference])
            of_channel = gradient[of_image] / warped.shape[2]
            of_similarity = of_channel * (-ctx.alpha / 2)
            # What is kept of an image: its mean, b and d.
            # SSIM depends on the windows' means of w t, of w^2 and t^2 (alike), and of w and t:
            # the derivative by the mean of w is `crossed` (mean of t) + `straight` (mean of w).
            divisor = c * d
            by_product = of_similarity / divisor
            crossed = (b - a).mul_(2).mul_(by_product)
            scaled = by_product * a
            by_product = scaled * 2
            scaled.mul_(b)  # similarity times its gradient
            by_square = (scaled / d).neg_()
            straight = scaled.div_(c).add_(by_square).mul_(-2)
            spread_product, spread_square = _box_mean_adjoint(by_product), _box_mean_adjoint(by_square)
            absolute = torch.sub(image, reference, out=divisor).sign_().mul_(of_channel * (1 - ctx.alpha))
            if of_warped is not None:
                by_mean = _box_mean_adjoint((crossed * reference_mean).addcmul_(straight, mean))
                by_mean.addcmul_(spread_square, image, value=2).addcmul_(spread_product, reference)
                torch.add(by_mean, absolute, out=of_warped[of_image])
            if of_target is not None:
                by_mean = _box_mean_adjoint((crossed * mean).addcmul_(straight, reference_mean))
                by_mean.addcmul_(spread_square, reference, value=2).addcmul_(spread_product, image).sub_(absolute)
                of_target[of_reference] += by_mean.sum(dim=1, keepdim=True)
        return of_target, of_warped, None


def _of_means(mean: Tensor, target_mean: Tensor, target_mean_square: Tensor) -> tuple[Tensor, Tensor]:
    a = (mean * target_mean).mul_(2).add_(SSIM_LUMINANCE)
    return a, mean.square().add_(target_mean_square).add_(SSIM_LUMINANCE)


def _pieces(warped: Tensor) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Places of targets and of images that are worked on at a time.

    On the CPU one image, whose maps then stay in the cache from one operation to the next.
    """
    everything = slice(None)
    if warped.device.type != "cpu":
        yield (everything, everything), (everything, everything)
        return
    for sample in range(warped.shape[0]):
        for source in range(warped.shape[1]):
            one = slice(sample, sample + 1)
            yield (one, everything), (one, slice(source, source + 1))


def _box_mean(image: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Mean over 3x3 windows, mirrored at the border; into `out` where it is given."""
    return _window_sum(_window_sum(image, -2), -1, out=out).mul_(1 / 9)


def _window_sum(image: Tensor, dim: int, *, out: Tensor | None = None) -> Tensor:
    """Sums over three neighbors along an axis; the first and the last see their one neighbor twice."""
    length = image.shape[dim]
    sums = torch.empty_like(image) if out is None else out
    torch.add(image.narrow(dim, 0, length - 2), image.narrow(dim, 2, length - 2), out=sums.narrow(dim, 1, length - 2))
    torch.mul(image.narrow(dim, 1, 1), 2, out=sums.narrow(dim, 0, 1))
    torch.mul(image.narrow(dim, length - 2, 1), 2, out=sums.narrow(dim, length - 1, 1))
    return sums.add_(image)


def _box_mean_adjoint(gradient: Tensor) -> Tensor:
    """The gradient of `_box_mean`."""
    return _window_sum_adjoint(_window_sum_adjoint(gradient, -2), -1).mul_(1 / 9)


def _window_sum_adjoint(gradient: Tensor, dim: int) -> Tensor:
    """The gradient of `_window_sum`: the same sums, and the border's second share."""
    length = gradient.shape[dim]
    sums = gradient.clone()
    sums.narrow(dim, 1, length - 1).add_(gradient.narrow(dim, 0, length - 1))
    sums.narrow(dim, 0, length - 1).add_(gradient.narrow(dim, 1, length - 1))
    sums.narrow(dim, 1, 1).add_(gradient.narrow(dim, 0, 1))
    sums.narrow(dim, length - 2, 1).add_(gradient.narrow(dim, length - 1, 1))
    return sums
