"""Shards read in processes that load: the same batches whoever loads them, and what goes wrong told in a line."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import torch
from tests.unit.data.noise_shards import STRONG, changed, forks, frame_place
from torch.utils.data import DataLoader

from triptych.data.augment import Augmentation
from triptych.data.loading import loading_error, watched
from triptych.data.read_snippets import ReadSnippet
from triptych.data.sampler import ResumableSampler
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.data.snippets import SnippetSample
from triptych.errors import InputError
from triptych.types import Snippet


@forks
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_batches_do_not_depend_on_the_processes_that_load(shards: Path, context: str) -> None:
    dataset = ShardSnippetDataset(shards, augmentation=STRONG, seed=3)
    alone, many = (
        list(
            DataLoader(
                dataset,
                batch_size=3,
                sampler=ResumableSampler(len(dataset), batch_size=3, seed=1, epoch=2),
                num_workers=workers,
                collate_fn=dataset.collate,
                multiprocessing_context=context if workers else None,
            )
        )
        for workers in (0, 2)
    )
    assert len(alone) == 6
    for one, other in zip(alone, many, strict=True):
        assert torch.equal(one.jittered, other.jittered)
        assert torch.equal(one.intrinsics, other.intrinsics)
        assert torch.equal(one.index, other.index)


@forks
@pytest.mark.parametrize("offset", [0, 2])
def test_two_ranks_with_two_workers_each_see_every_sample_once(shards: Path, offset: int) -> None:
    def seen(rank: int, start: int) -> list[list[int]]:
        dataset = ShardSnippetDataset(shards)
        sampler = ResumableSampler(len(dataset), batch_size=2, seed=5, rank=rank, world_size=2, epoch=1, offset=start)
        loader: DataLoader[SnippetSample] = DataLoader(
            dataset, batch_size=2, sampler=sampler, num_workers=2, collate_fn=dataset.collate
        )
        return [batch.index.tolist() for batch in watched(loader, dataset.damaged)]  # type: ignore[attr-defined]

    whole = [seen(rank, 0) for rank in (0, 1)]
    every = [index for part in whole for batch in part for index in batch]
    assert len(set(every)) == len(every) == 16  # of 17, as both ranks get as many
    if offset:
        assert [seen(rank, offset) for rank in (0, 1)] == [part[offset:] for part in whole]


@forks
def test_memory_stays_flat_over_ten_thousand_samples(shards: Path) -> None:
    dataset = ShardSnippetDataset(shards, augmentation=Augmentation(crop=1.0, flip=0.1, jitter=0.1))
    keys = [(epoch, index) for epoch in range(589) for index in range(17)][:10_000]
    loader: DataLoader[SnippetSample] = DataLoader(
        dataset,
        batch_size=8,
        sampler=keys,  # type: ignore[arg-type]
        num_workers=1,
        collate_fn=dataset.collate,
    )
    batches = iter(loader)
    (worker,) = batches._workers  # type: ignore[attr-defined]
    resident = {}
    for number, _ in enumerate(batches, start=1):
        if number in (125, 1240):
            resident[number] = resident_kilobytes(worker.pid)
    assert number == 1250
    assert resident[1240] - resident[125] < 4_000, resident


def resident_kilobytes(pid: int) -> int:
    """Memory of a process that is its own (kB)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("RssAnon"))


class _Slow(torch.utils.data.Dataset[int]):
    """Samples that take long enough to be killed at."""

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> int:
        time.sleep(0.2)
        return index


@forks
def test_a_killed_worker_is_one_line_and_no_waiting(shards: Path) -> None:
    damaged = ShardSnippetDataset(shards).damaged
    loader: DataLoader[int] = DataLoader(_Slow(), num_workers=2)
    batches = iter(loader)
    begin = time.monotonic()
    watching = watched(batches, damaged)
    next(watching)
    os.kill(batches._workers[0].pid, signal.SIGKILL)  # type: ignore[attr-defined]
    with pytest.raises(InputError) as caught:
        list(watching)
    told = str(caught.value)
    assert told.startswith("a process that loads data (pid ")
    assert "was killed, mostly as memory ran out; use fewer workers" in told
    assert "\n" not in told
    assert time.monotonic() - begin < 20


def test_other_errors_are_not_explained() -> None:
    assert loading_error(RuntimeError("CUDA out of memory")) is None
    assert loading_error(InputError("no such folder")) is None
    shared = "DataLoader worker (pid 7) is killed by signal: Bus error. Its workers are out of shared memory."
    assert "(pid 7) ran out of shared memory" in str(loading_error(RuntimeError(shared)))
    both = loading_error(RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly"))
    assert "(pid 7, 8) was killed" in str(both)


def test_a_batch_tells_what_was_damaged(own_shards: Path) -> None:
    file, place = frame_place(own_shards, 2)
    changed(file, place)
    dataset = ShardSnippetDataset(own_shards)
    batch: Snippet = dataset.collate([dataset[1], dataset[8]])
    assert isinstance(batch, ReadSnippet)
    assert batch.damaged == (f"{file}: frame 2 is not what was written (checksum)",)
