"""Work on one image after another, on as many cores as there are, in the memory of a few."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Answer = TypeVar("Answer")
Progress = Callable[[int, int], None]


def each(work: Callable[[int], Answer], count: int, *, progress: Progress | None = None) -> Iterator[Answer]:
    """The answers for 0 .. count - 1, in order.

    Threads: reading, unpacking and the sums of tensors all leave the interpreter free.
    No more answers wait than there are threads, so that memory stays flat.

    Args:
        work: gives one answer; called from several threads.
        count: how many.
        progress: told (done, count).

    Raises:
        Exception: what `work` raises, for the first position that fails.
    """
    threads = max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    waiting: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            submitted = 0
            for done in range(1, count + 1):
                while submitted < min(count, done + threads):
                    waiting.append(pool.submit(work, submitted))
                    submitted += 1
                yield waiting.popleft().result()
                if progress is not None:
                    progress(done, count)
        finally:
            for future in waiting:
                future.cancel()
