"""Where depth, pose and flow check one another (eqs. 5 and 7).

Flow and rigid flow each explain the target in two ways: photometrically (L_o, L_d) and
epipolarly (L_Eo, L_Ed). Each error gates its counterpart: the flow of a car that moves
by itself lies off the epipolar lines of the camera's motion (L_Eo is large), so w_Eo
keeps that car out of the loss of depth and pose.

Maps of pairs are (batch, levels, sources, 1, height, width); only the errors of depth
have more than one level.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.losses.means import MaskNormalization, divisor, masked_mean, weighted_sum
from triptych.losses.weights import cross_gate, lowest

PhotometricRule = Literal["cross_weighted", "minimum", "none"]


def photometric_gates(
    flow_error: Float[Tensor, "batch 1 sources 1 height width"],
    depth_error: Float[Tensor, "batch levels sources 1 height width"],
    flow_weight: Float[Tensor, "batch 1 sources 1 height width"],
    depth_weight: Float[Tensor, "batch levels sources 1 height width"],
    *,
    rule: PhotometricRule,
    tau: float,
) -> tuple[
    Float[Tensor, "batch 1 sources 1 height width"],
    Float[Tensor, "batch levels sources 1 height width"],
]:
    """The gates (w_o, w_d) on photometric errors; against many depths, flow meets the finest.

    `cross_weighted` is eq. 5; `minimum` keeps the lower error of those that are
    `seen` (GLNet's rule, the paper's baseline); `none` keeps both.

    Raises:
        ValueError: another rule.
    """
    if rule not in get_args(PhotometricRule):
        msg = f"the photometric rule is {', '.join(get_args(PhotometricRule))}, got {rule!r}"
        raise ValueError(msg)
    if rule == "cross_weighted":
        of_flow = cross_gate(flow_error, depth_error[:, :1], tau=tau)
        return of_flow, cross_gate(depth_error, flow_error.expand_as(depth_error), tau=tau)
    if rule == "minimum":
        errors = torch.stack((flow_error.expand_as(depth_error), depth_error))
        weights = torch.stack((flow_weight.expand_as(depth_weight), depth_weight))
        of_flow, of_depth = lowest(errors, weights, dim=0).to(flow_error.dtype).unbind(0)
        return of_flow[:, :1], of_depth
    return torch.ones_like(flow_error), torch.ones_like(depth_error)


def photometric_means(
    flow_error: Float[Tensor, "batch 1 sources 1 height width"],
    depth_error: Float[Tensor, "batch levels sources 1 height width"],
    flow_weight: Float[Tensor, "batch 1 sources 1 height width"],
    depth_weight: Float[Tensor, "batch levels sources 1 height width"],
    *,
    rule: PhotometricRule,
    normalization: MaskNormalization = "kept",
    source_choices: int = 1,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The means (of L_o, of L_d) over their gated pixels.

    Under `minimum` both share one sum of weights, so that the two add up to the mean of
    the per-pixel minimum; otherwise each side is divided by its own. Normalized by
    `all`, a side is divided by its number of pixels, those of all sources and levels
    counted; under `minimum` both by that of the flow side, since a pixel of a pair
    counts with one side.

    Args:
        flow_error: L_o.
        depth_error: L_d.
        flow_weight: masks and gates of L_o.
        depth_weight: masks, gates and choice of L_d.
        rule: that the gates are of.
        normalization: by the weights, or by all pixels.
        source_choices: of how many sources the weight of depth keeps one; `all` counts
            them as one, but under `minimum`, where flow may still be kept in the others.
    """
    if rule != "minimum":
        of_flow = masked_mean(flow_error, flow_weight, normalization=normalization)
        return of_flow, masked_mean(depth_error, depth_weight, normalization=normalization, choices=source_choices)
    levels = depth_error.shape[1]
    weight_sum = flow_weight.sum() + depth_weight.sum() / levels
    weight_sum = divisor(weight_sum, pixels=flow_error.numel(), normalization=normalization)
    of_flow = weighted_sum(flow_error, flow_weight) / weight_sum
    return of_flow, weighted_sum(depth_error, depth_weight) / (levels * weight_sum)
