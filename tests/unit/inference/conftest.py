"""A few exact frames of a street, and what is exactly known of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from triptych.data.synthetic import synthetic_clip
from triptych.geometry.pose import relative_transform
from triptych.types import FrameSequence, SyntheticClip


@dataclass(frozen=True)
class Street:
    """A clip; `step(i)` is its exact motion from frame i to i + 1 (m)."""

    clip: SyntheticClip

    @property
    def intrinsics(self) -> Tensor:
        return self.clip.intrinsics.float()

    def step(self, index: int) -> Tensor:
        poses = self.clip.camera_to_world.double()
        return relative_transform(poses[index + 1 : index + 2], poses[index : index + 1])[0]

    def unit_step(self, index: int) -> Tensor:
        step = self.step(index).clone()
        step[:3, 3] /= step[:3, 3].norm()
        return step

    def sequence(self) -> FrameSequence:
        count = len(self.clip.images)
        return FrameSequence(
            images=self.clip.images,
            intrinsics=self.intrinsics,
            timestamps=torch.arange(count, dtype=torch.float64) / 10,
            source_indices=torch.arange(count),
            source_length=count,
            intrinsics_origin="of the synthetic camera",
            name="street",
        )


@pytest.fixture(scope="session")
def street() -> Street:
    return Street(synthetic_clip("street", seed=11, frames=4, height=96, width=320))
