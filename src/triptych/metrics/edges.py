"""Where depth jumps: there networks blur, and mean errors do not tell."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor

from triptych.metrics.arrays import Flags, Maps, as_maps, as_mask

EDGE_RATIO = 1.1
"""Neighbors whose depths differ by more than this factor lie on two sides of an edge."""
EDGE_REACH_PX = 2
"""How far from an edge a pixel still counts as near it (px)."""


def near_depth_edges(depth_m: Maps, valid: Flags) -> Bool[Tensor, "batch 1 height width"]:
    """True within 2 px of a jump in the true depth by more than a tenth.

    Args:
        depth_m: true depth; anything where it is not valid.
        valid: where it is known; an unknown neighbor makes no edge.
    """
    depth, known = as_maps(depth_m=depth_m, valid=as_mask("valid", valid))
    log = torch.where(known, depth, 1.0).clamp_min(torch.finfo(depth.dtype).tiny).log()
    least = torch.tensor(EDGE_RATIO, dtype=log.dtype, device=log.device).log()
    edge = torch.zeros_like(known)
    for axis in (2, 3):
        count = log.shape[axis] - 1
        jump = log.diff(dim=axis).abs() > least
        jump &= known.narrow(axis, 0, count) & known.narrow(axis, 1, count)
        edge.narrow(axis, 0, count).logical_or_(jump)
        edge.narrow(axis, 1, count).logical_or_(jump)
    reach = F.max_pool2d(edge.to(depth.dtype), 2 * EDGE_REACH_PX - 1, stride=1, padding=EDGE_REACH_PX - 1)
    return (reach > 0) & known
