"""What a training wrote while it ran, read back as curves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triptych.errors import InputError

STEPS_FILE = "metrics.jsonl"
VALIDATIONS_FILE = "validation.jsonl"

Series = list[tuple[int, str, float]]
"""Step, stage and value, ascending; without those that were not finite."""


@dataclass(frozen=True)
class RunLog:
    """The curves of a training.

    Attributes:
        stages: name, first and last step of each stretch of one stage, in order.
        losses: the loss and its terms, by name.
        shares: share of the pixels that each gate and mask keeps.
        signs: signs that the networks still say something.
        validations: figures of frames that nothing is learned from.
        validated: how the last validation was made: snippets, deciding measure, protocol.
        warnings: what was warned of, each once, with the step that it was first said at.
    """

    stages: list[tuple[str, int, int]] = field(default_factory=list)
    losses: dict[str, Series] = field(default_factory=dict)
    shares: dict[str, Series] = field(default_factory=dict)
    signs: dict[str, Series] = field(default_factory=dict)
    validations: dict[str, Series] = field(default_factory=dict)
    validated: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)


def run_log(folder: Path) -> RunLog:
    """The curves of a run; without any where it wrote none.

    A line that was cut off by a kill is left out.

    Raises:
        InputError: a file cannot be read, or has no line that is a training's.
    """
    log = RunLog()
    with _damage_told(folder / STEPS_FILE) as file:
        for line in _records(file):
            step, stage = int(line["step"]), str(line["stage"])
            _lengthen(log.stages, stage, step)
            _append(log.losses, {"total": line["total"], **line["terms"]}, step, stage)
            _append(log.shares, line["shares"], step, stage)
            _append(log.signs, line.get("signs", {}), step, stage)
            for warning in line.get("warnings", ()):
                log.warnings.setdefault(str(warning), step)
    with _damage_told(folder / VALIDATIONS_FILE) as file:
        for line in _records(file):
            _append(log.validations, line["figures"], int(line["step"]), str(line["stage"]))
            log.validated.update(
                {
                    "snippets": f"{line['snippets']:,}",
                    "best by": str(line["measure"]),
                    "protocol": str(line["protocol"]),
                }
            )
    return log


@contextmanager
def _damage_told(path: Path) -> Iterator[Path]:
    """Turn what a line lacks, or has of another kind, into one line about its file."""
    try:
        yield path
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: is not what a training of triptych writes ({error!r} in a line)") from error


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    if not path.is_file():
        return
    found = False
    with path.open(encoding="utf-8", errors="replace") as lines:
        for text in lines:
            try:
                record = json.loads(text)
            except json.JSONDecodeError:
                continue
            if not isinstance(record, dict) or not {"step", "stage"} <= set(record):
                raise InputError(f"{path}: is not what a training of triptych writes: a line has no step and stage")
            found = True
            yield record
    if not found and path.stat().st_size:
        raise InputError(f"{path}: is not what a training of triptych writes: no line is whole")


def _lengthen(stages: list[tuple[str, int, int]], stage: str, step: int) -> None:
    if stages and stages[-1][0] == stage:
        stages[-1] = (stage, stages[-1][1], step)
    else:
        stages.append((stage, step, step))


def _append(curves: dict[str, Series], values: Mapping[str, float | None], step: int, stage: str) -> None:
    for name, value in values.items():
        if value is not None:
            curves.setdefault(name, []).append((step, stage, float(value)))
