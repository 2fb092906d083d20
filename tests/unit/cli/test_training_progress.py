"""What the progress bar of a training says of its losses."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from triptych.cli.training_progress import TrainingProgress
from triptych.training.log import StepReport


def report_of(step: int, total: float) -> StepReport:
    return StepReport(step, 0, "joint", 1.0, 0.0, total, {"flow": total}, {}, None, 0.0, None, skipped=step)


def shown(totals: list[float], monkeypatch: pytest.MonkeyPatch) -> str:
    """The bar as it is left after steps of these losses."""
    written = io.StringIO()
    monkeypatch.setattr("triptych.cli.training_progress.console", Console(file=written, width=200))
    progress = TrainingProgress()
    for step, total in enumerate(totals, start=1):
        progress.record(report_of(step, total))
    progress.close()
    return written.getvalue()


def test_a_skipped_batch_leaves_the_mean_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    line = shown([float("nan"), 2.0, float("inf"), 1.0], monkeypatch)
    assert "loss 1.9500  flow 1.9500  skipped 4" in line  # 0.95 * 2 + 0.05 * 1


def test_before_any_loss_is_finite_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "loss -  flow -  skipped 2" in shown([float("nan")] * 2, monkeypatch)
