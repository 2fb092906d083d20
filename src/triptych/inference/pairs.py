"""A frame and the next: what the networks say of them, and what their images add."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from triptych.geometry.visibility import forward_backward_visibility, two_way_visibility
from triptych.inference.matches import tracked_matches, variational_flow
from triptych.inference.motion import matches_are_still
from triptych.inference.two_view import pair_motion


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
        range_visibility: of the frame's pixels in the next, by the range map of the flow back.
        learned_visibility: the same by the flow network's own mask.
    """

    image: UInt8[Tensor, "3 height width"]
    following: UInt8[Tensor, "3 height width"]
    flow: Float[Tensor, "2 height width"]
    flow_back: Float[Tensor, "2 height width"]
    depth: Float[Tensor, "1 height width"]
    next_from_current: Float[Tensor, "4 4"]
    still: bool
    range_visibility: Float[Tensor, "1 height width"]
    learned_visibility: Float[Tensor, "1 height width"]


@dataclass(frozen=True)
class MeasuredPair:
    """What the images say, begun from what the networks say.

    Attributes:
        estimate: of the networks.
        flow: frame to next (px).
        flow_back: next to frame (px).
        visibility: of the frame's pixels in the next, by both flows.
        seen: where the flow to the next is a match, there and back.
        seen_back: where the flow back is.
        motion: next from frame, in float64, its translation of length 1; None where none is told.
        still: whether the camera stands still, so that there is none.
    """

    estimate: PairEstimate
    flow: Float[Tensor, "2 height width"]
    flow_back: Float[Tensor, "2 height width"]
    visibility: Float[Tensor, "1 height width"]
    seen: Bool[Tensor, "1 height width"]
    seen_back: Bool[Tensor, "1 height width"]
    motion: Float[Tensor, "4 4"] | None
    still: bool


def measured_pair(estimate: PairEstimate, intrinsics: Float[Tensor, "3 3"]) -> MeasuredPair:
    """Flow brought to what the images say, and the camera's motion behind matches.

    Where the tracked corners stay in their places, the camera stands still whatever the networks say.

    Args:
        estimate: of the networks.
        intrinsics: K of both frames (px).
    """
    matches = tracked_matches(estimate.image, estimate.following, estimate.flow)
    flow = variational_flow(estimate.image, estimate.following, estimate.flow)
    flow_back = variational_flow(estimate.following, estimate.image, estimate.flow_back)
    still = estimate.still or matches_are_still(matches, width=flow.shape[-1])
    found = None if still else pair_motion(matches, intrinsics)
    return MeasuredPair(
        estimate=estimate,
        flow=flow,
        flow_back=flow_back,
        visibility=two_way_visibility(flow[None], flow_back[None])[0],
        seen=forward_backward_visibility(flow[None], flow_back[None])[0],
        seen_back=forward_backward_visibility(flow_back[None], flow[None])[0],
        motion=None if found is None or found.trust == 0 else found.source_from_target,
        still=still,
    )
