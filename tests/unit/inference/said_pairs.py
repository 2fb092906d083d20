"""What networks might say of pairs of an exact street."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from triptych.inference.pairs import PairEstimate

if TYPE_CHECKING:
    from tests.unit.inference.conftest import Street


def said(street: Street, index: int, *, still: bool = False) -> PairEstimate:
    """Flow that leans by a pixel, a poor pose, the depth."""
    clip = street.clip
    leaning = torch.tensor([1.0, -0.7]).view(2, 1, 1)
    pose = torch.eye(4)
    pose[0, 3] = 0.3  # sideways
    seen = torch.ones_like(clip.depth_m[index])
    return PairEstimate(
        image=clip.images[index],
        following=clip.images[index + 1],
        flow=clip.flow_forward[index] + leaning,
        flow_back=clip.flow_backward[index] + leaning,
        depth=clip.depth_m[index].clamp(max=80),
        next_from_current=pose,
        still=still,
        range_visibility=seen,
        learned_visibility=seen,
    )
