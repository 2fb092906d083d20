"""Means over the pixels that count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.precision import check_precision

SMALLEST_WEIGHT_SUM = 1e-6
"""Below this the masks of a batch count as empty; the weight of a millionth of one pixel."""

MaskNormalization = Literal["kept", "all"]
"""What a masked mean divides by: the sum of the weights, or the number of all pixels."""


_shared: ContextVar[Callable[[Tensor], Tensor] | None] = ContextVar("shared", default=None)


@contextmanager
def weights_shared(mean_over_processes: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Within it, means divide by the weights of all processes' batches, not of the own one alone.

    The average over the processes of such means, and of their gradients, is that of the
    joined batch, however unevenly the masks fall: sum over all errors / sum over all weights.

    Args:
        mean_over_processes: the average over the processes of a scalar, the same on each.
    """
    token = _shared.set(mean_over_processes)
    try:
        yield
    finally:
        _shared.reset(token)


def divisor(
    weight_sum: Float[Tensor, ""], *, pixels: int = 0, normalization: MaskNormalization = "kept"
) -> Float[Tensor, ""]:
    """What a weighted sum is divided by, kept from 0; over all processes within `weights_shared`.

    Args:
        weight_sum: of the applied weights: the divisor of `kept`.
        pixels: what these would sum to if no mask hid anything: the divisor of `all`.
        normalization: which of them.

    Raises:
        ValueError: another normalization.
    """
    if normalization not in get_args(MaskNormalization):
        msg = f"masks are normalized by {', '.join(get_args(MaskNormalization))}, got {normalization!r}"
        raise ValueError(msg)
    own = weight_sum.detach()
    if normalization == "all":
        own = torch.full_like(own, pixels)
    shared = _shared.get()
    return (own if shared is None else shared(own)).clamp_min(SMALLEST_WEIGHT_SUM)


def weighted_sum(
    error: Float[Tensor, "*shape"], weight: Float[Tensor, "*#shape"] | Bool[Tensor, "*#shape"]
) -> Float[Tensor, ""]:
    """Sum of the error times the weight, which is taken as a constant.

    Where the weight is zero the error may be anything, infinite too: it is left out,
    not multiplied by zero, and receives no gradient.
    """
    factor = weight.detach().to(error.dtype)
    return torch.where(factor > 0, error * factor, torch.zeros_like(error)).sum()


def masked_mean(
    error: Float[Tensor, "*shape"],
    weight: Float[Tensor, "*#shape"] | Bool[Tensor, "*#shape"],
    *,
    normalization: MaskNormalization = "kept",
    choices: int = 1,
) -> Float[Tensor, ""]:
    """Mean of an error map over the pixels that a mask keeps.

    By default it divides by the sum of the mask, as eq. 2 needs: a sum over the kept
    pixels divided by all of them, which is `all`, is smallest with nothing kept.

    Args:
        error: any shape.
        weight: not negative; broadcast to the error; no gradient flows into it.
        normalization: `kept` or `all`.
        choices: of how many entries the weight keeps one at most (the best of two
            sources); `all` counts them as one, so that both agree where nothing is hidden.

    Returns:
        A scalar; 0 with zero gradient where nothing is kept. Weights that sum to less than
        `SMALLEST_WEIGHT_SUM` are divided by that, so that it tends to this.

    Raises:
        TypeError: below float32.
    """
    check_precision(error)
    weight_sum = weight.detach().to(error.dtype).expand_as(error).sum()
    pixels = error.numel() // choices
    return weighted_sum(error, weight) / divisor(weight_sum, pixels=pixels, normalization=normalization)


def kept_share(kept: Float[Tensor, "..."] | Bool[Tensor, "..."]) -> Float[Tensor, ""]:
    """Share of the pixels that a gate or mask keeps, in [0, 1], without gradient."""
    return kept.detach().to(torch.float32 if kept.dtype == torch.bool else kept.dtype).mean()
