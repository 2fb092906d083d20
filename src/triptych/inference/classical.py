"""Optical flow by OpenCV's DIS, at its best: the classical teacher of the flow network."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.inference.matches import GrayImage, gray_image

ENLARGEMENT = 2
"""DIS matches patches of 8 px on half-size images; on twice enlarged ones its error halves."""


def enlarged_dis_flow(
    target: UInt8[Tensor, "3 height width"], source: UInt8[Tensor, "3 height width"]
) -> Float[Tensor, "2 height width"]:
    """DIS flow (Kroeger et al. 2016, medium preset) of the twice enlarged images (px of the given ones)."""
    height, width = target.shape[-2:]
    matcher: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = matcher.calc(_enlarged_gray(target), _enlarged_gray(source), None)
    small = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA) / ENLARGEMENT
    return torch.from_numpy(small).permute(2, 0, 1).contiguous()


def _enlarged_gray(image: UInt8[Tensor, "3 height width"]) -> GrayImage:
    return np.asarray(
        cv2.resize(gray_image(image), None, fx=ENLARGEMENT, fy=ENLARGEMENT, interpolation=cv2.INTER_CUBIC)
    )
