"""The rounds of validation within a training: when one is due, and what it leaves in the state."""

from __future__ import annotations

from dataclasses import dataclass

from triptych.training.budget import TrainingState
from triptych.training.validation import ValidationReport, Validator, is_better


@dataclass(frozen=True)
class Validation:
    """How the networks are judged while they learn.

    Attributes:
        validator: does it.
        epochs: from one time to the next; once more at the end.
        patience: rounds of the last stage in a row without a better figure after which the training ends,
            the first of the stage not counted; 0 goes through to its end.
    """

    validator: Validator
    epochs: int = 1
    patience: int = 0

    def due(self, state: TrainingState) -> bool:
        """Whether epochs have passed since the last round; never in the midst of one.

        Args:
            state: how far the training has come.
        """
        if state.batch or not state.epoch:
            return False
        return state.epoch - state.validated_epoch >= self.epochs

    def exhausted(self, state: TrainingState, *, last_stage: str) -> bool:
        """Whether so many rounds of the last stage brought nothing better that the training may end.

        Args:
            state: of the training.
            last_stage: name of the last stage; the others always run to their end.
        """
        return 0 < self.patience <= state.rounds_without_better and state.stage == last_stage


def note_round(report: ValidationReport, state: TrainingState) -> bool:
    """Write into the state that a round is done; whether its networks are the best so far.

    Args:
        report: what the round found.
        state: of the training; changed in place. The best is forgotten when the measure is another.
    """
    state.validated_epoch, state.validated_step = state.epoch, state.step
    best = None if state.best_measure != report.measure else state.best_value
    state.rounds_without_better = state.rounds_without_better + 1 if state.validated_stage == report.stage else 0
    state.validated_stage = report.stage
    if not is_better(report.value, best, measure=report.measure):
        return False
    state.best_measure, state.best_value = report.measure, report.value
    state.rounds_without_better = 0
    return True
