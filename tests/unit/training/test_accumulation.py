"""A batch worked through in parts: the mean of their gradients, which is not that of the whole batch."""

from __future__ import annotations

import pytest
import torch
from lightning.fabric import Fabric
from tests.unit.training.gradients_of_two import STAGES, batch, gradients
from tests.unit.training.small_training import settings
from torch import Tensor

from triptych.config.build_model import build_model
from triptych.losses.objective import Objective
from triptych.networks.joint import JointModel
from triptych.training.batches import in_parts
from triptych.training.optimization import Optimization
from triptych.training.stages import Stage, StagePlan
from triptych.training.step import prepare_stage, step_loss
from triptych.types import Snippet

OBJECTIVE = Objective(flow_guidance=0.3, temporal_weights="minimum", automask=True)


def learned(stage: Stage, *, accumulation: int, checkpointing: bool = False) -> tuple[JointModel, float]:
    """Networks with the gradients of one batch of four snippets that are not alike, and its loss."""
    model = build_model(settings())  # with batch normalization
    model.checkpointing = checkpointing
    fabric = Fabric(accelerator="cpu", devices=1)
    optimization = Optimization(model, OBJECTIVE, fabric, accumulation=accumulation, gradient_clip=1e9)
    optimization.begin_stage(stage)
    result = optimization.step(batch(), StagePlan((stage,)).position(0.5), rate=0.0)
    return model, float(result.terms.total)


def mean_of_parts(stage: Stage, parts: list[Snippet]) -> tuple[JointModel, float]:
    """The same by hand: the parts one after another, the mean of what comes out."""
    model = build_model(settings())
    prepare_stage(model, stage)
    total = 0.0
    for part in parts:
        loss = step_loss(model, OBJECTIVE, part, stage).total / len(parts)
        loss.backward()
        total += float(loss.detach())
    return model, total


def difference(one: JointModel, other: JointModel) -> float:
    """Of all gradients together, relative to their length."""
    mine, theirs = gradients(one), gradients(other)
    assert set(mine) == set(theirs)
    length = torch.cat([gradient.flatten() for gradient in theirs.values()]).double().norm()
    off = torch.cat([(mine[name] - theirs[name]).flatten() for name in theirs]).double().norm()
    return float(off / length)


def statistics(model: JointModel) -> dict[str, Tensor]:
    return {name: buffer for name, buffer in model.named_buffers() if "running" in name}


@pytest.mark.parametrize("name", ["flow", "depth", "joint"])
@pytest.mark.parametrize("count", [2, 4])
def test_a_batch_in_parts_has_the_mean_gradient_of_its_parts(name: str, count: int) -> None:
    (model, total), (expected, mean) = (
        learned(STAGES[name], accumulation=count),
        mean_of_parts(STAGES[name], in_parts(batch(), count)),
    )
    assert total == pytest.approx(mean, rel=1e-5)
    assert difference(model, expected) < 1e-4
    for key, buffer in statistics(expected).items():
        torch.testing.assert_close(statistics(model)[key], buffer, msg=key)


@pytest.mark.parametrize("name", ["flow", "depth", "joint"])
def test_that_is_not_the_gradient_of_the_whole_batch_but_checkpointing_has_it(name: str) -> None:
    whole, total = learned(STAGES[name], accumulation=1)
    parts, mean = learned(STAGES[name], accumulation=2)
    assert mean != pytest.approx(total, rel=1e-3)
    assert difference(parts, whole) > 1e-2
    again, same = learned(STAGES[name], accumulation=1, checkpointing=True)
    assert same == pytest.approx(total, rel=1e-6)
    assert difference(again, whole) < 1e-4
    for key, buffer in statistics(whole).items():
        torch.testing.assert_close(statistics(again)[key], buffer, msg=key)
