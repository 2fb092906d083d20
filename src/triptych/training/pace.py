"""How often a training reads its numbers, which is also when it asks whether to stop."""

from __future__ import annotations

from typing import Final, final

STEPS_BETWEEN_REPORTS: Final = 20
"""On a GPU at most, where to read a number means to wait; a CPU reports each step."""

SECONDS_BETWEEN_REPORTS: Final = 5.0
"""At most, but for a single step that takes longer: torchrun kills, half a minute after Ctrl-C, what still runs."""


@final
class ReportPace:
    """Steps from one report to the next: so many that they take a few seconds.

    It goes by numbers that all processes of a training agree on, and so do they on the steps.
    The first step is reported at once, as nothing is known of its time.

    Args:
        step: that the training begins with.
        seconds: of the training until then.
        most_steps: between two reports, however short they are.
    """

    def __init__(self, *, step: int, seconds: float, most_steps: int) -> None:
        self._step = step
        self._seconds = seconds
        self._most_steps = most_steps
        self._next = step + 1

    def due(self, step: int) -> bool:
        """Whether to report after a step."""
        return step >= self._next

    def reported(self, *, step: int, seconds: float) -> None:
        """Take in that there was a report.

        Args:
            step: that was done last.
            seconds: of the training by then, by the first process's clock on all of them.
        """
        of_one = (seconds - self._seconds) / max(step - self._step, 1)
        within = int(SECONDS_BETWEEN_REPORTS / of_one) if of_one > 0 else self._most_steps
        self._step, self._seconds = step, seconds
        self._next = step + min(max(within, 1), self._most_steps)
