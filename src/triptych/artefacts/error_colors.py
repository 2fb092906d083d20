"""Colors for errors, blue where small and red where large, and sparse values made visible.

The ten colors are ColorBrewer's RdYlBu, which color-blind readers can tell apart and
which KITTI's own flow error maps use; yellow begins in the middle.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from triptych.artefacts.colors import NO_VALUE

ERROR_COLORS = (
    (49, 54, 149),
    (69, 117, 180),
    (116, 173, 209),
    (171, 217, 233),
    (224, 243, 248),
    (254, 224, 144),
    (253, 174, 97),
    (244, 109, 67),
    (215, 48, 39),
    (165, 0, 38),
)
FLOW_ERROR_STEPS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Between the colors of a flow error, in units of the outlier threshold (KITTI flow devkit 2015)."""

OUTLIER_PX = 3.0
OUTLIER_SHARE = 0.05  # of the true length; an outlier exceeds both


def relative_error_colors(
    error: Float[Tensor, "height width"], valid: Bool[Tensor, "height width"], *, largest: float
) -> UInt8[Tensor, "3 height width"]:
    """Picture of an error in ten equal steps from 0 to `largest`; gray where not valid.

    Args:
        error: at least 0; what is above `largest` has the last color.
        valid: where it is known; NaN counts as not.
        largest: error where the last color ends.

    Raises:
        ValueError: unless largest > 0.
    """
    if not largest > 0:
        raise ValueError(f"a largest error above 0 is needed, got {largest}")
    step = (error / largest * len(ERROR_COLORS)).nan_to_num(nan=0.0).clamp(0, len(ERROR_COLORS) - 1)
    return _picture(step.long(), valid & ~error.isnan())


def error_legend() -> UInt8[Tensor, "3 height width"]:
    """Color bar of errors, from none on the left to the largest on the right."""
    steps = torch.arange(len(ERROR_COLORS)).repeat_interleave(10).expand(12, -1)
    return _picture(steps, torch.ones_like(steps, dtype=torch.bool))


def flow_error_colors(
    error: Float[Tensor, "height width"],
    true_length: Float[Tensor, "height width"],
    valid: Bool[Tensor, "height width"],
) -> UInt8[Tensor, "3 height width"]:
    """Picture of end-point error as KITTI draws it: blue below its outlier threshold, red above.

    The error is divided by 3 px and by 5 % of the true length; the smaller of the two
    is above 1 for outliers, and each color is a factor of two of it.

    Args:
        error: length of predicted minus true flow (px).
        true_length: of the true flow (px).
        valid: where the truth is known; elsewhere, and where the error is NaN, it is gray.
    """
    share = error / (OUTLIER_SHARE * true_length)  # a true length of 0 leaves the 3 px to decide
    outlier = torch.minimum(error / OUTLIER_PX, share.nan_to_num(nan=float("inf"), posinf=float("inf")))
    steps = torch.tensor(FLOW_ERROR_STEPS, dtype=outlier.dtype, device=outlier.device)
    return _picture(torch.bucketize(outlier.nan_to_num(nan=0.0), steps), valid & ~error.isnan())


def spread_out(
    values: Float[Tensor, "channels height width"], valid: Bool[Tensor, "height width"], *, radius: float
) -> tuple[Float[Tensor, "channels height width"], Bool[Tensor, "height width"]]:
    """Values of the nearest valid pixel within `radius`, and where there is one.

    Valid pixels keep their own, so that sparse points become dots and dense maps stay.

    Args:
        values: of any map.
        valid: where they are known.
        radius: of a dot (px); 0 changes nothing.
    """
    if not valid.any():
        return values, valid
    unknown = (~valid).cpu().numpy().astype(np.uint8)
    # With labels OpenCV has no exact distances; those of the 5 x 5 mask are within 2 %.
    distance, label = cv2.distanceTransformWithLabels(
        unknown, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest = torch.from_numpy(label).long().to(values.device)
    # OpenCV numbers the valid pixels from 1 in an order of its own: each one's label tells its place.
    place = torch.zeros(int(nearest.max()) + 1, dtype=torch.long, device=values.device)
    flat = valid.flatten().nonzero()[:, 0]
    place[nearest.flatten()[flat]] = flat
    reached = torch.from_numpy(distance).to(values.device) <= radius
    moved = values.flatten(1)[:, place[nearest.flatten()]].reshape(values.shape)
    return torch.where(reached, moved, values), reached


def _picture(step: Int[Tensor, "height width"], valid: Bool[Tensor, "height width"]) -> UInt8[Tensor, "3 height width"]:
    table = torch.tensor(ERROR_COLORS, dtype=torch.uint8, device=step.device)
    gray = torch.tensor(NO_VALUE, dtype=torch.uint8, device=step.device)[:, None, None]
    return torch.where(valid, table[step].permute(2, 0, 1), gray)
