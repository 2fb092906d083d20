"""Trivial and classical answers that a result must beat to be worth anything."""

from __future__ import annotations

import cv2
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor


def mean_depth_map(
    depth_m: Float[Tensor, "frames 1 height width"], valid: Bool[Tensor, "frames 1 height width"]
) -> Float[Tensor, "1 height width"]:
    """Mean true depth of each pixel over frames, as an answer for every other frame (m).

    It has seen labels, which the method has not; where a pixel was never valid it holds
    the mean of all.

    Args:
        depth_m: true depth of the frames that were learned from.
        valid: where it counts.
    """
    known = torch.where(valid, depth_m, torch.zeros_like(depth_m))
    count = valid.sum(0)
    overall = known.sum() / valid.sum()
    return torch.where(count > 0, known.sum(0) / count.clamp_min(1), overall)


def dis_flow(
    target: UInt8[Tensor, "3 height width"], source: UInt8[Tensor, "3 height width"]
) -> Float[Tensor, "2 height width"]:
    """Optical flow by OpenCV's DIS (Kroeger et al. 2016) at its medium preset (px)."""
    gray = [cv2.cvtColor(image.permute(1, 2, 0).cpu().numpy(), cv2.COLOR_RGB2GRAY) for image in (target, source)]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(gray[0], gray[1], None)
    return torch.from_numpy(flow).permute(2, 0, 1).contiguous()
