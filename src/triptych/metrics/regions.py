"""Means and medians per image over the pixels that have a truth."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def region_mean(
    values: Float[Tensor, "batch 1 height width"], region: Bool[Tensor, "batch 1 height width"]
) -> Float[Tensor, " batch"]:
    """Mean of each image over a region; NaN where the region is empty.

    Values outside the region may be anything, NaN too.
    """
    kept = torch.where(region, values, torch.zeros_like(values)).sum(dim=(1, 2, 3))
    return kept / region.sum(dim=(1, 2, 3))


def region_median(
    values: Float[Tensor, "batch 1 height width"], region: Bool[Tensor, "batch 1 height width"]
) -> Float[Tensor, " batch"]:
    """Median of each image over a region: of an even number, the mean of the middle two.

    As numpy does, and unlike `torch.median`, which takes the lower one.

    Returns:
        NaN where the region is empty or holds a NaN.
    """
    flat, inside = values.flatten(1), region.flatten(1)
    ordered = torch.where(inside, flat, torch.inf).sort(dim=1).values
    count = inside.sum(dim=1, keepdim=True)
    lower = ordered.gather(1, ((count - 1) // 2).clamp_min(0))
    upper = ordered.gather(1, (count // 2).clamp_max(flat.shape[1] - 1))
    unknown = (count == 0) | (inside & flat.isnan()).any(dim=1, keepdim=True)
    return torch.where(unknown, torch.nan, (lower + upper) / 2).squeeze(1)
