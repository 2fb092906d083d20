"""How a training's loop runs, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from triptych.errors import InputError
from triptych.training.stages import Schedule


@dataclass(frozen=True)
class LoopSettings:
    """How the loop runs.

    Attributes:
        batch_size: snippets a step and process.
        schedule: of the learning rate.
        accumulation: parts that a batch is worked through in, one after another, for less memory. Means over
            masks and batch statistics are then those of each part, and so is the gradient the mean of theirs,
            which is not that of the whole batch.
        gradient_clip: largest gradient norm; larger ones are scaled down to it.
        skip_limit: non-finite batches in a row that end the training.
        seed: of the order of snippets.
        workers: processes that load data; 0 loads in the training process.
        epochs_before: of earlier trainings that this one goes on from, for the schedule.
        checkpoint_minutes: longest time between two checkpoints; one is written after each epoch anyway.

    Raises:
        InputError: so many parts do not divide the batch evenly.
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

    def __post_init__(self) -> None:
        if self.accumulation < 1 or self.batch_size % self.accumulation:
            raise InputError(f"accumulation {self.accumulation}: must divide the batch of {self.batch_size} evenly")
