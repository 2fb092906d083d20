"""Stages, budgets and learning rates as functions of progress."""

import math

import pytest

from triptych.errors import InputError
from triptych.training.budget import Budget, TrainingState
from triptych.training.stages import Stage, StagePlan, learning_rate

FLOW = Stage(name="flow", learns=frozenset({"flow"}), share=2.0, learning_rate=1e-3, imitation=0.5)
DEPTH = Stage(name="depth", learns=frozenset({"depth", "pose"}), share=1.0, learning_rate=1e-4)
JOINT = Stage(name="joint", learns=frozenset({"flow", "depth", "pose"}), share=1.0, learning_rate=1e-5)
PLAN = StagePlan((FLOW, DEPTH, JOINT))


@pytest.mark.parametrize(
    ("progress", "stage", "fraction"),
    [
        (0.0, FLOW, 0.0),
        (0.25, FLOW, 0.5),
        (0.5, DEPTH, 0.0),
        (0.625, DEPTH, 0.5),
        (0.75, JOINT, 0.0),
        (1.0, JOINT, 1.0),
    ],
)
def test_stages_take_their_shares_of_the_progress_in_order(progress: float, stage: Stage, fraction: float) -> None:
    position = PLAN.position(progress)
    assert position.stage is stage
    assert position.fraction == pytest.approx(fraction, abs=1e-9)


def test_a_plan_without_stages_is_refused() -> None:
    with pytest.raises(InputError, match="one stage at least"):
        StagePlan(())


def test_a_stage_without_length_is_refused() -> None:
    with pytest.raises(InputError, match="share above 0"):
        StagePlan((Stage("flow", frozenset({"flow"}), 0.0, 1e-3),))


def test_the_paper_s_rate_is_halved_every_ten_epochs() -> None:
    position = PLAN.position(0.1)
    rates = [learning_rate(position, schedule="halving", epoch=epoch) for epoch in (0, 9, 10, 19, 20)]
    assert rates == pytest.approx([1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4])


def test_a_cosine_rate_rises_and_falls_within_its_stage() -> None:
    rates = [learning_rate(PLAN.position(p), schedule="cosine", epoch=0) for p in (0.0, 0.01, 0.255, 0.4999)]
    assert rates[0] == pytest.approx(1e-4)  # a tenth, to warm up
    assert rates[1] > 0.99e-3
    assert 0.45e-3 < rates[2] < 0.56e-3
    assert rates[3] < 2e-5
    assert learning_rate(PLAN.position(0.51), schedule="cosine", epoch=0) > 0.9e-4


def test_imitation_fades_to_nothing_at_its_share_of_the_stage() -> None:
    assert [FLOW.imitation_weight(fraction) for fraction in (0.0, 0.25, 0.5, 0.9)] == pytest.approx([1, 0.5, 0, 0])


def test_progress_counts_epochs_steps_or_minutes() -> None:
    state = TrainingState(epoch=2, batch=5, step=30, seconds=90.0)
    assert Budget(epochs=5).progress(state, batches_per_epoch=10) == 0.5
    assert Budget(steps=120).progress(state, batches_per_epoch=10) == 0.25
    assert Budget(minutes=2.0).progress(state, batches_per_epoch=10) == 0.75
    assert Budget(steps=7).progress(state, batches_per_epoch=10) == 1.0


@pytest.mark.parametrize("lengths", [{}, {"epochs": 1, "steps": 5}, {"minutes": 0.0}, {"steps": -1}])
def test_a_budget_is_exactly_one_positive_length(lengths: dict[str, float]) -> None:
    with pytest.raises(InputError, match="one of epochs, steps or minutes"):
        Budget(**lengths)  # type: ignore[arg-type]


def test_cosine_is_never_negative() -> None:
    rates = [learning_rate(PLAN.position(i / 500), schedule="cosine", epoch=0) for i in range(501)]
    assert min(rates) > 0
    assert all(math.isfinite(rate) for rate in rates)


def test_imitation_is_alone_then_fades_then_ends() -> None:
    stage = Stage(
        name="flow", learns=frozenset({"flow"}), share=1.0, learning_rate=1e-3, imitation=0.9, imitation_alone=0.5
    )
    fractions = (0.0, 0.49, 0.5, 0.7, 0.9, 1.0)
    assert [stage.imitates_alone(fraction) for fraction in fractions] == [True, True, False, False, False, False]
    assert [stage.imitation_weight(fraction) for fraction in fractions] == pytest.approx([1, 1, 1, 0.5, 0, 0])


def test_a_stage_may_imitate_from_beginning_to_end_and_nothing_else() -> None:
    stage = Stage(
        name="flow", learns=frozenset({"flow"}), share=1.0, learning_rate=1e-3, imitation=1.0, imitation_alone=1.0
    )
    assert stage.imitation_weight(0.999) == 1.0
    assert stage.imitation_weight(1.0) == 0.0
