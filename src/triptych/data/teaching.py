"""Classical answers under the augmentation of their snippet, and in batches.

Convention: as K follows zoom, crop and flip, depth and camera motion stay what they are
under zoom and crop; a flip mirrors x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from triptych.data.augment import GeometricChange
from triptych.geometry.grid import resize_flow
from triptych.types import Teaching

LEAST_TRUST = 1e-6


@runtime_checkable
class Teacher(Protocol):
    """Whoever gives classical answers about snippets of a sequence."""

    def teaching(self, positions: tuple[int, int, int]) -> Teaching:
        """Answers about the frames (previous, target, next) as they are in the sequence."""


def reframed_teaching(teaching: Teaching, change: GeometricChange) -> Teaching:
    """The answers about a snippet for the same snippet after `reframed`.

    Args:
        teaching: about the frames as they were; without a batch axis.
        change: what the frames went through.
    """
    height, width = teaching.flow.shape[-2:]
    rows = slice(change.top, change.top + change.height)
    columns = slice(change.left, change.left + change.width)

    def resized(maps: Tensor) -> Tensor:
        window = maps[..., rows, columns].reshape(-1, 1, change.height, change.width)
        return F.interpolate(window, (height, width), mode="bilinear").reshape(maps.shape)

    flow = resize_flow(teaching.flow[..., rows, columns], (height, width))
    flow_trust, depth_trust = resized(teaching.flow_trust), resized(teaching.depth_trust)
    # Weighted by trust: where depth is unknown there is a filler, which must not blend in.
    logarithm = resized(teaching.depth_trust * teaching.inverse_depth.log())
    inverse_depth = (logarithm / depth_trust.clamp_min(LEAST_TRUST)).exp()
    maps = [flow_trust, inverse_depth, depth_trust]
    poses = teaching.source_from_target
    if change.flipped:
        flow = flow.flip(-1) * flow.new_tensor((-1.0, 1.0)).view(2, 1, 1)
        maps = [part.flip(-1) for part in maps]
        mirror = torch.diag(poses.new_tensor((-1.0, 1.0, 1.0, 1.0)))
        poses = mirror @ poses @ mirror
    return Teaching(flow, maps[0], poses, teaching.motion_trust, maps[1], maps[2])


def stacked_teachings(teachings: Sequence[Teaching]) -> Teaching:
    """One teaching with a batch axis of several without."""
    parts = {field.name: torch.stack([getattr(one, field.name) for one in teachings]) for field in fields(Teaching)}
    return Teaching(**parts)
