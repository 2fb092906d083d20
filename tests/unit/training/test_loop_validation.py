"""Validation within the loop: when, in which stage, and which networks are kept."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tests.unit.training.small_training import NO_TEACHER, Losses, loop, settings

from triptych.training.budget import TrainingState
from triptych.training.checkpoint import load_checkpoint
from triptych.training.loop import TrainingLoop, Validation
from triptych.training.stages import Stage
from triptych.training.validation import ValidationReport, Validator


class Scripted(Validator):
    """Gives values out of a list, with the networks in evaluation mode as the real one leaves them."""

    def __init__(self, values: list[tuple[str, float]]) -> None:
        self.values, self.epochs = values, []

    @property
    def damaged(self) -> int:
        return 0

    def report(self, model: torch.nn.Module, stage: Stage, *, state: TrainingState, **_: Any) -> ValidationReport:
        model.eval()
        self.epochs.append(state.epoch)
        measure, value = self.values[len(self.epochs) - 1]
        return ValidationReport(state.step, state.epoch, stage.name, {measure: value}, measure, value, 1, "")


def validated(
    folder: Path, values: list[tuple[str, float]], *, epochs: int = 1, length: int = 4
) -> tuple[TrainingLoop, Scripted, list[int]]:
    """A training of some epochs with scripted values; the epochs whose networks were kept as the best."""
    chosen = settings(steps=None, epochs=length, stages=["flow"], training={"flow": NO_TEACHER})
    scripted, kept = Scripted(values), []
    training = loop(folder, chosen)
    training._validation = Validation(scripted, epochs)
    training._keep_best = lambda: kept.append(training.state.epoch)
    modes = []
    step = training._optimization.step
    training._optimization.step = lambda *a, **k: (modes.append(training.model.flow.training), step(*a, **k))[1]
    assert training.run()
    assert all(modes)
    return training, scripted, kept


def test_the_best_networks_are_kept_and_the_count_begins_anew_with_another_measure(tmp_path: Path) -> None:
    values = [("flow_photometric", 0.1), ("abs_rel", 0.5), ("abs_rel", 0.6), ("abs_rel", 0.4)]
    training, scripted, kept = validated(tmp_path, values)
    assert scripted.epochs == [1, 2, 3, 4]
    assert kept == [1, 2, 4]
    assert (training.state.best_measure, training.state.best_value) == ("abs_rel", 0.4)


def test_networks_are_judged_every_so_many_epochs_and_at_the_end(tmp_path: Path) -> None:
    _, scripted, _ = validated(tmp_path, [("abs_rel", 0.5)] * 3, epochs=2, length=5)
    assert scripted.epochs == [2, 4, 5]


def test_a_validation_that_a_kill_left_undone_is_made_up_for_in_its_own_stage(tmp_path: Path) -> None:
    chosen = settings(
        steps=None, epochs=2, stages=["flow", "depth"], training={"flow": NO_TEACHER, "depth": NO_TEACHER}
    )
    first = loop(tmp_path, chosen)
    first.save()
    stored = load_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    bpe = first.batches_per_epoch
    again, stages = loop(tmp_path, chosen), []
    again.restore(replace(stored, state=replace(stored.state, epoch=1, step=bpe, stage="flow")))
    scripted = Scripted([("flow_photometric", 0.1), ("abs_rel", 0.5)])
    report = scripted.report
    scripted.report = lambda model, stage, **more: (stages.append(stage.name), report(model, stage, **more))[1]
    again._validation = Validation(scripted)
    assert again.run()
    assert stages == ["flow", "depth"]


def test_a_validation_that_is_made_up_for_takes_none_of_the_trainings_minutes(tmp_path: Path) -> None:
    chosen = settings(steps=None, epochs=2, stages=["flow"], training={"flow": NO_TEACHER})
    first = loop(tmp_path, chosen)
    first.save()
    stored = load_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    again, log = loop(tmp_path, chosen), Losses()
    again.restore(replace(stored, state=replace(stored.state, epoch=1, step=first.batches_per_epoch, stage="flow")))
    scripted = Scripted([("flow_photometric", 0.1)] * 2)
    report = scripted.report
    scripted.report = lambda *given, **more: (time.sleep(2), report(*given, **more))[1]
    again._validation = Validation(scripted)
    begin = time.perf_counter()
    assert again.run([log])
    # The one at the end comes after the last step; a clock that had run in the first would show one of them alone.
    assert log.reports[-1].seconds < time.perf_counter() - begin - 3
