"""How well a map tells two kinds of pixels apart: occlusion, motion."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.metrics.arrays import Flags, Maps, as_maps, as_mask


@dataclass(frozen=True)
class MaskMetrics:
    """Agreement of each image's mask with the truth.

    Attributes:
        precision: share of the claimed pixels that are true; 0 where none is claimed.
        recall: share of the true pixels that are claimed; NaN where none is true.
        f1: their harmonic mean; NaN where none is true.
    """

    precision: Float[Tensor, " batch"]
    recall: Float[Tensor, " batch"]
    f1: Float[Tensor, " batch"]


def mask_metrics(claimed: Flags, truth: Flags, valid: Flags) -> MaskMetrics:
    """Precision, recall and F1 = 2 TP / (2 TP + FP + FN) of each image.

    Args:
        claimed: True where the prediction says so.
        truth: True where it is so.
        valid: True where the truth is known.
    """
    pixels = (1, 2, 3)
    claim, real, known = as_maps(
        claimed=as_mask("claimed", claimed), truth=as_mask("truth", truth), valid=as_mask("valid", valid)
    )
    hits = (claim & real & known).sum(pixels)
    claims = (claim & known).sum(pixels)
    positives = (real & known).sum(pixels)
    f1 = 2 * hits / (claims + positives)
    return MaskMetrics(
        precision=hits / claims.clamp_min(1),
        recall=hits / positives,
        f1=torch.where(positives > 0, f1, torch.nan),
    )


def roc_auc(score: Maps, truth: Flags, valid: Flags) -> Float[Tensor, " batch"]:
    """Chance that a true pixel scores above a false one, ties counted half.

    The area under the ROC curve, by the rank sum of Mann and Whitney.

    Args:
        score: higher where the prediction is surer; finite where valid.
        truth: True where it is so.
        valid: True where the truth is known.

    Returns:
        In [0, 1] per image, in float64; NaN where only one kind is present.
    """
    sure, real, known = as_maps(score=score, truth=as_mask("truth", truth), valid=as_mask("valid", valid))
    inside = known.flatten(1)
    values = torch.where(inside, sure.flatten(1).double(), torch.inf)
    ordered = values.sort(dim=1).values
    below = torch.searchsorted(ordered, values)
    not_above = torch.searchsorted(ordered, values, right=True)
    rank = (below + not_above + 1) / 2
    positive = (real & known).flatten(1)
    positives = positive.sum(1).double()
    negatives = inside.sum(1) - positives
    rank_sum = torch.where(positive, rank.double(), 0.0).sum(1)
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)
