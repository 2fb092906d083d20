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
from triptych.training.validation_rounds import note_round


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
    folder: Path, values: list[tuple[str, float]], *, epochs: int = 1, length: int = 4, patience: int = 0
) -> tuple[TrainingLoop, Scripted, list[int]]:
    """A training of some epochs with scripted values; the epochs whose networks were kept as the best."""
    chosen = settings(steps=None, epochs=length, stages=["flow"], training={"flow": NO_TEACHER})
    scripted, kept = Scripted(values), []
    training = loop(folder, chosen)
    training._validation = Validation(scripted, epochs, patience)
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


def test_rounds_without_a_better_one_end_the_last_stage_early(tmp_path: Path) -> None:
    values = [("flow_photometric", value) for value in (0.3, 0.2, 0.25, 0.22, 0.1)]
    training, scripted, kept = validated(tmp_path, values, length=5, patience=2)
    assert training.exhausted
    assert scripted.epochs == [1, 2, 3, 4]
    assert kept == [1, 2]
    assert training.state.epoch == 4
    again = loop(tmp_path, settings(steps=None, epochs=5, stages=["flow"], training={"flow": NO_TEACHER}))
    again._validation = Validation(scripted, 1, 2)
    again.restore(load_checkpoint(tmp_path / "checkpoints" / "last.ckpt"))
    assert again.run()
    assert again.state.step == training.state.step


def test_without_patience_a_training_goes_through_to_its_end(tmp_path: Path) -> None:
    values = [("flow_photometric", value) for value in (0.1, 0.2, 0.3, 0.4)]
    training, scripted, kept = validated(tmp_path, values)
    assert not training.exhausted
    assert (scripted.epochs, kept) == ([1, 2, 3, 4], [1])


def test_patience_counts_in_the_last_stage_alone_and_anew_there() -> None:
    state = TrainingState(stage="flow")
    rounds = Validation(Scripted([]), 1, patience=2)
    for stage, value in (("flow", 0.1), ("flow", 0.2), ("flow", 0.2), ("joint", 0.3), ("joint", 0.3)):
        note_round(ValidationReport(0, 0, stage, {}, "depth_photometric", value, 1, ""), state)
        state.stage = stage
        assert not rounds.exhausted(state, last_stage="joint")
    note_round(ValidationReport(0, 0, "joint", {}, "depth_photometric", 0.3, 1, ""), state)
    assert rounds.exhausted(state, last_stage="joint")
    note_round(ValidationReport(0, 0, "joint", {}, "depth_photometric", 0.05, 1, ""), state)
    assert not rounds.exhausted(state, last_stage="joint")
