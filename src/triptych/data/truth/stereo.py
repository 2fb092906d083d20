"""Depth from the disparity of a rectified pair of cameras."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def stereo_depth(
    disparity: Float[Tensor, "height width"], *, focal_px: float, baseline_m: float
) -> Float[Tensor, "height width"]:
    """Depth along the optical axis of the left camera (m): focal * baseline / disparity.

    Reckoned in float64 and rounded once, to the type of the disparity.

    Args:
        disparity: how far left a point appears in the right image (px); 0 where unknown.
        focal_px: fx of both cameras.
        baseline_m: distance from the left to the right camera.

    Returns:
        Depth, 0 where the disparity is 0 (unknown, or infinitely far) or below.
    """
    known = disparity > 0
    depth = focal_px * baseline_m / torch.where(known, disparity, 1.0).double()
    return torch.where(known, depth, 0.0).to(disparity.dtype)
