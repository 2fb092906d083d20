"""The order of the samples, which a training can take up again at any batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
import torch
from torch.utils.data import Sampler


@final
class ResumableSampler(Sampler[tuple[int, int]]):
    """(epoch, index) of one epoch's samples in their order, from a batch on.

    The order of an epoch depends on (seed, epoch) alone. It is cut into steps of
    `world_size` batches, of which each rank takes its own: a rank goes on from (epoch,
    offset) exactly as if it had never stopped. After its last sample the sampler stands
    at the beginning of the next epoch.

    Every sample comes once an epoch. With several ranks all get as many: up to
    `world_size - 1` samples at the end of the (shuffled) order are left out.

    Args:
        length: number of samples.
        batch_size: samples a step and rank.
        seed: of the order.
        shuffle: False keeps the order of the data set.
        rank: of this process.
        world_size: number of processes.
        epoch: to begin with.
        offset: steps of that epoch that are done already.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        length: int,
        *,
        batch_size: int,
        seed: int,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
        epoch: int = 0,
        offset: int = 0,
    ) -> None:
        if length < 0 or batch_size < 1 or world_size < 1:
            raise ValueError(f"length={length}, batch_size={batch_size}, world_size={world_size}")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank={rank} must be from 0 to below world_size={world_size}")
        if epoch < 0 or offset < 0:
            raise ValueError(f"epoch={epoch} and offset={offset} must not be negative")
        self.length = length
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.rank = rank
        self.world_size = world_size
        self.epoch = epoch
        self.offset = offset

    def __len__(self) -> int:
        """Number of samples of this rank in a whole epoch, whatever the offset."""
        return self.length // self.world_size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The rest of the epoch that the sampler stands at."""
        epoch = self.epoch
        for index in self._indices(epoch)[self.offset * self.batch_size :]:
            yield epoch, index
        self.epoch, self.offset = epoch + 1, 0

    def _indices(self, epoch: int) -> list[int]:
        """This rank's indices of an epoch, in their order."""
        order = torch.arange(self.length)
        if self.shuffle:
            state = np.random.SeedSequence([self.seed, epoch]).generate_state(1, np.uint64)
            generator = torch.Generator().manual_seed(int(state[0]) >> 1)
            order = torch.randperm(self.length, generator=generator)
        step = self.batch_size * self.world_size
        whole = self.length - self.length % step
        own = order[:whole].reshape(-1, self.world_size, self.batch_size)[:, self.rank].flatten()
        last_share = (self.length - whole) // self.world_size
        begin = whole + self.rank * last_share
        return [*own.tolist(), *order[begin : begin + last_share].tolist()]
