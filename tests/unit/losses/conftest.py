"""A small moving scene, and what networks might say of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from triptych.geometry.pose import rigid_transform
from triptych.losses.crop_agreement import Window, WindowFlow
from triptych.types import FlowEstimate, Snippet, SnippetEstimate

HEIGHT, WIDTH = 24, 40


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


@pytest.fixture
def snippet(generator: torch.Generator) -> Snippet:
    frames = torch.rand(2, 3, 3, HEIGHT, WIDTH, generator=generator)
    intrinsics = torch.tensor([[30.0, 0.0, 19.5], [0.0, 30.0, 11.5], [0.0, 0.0, 1.0]]).expand(2, 3, 3)
    return Snippet(frames=frames, jittered=frames, intrinsics=intrinsics, index=torch.arange(2))


@pytest.fixture
def make_estimate() -> Callable[..., SnippetEstimate]:
    """Leaves that require a gradient, drawn from a fixed seed."""

    def build(*, flow_gradient: bool = True, dtype: torch.dtype = torch.float32) -> SnippetEstimate:
        source = torch.Generator().manual_seed(11)

        def normal(*shape: int, scale: float) -> torch.Tensor:
            return scale * torch.randn(*shape, generator=source, dtype=dtype)

        def uniform(*shape: int) -> torch.Tensor:
            return torch.rand(*shape, generator=source, dtype=dtype)

        def pose() -> torch.Tensor:
            # translations of a few tenths at depths of a few units: flows of a few pixels
            return rigid_transform(normal(2, 2, 3, scale=0.02), normal(2, 2, 3, scale=0.02)).requires_grad_()

        disparity = tuple(uniform(2, 1, HEIGHT >> level, WIDTH >> level).requires_grad_() for level in range(4))
        levels = tuple(
            normal(4, 2, HEIGHT >> level, WIDTH >> level, scale=1.0).requires_grad_(flow_gradient) for level in (1, 2)
        )
        forward = FlowEstimate(
            flow=normal(4, 2, HEIGHT, WIDTH, scale=2.0).requires_grad_(flow_gradient),
            visibility=uniform(4, 1, HEIGHT, WIDTH),
            levels=levels,
        )
        backward = FlowEstimate(normal(4, 2, HEIGHT, WIDTH, scale=2.0), uniform(4, 1, HEIGHT, WIDTH))
        poses, reversed_poses = pose(), pose()
        of_sources = uniform(2, 2, 1, HEIGHT, WIDTH).requires_grad_()
        return SnippetEstimate(disparity, poses, reversed_poses, forward, backward, of_sources)

    return build


@pytest.fixture
def window() -> WindowFlow:
    """A flow of windows of the snippet's frames; a leaf that requires a gradient."""
    source = torch.Generator().manual_seed(13)
    cut = Window(share=torch.tensor([0.7, 0.8]), left=torch.tensor([5.3, 0.0]), top=torch.tensor([0.4, 4.0]))
    return WindowFlow(cut, (2 * torch.randn(4, 2, HEIGHT, WIDTH, generator=source)).requires_grad_())
