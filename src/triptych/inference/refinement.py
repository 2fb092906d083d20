"""Geometry over what the networks say: exact steps of the camera, and flow where nothing can be matched.

A pose network says a motion from experience; the flow beside it holds that motion to a
hundredth of a degree. And what leaves the picture until the next frame was mostly seen
in the one before: a static point's depth from there gives its flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from triptych.geometry.pose import inverse_transform
from triptych.geometry.visibility import forward_backward_visibility, two_way_visibility
from triptych.inference.ground import ground_inverse_depth, seen_below_ground, without_specks
from triptych.inference.matches import tracked_matches, variational_flow
from triptych.inference.motion import matched_better, matches_are_still
from triptych.inference.three_view import (
    FEWEST_POINTS,
    JointPoints,
    SourceView,
    StaticPoints,
    joint_points,
    length_ratio,
    static_flow,
    static_points,
)
from triptych.inference.two_view import pair_motion
from triptych.types import CameraStep

DEPTH_DEVIATION = 0.2  # of the logarithm of the network's depth
FLOW_DEVIATION_PX = 0.5  # along the epipolar line


@dataclass(frozen=True)
class PairEstimate:
    """What the networks say of a frame and the next.

    Attributes:
        image: the frame.
        following: the next.
        flow: frame to next (px).
        flow_back: next to frame (px).
        depth: of the frame.
        next_from_current: camera motion.
        still: whether the camera stands still.
    """

    image: UInt8[Tensor, "3 height width"]
    following: UInt8[Tensor, "3 height width"]
    flow: Float[Tensor, "2 height width"]
    flow_back: Float[Tensor, "2 height width"]
    depth: Float[Tensor, "1 height width"]
    next_from_current: Float[Tensor, "4 4"]
    still: bool


@dataclass(frozen=True)
class RefinedPair:
    """A pair after refinement.

    Attributes:
        depth: of the frame, by the network and by both neighbors.
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


@dataclass(frozen=True)
class _Seen:
    """A frame's static points by a neighbor.

    Attributes:
        points: with the step to the neighbor as their unit.
        source_from_target: motion to the neighbor, its translation of length 1.
    """

    points: StaticPoints
    source_from_target: Float[Tensor, "4 4"]


