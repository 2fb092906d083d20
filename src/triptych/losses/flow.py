"""Optical flow from the images alone (eq. 2), at full size and over the pyramid."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from triptych.geometry.warp import warped
from triptych.losses.means import MaskNormalization, divisor, weighted_sum
from triptych.losses.weights import TemporalMode, seen, temporal_weights

ErrorFunction = Callable[[Tensor, Tensor], Tensor]
"""(target (B, 3, H, W), warped (B, S, 3, H, W)) to error (B, S, 1, H, W)."""

SMALLEST_LEVEL = 4
"""Side of the smallest pyramid level that is compared (px): below, windows are all border."""


def parted(joined: Shaped[Tensor, "joined ..."], batch: tuple[int, ...]) -> Shaped[Tensor, "..."]:
    """The joined first axis taken apart again, in batch-major order."""
    return joined.reshape(*batch, *joined.shape[1:])


def matched_error(
    target: Float[Tensor, "batch 3 height width"],
    sources: Float[Tensor, "batch sources 3 height width"],
    flow: Float[Tensor, "joined 2 height width"],
    error: ErrorFunction,
) -> tuple[
    Float[Tensor, "batch sources 1 height width"],
    Float[Tensor, "batch sources 1 height width"],
]:
    """Error of the target against each source warped by its flow, and where that is in frame.

    Args:
        target: the frame explained.
        sources: the frames it is explained from.
        flow: target to source (px), batch and sources joined, batch major.
        error: compares the target with the warped sources.

    Returns:
        The error, and 1 where the match lies inside the source, else 0.
    """
    moved, in_frame = warped(sources.flatten(0, 1), flow, padding="border")
    batch = (sources.shape[0], sources.shape[1])
    return error(target, parted(moved, batch)), parted(in_frame, batch).to(flow.dtype)


def flow_loss(
    backward_error: Float[Tensor, "batch 1 height width"],
    forward_error: Float[Tensor, "batch 1 height width"],
    backward_visibility: Float[Tensor, "batch 1 height width"],
    forward_visibility: Float[Tensor, "batch 1 height width"],
    *,
    temporal: TemporalMode = "printed",
    normalization: MaskNormalization = "kept",
) -> Float[Tensor, ""]:
    """L_op of eq. 2: `w_b M_b L_b + w_f M_f L_f`, over the sum of the applied masks.

    The masks are the visibilities, so the value is a mean over visible pixels of both
    directions. With `minimum` the choice of a direction is a mask too: the mean is over
    the chosen pixels, chosen among the visible.

    Normalized by `all`, the divisor is the number of pixels of both directions, however
    many are visible; with `minimum`, of one, since a pixel counts with one direction.

    Args:
        backward_error: L_b, the target against the previous frame warped by flow.
        forward_error: L_f, against the next frame.
        backward_visibility: M, 1 where the target pixel is seen in the previous frame.
        forward_visibility: the same for the next frame.
        temporal: form of the weights w, see `temporal_weights`.
        normalization: by the masks, or by all pixels.

    Returns:
        A scalar; 0 without gradient where nothing is visible.
    """
    errors = torch.stack((backward_error, forward_error))
    masks = torch.stack((backward_visibility, forward_visibility)).detach()
    if temporal == "minimum":
        among_visible = torch.where(seen(masks), errors.detach(), torch.inf)
        masks = masks * torch.stack(temporal_weights(*among_visible.unbind(0), mode=temporal))
        weights = masks
    else:
        weights = masks * torch.stack(temporal_weights(*errors.unbind(0), mode=temporal))
    pixels = errors[0].numel() if temporal == "minimum" else errors.numel()
    return weighted_sum(errors, weights) / divisor(masks.sum(), pixels=pixels, normalization=normalization)


def flow_pyramid_loss(
    target: Float[Tensor, "batch 3 height width"],
    sources: Float[Tensor, "batch 2 3 height width"],
    levels: Sequence[Float[Tensor, "joined 2 _ _"]],
    visibility: Float[Tensor, "batch 2 1 height width"],
    error: ErrorFunction,
    *,
    temporal: TemporalMode = "printed",
    normalization: MaskNormalization = "kept",
) -> Float[Tensor, ""]:
    """Mean over pyramid levels of eq. 2 on images averaged down to each level's grid.

    A coarse level sees a displacement of many pixels as one of few, so its error leads
    to the match from farther away. Not in the paper; levels with a side below
    `SMALLEST_LEVEL` are left out.

    Args:
        target: the frame explained.
        sources: the previous and the next frame.
        levels: flows of the pyramid, each in pixels of its own grid, batch major.
        visibility: of the full-size flow, averaged down to each level as its mask.
        error: compares a target with warped sources.
        temporal: form of the weights, see `temporal_weights`.
        normalization: of each level, by its masks or by all of its pixels.

    Returns:
        A scalar; 0 where there is no level or nothing is visible.
    """
    frames = torch.cat((target.unsqueeze(1), sources), dim=1)
    batch = target.shape[0]
    losses = []
    for flow in levels:
        size = (int(flow.shape[-2]), int(flow.shape[-1]))
        if min(size) < SMALLEST_LEVEL:
            continue
        small = parted(F.interpolate(frames.flatten(0, 1), size=size, mode="area"), (batch, 3))
        seen = parted(F.interpolate(visibility.flatten(0, 1), size=size, mode="area"), (batch, 2))
        errors, in_frame = matched_error(small[:, 0], small[:, 1:], flow, error)
        mask = seen * in_frame
        pairs = (*errors.unbind(1), *mask.unbind(1))
        losses.append(flow_loss(*pairs, temporal=temporal, normalization=normalization))
    return torch.stack(losses).mean() if losses else target.new_zeros(())
