"""How far a job's command has come, read from what it writes."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triptych.inference.result import PREDICTION
from triptych.viewing.app.steps import MODEL
from triptych.viewing.run_log import STEPS_FILE, Series

_POINTS_AT_MOST = 4000  # of the curve that is kept; twice as many and every second one is dropped


@dataclass(frozen=True)
class RunProgress:
    """How far a run has come.

    Attributes:
        doing: in a few words; empty before anything was written.
        share: of the learning or of the prediction that is done, in [0, 1]; None where nobody knows.
        seconds_left: of the learning; None outside it.
        losses: the loss over the steps.
    """

    doing: str = ""
    share: float | None = None
    seconds_left: float | None = None
    losses: Series = field(default_factory=list)


class RunReader:
    """Reads a run's progress again and again, each time only what is new; for one thread at a time.

    Args:
        folder: of the run.
        frames: how many are to be predicted.
    """

    def __init__(self, folder: Path, *, frames: int) -> None:
        self._folder = folder
        self._frames = frames
        self._offset = 0
        self._last: dict[str, Any] = {}
        self._losses: Series = []
        self._every = 1

    def progress(self, *, learning: bool = True) -> RunProgress:
        """How far it is now.

        Args:
            learning: whether it learns at all, or predicts only.
        """
        self._read_steps()
        losses = list(self._losses)
        predicted = predicted_frames(self._folder)
        if predicted is not None:
            share = min(predicted / self._frames, 1.0)
            return RunProgress(f"Predicting: {predicted} of {self._frames} frames", share, losses=losses)
        if learning and (self._folder / MODEL).is_file():
            return RunProgress("Predicting", losses=losses)
        if not learning or not self._last:
            return RunProgress(losses=losses)
        told = self._last.get("seconds_left")
        left = None if told is None else max(float(told), 0.0)
        share = min(max(float(self._last.get("progress") or 0.0), 0.0), 1.0)
        step = f"step {int(self._last['step']):,}, {self._last['stage']} stage"
        return RunProgress(f"Learning: {step}", share, left, losses)

    def _read_steps(self) -> None:
        """Takes in the lines that are whole and new."""
        try:
            with (self._folder / STEPS_FILE).open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except OSError:  # not there yet, or no more
            return
        whole, newline, _ = content.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for text in whole.splitlines():
            try:
                record = json.loads(text)
                step, stage, total = int(record["step"]), str(record["stage"]), record["total"]
            except (ValueError, KeyError, TypeError):
                continue
            self._last = record
            if total is not None and math.isfinite(total) and step % self._every == 0:
                self._losses.append((step, stage, float(total)))
        if len(self._losses) > 2 * _POINTS_AT_MOST:
            self._losses = self._losses[::2]
            self._every *= 2


def unfinished_prediction(run: Path) -> Path | None:
    """The folder that a prediction is being written into, which takes its name at the end."""
    found = sorted(run.glob(f".partial-*-{PREDICTION}"))
    return found[-1] if found else None


def predicted_frames(run: Path) -> int | None:
    """Frames of the prediction that is being written; None where none is."""
    folder = unfinished_prediction(run)
    return None if folder is None else frames_in(folder)


def written_prediction(run: Path) -> Path | None:
    """The folder of the prediction that is being written, or else is whole."""
    whole = run / PREDICTION
    return unfinished_prediction(run) or (whole if whole.is_dir() else None)


def frames_in(prediction: Path) -> int:
    """Frames that a prediction holds by now."""
    return sum(1 for path in (prediction / "frames").glob("*.jpg") if not path.name.startswith("."))