@final
class GeometricRefinement:
    """Refines the pairs of one sequence in their order; remembers the last pair.

    Args:
        intrinsics: K of all frames (px).
    """

    def __init__(self, intrinsics: Float[Tensor, "3 3"]) -> None:
        self.intrinsics = intrinsics
        self._before: _Seen | None = None

    def refined(self, pair: PairEstimate) -> RefinedPair:
        """Flow, completed where it could not be matched, and the camera's step.

        The step's rotation and direction are those behind the flow, its length the median
        over static points at which their depths by two views are the frame's own. Where
        the flow tells no motion, the pose network's stands; where the tracked corners stay
        in their places, the camera stands still whatever the networks say.
        """
        matches = tracked_matches(pair.image, pair.following, pair.flow)
        matched = variational_flow(pair.image, pair.following, pair.flow)
        flow_back = variational_flow(pair.following, pair.image, pair.flow_back)
        visibility = two_way_visibility(matched[None], flow_back[None])[0]
        if pair.still or matches_are_still(matches, width=pair.flow.shape[-1]):
            return self._without_step(pair, matched, visibility, CameraStep(torch.eye(4), still=True))
        motion = pair_motion(matches, self.intrinsics)
        if motion.trust == 0:
            return self._without_step(pair, matched, visibility, CameraStep(pair.next_from_current))
        next_from_current = motion.source_from_target
        ahead = self._seen(matched, flow_back, next_from_current)
        before, self._before = self._before, self._seen(flow_back, matched, inverse_transform(next_from_current))
        points = ahead.points
        ratio = None if before is None else length_ratio(points, before.points)
        joint = joint_points(points, points if before is None else before.points, ratio)
        static, known = static_flow(joint, self.intrinsics, next_from_current)
        below = self._below_ground(joint, ahead)
        length = _length(points, pair.depth)
        if length is None:
            length = float(pair.next_from_current[:3, 3].norm())
        return RefinedPair(
            depth=_fused_depth(pair.depth, joint, length=length, trusted=~below),
            flow=_better_flow(pair, points, matched=matched, static=static, known=known),
            matched=matched,
            visibility=visibility,
            step=CameraStep(_scaled(next_from_current, length), ratio=ratio),
            below_ground=below,
        )

    def depth_by_the_frame_before(self, depth: Float[Tensor, "1 height width"]) -> Float[Tensor, "1 height width"]:
        """Depth of the frame after the last pair's, or of one whose own pair tells no motion, by the frame before it.

        As it is where the pair before told no motion either.
        """
        before, self._before = self._before, None
        length = None if before is None else _length(before.points, depth)
        if before is None or length is None:
            return depth
        joint = joint_points(before.points, before.points, None)
        return _fused_depth(depth, joint, length=length, trusted=~self._below_ground(joint, before))

    def _without_step(
        self,
        pair: PairEstimate,
        matched: Float[Tensor, "2 height width"],
        visibility: Float[Tensor, "1 height width"],
        step: CameraStep,
    ) -> RefinedPair:
        """A pair whose flow tells no motion."""
        nowhere = torch.zeros_like(pair.depth, dtype=torch.bool)
        return RefinedPair(self.depth_by_the_frame_before(pair.depth), matched, matched, visibility, step, nowhere)

    def _below_ground(self, joint: JointPoints, seen: _Seen) -> Bool[Tensor, "1 height width"]:
        """Where something that keeps the camera's pace is seen below the ground; nowhere without a ground."""
        ground = ground_inverse_depth(joint, self.intrinsics, seen.source_from_target)
        if ground is None:
            return torch.zeros_like(joint.known)
        return without_specks(seen_below_ground(seen.points, ground, self.intrinsics, seen.source_from_target))

    def _seen(
        self,
        flow: Float[Tensor, "2 height width"],
        flow_back: Float[Tensor, "2 height width"],
        source_from_target: Float[Tensor, "4 4"],
    ) -> _Seen:
        seen = forward_backward_visibility(flow[None], flow_back[None])[0]
        points = static_points(SourceView(flow, seen, source_from_target), self.intrinsics)
        return _Seen(points, source_from_target)


def _better_flow(
    pair: PairEstimate,
    points: StaticPoints,
    *,
    matched: Float[Tensor, "2 height width"],
    static: Float[Tensor, "2 height width"],
    known: Bool[Tensor, "1 height width"],
) -> Float[Tensor, "2 height width"]:
    """The static scene's flow where nothing can be matched, and where it explains the next frame as well as the match.

    A motion that is off by some degrees, of a camera that mostly turns, would spoil good matches.
    """
    flow = torch.where(known & (points.usable | ~points.seen), static, points.flow)
    image, following = (frame[None].float() / 255 for frame in (pair.image, pair.following))
    worse = matched_better(image, following, matched[None], flow[None])[0]
    return torch.where(points.seen & worse, matched, flow)


def _length(points: StaticPoints, depth: Float[Tensor, "1 height width"]) -> float | None:
    """Length of the step in the units of the depth; None where too few points tell."""
    if int(points.usable.sum()) < FEWEST_POINTS:
        return None
    return float((points.inverse_depth * depth)[points.usable].median())


def _fused_depth(
    depth: Float[Tensor, "1 height width"],
    points: JointPoints,
    *,
    length: float,
    trusted: Bool[Tensor, "1 height width"],
) -> Float[Tensor, "1 height width"]:
    """Depth whose logarithm is the mean of the network's and the triangulated one, by inverse variances."""
    weight = torch.where(points.known & trusted, (points.parallax / FLOW_DEVIATION_PX).square(), 0.0)
    by_views = torch.where(points.known, length / points.inverse_depth, 1.0).log()
    own = DEPTH_DEVIATION**-2
    return ((own * depth.log() + weight * by_views) / (own + weight)).exp().float()


def _scaled(transform: Float[Tensor, "4 4"], length: float) -> Float[Tensor, "4 4"]:
    scaled = transform.clone()
    scaled[:3, 3] *= length
    return scaled.float()
