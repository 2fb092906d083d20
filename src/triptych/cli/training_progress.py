"""What a person reads of a training while it runs."""

from __future__ import annotations

import math

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from triptych.cli.console import console, say, warn
from triptych.formats.counts import number_of
from triptych.training.log import StepReport
from triptych.training.validation import ValidationReport

SHOWN_TERMS = 3
SHOWN_FIGURES = ("abs_rel", "rmse", "delta1", "ate_3", "depth_photometric", "flow_photometric")
STEPS_BETWEEN_UPDATES = 5


class TrainingProgress:
    """A training's progress bar: stage, losses and time left."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description:<5}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}% {task.fields[left]} left"),
            TextColumn("{task.fields[losses]}"),
        )
        self._progress = Progress(*columns, console=console, transient=False, refresh_per_second=2)
        self._task: TaskID | None = None
        self._mean: dict[str, float] = {}

    def record(self, report: StepReport) -> None:
        """Show the latest step; losses are running means of what was finite. Warnings stay on the screen."""
        for text in report.warnings:
            warn(text)
        for name, value in {"loss": report.total, **report.terms}.items():
            if math.isfinite(value):
                self._mean[name] = 0.95 * self._mean.get(name, value) + 0.05 * value
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task("", total=1.0, left="", losses="")
        elif report.step % STEPS_BETWEEN_UPDATES and report.progress < 1:
            return
        shown = ["loss", *list(report.terms)[:SHOWN_TERMS]]
        losses = "  ".join(f"{name} {self._shown_mean(name)}" for name in shown)
        if report.skipped:
            losses += f"  skipped {report.skipped}"
        minutes, seconds = divmod(int(report.seconds_left or 0), 60)
        self._progress.update(
            self._task,
            completed=report.progress,
            description=report.stage,
            left="-:--" if report.seconds_left is None else f"{minutes}:{seconds:02d}",
            losses=losses,
        )

    def record_validation(self, report: ValidationReport) -> None:
        """Leave a line with the figures on the screen."""
        for line in report.damaged:
            warn(f"{line}; another validation snippet stands in")
        shown = [name for name in SHOWN_FIGURES if name in report.figures]
        figures = "  ".join(f"{name} {report.figures[name]:.4f}" for name in shown)
        snippets = number_of(report.snippets, "validation snippet", "validation snippets")
        say(f"epoch {report.epoch}, {snippets}: {figures} (best by {report.measure})")

    def close(self) -> None:
        """Leave the last state of the bar on the screen."""
        if self._task is not None:
            self._progress.stop()

    def _shown_mean(self, name: str) -> str:
        return f"{self._mean[name]:.4f}" if name in self._mean else "-"
