"""Smoothness of disparity and flow, relaxed where the image has edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from triptych.geometry.precision import check_precision

SMALLEST_MEAN_DISPARITY = 1e-7
"""Guards the division by the mean of a disparity that is zero everywhere."""
FLOW_EDGE_SHARPNESS = 10.0
"""Image step that lets flow jump: exp(-10 * 0.1) = 0.37 at a tenth of the range."""


def _edge_relaxation(difference: Float[Tensor, "b c h w"], *, sharpness: float) -> Float[Tensor, "b 1 h w"]:
    return torch.exp(-sharpness * difference.detach().abs().mean(dim=1, keepdim=True))


def edge_aware_smoothness(
    disparity: Float[Tensor, "batch 1 height width"], image: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, ""]:
    """L_s of eq. 8: mean `|dx d*| exp(-|dx I|) + |dy d*| exp(-|dy I|)`.

    d* is the disparity over its own mean, per image: without that a shrinking disparity
    would be the smoothest. Image differences are means over channels of absolute values.

    Returns:
        A scalar, the same for every positive multiple of the disparity; 0 where it is
        constant or zero.

    Raises:
        TypeError: below float32.
    """
    check_precision(disparity, image)
    mean = disparity.mean(dim=(-2, -1), keepdim=True)
    normalized = disparity / (mean + SMALLEST_MEAN_DISPARITY)
    return _first_order(normalized, image, sharpness=1.0)


def disparity_smoothness(
    levels: Sequence[Float[Tensor, "batch 1 _ _"]], image: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, ""]:
    """L_s of eq. 8 over disparity levels: of one, `edge_aware_smoothness` itself.

    Each level is compared with the image averaged down to its grid, and counts half of
    the next finer one, since its differences span twice as many pixels of the image.

    Args:
        levels: disparities, fine to coarse; at least one.
        image: the target at full size.

    Returns:
        The sum over levels of L_s / 2^level, divided by their number.
    """
    losses = []
    for level, disparity in enumerate(levels):
        size = (int(disparity.shape[-2]), int(disparity.shape[-1]))
        small = image if size == image.shape[-2:] else F.interpolate(image, size=size, mode="area")
        losses.append(edge_aware_smoothness(disparity, small) / 2**level)
    return torch.stack(losses).mean()


def flow_smoothness(
    flow: Float[Tensor, "batch channels height width"],
    image: Float[Tensor, "batch 3 height width"],
    *,
    order: Literal[1, 2] = 1,
) -> Float[Tensor, ""]:
    """Mean absolute first or second difference of a flow (px), relaxed at image edges.

    Args:
        flow: its components as channels; flows to several sources may share the axis.
        image: the target, whose edges excuse a jump.
        order: 1 prefers constant flow, 2 affine flow (a plane seen by a moving camera
            has no first-order smooth flow).

    Returns:
        A scalar (px); 0 for constant flow, with order 2 also for affine flow.

    Raises:
        TypeError: below float32.
        ValueError: another order.
    """
    check_precision(flow, image)
    if order not in (1, 2):
        msg = f"the order of flow smoothness needs to be 1 or 2, got {order}"
        raise ValueError(msg)
    differences = _first_order if order == 1 else _second_order
    return differences(flow, image, sharpness=FLOW_EDGE_SHARPNESS)


def _first_order(
    field: Float[Tensor, "b k h w"], image: Float[Tensor, "b c h w"], *, sharpness: float
) -> Float[Tensor, ""]:
    across = (field[..., :, 1:] - field[..., :, :-1]).abs()
    down = (field[..., 1:, :] - field[..., :-1, :]).abs()
    relaxed_across = _edge_relaxation(image[..., :, 1:] - image[..., :, :-1], sharpness=sharpness)
    relaxed_down = _edge_relaxation(image[..., 1:, :] - image[..., :-1, :], sharpness=sharpness)
    return (across * relaxed_across).mean() + (down * relaxed_down).mean()


def _second_order(
    field: Float[Tensor, "b k h w"], image: Float[Tensor, "b c h w"], *, sharpness: float
) -> Float[Tensor, ""]:
    across = (field[..., :, 2:] - 2 * field[..., :, 1:-1] + field[..., :, :-2]).abs()
    down = (field[..., 2:, :] - 2 * field[..., 1:-1, :] + field[..., :-2, :]).abs()
    relaxed_across = _edge_relaxation((image[..., :, 2:] - image[..., :, :-2]) / 2, sharpness=sharpness)
    relaxed_down = _edge_relaxation((image[..., 2:, :] - image[..., :-2, :]) / 2, sharpness=sharpness)
    return (across * relaxed_across).mean() + (down * relaxed_down).mean()
