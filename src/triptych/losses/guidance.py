"""Optical flow as a guide for depth and pose. Not in the paper."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.precision import check_precision
from triptych.losses.means import masked_mean

GUIDANCE_SOFTNESS_PX = 0.1
"""Residual below which the penalty is quadratic: what a good flow is off by."""
GUIDANCE_FLOOR_PX = 1.0
"""Added to the motion that residuals are compared with, so that still pixels do not rule."""


def flow_guidance(
    rigid: Float[Tensor, "*batch 2 height width"],
    flow: Float[Tensor, "*batch 2 height width"],
    weight: Float[Tensor, "*batch 1 height width"] | Bool[Tensor, "*batch 1 height width"],
) -> Float[Tensor, ""]:
    """Mean distance of the rigid flow to the optical flow, relative to their size.

    `charbonnier(|rigid - flow|) / (|rigid| + |flow| + 1 px)` with the flow and the divisor
    as constants: no unit, the same pull on near and far surfaces, in both of which the
    photometric error may be flat.

    Args:
        rigid: flow of the static scene under depth and pose (px); gradient goes here only.
        flow: optical flow (px).
        weight: 1 where the flow can be trusted to be the static scene's.

    Returns:
        A scalar, 0 where both agree or nothing is weighted.

    Raises:
        TypeError: below float32.
    """
    check_precision(rigid, flow)
    guide = flow.detach()
    squared = (rigid - guide).square().sum(dim=-3, keepdim=True)
    distance = (squared + GUIDANCE_SOFTNESS_PX**2).sqrt() - GUIDANCE_SOFTNESS_PX
    size = _length(rigid.detach()) + _length(guide)
    return masked_mean(distance / (size + GUIDANCE_FLOOR_PX), weight)


def _length(flow: Float[Tensor, "*batch 2 height width"]) -> Float[Tensor, "*batch 1 height width"]:
    length: Tensor = flow.square().sum(dim=-3, keepdim=True).sqrt()  # four times as fast as its norm
    return length
