"""What flow and what depth with pose each say of the target: the two sides of eq. 7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from triptych.geometry.depth_range import depth_from_disparity
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.visibility import range_visibility
from triptych.geometry.warp import warped
from triptych.losses.consistency import depth_inconsistency
from triptych.losses.flow import ErrorFunction, matched_error, parted
from triptych.types import FlowEstimate, Snippet, SnippetEstimate

FRAMES = 3
"""Frames of a snippet: previous, target, next."""

VisibilityRule = Literal["learned", "range_map", "both", "none"]


@dataclass(frozen=True)
class Views:
    """The target and what it is explained from.

    Attributes:
        target: the middle frame.
        sources: the previous and the next.
        intrinsics: K of all (px).
    """

    target: Float[Tensor, "batch 3 height width"]
    sources: Float[Tensor, "batch 2 3 height width"]
    intrinsics: Float[Tensor, "batch 3 3"]


def snippet_views(snippet: Snippet) -> Views:
    """The unjittered frames of a snippet, in single precision at least.

    Raises:
        ValueError: not three frames.
    """
    frames = snippet.frames
    if frames.shape[1] != FRAMES:
        msg = f"the losses need snippets of {FRAMES} frames (previous, target, next), got {frames.shape[1]}"
        raise ValueError(msg)
    return Views(_wide(frames[:, 1]), _wide(frames[:, ::2]), _wide(snippet.intrinsics))


def single_precision(estimate: SnippetEstimate) -> SnippetEstimate:
    """The estimate with what autocast left in half precision converted to float32."""

    def wide_flow(flow: FlowEstimate | None) -> FlowEstimate | None:
        if flow is None:
            return None
        levels = tuple(_wide(level) for level in flow.levels)
        return FlowEstimate(_wide(flow.flow), _wide(flow.visibility), levels)

    disparity = estimate.disparity
    return SnippetEstimate(
        disparity=None if disparity is None else tuple(_wide(level) for level in disparity),
        source_from_target=_wide_or_none(estimate.source_from_target),
        target_from_source=_wide_or_none(estimate.target_from_source),
        flow_target_to_source=wide_flow(estimate.flow_target_to_source),
        flow_source_to_target=wide_flow(estimate.flow_source_to_target),
        source_disparity=_wide_or_none(estimate.source_disparity),
    )


def _wide(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def _wide_or_none(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else _wide(tensor)


@dataclass(frozen=True)
class FlowSide:
    """The target as optical flow explains it.

    Attributes:
        flow: target to source (px).
        error: L_o, photometric, of the target against the sources warped by flow.
        in_frame: 1 where the match lies inside the source.
        learned: the flow network's own visibility, detached.
        ranged: visibility by the range map of the backward flow; None without one.
        levels: flows of the pyramid, fine to coarse, batch and sources joined (px of each).
    """

    flow: Float[Tensor, "batch sources 2 height width"]
    error: Float[Tensor, "batch sources 1 height width"]
    in_frame: Float[Tensor, "batch sources 1 height width"]
    learned: Float[Tensor, "batch sources 1 height width"]
    ranged: Float[Tensor, "batch sources 1 height width"] | None
    levels: tuple[Float[Tensor, "joined 2 _ _"], ...] = ()

    def visibility(self, rule: VisibilityRule) -> Float[Tensor, "batch sources 1 height width"]:
        """1 where the target pixel counts as seen in the source, by the given rule.

        Raises:
            ValueError: the range map is asked for, and no backward flow was estimated.
        """
        if rule == "none":
            return torch.ones_like(self.learned)
        if rule == "learned":
            return self.learned
        if self.ranged is None:
            msg = f"visibility by {rule!r} needs the backward flow: estimate flow_source_to_target"
            raise ValueError(msg)
        return self.ranged if rule == "range_map" else self.ranged * self.learned


@dataclass(frozen=True)
class DepthSide:
    """The target as depth and pose explain it; levels are fine to coarse.

    Attributes:
        rigid: flow of the static scene under the finest depth (px).
        in_front: 1 where the finest depth's point is in front of the source camera.
        error: L_d, photometric, of the target against the sources warped by rigid flow.
        valid: 1 where the point is in front of the source camera and inside its frame.
        mean_inverse_depth: of the finest depth, detached.
        inconsistency: of the finest depth with the sources' own; None where these were not estimated.
    """

    rigid: Float[Tensor, "batch sources 2 height width"]
    in_front: Float[Tensor, "batch sources 1 height width"]
    error: Float[Tensor, "batch levels sources 1 height width"]
    valid: Float[Tensor, "batch levels sources 1 height width"]
    mean_inverse_depth: Float[Tensor, " batch"]
    inconsistency: Float[Tensor, "batch sources 1 height width"] | None = None


def flow_side(views: Views, forward: FlowEstimate, backward: FlowEstimate | None, error: ErrorFunction) -> FlowSide:
    """The flow's explanation of the target.

    Args:
        views: the frames.
        forward: target to source, batch and sources joined.
        backward: source to target, joined likewise.
        error: compares the target with warped sources.
    """
    pairs = (views.sources.shape[0], views.sources.shape[1])
    photometric, in_frame = matched_error(views.target, views.sources, forward.flow, error)
    return FlowSide(
        flow=parted(forward.flow, pairs),
        error=photometric,
        in_frame=in_frame,
        learned=parted(forward.visibility.detach(), pairs),
        ranged=None if backward is None else parted(range_visibility(backward.flow), pairs),
        levels=forward.levels,
    )


def depth_side(
    views: Views,
    disparity: Sequence[Float[Tensor, "batch 1 _ _"]],
    source_from_target: Float[Tensor, "batch sources 4 4"],
    error: ErrorFunction,
    *,
    source_disparity: Float[Tensor, "batch sources 1 height width"] | None = None,
    min_depth: float,
    max_depth: float,
) -> DepthSide:
    """The explanation by depth and pose, for each of the given disparities at full size.

    Args:
        views: the frames.
        disparity: the network's levels that take part, fine to coarse.
        source_from_target: predicted poses.
        error: compares the target with warped sources.
        source_disparity: the sources' own, at full size, where their consistency is asked for.
        min_depth: depth of disparity 1.
        max_depth: depth of disparity 0.
    """
    batch, sources = views.sources.shape[:2]
    levels, size = len(disparity), views.target.shape[-2:]
    full = [F.interpolate(level, size=size, mode="bilinear", align_corners=False) for level in disparity]
    depth = depth_from_disparity(torch.stack(full, dim=1), min_depth=min_depth, max_depth=max_depth)
    shape = (batch, levels, sources)

    def joined(tensor: Tensor) -> Tensor:
        return tensor.expand(*shape, *tensor.shape[3:]).flatten(0, 2)

    rigid = rigid_flow(
        joined(depth.unsqueeze(2)),
        joined(views.intrinsics[:, None, None]),
        joined(source_from_target.unsqueeze(1)),
    )
    moved, _ = warped(joined(views.sources.unsqueeze(1)), rigid.flow, padding="border")
    photometric = error(views.target, parted(moved, (batch, levels * sources)))
    inconsistency = None
    if source_disparity is not None:
        flow, moved_depth = (parted(maps, shape)[:, 0].flatten(0, 1) for maps in (rigid.flow, rigid.depth_in_source))
        own = depth_from_disparity(source_disparity.flatten(0, 1), min_depth=min_depth, max_depth=max_depth)
        inconsistency = parted(depth_inconsistency(flow, moved_depth, own), (batch, sources))
    return DepthSide(
        rigid=parted(rigid.flow, shape)[:, 0],
        in_front=parted(rigid.depth_in_source > 0, shape)[:, 0].to(depth.dtype),
        error=photometric.reshape(*shape, *photometric.shape[2:]),
        valid=parted(rigid.valid, shape).to(depth.dtype),
        mean_inverse_depth=(1 / depth[:, 0].detach()).mean(dim=(1, 2, 3)),
        inconsistency=inconsistency,
    )
