"""How long a training lasts: in epochs, steps or minutes."""

from __future__ import annotations

from dataclasses import dataclass

from triptych.errors import InputError


@dataclass
class TrainingState:
    """How far a training has come: all that a resume needs beside weights and optimizer.

    Attributes:
        epoch: passes over the data that are complete.
        batch: batches of the running epoch that are complete.
        step: batches complete in all.
        stage: name of the stage that the last batch was of.
        seconds: time spent in training steps, over all sittings.
        batch_snippets: snippets of a batch of all processes, by which `batch` counts.
        skipped: batches whose loss or gradient was not finite.
        skipped_in_row: the last ones of them without a good one between.
        validated_epoch: passes that were complete at the last validation.
        validated_step: batches that were complete then.
        validated_stage: name of the stage of the last validation.
        rounds_without_better: validations of that stage since the best one, or since it began.
        best_measure: name of the figure that the best validation was judged by.
        best_value: of it; None before the first.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    stage: str = ""
    seconds: float = 0.0
    batch_snippets: int = 0
    skipped: int = 0
    skipped_in_row: int = 0
    validated_epoch: int = 0
    validated_step: int = 0
    validated_stage: str = ""
    rounds_without_better: int = 0
    best_measure: str = ""
    best_value: float | None = None


@dataclass(frozen=True)
class Budget:
    """Length of a training; exactly one of the three is given."""

    epochs: int | None = None
    steps: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.epochs, self.steps, self.minutes) if value is not None]
        if len(given) != 1 or given[0] <= 0:
            raise InputError("give the length of the training as one of epochs, steps or minutes, above 0")

    def progress(self, state: TrainingState, *, batches_per_epoch: int) -> float:
        """Share of the training that is done, in [0, 1].

        Args:
            state: how far it has come.
            batches_per_epoch: in one pass over the data.
        """
        if self.minutes is not None:
            return min(state.seconds / (60 * self.minutes), 1.0)
        if self.steps is not None:
            return min(state.step / self.steps, 1.0)
        assert self.epochs is not None  # one of the three is given
        return min((state.epoch + state.batch / batches_per_epoch) / self.epochs, 1.0)
