"""What a training says while it runs, and the files it keeps of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from lightning.fabric.loggers.tensorboard import TensorBoardLogger


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
        seconds_left: estimate for what remains.
        skipped: batches skipped so far for a non-finite loss or gradient.
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
    seconds_left: float
    skipped: int
    signs: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@runtime_checkable
class TrainingLog(Protocol):
    """Whoever wants to hear of each step."""

    def record(self, report: StepReport) -> None:
        """Take in one step."""

    def close(self) -> None:
        """Flush what is held back; the training is over or was interrupted."""


class FileLog:
    """Steps as JSON lines (`metrics.jsonl`) and as TensorBoard curves.

    Args:
        folder: the run folder.
        step: steps that a resumed run keeps; lines of later steps are dropped, so that a
            step done again stands in the file once.
    """

    def __init__(self, folder: Path, *, step: int = 0) -> None:
        path = folder / "metrics.jsonl"
        kept = _lines_until(path, step) if step else []
        path.write_text("".join(kept), encoding="utf-8")
        self._file = path.open("a", encoding="utf-8")
        self._board = TensorBoardLogger(root_dir=folder, name="tensorboard", version="")

    def record(self, report: StepReport) -> None:
        """Append one line and one point to each curve."""
        self._file.write(json.dumps(asdict(report)) + "\n")
        scalars = {f"loss/{name}": value for name, value in report.terms.items()}
        scalars |= {f"share/{name}": value for name, value in report.shares.items()}
        scalars |= {f"sign/{name}": value for name, value in report.signs.items()}
        scalars |= {"loss/total": report.total, "learning_rate": report.learning_rate}
        self._board.log_metrics(scalars, step=report.step)

    def close(self) -> None:
        """Close both files."""
        self._file.close()
        self._board.finalize("success")


def _lines_until(path: Path, step: int) -> list[str]:
    """Complete lines of the log up to a step; a line cut off by a kill is left out."""
    if not path.exists():
        return []
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (json.JSONDecodeError, KeyError):
            continue
    return kept
