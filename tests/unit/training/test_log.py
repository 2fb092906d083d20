"""The files of a training: a step or validation that is done again is told once."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from triptych.training.log import FileLog, StepReport
from triptych.training.validation import ValidationReport


def step_of(step: int, total: float) -> StepReport:
    return StepReport(step, 0, "flow", 0.0, 0.0, total, {}, {}, 1.0, 0.0, 0.0, 0)


def validation_of(step: int, value: float) -> ValidationReport:
    return ValidationReport(step, 1, "flow", {"abs_rel": value}, "abs_rel", value, 1, "")


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, round(event.value, 6)) for event in events.Scalars(name)]


def wait_for_the_next_second() -> None:
    """TensorBoard's files are read in the order of their names: a second of time first, then numbers as letters."""
    time.sleep(1.0 - time.time() % 1.0)


def test_steps_and_validations_that_a_kill_makes_anew_stand_once_in_lines_and_curves(tmp_path: Path) -> None:
    first = FileLog(tmp_path)
    for step in (1, 2, 3, 4):
        first.record(step_of(step, 10.0 + step))
    first.record_validation(validation_of(1, 0.5))
    first.record_validation(validation_of(3, 0.7))
    first.close()
    wait_for_the_next_second()
    # The checkpoint of the third step was written, that of its validation was not.
    second = FileLog(tmp_path, step=3, validated_step=1)
    second.record_validation(validation_of(3, 0.25))
    for step in (4, 5):
        second.record(step_of(step, 20.0 + step))
    second.close()
    steps = [(1, 11.0), (2, 12.0), (3, 13.0), (4, 24.0), (5, 25.0)]
    validations = [(1, 0.5), (3, 0.25)]
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["total"]) for line in lines] == steps
    assert curve(tmp_path / "tensorboard", "loss/total") == steps
    lines = [json.loads(line) for line in (tmp_path / "validation.jsonl").read_text().splitlines()]
    assert [(line["step"], line["value"]) for line in lines] == validations
    assert curve(tmp_path / "tensorboard" / "validation", "validation/abs_rel") == validations


def test_a_training_that_begins_anew_in_a_folder_draws_nothing_of_the_one_before(tmp_path: Path) -> None:
    for total in (1.0, 2.0):
        log = FileLog(tmp_path)
        log.record(step_of(1, total))
        log.close()
        wait_for_the_next_second()
    assert curve(tmp_path / "tensorboard", "loss/total") == [(1, 2.0)]


def test_nothing_validated_leaves_no_curves_of_it(tmp_path: Path) -> None:
    log = FileLog(tmp_path)
    log.record(step_of(1, 1.0))
    log.close()
    assert not (tmp_path / "tensorboard" / "validation").exists()
    assert curve(tmp_path / "tensorboard", "loss/total") == [(1, pytest.approx(1.0))]


def test_damaged_lines_are_left_out_of_a_log_that_is_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    damaged = [b"12", b"null", b"[1]", b'{"step": null}', b'{"step": "1"}', b'{"step": 1, "stage": "\xff"}', b'{"st']
    file.write_bytes(b'{"step": 1}\n' + b"\n".join(damaged) + b'\n{"step": 3}\n{"step": 2}')  # its end was not written
    FileLog(tmp_path, step=2).close()
    assert file.read_text(encoding="utf-8") == '{"step": 1}\n{"step": 2}\n'
