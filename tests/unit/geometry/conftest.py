"""Random static scenes for the laws of geometry."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from triptych.geometry.pose import rigid_transform

Scene = Callable[..., tuple[Tensor, Tensor, Tensor]]


@pytest.fixture(scope="session")
def scene() -> Scene:
    """Depth, skewed intrinsics and source_from_target of a batch, drawn from a seed."""

    def drawn(
        seed: int,
        *,
        batch: int = 2,
        height: int = 12,
        width: int = 17,
        turn: float = 0.05,
        move: float = 0.5,
        dtype: torch.dtype = torch.float64,
    ) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, dtype=torch.float64)

        depth = 2 + 30 * uniform(batch, 1, height, width)
        intrinsics = torch.zeros(batch, 3, 3, dtype=torch.float64)
        intrinsics[:, 0, 0] = width * (0.6 + uniform(batch))
        intrinsics[:, 1, 1] = width * (0.6 + uniform(batch))
        intrinsics[:, 0, 1] = uniform(batch) - 0.5
        intrinsics[:, 0, 2] = width * (0.3 + 0.4 * uniform(batch))
        intrinsics[:, 1, 2] = height * (0.3 + 0.4 * uniform(batch))
        intrinsics[:, 2, 2] = 1
        pose = rigid_transform(turn * (2 * uniform(batch, 3) - 1), move * (2 * uniform(batch, 3) - 1))
        return depth.to(dtype), intrinsics.to(dtype), pose.to(dtype)

    return drawn
