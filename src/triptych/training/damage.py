"""What a training could not read of its frames: each file told once, and counted over the processes."""

from __future__ import annotations

from typing import final

from triptych.data.selected import SnippetSource
from triptych.training.processes import Processes


@final
class Damage:
    """The files of frames that could not be read so far.

    Args:
        data: the snippets, which count the files that this process could not read.
        processes: of the training.
    """

    def __init__(self, data: SnippetSource, processes: Processes) -> None:
        self._data = data
        self._processes = processes
        self._told = 0
        self._shared = 0

    @property
    def count(self) -> int:
        """Distinct files that this process knows of; none where nothing is read."""
        damaged = self._data.damaged
        return 0 if damaged is None else len(damaged)

    def untold(self) -> tuple[str, ...]:
        """A line for each file since the last time this was asked."""
        damaged = self._data.damaged
        lines = () if damaged is None else damaged.lines
        new, self._told = lines[self._told :], len(lines)
        return new

    def share(self) -> None:
        """Count what any of the processes could not read; all of them must call this.

        Raises:
            InputError: these are more than is allowed, which ends them all.
        """
        damaged = self._data.damaged
        if damaged is not None:
            damaged.add(self._processes.gathered(damaged.lines[self._shared :]))
            self._shared = len(damaged)
