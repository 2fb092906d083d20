"""The time that a training takes, over all its sittings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final


@final
class Clock:
    """Seconds of the training, those of earlier sittings included.

    Args:
        before: seconds of the earlier sittings.
    """

    def __init__(self, before: float) -> None:
        self._before = before
        self._begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Up to now, but for the time in which it was stopped."""
        return self._before + time.perf_counter() - self._begin

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Within it no time passes."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._begin += time.perf_counter() - begin
