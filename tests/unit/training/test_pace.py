"""How many steps go by between two reports, and so until a training hears that it is to stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.training.small_training import NO_TEACHER, Losses, loop, settings

from triptych.training import pace as module
from triptych.training.pace import ReportPace


def reported_steps(step_seconds: float, *, steps: int, begin: int = 0, most_steps: int = 20) -> list[int]:
    pace = ReportPace(step=begin, seconds=begin * step_seconds, most_steps=most_steps)
    told = []
    for step in range(begin + 1, begin + steps + 1):
        if pace.due(step):
            pace.reported(step=step, seconds=step * step_seconds)
            told.append(step)
    return told


@pytest.mark.parametrize(
    ("step_seconds", "told"),
    [
        (0.01, [1, 21, 41]),  # twenty steps at most
        (0.99, [1, 6, 11, 16, 21, 26, 31, 36, 41, 46]),  # five of them take as many seconds
        (0.0, [1, 21, 41]),
    ],
)
def test_steps_between_reports_take_five_seconds_at_most(step_seconds: float, told: list[int]) -> None:
    assert reported_steps(step_seconds, steps=50) == told


def test_steps_that_take_longer_are_reported_each() -> None:
    assert reported_steps(7.0, steps=4) == [1, 2, 3, 4]


def test_a_resume_reports_its_first_step_and_a_cpu_each() -> None:
    assert reported_steps(0.01, steps=25, begin=107) == [108, 128]
    assert reported_steps(0.01, steps=3, most_steps=1) == [1, 2, 3]


def test_a_training_of_slow_steps_is_asked_to_stop_after_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_REPORTS", 1e-6)
    training, log = loop(tmp_path, settings(stages=["flow"], training={"flow": NO_TEACHER})), Losses()
    training._most_steps = 20  # as on a GPU
    asked = []
    assert not training.run([log], stop_requested=lambda: asked.append(training.state.step) or len(asked) == 3)
    assert asked == [1, 2, 3]
    assert training.state.step == 3
