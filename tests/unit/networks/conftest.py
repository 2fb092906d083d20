"""Small networks with weights large enough that every part of them matters."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn


@pytest.fixture
def stirred() -> Callable[[nn.Module], nn.Module]:
    """A function that moves all weights of a network off their near-zero and identity starts."""

    def stir(network: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(11)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.02)
        return network

    return stir


@pytest.fixture
def textures() -> Callable[..., Tensor]:
    """A function that draws random smooth images in [0, 1]."""

    def draw(*shape: int, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        height, width = shape[-2:]
        coarse = torch.rand(*shape[:-2], -(-height // 4), -(-width // 4), generator=generator)
        fine = nn.functional.interpolate(
            coarse.reshape(-1, 1, *coarse.shape[-2:]), (height, width), mode="bicubic", align_corners=False
        )
        return fine.reshape(shape).clamp(0, 1)

    return draw
