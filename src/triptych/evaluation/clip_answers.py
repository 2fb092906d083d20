"""What trivial and classical methods say of a rendered clip."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from triptych.evaluation.baselines import dis_flow
from triptych.evaluation.clip_figures import ClipAnswer, known_depth
from triptych.geometry.visibility import range_visibility
from triptych.metrics.trajectory import straight_motion
from triptych.types import SyntheticClip

MATCH_STEP_PX = 4
"""Every n-th row and column gives a match to the five-point solver."""
INLIER_PX = 1.0
CONFIDENCE = 0.999
FARTHEST_STEPS = 1e9

Points = NDArray[np.float64]


class MeanDepthMaps:
    """Mean true depth of each pixel over the clips taken in, without the one that it is asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, Tensor] = {}

    def add(self, name: str, clip: SyntheticClip) -> None:
        """Take in a clip."""
        known = known_depth(clip.depth_m)
        self._sums[name] = torch.where(known, clip.depth_m, 0.0).double().sum(0)
        self._counts[name] = known.double().sum(0)

    def without(self, name: str) -> Float[Tensor, "1 height width"] | None:
        """The mean over all other clips (m), that of all pixels where none is known; None without others."""
        others = [other for other in self._sums if other != name]
        if not others:
            return None
        total = torch.stack([self._sums[other] for other in others]).sum(0)
        count = torch.stack([self._counts[other] for other in others]).sum(0)
        overall = total.sum() / count.sum()
        return torch.where(count > 0, total / count.clamp_min(1), overall).float()


def trivial_answer(clip: SyntheticClip) -> ClipAnswer:
    """Nothing looked at: no flow, everything hidden and moving, one depth, straight ahead."""
    pairs = torch.zeros_like(clip.flow_forward[:, :1])
    return ClipAnswer(
        depth=torch.ones_like(clip.depth_m),
        flow=torch.zeros_like(clip.flow_forward),
        camera_to_world=straight_motion(clip.camera_to_world),
        visibility=pairs,
        motion=pairs + 1,
    )


def classical_answer(clip: SyntheticClip) -> ClipAnswer:
    """OpenCV's DIS flow, what its backward flow leaves uncovered, and the five-point path on its matches."""
    pairs = list(pairwise(clip.images))
    flow = torch.stack([dis_flow(target, source) for target, source in pairs])
    back = torch.stack([dis_flow(source, target) for target, source in pairs])
    return ClipAnswer(
        flow=flow,
        camera_to_world=five_point_path(flow, clip.intrinsics),
        visibility=range_visibility(back),
    )


def five_point_path(
    flow: Float[Tensor, "pairs 2 height width"], intrinsics: Float[Tensor, "3 3"]
) -> Float[Tensor, "frames 4 4"]:
    """The path that OpenCV's five-point solver reads from flow, each step of length 1.

    Nister's solver with RANSAC on matches of a regular grid, the pose in front of which most
    points lie (`findEssentialMat`, `recoverPose`). Where it finds none, the camera drives on.

    Args:
        flow: from each frame to the next (px).
        intrinsics: K (px).

    Returns:
        camera_to_world, the first the identity.
    """
    camera = intrinsics.double().numpy()
    height, width = flow.shape[-2:]
    rows, columns = np.mgrid[0:height:MATCH_STEP_PX, 0:width:MATCH_STEP_PX]
    here = np.stack((columns.ravel(), rows.ravel()), axis=1).astype(np.float64)
    path = [torch.eye(4, dtype=torch.float64)]
    for field in flow:
        step = field[:, ::MATCH_STEP_PX, ::MATCH_STEP_PX].flatten(1).T.double().numpy()
        path.append(path[-1] @ torch.linalg.inv(_next_from_current(here, here + step, camera)))
    return torch.stack(path)


def _next_from_current(here: Points, there: Points, camera: Points) -> Float[Tensor, "4 4"]:
    pose = torch.eye(4, dtype=torch.float64)
    pose[2, 3] = -1.0
    cv2.setRNGSeed(0)
    essential, inliers = cv2.findEssentialMat(
        here, there, camera, method=cv2.RANSAC, prob=CONFIDENCE, threshold=INLIER_PX
    )
    if essential is None or essential.shape != (3, 3):
        return pose
    # By default OpenCV lets no point beyond 50 steps say which of the four motions is in front.
    _, rotation, translation, _, _ = cv2.recoverPose(
        essential, here, there, camera, distanceThresh=FARTHEST_STEPS, mask=inliers
    )
    pose[:3, :3], pose[:3, 3] = torch.from_numpy(rotation), torch.from_numpy(translation[:, 0])
    return pose
