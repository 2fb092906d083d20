"""The loop: steps through the stages until the budget is spent, and resumes exactly.

On Lightning Fabric (devices, precision, processes) with the loop in the open: stages
change by progress, the budget may be minutes, and a resume goes on at the very batch.
docs/decisions/0002 says why not the Trainer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from lightning.fabric import Fabric

from triptych.data.read_snippets import loading_error
from triptych.data.selected import SnippetSource
from triptych.errors import InputError
from triptych.losses.objective import Objective
from triptych.networks.joint import JointModel
from triptych.training.budget import Budget, TrainingState
from triptych.training.checkpoint import LAST, Checkpoint, save_latest_checkpoint
from triptych.training.collapse import CollapseWatch
from triptych.training.feed import Feed
from triptych.training.log import StepReport, TrainingLog
from triptych.training.optimization import Optimization
from triptych.training.processes import Processes
from triptych.training.reports import Reports
from triptych.training.stages import Schedule, Stage, StagePlan, StagePosition, learning_rate
from triptych.training.validation import ValidationReport, Validator, is_better

STEPS_BETWEEN_REPORTS = 20
"""On a GPU, where to read a number means to wait; a CPU reports each step."""


class TrainingDivergedError(InputError):
    """Too many batches in a row without a finite loss and gradient."""


@dataclass(frozen=True)
class LoopSettings:
    """How the loop runs.

    Attributes:
        batch_size: snippets a step and process.
        schedule: of the learning rate.
        accumulation: parts that a batch is worked through in, one after another: less memory,
            the same step but for the masks, whose means are then over the part.
        gradient_clip: largest gradient norm; larger ones are scaled down to it.
        skip_limit: non-finite batches in a row that end the training.
        seed: of the order of snippets.
        workers: processes that load data; 0 loads in the training process.
        epochs_before: of earlier trainings that this one goes on from, for the schedule.
        checkpoint_minutes: longest time between two checkpoints; one is written after each epoch anyway.
    """

    batch_size: int
    schedule: Schedule = "cosine"
    accumulation: int = 1
    gradient_clip: float = 10.0
    skip_limit: int = 20
    seed: int = 0
    workers: int = 0
    epochs_before: int = 0
    checkpoint_minutes: float = 10.0


@dataclass(frozen=True)
class Validation:
    """How the networks are judged while they learn.

    Attributes:
        validator: does it.
        epochs: from one time to the next; once more at the end.
    """

    validator: Validator
    epochs: int = 1


@final
class TrainingLoop:
    """A training under way.

    Args:
        model: the networks; changed in place.
        objective: the loss.
        data: the snippets.
        plan: the stages.
        budget: the length.
        settings: how the loop runs.
        folder: where checkpoints go.
        run_settings: the whole run's settings as text, kept in each checkpoint.
        fabric: devices, precision and processes, launched; by default this machine's CPU or first GPU.
        validation: judges the networks after epochs; none by default.
        keep_best: called when a validation is the best so far, to write the networks down.
    """

    def __init__(
        self,
        model: JointModel,
        objective: Objective,
        data: SnippetSource,
        *,
        plan: StagePlan,
        budget: Budget,
        settings: LoopSettings,
        folder: Path,
        run_settings: str = "",
        fabric: Fabric | None = None,
        validation: Validation | None = None,
        keep_best: Callable[[], None] = lambda: None,
    ) -> None:
        if len(data) == 0:
            raise InputError("there is no snippet to learn from: three consecutive frames are the least")
        if settings.accumulation < 1 or settings.batch_size % settings.accumulation:
            raise InputError(
                f"accumulation {settings.accumulation}: must divide the batch of {settings.batch_size} evenly"
            )
        self.plan = plan
        self.budget = budget
        self.settings = settings
        self.folder = folder
        self.run_settings = run_settings
        self.fabric = fabric or Fabric(devices=1)
        self.processes = Processes(self.fabric)
        self.feed = Feed(
            data,
            batch_size=settings.batch_size,
            seed=settings.seed,
            workers=settings.workers,
            rank=self.processes.rank,
            world_size=self.processes.count,
            device=self.fabric.device,
        )
        if self.feed.batch_size % settings.accumulation:
            raise InputError(
                f"{len(data)} snippets are less than a batch and cannot be cut into {settings.accumulation}"
            )
        self.state = TrainingState(batch_snippets=self.feed.batch_size * self.processes.count)
        self.watch = CollapseWatch()
        self.model = model
        self._optimization = Optimization(
            model,
            objective,
            self.fabric,
            accumulation=settings.accumulation,
            gradient_clip=settings.gradient_clip,
        )
        self._validation = validation
        self._keep_best = keep_best
        self._damaged_told = 0
        self._damaged_shared = 0
        self._steps_between_reports = 1 if self.fabric.device.type == "cpu" else STEPS_BETWEEN_REPORTS

    @property
    def batches_per_epoch(self) -> int:
        """Steps in one pass over the data; a last batch that is not full is left out."""
        return self.feed.batches_per_epoch

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint; of another number of processes, to within a batch."""
        self.model.load_state_dict(checkpoint.model)
        self._optimization.load_state_dict(checkpoint.optimizer)
        own, stored = self.state.batch_snippets, checkpoint.state
        batch = stored.batch * stored.batch_snippets // own if stored.batch_snippets else stored.batch
        self.state = replace(stored, batch=min(batch, self.batches_per_epoch - 1), batch_snippets=own)

    def run(self, logs: Sequence[TrainingLog] = (), *, stop_requested: Callable[[], bool] = lambda: False) -> bool:
        """Train until the budget is spent.

        Args:
            logs: told of each step.
            stop_requested: asked after each step; True saves a checkpoint and stops.

        Returns:
            Whether the training is complete; False where it was stopped.

        Raises:
            TrainingDivergedError: too many non-finite batches in a row.
            InputError: more frames are damaged than are allowed, or the disk is full.
        """
        clock = _Clock(self.state.seconds)
        reports = Reports(self.processes, self.watch, skipped=self.state.skipped)
        saved, stop = self.state.seconds, False
        current: Stage | None = None
        try:
            self._make_up_for_validation(logs)
            with closing(self.feed.batches(epoch=self.state.epoch, offset=self.state.batch)) as batches:
                while (progress := self._progress()) < 1.0 and not stop:
                    position = self.plan.position(progress)
                    if position.stage is not current:
                        current = position.stage
                        self._optimization.begin_stage(current)
                    snippet, ends_epoch = next(batches)
                    rate = self._rate(position)
                    result = self._optimization.step(snippet, position, rate=rate)
                    self._advance(ends_epoch=ends_epoch, stage=position.stage)
                    reports.add(self._known(position, rate=rate, seconds=clock.seconds), result)
                    if self._report_due(ends_epoch=ends_epoch):
                        self.state.seconds, stop = self.processes.agreed(seconds=clock.seconds, stop=stop_requested())
                        self._exchange_damaged()
                        self._tell(reports, logs)
                    if ends_epoch or self.state.seconds - saved > 60 * self.settings.checkpoint_minutes:
                        self._tell(reports, logs)
                        self.save()
                        saved = self.state.seconds
                    if self._validation_due():
                        with clock.stopped():
                            self._validate(position.stage, logs)
            self._tell(reports, logs)
            self._finish(logs)
        except RuntimeError as error:
            told = loading_error(error)  # torch tells it by a signal, wherever the training stands
            if told is None:
                raise
            raise told from error
        finally:
            for log in logs:
                log.close()
        return self._progress() >= 1.0

    def save(self) -> None:
        """Write `checkpoints/last.ckpt`; the one before it is kept."""
        if self.processes.rank > 0:
            return
        checkpoint = Checkpoint(
            model=self.model.state_dict(),
            optimizer=self._optimization.state_dict(),
            state=self.state,
            settings=self.run_settings,
        )
        save_latest_checkpoint(self.folder / "checkpoints", checkpoint)

    def _progress(self) -> float:
        return self.budget.progress(self.state, batches_per_epoch=self.batches_per_epoch)

    def _rate(self, position: StagePosition) -> float:
        epoch = self.settings.epochs_before + self.state.epoch
        return learning_rate(position, schedule=self.settings.schedule, epoch=epoch)

    def _advance(self, *, ends_epoch: bool, stage: Stage) -> None:
        self.state.step += 1
        self.state.stage = stage.name
        self.state.epoch += int(ends_epoch)
        self.state.batch = 0 if ends_epoch else self.state.batch + 1

    def _report_due(self, *, ends_epoch: bool) -> bool:
        return ends_epoch or self.state.step % self._steps_between_reports == 0 or self._progress() >= 1.0

    def _known(self, position: StagePosition, *, rate: float, seconds: float) -> StepReport:
        """What is known of the step just done without waiting for the device."""
        progress = self._progress()
        damaged = self.feed.data.damaged
        lines = () if damaged is None else damaged.lines
        new, self._damaged_told = lines[self._damaged_told :], len(lines)
        return StepReport(
            step=self.state.step,
            epoch=self.state.epoch,
            stage=position.stage.name,
            progress=progress,
            learning_rate=rate,
            total=float("nan"),
            terms={},
            shares={},
            gradient_norm=None,
            seconds=seconds,
            seconds_left=seconds * (1 - progress) / max(progress, 1e-9),
            skipped=self.state.skipped,
            damaged=len(lines),
            warnings=tuple(f"{line}; another snippet stands in" for line in new),
        )

    def _tell(self, reports: Reports, logs: Sequence[TrainingLog]) -> None:
        """Tell the logs of the steps since the last time, and count those that were skipped."""
        for report in reports.told():
            for log in logs:
                log.record(report)
            was_skipped = report.skipped > self.state.skipped
            self.state.skipped = report.skipped
            self.state.skipped_in_row = self.state.skipped_in_row + 1 if was_skipped else 0
            if self.state.skipped_in_row >= self.settings.skip_limit:
                raise TrainingDivergedError(
                    f"the loss or its gradient was not finite in {self.state.skipped_in_row} batches in a row "
                    f"(step {report.step}): lower the learning rate or check the frames; "
                    f"the last good state is {self.folder / 'checkpoints' / LAST}"
                )

    def _validation_due(self) -> bool:
        """Whether epochs have passed since the last validation; never in the midst of one."""
        if self._validation is None or self.state.batch or not self.state.epoch:
            return False
        return self.state.epoch - self.state.validated_epoch >= self._validation.epochs

    def _make_up_for_validation(self, logs: Sequence[TrainingLog]) -> None:
        """A kill between the checkpoint of an epoch and its validation leaves that to do."""
        stage = next((stage for stage in self.plan.stages if stage.name == self.state.stage), None)
        if stage is not None and self._validation_due():
            self._optimization.begin_stage(stage)
            self._validate(stage, logs)

    def _exchange_damaged(self) -> None:
        """Count what any of the processes could not read; more than is allowed ends them all."""
        damaged = self.feed.data.damaged
        if damaged is not None:
            damaged.add(self.processes.gathered(damaged.lines[self._damaged_shared :]))
            self._damaged_shared = len(damaged)

    @property
    def damaged(self) -> int:
        """Files of frames that could not be read so far, to learn from or to validate on."""
        learned = self.feed.data.damaged
        judged = 0 if self._validation is None else self._validation.validator.damaged
        return judged + (0 if learned is None else len(learned))

    def _validate(self, stage: Stage, logs: Sequence[TrainingLog]) -> None:
        """Judge the networks, tell the logs, keep the best, and note in a checkpoint that it was done."""
        assert self._validation is not None
        report = self._validation.validator.report(
            self.model, stage, state=self.state, processes=self.processes, device=self.fabric.device
        )
        self._optimization.begin_stage(stage)  # the networks were in evaluation mode
        self._note(report)
        for log in logs:
            log.record_validation(report)
        self.save()

    def _note(self, report: ValidationReport) -> None:
        self.state.validated_epoch, self.state.validated_step = self.state.epoch, self.state.step
        best = None if self.state.best_measure != report.measure else self.state.best_value
        if is_better(report.value, best, measure=report.measure):
            self.state.best_measure, self.state.best_value = report.measure, report.value
            if self.processes.rank == 0:
                self._keep_best()

    def _finish(self, logs: Sequence[TrainingLog]) -> None:
        """Save, and judge what a training that ended within an epoch has come to."""
        self.save()
        ended_within = self._progress() >= 1.0 and self.state.validated_step < self.state.step
        if self._validation is not None and ended_within:
            self._validate(self.plan.position(1.0).stage, logs)


@final
class _Clock:
    """Seconds of the training, those of earlier sittings included."""

    def __init__(self, before: float) -> None:
        self._before = before
        self._begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        return self._before + time.perf_counter() - self._begin

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Within it no time passes."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._begin += time.perf_counter() - begin
