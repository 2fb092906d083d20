"""Errors of optical flow against a measured truth."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor

from triptych.geometry.precision import check_precision
from triptych.metrics.arrays import Flags, Flows, as_maps, as_mask, as_tensors
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


def end_point_error(predicted: Flows, truth: Flows) -> Float[Tensor, "batch 1 height width"]:
    """Distance of the predicted to the true end of each displacement (px).

    Raises:
        TypeError: below float32.
    """
    guess, goal = as_maps(channels=2, predicted=predicted, truth=truth)
    check_precision(guess, goal)
    return (guess - goal).square().sum(dim=1, keepdim=True).sqrt()


def flow_outliers(predicted: Flows, truth: Flows) -> Bool[Tensor, "batch 1 height width"]:
    """True where flow is off by more than 3 px and by more than 5 % of the true length."""
    error = end_point_error(predicted, truth)
    length = as_tensors(truth)[0].square().sum(dim=1, keepdim=True).sqrt()
    return (error > OUTLIER_PX) & (error > OUTLIER_SHARE * length)


def flow_metrics(predicted: Flows, truth: Flows, valid: Flags) -> FlowMetrics:
    """End-point error and outliers of each image.

    Args:
        predicted: (batch, 2, height, width) flow on the grid of the truth (px of it).
        truth: measured flow (px), of the same shape.
        valid: (batch, 1, height, width) bools, True where there is a truth to compare with.

    Raises:
        TypeError: below float32.
        ValueError: other shapes.
    """
    error = end_point_error(predicted, truth)
    outlier = flow_outliers(predicted, truth)
    known = as_mask("valid", valid)
    as_maps(error=error, valid=known)
    return FlowMetrics(
        end_point_error=region_mean(error, known),
        fl_all=region_mean(outlier.to(error.dtype), known),
        outliers=(outlier & known).sum(dim=(1, 2, 3)),
        pixels=known.sum(dim=(1, 2, 3)),
    )
