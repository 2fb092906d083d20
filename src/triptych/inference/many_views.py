"""A frame's static points by all the frames around it.

Flow that is chained over some frames is worse than that to the next, but the parallax
grows faster than its error: a point that is seen in several frames has a better depth,
and one that the next frames hide may have been seen before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.warp import warped
from triptych.inference.three_view import (
    LEAST_PARALLAX_PX,
    JointPoints,
    SourceView,
    StaticPoints,
    static_points,
)
from triptych.inference.window import Surroundings

FARTHEST_PAIRS = 3
SEEN_SHARE = 0.9  # of the four pixels between which a chain goes on
FLOW_DEVIATION_PX = 0.5  # along the epipolar line, of one link
ROBUST_ITERATIONS = 3
BACK_SHARE = 0.01  # of its way: a camera that is so near its old place tells no depth


@dataclass(frozen=True)
class PointsByView:
    """A frame's static points by one of the frames around it.

    Attributes:
        points: with the distance of that frame's camera as their unit.
        source_from_target: the camera's motion to there, its translation of length 1.
        length: of this distance, in the unit of the surroundings.
        pairs: how many pairs of frames lie between.
    """

    points: StaticPoints
    source_from_target: Float[Tensor, "4 4"]
    length: float
    pairs: int


@dataclass(frozen=True)
class Views:
    """A frame's static points by the frames around it, the nearest first.

    Attributes:
        after: by those that come after it.
        before: by those before it.
    """

    after: tuple[PointsByView, ...]
    before: tuple[PointsByView, ...]


def views_around(around: Surroundings, intrinsics: Float[Tensor, "3 3"]) -> Views:
    """What the frames around a frame tell of its static points.

    Args:
        around: the frame.
        intrinsics: K of all frames (px).
    """

    def points(links: Iterator[_Link]) -> tuple[PointsByView, ...]:
        return tuple(
            PointsByView(static_points(view, intrinsics), view.source_from_target, length, pairs)
            for view, length, pairs in _chained(links)
        )

    return Views(points(_ahead(around)), points(_behind(around)))


def joint_points_by_views(views: Sequence[PointsByView], *, unit: float) -> JointPoints:
    """Inverse depth by all views that tell, each by its inverse variance.

    The error of a chained flow grows with the root of the number of its links. A view that
    the others contradict counts for less (Cauchy's weights).

    Args:
        views: one or more.
        unit: length of the step that is the unit of the result, in that of the surroundings.
    """
    usable = torch.stack([view.points.usable for view in views])
    parallax = torch.stack([view.points.parallax / math.sqrt(view.pairs) for view in views])
    inverse_depth = torch.stack([view.points.inverse_depth * (unit / view.length) for view in views])
    usable = usable & (parallax > LEAST_PARALLAX_PX)
    logarithm = torch.where(usable, inverse_depth, 1.0).log()
    given = torch.where(usable, parallax.square(), 0.0)
    known, weight = usable.any(dim=0), given
    for _ in range(ROBUST_ITERATIONS):
        mean = (weight * logarithm).sum(dim=0) / torch.where(known, weight.sum(dim=0), 1.0)
        deviation = (logarithm - mean) * given.sqrt() / FLOW_DEVIATION_PX
        weight = given / (1 + deviation.square())
    mean = (weight * logarithm).sum(dim=0) / torch.where(known, weight.sum(dim=0), 1.0)
    return JointPoints(mean.exp(), weight.sum(dim=0).sqrt(), known)


@dataclass(frozen=True)
class _Link:
    """From one frame to one beside it: flow (px), where it is a match, and the camera's motion."""

    flow: Float[Tensor, "2 height width"]
    seen: Bool[Tensor, "1 height width"]
    step: Float[Tensor, "4 4"]


def _ahead(around: Surroundings) -> Iterator[_Link]:
    for pair, step in zip(around.pairs[around.index :], around.steps[around.index :], strict=True):
        yield _Link(pair.flow, pair.seen, step)


def _behind(around: Surroundings) -> Iterator[_Link]:
    for index in reversed(range(around.index)):
        pair = around.pairs[index]
        yield _Link(pair.flow_back, pair.seen_back, torch.linalg.inv(around.steps[index]))


def _chained(links: Iterator[_Link]) -> Iterator[tuple[SourceView, float, int]]:
    """The frames that links lead to: as they see it, how far away they are, and over how many links."""
    flow, seen, motion, way = None, None, torch.eye(4, dtype=torch.float64), 0.0
    for pairs, link in enumerate(islice(links, FARTHEST_PAIRS), start=1):
        if flow is None or seen is None:
            flow, seen = link.flow, link.seen
        else:
            further, inside = warped(torch.cat((link.flow, link.seen.to(link.flow)))[None], flow[None])
            seen = seen & inside[0] & (further[0, 2:] > SEEN_SHARE)
            flow = flow + further[0, :2]
        motion = link.step @ motion
        length, way = float(motion[:3, 3].norm()), way + float(link.step[:3, 3].norm())
        if length > BACK_SHARE * way:
            unit = motion.clone()
            unit[:3, 3] /= length
            yield SourceView(flow, seen, unit), length, pairs
