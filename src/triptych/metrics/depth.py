"""Errors of depth against a measured truth, per image.

The usual table of Eigen et al. 2014, natural logarithms. Monocular depth has no scale of
its own, so each image may be scaled to the truth first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.precision import check_precision
from triptych.metrics.arrays import Flags, Maps, as_maps, as_mask
from triptych.metrics.regions import region_mean, region_median

DepthScaling = Literal["median", "least_squares", "none"]

DELTA_BASE = 1.25
"""delta_n is the share of pixels with max(d / d*, d* / d) below 1.25^n."""
HOLE_RATIO = 2.0
"""Depth more than twice the truth counts as a hole."""


@dataclass(frozen=True)
class DepthMetrics:
    """Errors of each image; NaN for an image without valid pixels.

    Attributes:
        abs_rel: mean of |d - d*| / d*.
        sq_rel: mean of (d - d*)^2 / d* (m).
        rmse: root of the mean of (d - d*)^2 (m).
        rmse_log: root of the mean of (ln d - ln d*)^2.
        rmse_log10: the same of logarithms to base 10, as in the tables of Make3D.
        delta1: share of pixels with max(d / d*, d* / d) < 1.25.
        delta2: the same for 1.25^2.
        delta3: the same for 1.25^3.
        scale: factor that the prediction was multiplied by.
    """

    abs_rel: Float[Tensor, " batch"]
    sq_rel: Float[Tensor, " batch"]
    rmse: Float[Tensor, " batch"]
    rmse_log: Float[Tensor, " batch"]
    rmse_log10: Float[Tensor, " batch"]
    delta1: Float[Tensor, " batch"]
    delta2: Float[Tensor, " batch"]
    delta3: Float[Tensor, " batch"]
    scale: Float[Tensor, " batch"]


def depth_scale(
    predicted: Maps,
    truth_m: Maps,
    valid: Flags,
    *,
    scaling: DepthScaling,
) -> Float[Tensor, " batch"]:
    """Factor that brings each predicted depth to the scale of its truth.

    Args:
        predicted: (batch, 1, height, width) depth up to scale, not below 0 where valid.
        truth_m: measured depth (m), of the same shape.
        valid: bools of the same shape, True where there is a truth to compare with.
        scaling: `median` of the truth over that of the prediction; `least_squares`, which
            minimizes |s d - d*|^2; `none`, 1.

    Returns:
        One factor an image; NaN without valid pixels, but for `none`.

    Raises:
        TypeError: below float32.
        ValueError: another scaling, other shapes, or depth below 0 where valid.
    """
    depth, reference, known = _checked(predicted, truth_m, valid)
    check_precision(depth, reference)
    if scaling not in get_args(DepthScaling):
        msg = f"scaling is one of {', '.join(get_args(DepthScaling))}, got {scaling!r}"
        raise ValueError(msg)
    if scaling == "none":
        return depth.new_ones(depth.shape[0])
    if scaling == "median":
        return region_median(reference, known) / region_median(depth, known)
    return region_mean(depth * reference, known) / region_mean(depth.square(), known)


def depth_metrics(
    predicted: Maps,
    truth_m: Maps,
    valid: Flags,
    *,
    scaling: DepthScaling = "median",
    min_depth_m: float = 1e-3,
    max_depth_m: float = 80.0,
) -> DepthMetrics:
    """Errors of depth, scaled first and then clamped to the range of the protocol.

    Args:
        predicted: (batch, 1, height, width) depth on the grid of the truth, not below 0 where valid.
        truth_m: measured depth (m), of the same shape, above 0 where valid.
        valid: bools of the same shape, True where there is a truth to compare with.
        scaling: see `depth_scale`.
        min_depth_m: lower end of the clamp (m).
        max_depth_m: upper end of the clamp (m).

    Raises:
        TypeError: below float32.
        ValueError: another scaling, other shapes, or depth below 0 where valid.
    """
    guess, truth, known = _checked(predicted, truth_m, valid)
    scale = depth_scale(guess, truth, known, scaling=scaling)
    depth_m = (guess * scale.view(-1, 1, 1, 1)).clamp(min_depth_m, max_depth_m)
    reference = torch.where(known, truth, torch.ones_like(truth))
    difference = depth_m - reference
    ratio = torch.maximum(depth_m / reference, reference / depth_m)

    rmse_log = region_mean((depth_m.log() - reference.log()).square(), known).sqrt()

    def share_below(power: int) -> Float[Tensor, " batch"]:
        return region_mean((ratio < DELTA_BASE**power).to(ratio.dtype), known)

    return DepthMetrics(
        abs_rel=region_mean(difference.abs() / reference, known),
        sq_rel=region_mean(difference.square() / reference, known),
        rmse=region_mean(difference.square(), known).sqrt(),
        rmse_log=rmse_log,
        rmse_log10=rmse_log / math.log(10),
        delta1=share_below(1),
        delta2=share_below(2),
        delta3=share_below(3),
        scale=scale,
    )


def hole_rate(depth_m: Maps, truth_m: Maps, region: Flags) -> Float[Tensor, " batch"]:
    """Share of a region, such as moving objects, whose depth is over twice the truth.

    What moves with the camera looks infinitely far: a hole in the depth map that the mean
    errors of the whole image hide.

    Args:
        depth_m: (batch, 1, height, width), predicted and already scaled (m).
        truth_m: measured (m), of the same shape, above 0 in the region.
        region: bools of the same shape, where to look; False where there is no truth.

    Returns:
        In [0, 1] per image; NaN where the region is empty. Depth that is NaN is a hole.

    Raises:
        TypeError: below float32.
    """
    depth, truth, where = as_maps(depth_m=depth_m, truth_m=truth_m, region=as_mask("region", region))
    check_precision(depth, truth)
    return region_mean((~(depth <= HOLE_RATIO * truth)).to(depth.dtype), where)


def _checked(predicted: Maps, truth_m: Maps, valid: Flags) -> tuple[Tensor, Tensor, Tensor]:
    depth, truth, known = as_maps(predicted=predicted, truth_m=truth_m, valid=as_mask("valid", valid))
    if bool((depth[known] < 0).any()):
        raise ValueError("predicted depth is below 0 on valid pixels: a negative scale would hide it")
    return depth, truth, known
