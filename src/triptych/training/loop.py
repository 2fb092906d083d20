"""The loop: steps through the stages until the budget is spent, and resumes exactly.

On Lightning Fabric (devices, precision, processes) with the loop in the open: stages
change by progress, the budget may be minutes, and a resume goes on at the very batch.
docs/decisions/0002 says why not the Trainer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from typing import final

from lightning.fabric import Fabric

from triptych.data.loading import loading_error
from triptych.data.selected import SnippetSource
from triptych.errors import InputError
from triptych.losses.objective import Objective
from triptych.networks.joint import JointModel
from triptych.training.budget import Budget, TrainingState
from triptych.training.checkpoint import LAST, Checkpoint, save_latest_checkpoint
from triptych.training.clock import Clock
from triptych.training.collapse import CollapseWatch
from triptych.training.damage import Damage
from triptych.training.feed import Feed
from triptych.training.identity import DataIdentity
from triptych.training.log import StepReport, TrainingLog
from triptych.training.loop_settings import LoopSettings
from triptych.training.optimization import Optimization
from triptych.training.pace import STEPS_BETWEEN_REPORTS, ReportPace
from triptych.training.processes import Processes
from triptych.training.randomness import random_of_step
from triptych.training.reports import Reports
from triptych.training.stages import Stage, StagePlan, StagePosition, learning_rate
from triptych.training.validation import ValidationReport
from triptych.training.validation_rounds import Validation, note_round

__all__ = ["LoopSettings", "TrainingDivergedError", "TrainingLoop", "Validation"]


class TrainingDivergedError(InputError):
    """Too many batches in a row without a finite loss and gradient."""


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
        identity: of the data, kept in each checkpoint; by default it tells nothing.
        keep_best: called when a validation is the best so far, to write the networks down.

    Attributes:
        judged: what the last validation of this sitting found; None before the first.
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
        identity: DataIdentity | None = None,
        keep_best: Callable[[], None] = lambda: None,
    ) -> None:
        if len(data) == 0:
            raise InputError("there is no snippet to learn from: three consecutive frames are the least")
        self.plan = plan
        self.budget = budget
        self.settings = settings
        self.folder = folder
        self.run_settings = run_settings
        self.identity = identity or DataIdentity()
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
        self.judged: ValidationReport | None = None
        self._validation = validation
        self._keep_best = keep_best
        self._damage = Damage(data, self.processes)
        self._most_steps = 1 if self.fabric.device.type == "cpu" else STEPS_BETWEEN_REPORTS

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
            stop_requested: asked when steps are reported; True saves a checkpoint and stops.

        Returns:
            Whether the training is complete; False where it was stopped.

        Raises:
            TrainingDivergedError: too many non-finite batches in a row.
            InputError: more frames are damaged than are allowed, or the disk is full.
        """
        clock = Clock(self.state.seconds)
        reports = Reports(self.processes, self.watch, skipped=self.state.skipped)
        pace = ReportPace(step=self.state.step, seconds=self.state.seconds, most_steps=self._most_steps)
        saved, stop = self.state.seconds, False
        current: Stage | None = None
        try:
            with clock.stopped():
                self._make_up_for_validation(logs)
            with closing(self.feed.batches(epoch=self.state.epoch, offset=self.state.batch)) as batches:
                while (progress := self._progress()) < 1.0 and not stop and not self.exhausted:
                    position = self.plan.position(progress)
                    if position.stage is not current:
                        current = position.stage
                        self._optimization.begin_stage(current)
                    snippet, ends_epoch = next(batches)
                    rate = self._rate(position)
                    with self._random_of_step():
                        result = self._optimization.step(snippet, position, rate=rate)
                    epoch = self.state.epoch
                    self._advance(ends_epoch=ends_epoch, stage=position.stage)
                    reports.add(self._known(position, epoch=epoch, rate=rate, seconds=clock.seconds), result)
                    if ends_epoch or pace.due(self.state.step) or self._progress() >= 1.0:
                        self.state.seconds, stop = self.processes.agreed(seconds=clock.seconds, stop=stop_requested())
                        pace.reported(step=self.state.step, seconds=self.state.seconds)
                        self._damage.share()
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
        return self._progress() >= 1.0 or self.exhausted

    def save(self) -> None:
        """Write `checkpoints/last.ckpt`; the one before it is kept."""
        if self.processes.rank > 0:
            return
        checkpoint = Checkpoint(
            model=self.model.state_dict(),
            optimizer=self._optimization.state_dict(),
            state=self.state,
            settings=self.run_settings,
            identity=self.identity,
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

    def _random_of_step(self) -> AbstractContextManager[None]:
        step, rank = self.state.step, self.processes.rank
        return random_of_step(self.fabric.device, seed=self.settings.seed, step=step, rank=rank)

    def _known(self, position: StagePosition, *, epoch: int, rate: float, seconds: float) -> StepReport:
        """What is known of the step just done without waiting for the device."""
        progress = self._progress()
        return StepReport(
            step=self.state.step,
            epoch=epoch,
            stage=position.stage.name,
            progress=progress,
            learning_rate=rate,
            total=float("nan"),
            terms={},
            shares={},
            gradient_norm=None,
            seconds=seconds,
            seconds_left=seconds * (1 - progress) / progress if progress > 0 else None,
            skipped=self.state.skipped,
            damaged=self._damage.count,
            warnings=tuple(f"{line}; another snippet stands in" for line in self._damage.untold()),
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

    @property
    def exhausted(self) -> bool:
        """Whether the validations say that there is nothing more to be learned."""
        last = self.plan.stages[-1].name
        return self._validation is not None and self._validation.exhausted(self.state, last_stage=last)

    def _validation_due(self) -> bool:
        return self._validation is not None and self._validation.due(self.state)

    def _make_up_for_validation(self, logs: Sequence[TrainingLog]) -> None:
        """A kill between the checkpoint of an epoch and its validation leaves that to do."""
        stage = next((stage for stage in self.plan.stages if stage.name == self.state.stage), None)
        if stage is not None and self._validation_due():
            self._optimization.begin_stage(stage)
            self._validate(stage, logs)

    @property
    def damaged(self) -> int:
        """Files of frames that could not be read so far, to learn from or to validate on."""
        judged = 0 if self._validation is None else self._validation.validator.damaged
        return judged + self._damage.count

    def _validate(self, stage: Stage, logs: Sequence[TrainingLog]) -> None:
        """Judge the networks, tell the logs, keep the best, and note in a checkpoint that it was done."""
        assert self._validation is not None
        report = self._validation.validator.report(
            self.model, stage, state=self.state, processes=self.processes, device=self.fabric.device
        )
        self._optimization.begin_stage(stage)  # the networks were in evaluation mode
        self.judged = report
        if note_round(report, self.state) and self.processes.rank == 0:
            self._keep_best()
        for log in logs:
            log.record_validation(report)
        self.save()

    def _finish(self, logs: Sequence[TrainingLog]) -> None:
        """Save, and judge what a training that ended within an epoch has come to."""
        self.save()
        ended_within = self._progress() >= 1.0 and self.state.validated_step < self.state.step
        if self._validation is not None and ended_within:
            self._validate(self.plan.position(1.0).stage, logs)
