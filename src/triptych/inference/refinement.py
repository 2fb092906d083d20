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
from triptych.geometry.visibility import forward_backward_visibility
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
        step: the camera's motion.
        below_ground: True where something that keeps the camera's pace is seen below the ground.
    """

    depth: Float[Tensor, "1 height width"]
    flow: Float[Tensor, "2 height width"]
    matched: Float[Tensor, "2 height width"]
    step: CameraStep
    below_ground: Bool[Tensor, "1 height width"]


@final
class GeometricRefinement:
    """Refines the pairs of one sequence in their order; remembers the last pair.

    Args:
        intrinsics: K of all frames (px).
    """

    def __init__(self, intrinsics: Float[Tensor, "3 3"]) -> None:
        self.intrinsics = intrinsics
        self._before: StaticPoints | None = None

    def refined(self, pair: PairEstimate) -> RefinedPair:
        """Flow, completed where it could not be matched, and the camera's step.

        The step's rotation and direction are those behind the flow, its length the median
        over static points at which their depths by two views are the frame's own. Where
        the flow tells no motion, the pose network's stands; where the tracked corners stay
        in their places, the camera stands still whatever the networks say.
        """
        nowhere = torch.zeros_like(pair.depth, dtype=torch.bool)
        matches = tracked_matches(pair.image, pair.following, pair.flow)
        matched = variational_flow(pair.image, pair.following, pair.flow)
        if pair.still or matches_are_still(matches, width=pair.flow.shape[-1]):
            self._before = None
            return RefinedPair(pair.depth, matched, matched, CameraStep(torch.eye(4), still=True), nowhere)
        motion = pair_motion(matches, self.intrinsics)
        if motion.trust == 0:
            self._before = None
            return RefinedPair(pair.depth, matched, matched, CameraStep(pair.next_from_current), nowhere)
        flow_back = variational_flow(pair.following, pair.image, pair.flow_back)
        next_from_current = motion.source_from_target
        points = self._points(matched, flow_back, next_from_current)
        before, self._before = self._before, self._points(flow_back, matched, inverse_transform(next_from_current))
        ratio = None if before is None else length_ratio(points, before)
        joint = joint_points(points, points if before is None else before, ratio)
        static, known = static_flow(joint, self.intrinsics, next_from_current)
        below = nowhere
        if (ground := ground_inverse_depth(joint, self.intrinsics, next_from_current)) is not None:
            below = without_specks(seen_below_ground(points, ground, self.intrinsics, next_from_current))
        length = _length(points, pair)
        return RefinedPair(
            depth=_fused_depth(pair.depth, joint, length=length, trusted=~below),
            flow=_better_flow(pair, points, matched=matched, static=static, known=known),
            matched=matched,
            step=CameraStep(_scaled(next_from_current, length), ratio=ratio),
            below_ground=below,
        )

    def _points(
        self,
        flow: Float[Tensor, "2 height width"],
        flow_back: Float[Tensor, "2 height width"],
        source_from_target: Float[Tensor, "4 4"],
    ) -> StaticPoints:
        seen = forward_backward_visibility(flow[None], flow_back[None])[0]
        return static_points(SourceView(flow, seen, source_from_target), self.intrinsics)


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


def _length(points: StaticPoints, pair: PairEstimate) -> float:
    """Length of the step in the units of the frame's depth; the pose network's where too few points tell."""
    if int(points.usable.sum()) < FEWEST_POINTS:
        return float(pair.next_from_current[:3, 3].norm())
    return float((points.inverse_depth * pair.depth)[points.usable].median())


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
