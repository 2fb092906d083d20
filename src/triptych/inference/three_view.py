"""What a third view tells of two: the ratio of camera steps, and flow where it is hidden.

A static point that is seen from the target in two sources has one depth. So the two
triangulations of it give the ratio of the steps; and where only one of the sources
shows it, its depth from there gives its flow to the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.epipolar import epipolar_lines, fundamental_matrix
from triptych.geometry.grid import pixel_grid
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.triangulation import triangulated

LEAST_PARALLAX_PX = 1.0  # an error of a third of a pixel is then one of a third of the depth
ON_LINE_PX = 1.0
ON_LINE_SHARE = 0.05  # of the flow's length
FEWEST_POINTS = 200
SMALLEST_NORMAL = 1e-12  # of a line; at the epipole there is none


@dataclass(frozen=True)
class SourceView:
    """A source as the target sees it.

    Attributes:
        flow: target to source (px).
        seen: where the flow is a match.
        source_from_target: camera motion, its translation of length 1.
    """

    flow: Float[Tensor, "2 height width"]
    seen: Bool[Tensor, "1 height width"]
    source_from_target: Float[Tensor, "4 4"]


@dataclass(frozen=True)
class StaticPoints:
    """Triangulated pixels of a target.

    Attributes:
        flow: with what lies near its epipolar line brought onto it (px).
        seen: where the flow is a match.
        inverse_depth: in units of 1 / the length of the step; positive where usable.
        parallax: (px).
        usable: matched, on the epipolar line, in front of the camera, and with a parallax
            that tells the depth.
    """

    flow: Float[Tensor, "2 height width"]
    seen: Bool[Tensor, "1 height width"]
    inverse_depth: Float[Tensor, "1 height width"]
    parallax: Float[Tensor, "1 height width"]
    usable: Bool[Tensor, "1 height width"]


@dataclass(frozen=True)
class JointPoints:
    """Depth of a target's static pixels by all sources that tell.

    Attributes:
        inverse_depth: in units of 1 / the length of one step; 1 where unknown.
        parallax: of all sources together (px).
        known: whether any of them tells.
    """

    inverse_depth: Float[Tensor, "1 height width"]
    parallax: Float[Tensor, "1 height width"]
    known: Bool[Tensor, "1 height width"]


def static_points(view: SourceView, intrinsics: Float[Tensor, "3 3"]) -> StaticPoints:
    """Flow and inverse depth of the target's pixels, by one source, if they are static.

    A match within 1 px and a twentieth of its length of the epipolar line is taken for
    a static point's, and for its nearest place on the line: what it is off across the
    line is an error that no depth explains.
    """
    flow, camera, pose = (part.double()[None] for part in (view.flow, intrinsics, view.source_from_target))
    grid = pixel_grid(*flow.shape[-2:], dtype=flow.dtype, device=flow.device)[None]
    lines = epipolar_lines(grid, fundamental_matrix(pose, camera))
    lines = lines / torch.hypot(lines[:, :1], lines[:, 1:2]).clamp_min(SMALLEST_NORMAL)
    normal = lines[:, :2]
    residual = (normal * (grid + flow)).sum(1, keepdim=True) + lines[:, 2:]
    on_line = residual.abs() < ON_LINE_PX + ON_LINE_SHARE * torch.hypot(flow[:, :1], flow[:, 1:])
    flow = torch.where(on_line, flow - residual * normal, flow)
    points = triangulated(flow, camera, pose)
    usable = view.seen & (on_line & (points.inverse_depth > 0) & (points.parallax > LEAST_PARALLAX_PX))[0]
    return StaticPoints(flow[0].to(view.flow), view.seen, points.inverse_depth[0], points.parallax[0], usable)


def length_ratio(one: StaticPoints, other: StaticPoints) -> float | None:
    """Length of one source's step over that of the other's; None where too few points tell.

    The median over the pixels usable in both: with lengths L and depth D the inverse
    depths are L / D each, so that their quotient is the ratio, whatever D.
    """
    both = one.usable & other.usable
    if int(both.sum()) < FEWEST_POINTS:
        return None
    return float((one.inverse_depth[both].log() - other.inverse_depth[both].log()).median().exp())


def joint_points(one: StaticPoints, other: StaticPoints, ratio: float | None) -> JointPoints:
    """Inverse depth by both sources, or by the one that tells.

    Each counts by the square of its parallax, the inverse variance of its logarithm.

    Args:
        one: whose step is the unit of the result.
        other: the other source.
        ratio: length of the step of `one` over that of `other`; None leaves `other` aside.
    """
    sides = [(one, 1.0)] if ratio is None else [(one, 1.0), (other, ratio)]
    total, weights = torch.zeros_like(one.inverse_depth), torch.zeros_like(one.inverse_depth)
    for points, scale in sides:
        weight = torch.where(points.usable, points.parallax.square(), 0.0)
        total += weight * torch.where(points.usable, points.inverse_depth * scale, 1.0).log()
        weights += weight
    known = weights > 0
    return JointPoints(torch.where(known, total / torch.where(known, weights, 1.0), 0.0).exp(), weights.sqrt(), known)


def static_flow(
    points: JointPoints, intrinsics: Float[Tensor, "3 3"], source_from_target: Float[Tensor, "4 4"]
) -> tuple[Float[Tensor, "2 height width"], Bool[Tensor, "1 height width"]]:
    """Flow of static points by their depth, also to a source that does not show them.

    Args:
        points: with the step to this source as their unit.
        intrinsics: K (px).
        source_from_target: motion to the source, its translation of length 1.

    Returns:
        Flow (px) and where it is known.
    """
    rigid = rigid_flow(1 / points.inverse_depth[None], intrinsics.double()[None], source_from_target.double()[None])
    return rigid.flow[0].float(), points.known & (rigid.depth_in_source[0] > 0)
