"""Batches without end, from any place in an epoch on: the same ones whoever loads them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import cast, final

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from triptych.data.loading import watched
from triptych.data.sampler import ResumableSampler
from triptych.data.selected import SnippetSource
from triptych.data.snippets import SnippetSample
from triptych.errors import InputError
from triptych.training.batches import on_device
from triptych.types import Snippet

SampleKey = tuple[int, int]
"""Epoch and index of a sample."""


@final
class Feed:
    """The batches of one of the processes of a training.

    Args:
        data: the snippets.
        batch_size: snippets a step and process; fewer where the data has not as many.
        seed: of their order.
        workers: processes that load; 0 loads in this one.
        rank: number of this process of the training.
        world_size: how many there are.
        device: that batches are brought to.

    Raises:
        InputError: there are fewer snippets than processes.
    """

    def __init__(
        self,
        data: SnippetSource,
        *,
        batch_size: int,
        seed: int,
        workers: int = 0,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | None = None,
    ) -> None:
        if len(data) < world_size:
            raise InputError(
                f"{len(data)} snippets for {world_size} processes: each needs one at least, of three consecutive frames"
            )
        self.data = data
        self.batch_size = min(batch_size, len(data) // world_size)
        self.batches_per_epoch = len(data) // (self.batch_size * world_size)
        self._workers = workers
        self._device = device or torch.device("cpu")
        self._seed = seed
        self._rank = rank
        self._world_size = world_size

    def batches(self, *, epoch: int = 0, offset: int = 0) -> Generator[tuple[Snippet, bool], None, None]:
        """Batches for ever; True with the last of an epoch. A last batch that is not full is left out.

        Args:
            epoch: to begin with.
            offset: batches of that epoch that are done already.

        Raises:
            InputError: more files are damaged than are allowed, or a loading process ended.
        """
        keys = _EndlessBatches(
            ResumableSampler(
                len(self.data),
                batch_size=self.batch_size,
                seed=self._seed,
                rank=self._rank,
                world_size=self._world_size,
                epoch=epoch,
                offset=offset,
            ),
            batches_per_epoch=self.batches_per_epoch,
        )
        on_gpu = self._device.type == "cuda"
        loader: DataLoader[SnippetSample] = DataLoader(
            cast("Dataset[SnippetSample]", self.data),
            batch_sampler=cast("Sampler[list[int]]", keys),
            num_workers=self._workers,
            collate_fn=self.data.collate,
            pin_memory=on_gpu,
        )
        damaged = self.data.damaged
        batches = iter(loader) if damaged is None else watched(loader, damaged)
        place = offset
        for snippet in batches:
            place += 1
            ends_epoch = place == self.batches_per_epoch
            place = 0 if ends_epoch else place
            yield (cast(Snippet, on_device(snippet, self._device)) if on_gpu else snippet), ends_epoch


class _EndlessBatches(Sampler[list[SampleKey]]):
    """The keys of full batches, epoch after epoch."""

    def __init__(self, sampler: ResumableSampler, *, batches_per_epoch: int) -> None:
        self._sampler = sampler
        self._batches_per_epoch = batches_per_epoch

    def __iter__(self) -> Iterator[list[SampleKey]]:
        size = self._sampler.batch_size
        begun = self._sampler.offset
        while True:
            keys = iter(list(self._sampler))
            for _ in range(self._batches_per_epoch - begun):
                yield [next(keys) for _ in range(size)]
            begun = 0
