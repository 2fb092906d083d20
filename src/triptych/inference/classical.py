"""Classical answers that need no label: DIS flow, and the camera's motion behind a flow.

They are the first teachers of the networks (`training/imitation.py`), computed anew for
each augmented snippet in a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from triptych.geometry.visibility import forward_backward_visibility

PREVIOUS, TARGET, NEXT = 0, 1, 2
POINT_STRIDE = 6  # px between the matches that the motion is fitted to: about a thousand of a frame
INLIER_PX = 1.0  # MAGSAC weighs matches up to it
FEWEST_POINTS = 50
SMALLEST_MOTION_PX = 0.5  # mean flow below which a motion cannot be told
SMALLEST_INLIER_SHARE = 0.3


def classical_flow(
    frames: Float[Tensor, "batch 3 3 height width"],
) -> tuple[Float[Tensor, "joined 2 height width"], Bool[Tensor, "joined 1 height width"]]:
    """DIS flow (Kroeger et al. 2016) from each target to its two sources, batch major.

    Args:
        frames: previous, target, next, in [0, 1].

    Returns:
        Flow (px), and where it agrees with the flow back.
    """
    matcher = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    forward, backward = [], []
    for snippet in (frames.detach().cpu() * 255).round().to(torch.uint8):
        gray = [cv2.cvtColor(_channels_last(frame), cv2.COLOR_RGB2GRAY) for frame in snippet]
        for source in (PREVIOUS, NEXT):
            forward.append(_tensor(matcher.calc(gray[TARGET], gray[source], None)))
            backward.append(_tensor(matcher.calc(gray[source], gray[TARGET], None)))
    there, back = torch.stack(forward), torch.stack(backward)
    agreed = forward_backward_visibility(there, back)
    return there.to(frames.device), agreed.to(frames.device)


@dataclass(frozen=True)
class ClassicalMotion:
    """Camera motions from target to source, up to the length of the translation.

    Attributes:
        rotation: of each pair.
        direction: of the translation, of length 1.
        trust: share of the matches that agree; 0 where there is no answer.
    """

    rotation: Float[Tensor, "joined 3 3"]
    direction: Float[Tensor, "joined 3"]
    trust: Float[Tensor, " joined"]


def classical_motion(
    flow: Float[Tensor, "joined 2 height width"],
    seen: Float[Tensor, "joined 1 height width"],
    intrinsics: Float[Tensor, "joined 3 3"],
) -> ClassicalMotion:
    """Camera motion behind each flow: Nister's five points in MAGSAC++ (OpenCV).

    Unlike descent on epipolar distances it has no neighborhood to be caught in: from a
    standstill, descent as often as not ends at a sideways motion with a turn against it.

    Args:
        flow: target to source (px).
        seen: 1 where the target pixel is seen in the source.
        intrinsics: K (px).
    """
    answers = [
        _five_point_motion(_array(one), _array(mask[0]), _array(matrix))
        for one, mask, matrix in zip(flow, seen, intrinsics, strict=True)
    ]
    rotation, direction, trust = (torch.from_numpy(np.stack(part)).to(flow) for part in zip(*answers, strict=True))
    return ClassicalMotion(rotation, direction, trust)


def _five_point_motion(
    flow: NDArray[np.float64], seen: NDArray[np.float64], intrinsics: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    none = (np.eye(3), np.array([0.0, 0.0, 1.0]), np.array(0.0))
    height, width = seen.shape
    start = POINT_STRIDE // 2
    y, x = np.mgrid[start:height:POINT_STRIDE, start:width:POINT_STRIDE]
    moved = flow[:, y, x]
    to = np.stack([x, y]) + moved
    kept = (seen[y, x] > 0.5) & (to[0] >= 0) & (to[0] <= width - 1) & (to[1] >= 0) & (to[1] <= height - 1)
    if kept.sum() < FEWEST_POINTS or np.hypot(*moved)[kept].mean() < SMALLEST_MOTION_PX:
        return none
    points_target = np.stack([x[kept], y[kept]], axis=1).astype(np.float64)
    points_source = np.ascontiguousarray(to[:, kept].T)
    essential, inliers = cv2.findEssentialMat(
        points_target, points_source, intrinsics, method=cv2.USAC_MAGSAC, prob=0.999, threshold=INLIER_PX
    )
    if essential is None or essential.shape != (3, 3):
        return none
    share = float(inliers.mean())
    if share < SMALLEST_INLIER_SHARE:
        return none
    _, rotation, translation, _ = cv2.recoverPose(essential, points_target, points_source, intrinsics, mask=inliers)
    return rotation, translation[:, 0], np.array(share)


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)


def _channels_last(frame: UInt8[Tensor, "3 height width"]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(frame.permute(1, 2, 0).numpy())


def _tensor(flow: NDArray[np.float32]) -> Float[Tensor, "2 height width"]:
    return torch.from_numpy(flow).permute(2, 0, 1).contiguous()
