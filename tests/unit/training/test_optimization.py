"""The optimizer that a training steps with."""

from __future__ import annotations

import torch
from lightning.fabric import Fabric
from tests.unit.training.small_training import settings

from triptych.config.build_model import build_model
from triptych.losses.objective import Objective
from triptych.networks.execution import in_channels_last
from triptych.networks.joint import JointModel
from triptych.training.optimization import Optimization


def move(model: JointModel) -> None:
    """Three steps of the optimizer along gradients that are drawn."""
    fabric = Fabric(accelerator="cpu", devices=1)
    adam = Optimization(model, Objective(), fabric, accumulation=1, gradient_clip=1.0)._adam
    assert adam.defaults["fused"]
    adam.param_groups[0]["lr"] = 0.1
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        for parameter in model.parameters():
            parameter.grad = torch.empty_like(parameter).copy_(torch.randn(parameter.shape, generator=generator))
        adam.step()


def test_weights_of_channels_last_are_moved_like_the_others() -> None:
    untouched, planar, other = (build_model(settings()) for _ in range(3))
    in_channels_last(other)
    assert sum(not weight.is_contiguous() for weight in other.parameters()) > 10
    move(planar)
    move(other)
    for before, one, another in zip(untouched.parameters(), planar.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, another, rtol=0, atol=1e-6)
        assert not torch.equal(one, before)
