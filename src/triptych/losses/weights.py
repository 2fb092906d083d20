"""Weights and gates between errors, all without gradient (eqs. 3 and 5)."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

TemporalMode = Literal["printed", "gaussian", "minimum", "uniform"]

GAUSSIAN_WIDTH = 0.03
"""Twice the variance of the bump of eq. 3 as its text describes it."""
VISIBLE = 0.5
"""A soft visibility above this share of its map's highest counts as seen where one of several must be chosen."""


def temporal_weights(
    backward_error: Float[Tensor, "*shape"], forward_error: Float[Tensor, "*shape"], *, mode: TemporalMode
) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
    """Weights of the errors against the previous and the next frame (eq. 3).

    With `q = 1 - softmax(error)` over the two directions:
    `printed`: `exp(q - 0.5)`, as eq. 3 stands; within [0.79, 1.26] for errors in [0, 1],
    so it never silences an occluded direction, though its text says so;
    `gaussian`: `2 exp(-(q - 0.5)^2 / 0.03)`, which does: 2 where the errors agree,
    toward 0 (in both directions alike) as they part;
    `minimum`: 1 for the lower error and 0 for the higher, 1 for both where equal;
    `uniform`: 1.

    Args:
        backward_error: against the previous frame.
        forward_error: against the next frame.
        mode: which of the four.

    Returns:
        The weights (backward, forward), detached.

    Raises:
        ValueError: another mode.
    """
    if mode not in get_args(TemporalMode):
        msg = f"temporal weights are {', '.join(get_args(TemporalMode))}, got {mode!r}"
        raise ValueError(msg)
    backward, forward = backward_error.detach(), forward_error.detach()
    if mode == "uniform":
        return torch.ones_like(backward), torch.ones_like(forward)
    if mode == "minimum":
        return (backward <= forward).to(backward.dtype), (forward <= backward).to(forward.dtype)
    backward_q = torch.sigmoid(forward - backward)
    if mode == "printed":
        return torch.exp(backward_q - 0.5), torch.exp(0.5 - backward_q)
    bump = 2 * torch.exp(-(backward_q - 0.5).square() / GAUSSIAN_WIDTH)
    return bump, bump


def cross_gate(
    own_error: Float[Tensor, "*#shape"], other_error: Float[Tensor, "*#shape"], *, tau: float
) -> Float[Tensor, "..."]:
    """Gate of eq. 5: 1 where the own error does not exceed the other by too much.

    `1 - e^own / (e^own + e^other) > tau`, evaluated as `sigmoid(other - own) > tau`
    since the exponentials overflow for distances in pixels. A pixel is dropped where
    `own - other >= ln((1 - tau) / tau)`: 0.944 for the paper's tau of 0.28.

    Args:
        own_error: of the side that is gated.
        other_error: of the side it is compared with.
        tau: in (0, 1); 0.5 drops the larger of the two.

    Returns:
        1 or 0, detached, in the type of the errors.

    Raises:
        ValueError: tau outside (0, 1).
    """
    if not 0 < tau < 1:
        msg = f"tau needs to be between 0 and 1, got {tau}: outside, the gate never opens or never closes"
        raise ValueError(msg)
    gap = other_error.detach() - own_error.detach()
    return (torch.sigmoid(gap) > tau).to(gap.dtype)


def seen(weights: Float[Tensor, "*shape height width"]) -> Bool[Tensor, "*shape height width"]:
    """Where a soft visibility counts as seen: above half of what the best-seen pixel of the same map has.

    The scale of a learned mask means nothing: one that is 0.4 everywhere hides nothing.
    """
    return weights > VISIBLE * weights.amax(dim=(-2, -1), keepdim=True)


def lowest(
    errors: Float[Tensor, "*shape height width"],
    weights: Float[Tensor, "*shape height width"],
    *,
    dim: int,
) -> Bool[Tensor, "*shape height width"]:
    """Where an error is the lowest along an axis, not one of the map's own, among those that are `seen`.

    Where none of them is, all are True: their own small weights decide.
    """
    among_seen = torch.where(seen(weights), errors.detach(), torch.inf)
    return among_seen <= among_seen.amin(dim=dim, keepdim=True)
