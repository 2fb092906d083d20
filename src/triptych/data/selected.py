"""Some of the snippets of a data set, and which of them to hold out of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Int
from torch.utils.data import Dataset

from triptych.data.read_snippets import DamagedFrames, ReadSnippets
from triptych.data.snippets import SnippetSample
from triptych.errors import InputError
from triptych.types import Snippet


@runtime_checkable
class SnippetSource(Protocol):
    """Snippets by index: those of one sequence, of many drives, or of shards."""

    def __len__(self) -> int:
        """Number of snippets."""

    def __getitem__(self, key: int | tuple[int, int]) -> SnippetSample:
        """The snippet at an index, as augmented in an epoch."""

    @property
    def damaged(self) -> DamagedFrames | None:
        """Files that could not be read; None where nothing is read any more."""

    def collate(self, samples: Sequence[SnippetSample]) -> Snippet:
        """The batch of several snippets."""


@final
class SelectedSnippets(Dataset[SnippetSample]):
    """Some snippets of a data set, in a given order; each is what it is in the whole.

    Where a frame is damaged, another of these stands in, none of the rest.

    Args:
        whole: the data set.
        positions: of those that are taken.

    Raises:
        InputError: there are none.
    """

    def __init__(self, whole: SnippetSource, positions: Int[np.ndarray, " taken"]) -> None:
        if not len(positions):
            raise InputError("no snippet is left to learn from: hold fewer out, or give more frames")
        self.whole = whole
        self.positions = positions
        if isinstance(whole, ReadSnippets):
            whole.stand_ins = np.sort(positions)

    def __len__(self) -> int:
        """Number of snippets taken."""
        return len(self.positions)

    def __getitem__(self, key: int | tuple[int, int]) -> SnippetSample:
        """The snippet at an index among those taken, as augmented in an epoch."""
        epoch, index = key if isinstance(key, tuple) else (0, key)
        return self.whole[epoch, int(self.positions[index])]

    @property
    def damaged(self) -> DamagedFrames | None:
        """Those of the whole."""
        return self.whole.damaged

    def collate(self, samples: Sequence[SnippetSample]) -> Snippet:
        """The batch of several snippets."""
        return self.whole.collate(samples)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Snippets parted in two.

    Attributes:
        learned: positions of those that are learned from.
        held_out: positions of those that are not.
    """

    learned: Int[np.ndarray, " learned"]
    held_out: Int[np.ndarray, " held"]


def held_out(drive_numbers: Int[np.ndarray, " snippets"], *, share: float, stride: int = 1) -> HeldOut:
    """The end of each drive held out, without a frame in common with the rest.

    Args:
        drive_numbers: drive of each snippet, whose order within a drive is that of time.
        share: of each drive's snippets, in [0, 1); a drive so short that nothing would be
            left to learn from is learned from as a whole.
        stride: frames from a target to its neighbors: twice as many snippets lie between the parts.

    Raises:
        InputError: the share is outside [0, 1).
    """
    if not 0 <= share < 1:
        raise InputError(f"held out {share:g}: give a share from 0 to below 1")
    learned, held = [], []
    for drive in np.unique(drive_numbers):
        positions = np.flatnonzero(drive_numbers == drive)
        begin = len(positions) - round(share * len(positions))
        last = begin - 2 * stride
        if last < 1 or begin == len(positions):
            learned.append(positions)
            continue
        learned.append(positions[:last])
        held.append(positions[begin:])
    nothing = np.zeros(0, dtype=np.int64)
    return HeldOut(np.concatenate([nothing, *learned]), np.concatenate([nothing, *held]))


def spread(positions: Int[np.ndarray, " all"], count: int) -> list[int]:
    """At most so many of some positions, evenly spread over them."""
    if count >= len(positions):
        return [int(position) for position in positions]
    places = (np.arange(count) + 0.5) * len(positions) / count
    return [int(positions[int(place)]) for place in places]
