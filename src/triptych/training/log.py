"""What a training says while it runs, and the files it keeps of it."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO, runtime_checkable

import numpy as np
from lightning.fabric.loggers.tensorboard import TensorBoardLogger
from PIL import Image

from triptych.errors import InputError
from triptych.formats.atomic import atomic_path
from triptych.training.validation import ValidationReport


@dataclass(frozen=True)
class StepReport:
    """One step of a training, as numbers.

    Attributes:
        step: number of the step, from 1.
        epoch: passes over the data before it.
        stage: name of the stage.
        progress: share of the whole training that is done, in [0, 1].
        learning_rate: used in this step.
        total: the loss.
        terms: each term of it by name.
        shares: share of pixels that each gate and mask keeps, by name.
        gradient_norm: before clipping; None for a skipped step.
        seconds: spent in training so far.
        seconds_left: estimate for what remains; None before anything is done.
        skipped: batches skipped so far for a non-finite loss or gradient.
        damaged: files of frames that could not be read so far, by this process's count.
        signs: signs that the networks still say something, by name; see `collapse`.
        warnings: what a person should know of this step; mostly nothing.
    """

    step: int
    epoch: int
    stage: str
    progress: float
    learning_rate: float
    total: float
    terms: dict[str, float]
    shares: dict[str, float]
    gradient_norm: float | None
    seconds: float
    seconds_left: float | None
    skipped: int
    damaged: int = 0
    signs: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@runtime_checkable
class TrainingLog(Protocol):
    """Whoever wants to hear of each step."""

    def record(self, report: StepReport) -> None:
        """Take in one step."""

    def record_validation(self, report: ValidationReport) -> None:
        """Take in one validation."""

    def close(self) -> None:
        """Flush what is held back; the training is over or was interrupted."""


class FileLog:
    """Steps (`metrics.jsonl`) and validations (`validation.jsonl`) as JSON lines, and both in TensorBoard.

    What is not finite stands there as null.

    Args:
        folder: the run folder.
        step: steps that a resumed run keeps; lines and points of later steps are dropped, so that a
            step done again is told once.
        validated_step: the same for validations.
    """

    def __init__(self, folder: Path, *, step: int = 0, validated_step: int = 0) -> None:
        self._steps = _JsonLines(folder / "metrics.jsonl", step=step)
        self._validations = _JsonLines(folder / "validation.jsonl", step=validated_step)
        self._folder = folder
        # What comes after the purged step in older files is drawn no more; each folder has a step of its own.
        self._board = _board(folder, "", purge_step=step + 1)
        self._validation_board = _board(folder, "validation", purge_step=validated_step + 1)

    def record(self, report: StepReport) -> None:
        """Append one line and one point to each curve."""
        self._steps.append(asdict(report))
        scalars = {f"loss/{name}": value for name, value in report.terms.items()}
        scalars |= {f"share/{name}": value for name, value in report.shares.items()}
        scalars |= {f"sign/{name}": value for name, value in report.signs.items()}
        scalars |= {"loss/total": report.total, "learning_rate": report.learning_rate}
        self._board.log_metrics(scalars, step=report.step)

    def record_validation(self, report: ValidationReport) -> None:
        """Append one line, one point to each curve, and the picture, if there is one."""
        self._validations.append(asdict(report))
        scalars = {f"validation/{name}": value for name, value in report.figures.items()}
        self._validation_board.log_metrics(scalars, step=report.step)
        if report.picture is not None:
            with Image.open(self._folder / report.picture) as picture:
                board = self._validation_board.experiment
                board.add_image("validation", np.asarray(picture), report.step, dataformats="HWC")

    def close(self) -> None:
        """Close the files."""
        self._steps.close()
        self._validations.close()
        self._board.finalize("success")
        self._validation_board.finalize("success")


def _board(folder: Path, name: str, *, purge_step: int) -> TensorBoardLogger:
    """Curves that are gone on with, without what stands there from a step on."""
    return TensorBoardLogger(root_dir=folder, name="tensorboard", version=name, purge_step=purge_step)


class _JsonLines:
    """A file of JSON lines, each with its `step`, that is gone on with; made with the first of them."""

    def __init__(self, path: Path, *, step: int) -> None:
        self._path = path
        self._file: TextIO | None = None
        if path.exists():
            kept = _lines_until(path, step) if step else []
            with atomic_path(path) as temporary:
                temporary.write_text("".join(kept), encoding="utf-8")

    def append(self, record: dict[str, Any]) -> None:
        try:
            if self._file is None:
                self._file = self._path.open("a", encoding="utf-8")
            self._file.write(json.dumps(_finite(record), allow_nan=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise InputError(f"{self._path}: cannot be written ({error.strerror or error}); free some space") from error

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what could not be written was told when it was to be
                self._file.close()


def _finite(value: Any) -> Any:
    """The same with None for numbers that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, (list, tuple)) else value


def _lines_until(path: Path, step: int) -> list[str]:
    """Lines of the log up to a step, each with its end; one cut off by a kill, or damaged, is left out."""
    if not path.exists():
        return []
    kept = []
    for line in path.read_bytes().splitlines(keepends=True):
        with suppress(ValueError, KeyError, TypeError):  # no UTF-8 or no JSON; no step; no object
            text = line.decode("utf-8")
            if json.loads(text)["step"] <= step:
                kept.append(text.removesuffix("\n") + "\n")
    return kept
