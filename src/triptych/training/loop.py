"""The loop: steps through the stages until the budget is spent, and resumes exactly.

On Lightning Fabric (devices, precision, processes) with the loop in the open: stages
change by progress, the budget may be minutes, and a resume goes on at the very batch.
docs/decisions/0002 says why not the Trainer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from lightning.fabric import Fabric
from torch.utils.data import DataLoader

from triptych.data.sampler import ResumableSampler
from triptych.data.snippets import SnippetDataset
from triptych.errors import InputError
from triptych.losses.objective import Objective
from triptych.networks.joint import JointModel
from triptych.training.batches import in_parts, mean_terms, on_device
from triptych.training.budget import Budget, TrainingState
from triptych.training.checkpoint import LAST, Checkpoint, save_latest_checkpoint
from triptych.training.collapse import CollapseWatch
from triptych.training.log import StepReport, TrainingLog
from triptych.training.stages import Schedule, Stage, StagePlan, StagePosition, learning_rate
from triptych.training.step import Estimator, prepare_stage, step_loss
from triptych.types import LossTerms, Snippet


class TrainingDivergedError(InputError):
    """Too many batches in a row without a finite loss and gradient."""


@dataclass(frozen=True)
class LoopSettings:
    """How the loop runs.

    Attributes:
        batch_size: snippets a step.
        schedule: of the learning rate.
        accumulation: parts that a batch is worked through in, one after another: less memory,
            the same step but for the masks, whose means are then over the part.
        gradient_clip: largest gradient norm; larger ones are scaled down to it.
        skip_limit: non-finite batches in a row that end the training.
        seed: of the order of snippets.
        workers: processes that load data; 0 loads in the training process.
    """

    batch_size: int
    schedule: Schedule = "cosine"
    accumulation: int = 1
    gradient_clip: float = 10.0
    skip_limit: int = 20
    seed: int = 0
    workers: int = 0


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
        fabric: devices and precision; by default this machine's CPU or first GPU.
    """

    def __init__(
        self,
        model: JointModel,
        objective: Objective,
        data: SnippetDataset,
        *,
        plan: StagePlan,
        budget: Budget,
        settings: LoopSettings,
        folder: Path,
        run_settings: str = "",
        fabric: Fabric | None = None,
    ) -> None:
        if len(data) == 0:
            raise InputError("there is no snippet to learn from: three consecutive frames are the least")
        if settings.accumulation < 1 or settings.batch_size % settings.accumulation:
            raise InputError(
                f"accumulation {settings.accumulation}: must divide the batch of {settings.batch_size} evenly"
            )
        self.objective = objective
        self.data = data
        self.plan = plan
        self.budget = budget
        self.settings = settings
        self.folder = folder
        self.run_settings = run_settings
        self.fabric = fabric or Fabric(devices=1)
        self._snippets_a_step = min(settings.batch_size, len(data))
        if self._snippets_a_step % settings.accumulation:
            raise InputError(
                f"{len(data)} snippets are less than a batch and cannot be cut into {settings.accumulation}"
            )
        self.state = TrainingState()
        self._watch = CollapseWatch()
        self.model = model
        optimizer = torch.optim.Adam(model.parameters(), lr=0.0, betas=(0.9, 0.999), fused=True)
        self._wrapped, self._optimizer = self.fabric.setup(model, optimizer)
        self._wrapped.mark_forward_method("estimate")

    @property
    def batches_per_epoch(self) -> int:
        """Steps in one pass over the data; a last batch that is not full is left out."""
        world = self.fabric.world_size
        return max(len(self.data) // (self.settings.batch_size * world), 1)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint."""
        self.model.load_state_dict(checkpoint.model)
        self._optimizer.load_state_dict(checkpoint.optimizer)
        self.state = checkpoint.state

    def run(self, logs: Sequence[TrainingLog] = (), *, stop_requested: Callable[[], bool] = lambda: False) -> bool:
        """Train until the budget is spent.

        Args:
            logs: told of each step.
            stop_requested: asked after each step; True saves a checkpoint and stops.

        Returns:
            Whether the training is complete; False where it was stopped.

        Raises:
            TrainingDivergedError: too many non-finite batches in a row.
        """
        current: Stage | None = None
        begin = time.perf_counter()
        base = self.state.seconds
        batches = self._batches()
        try:
            while (progress := self._progress()) < 1.0:
                position = self.plan.position(progress)
                if position.stage is not current:
                    current = position.stage
                    prepare_stage(self.model, current)
                snippet, ends_epoch = next(batches)
                report = self._step(snippet, position)
                self.state.seconds = base + time.perf_counter() - begin
                self._advance(ends_epoch=ends_epoch)
                told = self._report(report, position)
                for log in logs:
                    log.record(told)
                if ends_epoch:
                    self.save()
                if stop_requested():
                    break
        finally:
            for log in logs:
                log.close()
        self.save()
        return self._progress() >= 1.0

    def save(self) -> None:
        """Write `checkpoints/last.ckpt`; the one before it is kept."""
        if not self.fabric.is_global_zero:
            return
        checkpoint = Checkpoint(
            model=self.model.state_dict(),
            optimizer=self._optimizer.state_dict(),
            state=self.state,
            settings=self.run_settings,
        )
        save_latest_checkpoint(self.folder / "checkpoints", checkpoint)

    def _progress(self) -> float:
        return self.budget.progress(self.state, batches_per_epoch=self.batches_per_epoch)

    def _batches(self) -> Iterator[tuple[Snippet, bool]]:
        """Batches for ever, from where the state stands; True with the last of an epoch."""
        epoch, offset = self.state.epoch, self.state.batch
        while True:
            sampler = ResumableSampler(
                len(self.data),
                batch_size=self.settings.batch_size,
                seed=self.settings.seed,
                rank=self.fabric.global_rank,
                world_size=self.fabric.world_size,
                epoch=epoch,
                offset=offset,
            )
            loader = DataLoader(
                self.data,
                batch_size=self._snippets_a_step,
                sampler=sampler,
                num_workers=self.settings.workers,
                collate_fn=self.data.collate,
                drop_last=True,
            )
            for position, snippet in enumerate(loader, start=offset + 1):
                yield self._to_device(snippet), position == self.batches_per_epoch
            epoch, offset = epoch + 1, 0

    def _to_device(self, snippet: Snippet) -> Snippet:
        if self.fabric.device.type == "cpu":
            return snippet
        return cast(Snippet, on_device(snippet, self.fabric.device))

    def _step(self, snippet: Snippet, position: StagePosition) -> tuple[LossTerms, float | None, float]:
        """Do one step; returns its terms, the gradient's norm (None if skipped), its rate."""
        rate = learning_rate(position, schedule=self.settings.schedule, epoch=self.state.epoch)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        terms = self._accumulated(snippet, position)
        norm: float | None = None
        if torch.isfinite(terms.total):
            total_norm = self.fabric.clip_gradients(
                self._wrapped, self._optimizer, max_norm=self.settings.gradient_clip, error_if_nonfinite=False
            )
            if total_norm is not None and torch.isfinite(total_norm):
                self._optimizer.step()
                norm = float(total_norm)
        self._count_skips(skipped=norm is None)
        return terms, norm, rate

    def _accumulated(self, snippet: Snippet, position: StagePosition) -> LossTerms:
        """The mean loss over the parts of a batch, whose gradients are added up; stops where one is not finite."""
        count = self.settings.accumulation
        done: list[LossTerms] = []
        for index, part in enumerate(in_parts(snippet, count)):
            with self.fabric.no_backward_sync(self._wrapped, enabled=index < count - 1):
                terms = step_loss(
                    cast(Estimator, self._wrapped),
                    self.objective,
                    part,
                    position.stage,
                    fraction=position.fraction,
                    autocast=self.fabric.autocast,
                )
                done.append(terms)
                if not torch.isfinite(terms.total):
                    break
                self.fabric.backward(terms.total / count)
        return mean_terms(done)

    def _count_skips(self, *, skipped: bool) -> None:
        if not skipped:
            self.state.skipped_in_row = 0
            return
        self.state.skipped += 1
        self.state.skipped_in_row += 1
        if self.state.skipped_in_row >= self.settings.skip_limit:
            raise TrainingDivergedError(
                f"the loss or its gradient was not finite in {self.state.skipped_in_row} batches in a row "
                f"(step {self.state.step}): lower the learning rate or check the frames; "
                f"the last good state is {self.folder / 'checkpoints' / LAST}"
            )

    def _advance(self, *, ends_epoch: bool) -> None:
        self.state.step += 1
        self.state.epoch += int(ends_epoch)
        self.state.batch = 0 if ends_epoch else self.state.batch + 1

    def _report(self, result: tuple[LossTerms, float | None, float], position: StagePosition) -> StepReport:
        terms, norm, rate = result
        progress = self._progress()
        signs, shares = _floats(terms.signs), _floats(terms.shares)
        return StepReport(
            step=self.state.step,
            epoch=self.state.epoch,
            stage=position.stage.name,
            progress=progress,
            learning_rate=rate,
            total=float(terms.total.detach()),
            terms=_floats(terms.terms),
            shares=shares,
            gradient_norm=norm,
            seconds=self.state.seconds,
            seconds_left=self.state.seconds * (1 - progress) / max(progress, 1e-9),
            skipped=self.state.skipped,
            signs=signs,
            warnings=tuple(self._watch.observe(signs, shares)),
        )


def _floats(values: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
