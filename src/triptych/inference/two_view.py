"""The camera's motion between two frames, read from matches between them.

Nister's five points in MAGSAC++ (OpenCV) find a motion without a neighborhood to be
caught in: from a standstill, descent as often as not ends at a sideways motion with a
turn against it. From there the robust Sampson distances of all matches are brought to
their minimum, which takes a fifth to two thirds of the error (docs/decisions/0006).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from triptych.geometry.camera import inverse_intrinsics
from triptych.geometry.pose import rotation_matrix, skew_matrix
from triptych.inference.matches import Matches

INLIER_PX = 1.0  # MAGSAC weighs matches up to it
FEWEST_POINTS = 50
SMALLEST_MOTION_PX = 0.5  # mean length of the matches below which a motion cannot be told
SMALLEST_INLIER_SHARE = 0.3
FARTHEST_STEPS = 1e9
LEAST_IN_FRONT = 0.6  # of the inliers, for one of the four motions of an essential matrix to be the right one

ITERATIONS = 12
STEP_TOLERANCE = 1e-6  # rad: a thousandth of a pixel at a focal length of 1000 px
FIRST_DAMPING = 1e-3
DAMPING_STEP = 10.0
DIFFERENCE = 1e-5  # rad: central differences over it are right to ten digits in float64
SMALLEST_DIAGONAL = 1e-12  # of the normal equations, where nothing depends on a number
SOFTNESS_OF_MEDIAN = 2.0  # Cauchy's scale, in medians of the distances
SMALLEST_SOFTNESS_PX = 0.05


@dataclass(frozen=True)
class PairMotion:
    """A camera motion up to the length of its translation.

    Attributes:
        source_from_target: in float64, with a translation of length 1.
        trust: share of the matches that agree with it; 0 where there is no answer, and
            the motion is straight ahead.
    """

    source_from_target: Float[Tensor, "4 4"]
    trust: float


def pair_motion(matches: Matches, intrinsics: Float[Tensor, "3 3"]) -> PairMotion:
    """The motion of the camera behind matches.

    Args:
        matches: of which at least a third lie on static surfaces.
        intrinsics: K of both frames (px).
    """
    camera = intrinsics.detach().cpu().double()
    begun = _five_point_motion(matches, camera)
    if begun is None:
        return PairMotion(_transform(torch.eye(3).double(), torch.tensor((0.0, 0.0, -1.0)).double()), 0.0)
    rotation, direction, trust = begun
    # In a turn a sideways step with a little more rotation fits nearly as well, and the five
    # points may come out there; the valley of straight ahead is searched as well.
    ahead = torch.tensor((0.0, 0.0, math.copysign(1.0, float(direction[2]))), dtype=torch.float64)
    starts = ((rotation, direction), (rotation, ahead))
    softness = min(_softness(_distances(*start, matches, camera)) for start in starts)
    ends = [_refined(*start, matches, camera, softness=softness) for start in starts]
    rotation, direction = min(ends, key=lambda end: end.cost).motion
    return PairMotion(_transform(rotation, _facing(direction, rotation, matches, camera)), trust)


def _transform(rotation: Tensor, translation: Tensor) -> Float[Tensor, "4 4"]:
    transform = torch.eye(4, dtype=torch.float64)
    transform[:3, :3], transform[:3, 3] = rotation, translation
    return transform


def _five_point_motion(matches: Matches, intrinsics: Float[Tensor, "3 3"]) -> tuple[Tensor, Tensor, float] | None:
    """Rotation, direction of translation and share of inliers; None without an answer."""
    target, source = (_points(pixels) for pixels in (matches.target, matches.source))
    if len(target) < FEWEST_POINTS or np.linalg.norm(source - target, axis=1).mean() < SMALLEST_MOTION_PX:
        return None
    camera = intrinsics.numpy()
    essential, inliers = cv2.findEssentialMat(
        target, source, camera, method=cv2.USAC_MAGSAC, prob=0.999, threshold=INLIER_PX
    )
    if essential is None or essential.shape != (3, 3):
        return None
    share = float(inliers.mean())
    if share < SMALLEST_INLIER_SHARE:
        return None
    # By default OpenCV lets no point beyond 50 steps say which of the four motions is in front.
    in_front, rotation, translation, _, _ = cv2.recoverPose(
        essential, target, source, camera, distanceThresh=FARTHEST_STEPS, mask=inliers.copy()
    )
    if in_front < LEAST_IN_FRONT * inliers.sum():
        return None
    return torch.from_numpy(rotation), torch.from_numpy(translation[:, 0]), share


def _points(pixels: Float[Tensor, "3 points"]) -> NDArray[np.float64]:
    return np.ascontiguousarray(pixels[:2].mT.numpy())


@dataclass(frozen=True)
class _Minimum:
    """Where a descent ended."""

    motion: tuple[Float[Tensor, "3 3"], Float[Tensor, "3"]]
    cost: float


def _distances(
    rotation: Float[Tensor, "3 3"], direction: Float[Tensor, "3"], matches: Matches, intrinsics: Float[Tensor, "3 3"]
) -> Float[Tensor, " points"]:
    return _sampson(rotation[None], direction[None], matches, inverse_intrinsics(intrinsics))[0]


def _softness(distances: Float[Tensor, " points"]) -> float:
    """Cauchy's scale. Where most matches are wrong their median is none; what MAGSAC took for inliers is."""
    return min(max(SOFTNESS_OF_MEDIAN * float(distances.abs().median()), SMALLEST_SOFTNESS_PX), INLIER_PX)


