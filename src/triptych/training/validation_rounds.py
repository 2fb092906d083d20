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
    """

    validator: Validator
    epochs: int = 1

    def due(self, state: TrainingState) -> bool:
        """Whether epochs have passed since the last round; never in the midst of one.

        Args:
            state: how far the training has come.
        """
        if state.batch or not state.epoch:
            return False
        return state.epoch - state.validated_epoch >= self.epochs


def note_round(report: ValidationReport, state: TrainingState) -> bool:
    """Write into the state that a round is done; whether its networks are the best so far.

    Args:
        report: what the round found.
        state: of the training; changed in place. The best is forgotten when the measure is another.
    """
    state.validated_epoch, state.validated_step = state.epoch, state.step
    best = None if state.best_measure != report.measure else state.best_value
    if not is_better(report.value, best, measure=report.measure):
        return False
    state.best_measure, state.best_value = report.measure, report.value
    return True
