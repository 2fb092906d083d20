"""Errors of optical flow against a measured truth."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor

from triptych.geometry.precision import check_precision
from triptych.metrics.regions import region_mean

OUTLIER_PX = 3.0
"""KITTI 2015: an outlier is off by more than this (px) ..."""
OUTLIER_SHARE = 0.05
"""... and by more than this share of the true length."""


@dataclass(frozen=True)
class FlowMetrics:
    """Errors of each image, and the counts that pool them.

    Attributes:
        end_point_error: mean over valid pixels (px); NaN without any.
        fl_all: share of outliers among valid pixels, in [0, 1]; NaN without any.
        outliers: number of outliers.
        pixels: number of valid pixels.
    """

    end_point_error: Float[Tensor, " batch"]
    fl_all: Float[Tensor, " batch"]
    outliers: Int[Tensor, " batch"]
    pixels: Int[Tensor, " batch"]

    def pooled_fl_all(self) -> Float[Tensor, ""]:
        """Share of outliers among the pixels of all images; NaN without any."""
        return self.outliers.sum() / self.pixels.sum()


def end_point_error(
    predicted: Float[Tensor, "batch 2 height width"], truth: Float[Tensor, "batch 2 height width"]
) -> Float[Tensor, "batch 1 height width"]:
    """Distance of the predicted to the true end of each displacement (px).

    Raises:
        TypeError: below float32.
    """
    check_precision(predicted, truth)
    return (predicted - truth).square().sum(dim=1, keepdim=True).sqrt()


def flow_outliers(
    predicted: Float[Tensor, "batch 2 height width"], truth: Float[Tensor, "batch 2 height width"]
) -> Bool[Tensor, "batch 1 height width"]:
    """True where flow is off by more than 3 px and by more than 5 % of the true length."""
    error = end_point_error(predicted, truth)
    length = truth.square().sum(dim=1, keepdim=True).sqrt()
    return (error > OUTLIER_PX) & (error > OUTLIER_SHARE * length)


def flow_metrics(
    predicted: Float[Tensor, "batch 2 height width"],
    truth: Float[Tensor, "batch 2 height width"],
    valid: Bool[Tensor, "batch 1 height width"],
) -> FlowMetrics:
    """End-point error and outliers of each image.

    Args:
        predicted: flow on the grid of the truth (px of it).
        truth: measured flow (px).
        valid: True where there is a truth to compare with.

    Raises:
        TypeError: below float32.
    """
    error = end_point_error(predicted, truth)
    outlier = flow_outliers(predicted, truth)
    return FlowMetrics(
        end_point_error=region_mean(error, valid),
        fl_all=region_mean(outlier.to(error.dtype), valid),
        outliers=(outlier & valid).sum(dim=(1, 2, 3)),
        pixels=valid.sum(dim=(1, 2, 3)),
    )
