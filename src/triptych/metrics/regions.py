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
    medians = [_median(pixels[chosen]) for pixels, chosen in zip(flat, inside, strict=True)]
    return torch.stack(medians) if medians else flat.new_zeros(0)


def _median(values: Float[Tensor, " pixels"]) -> Float[Tensor, ""]:
    """Median of a list; by selection, which is quicker than sorting."""
    count = len(values)
    if count == 0 or bool(values.isnan().any()):
        return values.new_tensor(torch.nan)
    lower = values.kthvalue((count + 1) // 2).values
    return lower if count % 2 else (lower + values.kthvalue(count // 2 + 1).values) / 2