def _refined(
    rotation: Float[Tensor, "3 3"],
    direction: Float[Tensor, "3"],
    matches: Matches,
    intrinsics: Float[Tensor, "3 3"],
    *,
    softness: float,
) -> _Minimum:
    """The motion with the least robust Sampson distances, near a motion.

    Levenberg and Marquardt's descent over five numbers (a turn after the rotation, and
    the direction moved in its tangent plane) on Cauchy's loss.
    """
    camera = inverse_intrinsics(intrinsics)
    probes = DIFFERENCE * torch.cat((torch.eye(5, dtype=torch.float64), -torch.eye(5, dtype=torch.float64)))
    distances = _sampson(rotation[None], direction[None], matches, camera)[0]
    cost, damping = _cauchy(distances, softness), FIRST_DAMPING
    for _ in range(ITERATIONS):
        up, down = _sampson(*_moved(probes, rotation, direction), matches, camera).chunk(2)
        jacobian = ((up - down) / (2 * DIFFERENCE)).mT
        weight = 1 / (1 + (distances / softness).square())
        normal = jacobian.mT @ (weight[:, None] * jacobian)
        damped = normal + damping * torch.diag(normal.diagonal().clamp_min(SMALLEST_DIAGONAL))
        step = -torch.linalg.solve(damped, jacobian.mT @ (weight * distances))
        turned, headed = _moved(step[None], rotation, direction)
        trial = _sampson(turned, headed, matches, camera)[0]
        trial_cost = _cauchy(trial, softness)
        if trial_cost < cost:
            rotation, direction, distances, cost = turned[0], headed[0], trial, trial_cost
            damping /= DAMPING_STEP
        else:
            damping *= DAMPING_STEP
        if step.abs().max() < STEP_TOLERANCE:
            break
    return _Minimum((rotation, direction), cost)


def _moved(
    steps: Float[Tensor, "steps 5"], rotation: Float[Tensor, "3 3"], direction: Float[Tensor, "3"]
) -> tuple[Float[Tensor, "steps 3 3"], Float[Tensor, "steps 3"]]:
    across = torch.linalg.svd(direction.unsqueeze(0)).Vh[1:]
    moved = direction + steps[:, 3:] @ across
    return rotation_matrix(steps[:, :3]) @ rotation, moved / moved.norm(dim=1, keepdim=True)


def _facing(
    direction: Float[Tensor, "3"], rotation: Float[Tensor, "3 3"], matches: Matches, intrinsics: Float[Tensor, "3 3"]
) -> Float[Tensor, "3"]:
    """The direction or its opposite: the one with more points in front of the camera.

    Epipolar distances do not tell them apart, and a descent may cross from one to the other.
    From `s q = d R p + t`, with rays p and q: d has the sign of -(q x t) . (q x R p).
    """
    camera = inverse_intrinsics(intrinsics)
    turned, seen = rotation @ camera @ matches.target, camera @ matches.source
    across = torch.linalg.cross(seen, turned, dim=0)
    depth = -(torch.linalg.cross(seen, direction[:, None].expand_as(seen), dim=0) * across).sum(0)
    return direction if float(depth.sign().sum()) >= 0 else -direction


def _sampson(
    rotations: Float[Tensor, "motions 3 3"],
    directions: Float[Tensor, "motions 3"],
    matches: Matches,
    inverse_camera: Float[Tensor, "3 3"],
) -> Float[Tensor, "motions points"]:
    """Signed Sampson distances (px) of all matches under each motion."""
    fundamental = inverse_camera.mT @ skew_matrix(directions) @ rotations @ inverse_camera
    lines, back = fundamental @ matches.target, fundamental.mT @ matches.source
    residual = (matches.source * lines).sum(1)
    return residual / (lines[:, :2].square().sum(1) + back[:, :2].square().sum(1)).sqrt()


def _cauchy(distances: Float[Tensor, " points"], softness: float) -> float:
    return float(torch.log1p((distances / softness).square()).sum())
