"""Numbers of many steps at once: each comes back under its own name."""

from __future__ import annotations

import torch
from lightning.fabric import Fabric
from torch import Tensor

from triptych.training.collapse import CollapseWatch
from triptych.training.log import StepReport
from triptych.training.optimization import StepResult
from triptych.training.processes import Processes
from triptych.training.reports import Reports
from triptych.types import LossTerms


def scalars(**values: float) -> dict[str, Tensor]:
    return {name: torch.tensor(float(value)) for name, value in values.items()}


def known(step: int) -> StepReport:
    return StepReport(step, 0, "joint", 0.0, 0.0, 0.0, {}, {}, None, 0.0, 0.0, 0)


def test_numbers_of_steps_with_different_terms_stand_under_their_names() -> None:
    reports = Reports(Processes(Fabric(accelerator="cpu", devices=1)), CollapseWatch())
    first = LossTerms(torch.tensor(7.0), scalars(a=1, b=2), scalars(gate=0.25), scalars(flow=3, motion=4))
    second = LossTerms(torch.tensor(8.0), scalars(a=5), {}, scalars(motion=6))
    for step, terms in enumerate((first, second), start=1):
        reports.add(known(step), StepResult(terms, torch.tensor(0.5), torch.tensor(0.0)))
    one, other = reports.told()
    assert (one.total, one.terms, one.shares) == (7.0, {"a": 1.0, "b": 2.0}, {"gate": 0.25})
    assert (one.signs, one.gradient_norm) == ({"flow": 3.0, "motion": 4.0}, 0.5)
    assert (other.total, other.terms, other.shares, other.signs) == (8.0, {"a": 5.0}, {}, {"motion": 6.0})
    assert reports.told() == []
