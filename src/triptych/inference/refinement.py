"""Geometry over what the networks say: exact steps of the camera, and flow where nothing can be matched.

A pose network says a motion from experience; corners that are followed hold that motion to
a hundredth of a degree. And what leaves the picture until the next frame was mostly seen
in those before: a static point's depth from there gives its flow.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.inference.ground import ground_inverse_depth, seen_below_ground, without_specks
from triptych.inference.many_views import FLOW_DEVIATION_PX, PointsByView, joint_points_by_views, views_around
from triptych.inference.motion import matched_better
from triptych.inference.pairs import MeasuredPair
from triptych.inference.three_view import FEWEST_POINTS, JointPoints, StaticPoints, static_flow
from triptych.inference.window import Surroundings
from triptych.types import CameraStep

DEPTH_DEVIATION = 0.2  # of the logarithm of the network's depth
FARTHER_DEVIATION = 0.3  # Cauchy's scale: of the logarithm of depth by the views over that


@dataclass(frozen=True)
class RefinedPair:
    """A pair after refinement.

    Attributes:
        depth: of the frame, by the network and by the frames around it.
        flow: frame to next, completed where it could not be matched (px).
        matched: the flow before geometry had its say: what moves by itself is told from it.
        visibility: of the frame's pixels in the next, by the matched flows there and back.
        step: the camera's motion.
        below_ground: True where something that keeps the camera's pace is seen below the ground.
    """

    depth: Float[Tensor, "1 height width"]
    flow: Float[Tensor, "2 height width"]
    matched: Float[Tensor, "2 height width"]
    visibility: Float[Tensor, "1 height width"]
    step: CameraStep
    below_ground: Bool[Tensor, "1 height width"]


def refined_pair(pair: MeasuredPair, around: Surroundings, intrinsics: Float[Tensor, "3 3"]) -> RefinedPair:
    """Flow, completed where it could not be matched, depth by all views, and the camera's step.

    The step's length is the median over static points at which their depths by the views are
    the frame's own. Where the images tell no motion, the pose network's stands.

    Args:
        pair: measured.
        around: its first frame.
        intrinsics: K of all frames (px).
    """
    said, unit = pair.estimate, around.length
    if not unit:
        pose = torch.eye(4) if pair.still else said.next_from_current
        return RefinedPair(
            depth=refined_depth(said.depth, around, intrinsics),
            flow=pair.flow,
            matched=pair.flow,
            visibility=pair.visibility,
            step=CameraStep(pose, still=pair.still),
            below_ground=torch.zeros_like(said.depth, dtype=torch.bool),
        )
    views = views_around(around, intrinsics)
    ahead = views.after[0]
    joint = joint_points_by_views((*views.after, *views.before), unit=unit)
    static, known = static_flow(joint, intrinsics, ahead.source_from_target)
    below = _below_ground(joint, ahead, intrinsics)
    length = _length(joint, said.depth)
    if length is None:
        length = float(said.next_from_current[:3, 3].norm())
    return RefinedPair(
        depth=_fused_depth(said.depth, joint, length=length, trusted=~below),
        flow=_better_flow(pair, ahead.points, static=static, known=known),
        matched=pair.flow,
        visibility=pair.visibility,
        step=CameraStep(_scaled(ahead.source_from_target, length), ratio=around.ratio),
        below_ground=below,
    )


def refined_depth(
    depth: Float[Tensor, "1 height width"], around: Surroundings, intrinsics: Float[Tensor, "3 3"]
) -> Float[Tensor, "1 height width"]:
    """Depth of a frame whose step to the next is not known, by the frames before it; as it is where there are none.

    Args:
        depth: by the network.
        around: the frame.
        intrinsics: K of all frames (px).
    """
    before = views_around(around, intrinsics).before
    if not before:
        return depth
    joint = joint_points_by_views(before, unit=before[0].length)
    length = _length(joint, depth)
    if length is None:
        return depth
    return _fused_depth(depth, joint, length=length, trusted=~_below_ground(joint, before[0], intrinsics))


def _below_ground(
    joint: JointPoints, view: PointsByView, intrinsics: Float[Tensor, "3 3"]
) -> Bool[Tensor, "1 height width"]:
    """Where something that keeps the camera's pace is seen below the ground; nowhere without a ground."""
    ground = ground_inverse_depth(joint, intrinsics, view.source_from_target)
    if ground is None:
        return torch.zeros_like(joint.known)
    return without_specks(seen_below_ground(view.points, ground, intrinsics, view.source_from_target))


def _better_flow(
    pair: MeasuredPair,
    points: StaticPoints,
    *,
    static: Float[Tensor, "2 height width"],
    known: Bool[Tensor, "1 height width"],
) -> Float[Tensor, "2 height width"]:
    """The static scene's flow where nothing can be matched, and where it explains the next frame as well as the match.

    A motion that is off by some degrees, of a camera that mostly turns, would spoil good matches.
    """
    flow = torch.where(known & (points.usable | ~points.seen), static, points.flow)
    image, following = (frame[None].float() / 255 for frame in (pair.estimate.image, pair.estimate.following))
    worse = matched_better(image, following, pair.flow[None], flow[None])[0]
    return torch.where(points.seen & worse, pair.flow, flow)


def _length(points: JointPoints, depth: Float[Tensor, "1 height width"]) -> float | None:
    """Length of the points' unit in the units of the depth; None where too few points tell."""
    if int(points.known.sum()) < FEWEST_POINTS:
        return None
    return float((points.inverse_depth * depth)[points.known].median())


def _fused_depth(
    depth: Float[Tensor, "1 height width"],
    points: JointPoints,
    *,
    length: float,
    trusted: Bool[Tensor, "1 height width"],
) -> Float[Tensor, "1 height width"]:
    """Depth whose logarithm is the mean of the network's and the triangulated one, by inverse variances.

    What seems much farther than the network says may keep the camera's pace, so the views count for less there.
    """
    weight = torch.where(points.known & trusted, (points.parallax / FLOW_DEVIATION_PX).square(), 0.0)
    by_views = torch.where(points.known, length / points.inverse_depth, 1.0).log()
    farther = (by_views - depth.log()).clamp_min(0.0)
    weight = weight / (1 + (farther / FARTHER_DEVIATION).square())
    own = DEPTH_DEVIATION**-2
    return ((own * depth.log() + weight * by_views) / (own + weight)).exp().float()


def _scaled(transform: Float[Tensor, "4 4"], length: float) -> Float[Tensor, "4 4"]:
    scaled = transform.clone()
    scaled[:3, 3] *= length
    return scaled.float()
