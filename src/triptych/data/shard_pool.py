"""The jobs of a plan on several processes, which end with the one that started them, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

import torch

from triptych.data.shard_plan import PlannedChunk, ShardPlan
from triptych.data.shard_storage import ShardStorage
from triptych.data.shard_writer import ChunkRecord, finished_chunks
from triptych.errors import InputError

Job = tuple[PlannedChunk, ...]


class _StoppedError(Exception):
    """The process that started this one wants no more."""


@dataclass(frozen=True)
class _Work:
    """What a process needs for any job."""

    plan: ShardPlan
    storage: ShardStorage
    stop: Any


_work: _Work | None = None


def all_chunks(plan: ShardPlan, storage: ShardStorage, *, workers: int) -> Generator[ChunkRecord, None, None]:
    """The chunks of a plan, each as soon as it is finished.

    Closing the iterator ends the work: what is half-made disappears.

    Args:
        plan: what is to be written.
        storage: where to.
        workers: processes; 1 works in this one, as does a place that no other process sees.

    Raises:
        InputError: the place cannot be written to, litdata is missing, or a process was killed.
    """
    if workers == 1 or len(plan.jobs) == 1 or not storage.shared:
        for job in plan.jobs:
            yield from finished_chunks(plan, storage, job, lambda: None)
        return
    # Forked from a process that has threads, a process may hang.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(
        min(workers, len(plan.jobs)), context, initializer=_begin, initargs=(_Work(plan, storage, stop),)
    )
    try:
        with _deaf_from_birth():
            futures: list[Future[list[ChunkRecord]]] = [pool.submit(_done, job) for job in plan.jobs]
        for future in as_completed(futures):
            yield from future.result()
    except BrokenProcessPool:
        raise InputError(
            "a process that prepares was killed, mostly as memory ran out; run the same command again with fewer "
            "--workers: what is finished is kept"
        ) from None
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf_from_birth() -> Iterator[None]:
    """Within it, processes are started that never hear of Ctrl-C; this one hears of it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(work: _Work) -> None:
    """Make a process ready for jobs."""
    global _work  # noqa: PLW0603  # the only way from a pool's initializer to its jobs
    _work = work
    torch.set_num_threads(1)
    # Ctrl-C goes to all processes; the one in front tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process once the one that started it is gone, killed for instance."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _done(job: Job) -> list[ChunkRecord]:
    work = _work
    assert work is not None
    return list(finished_chunks(work.plan, work.storage, job, lambda: _check(work.stop)))


def _check(stop: Any) -> None:
    if stop.is_set():
        raise _StoppedError
