"""What a person reads while a command runs: lines, warnings and progress bars."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print a line."""
    console.print(text, markup=False)


def warn(text: str) -> None:
    """Print a line that must not be overlooked."""
    console.print(f"WARNING: {text}", style="bold yellow", markup=False)


@contextmanager
def counted(description: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar over things that are counted; yields a function of (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class InterruptFlag:
    """Turns the first Ctrl-C into a request to stop in good order; the second one stops at once."""

    def __init__(self) -> None:
        self.raised = False

    def __enter__(self) -> InterruptFlag:
        """Listen for SIGINT and SIGTERM."""
        self._old = {number: signal.signal(number, self._catch) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        """Put back who listened before."""
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _catch(self, _number: int, _frame: FrameType | None) -> None:
        if self.raised:
            raise KeyboardInterrupt
        self.raised = True
        say("stopping after this step; once more to stop at once")
