"""Snippets that are read when they are asked for, and what is done about frames that cannot be read."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from triptych.data.augment import Augmentation
from triptych.data.augmented import augmented_frames
from triptych.data.frame_file import DamagedFileError
from triptych.data.snippets import SnippetSample
from triptych.data.teaching import reframed_teaching, stacked_teachings
from triptych.errors import InputError
from triptych.formats.counts import number_of
from triptych.types import Snippet, Teaching

Teach = Callable[[UInt8[Tensor, "3 3 height width"], Float[Tensor, "3 3"]], Teaching]
DAMAGED_TOLD = 3


@dataclass(frozen=True)
class ReadSample(SnippetSample):
    """A sample with what was met on the way to it.

    Attributes:
        damaged: a line for each file that could not be read, for which another snippet stands in.
    """

    damaged: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadSnippet(Snippet):
    """A batch with what was met on the way to it.

    Attributes:
        damaged: a line for each file that could not be read.
    """

    damaged: tuple[str, ...] = ()


@final
class DamagedFrames:
    """The distinct files that could not be read, and how many may be.

    Every process that loads has one of its own; `watched` brings what they found to that
    of the training process, which alone tells the whole number.

    Args:
        limit: more distinct files than this are an error.
    """

    def __init__(self, limit: int) -> None:
        if limit < 0:
            raise InputError(f"skip limit {limit}: must be 0 or the number of damaged files to put up with")
        self.limit = limit
        self._lines: dict[str, None] = {}

    def __len__(self) -> int:
        """Number of distinct damaged files."""
        return len(self._lines)

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each file, in the order they were met."""
        return tuple(self._lines)

    def add(self, lines: Iterable[str]) -> None:
        """Count files, each once however often it is met.

        Raises:
            InputError: these are more than the limit.
        """
        self._lines.update(dict.fromkeys(lines))
        if len(self) > self.limit:
            told = "; ".join(self.lines[:DAMAGED_TOLD]) + ("; ..." if len(self) > DAMAGED_TOLD else "")
            raise InputError(
                f"{number_of(len(self), 'file of frames is', 'files of frames are')} damaged, "
                f"{number_of(self.limit, 'is', 'are')} allowed: {told}; replace them, or raise --skip_limit "
                "(of a training --data.skip_limit)"
            )


class ReadSnippets(Dataset[SnippetSample], ABC):
    """Snippets that are read as they are asked for and augmented anew in each epoch.

    What comes out depends on (seed, epoch, index) and the files alone: not on the number of
    workers, the order, or what came before.

    For a snippet with a damaged frame the next readable one stands in; its `index` is that
    of the one that stands in, its changes are those drawn for the one asked for.

    Args:
        name: of the data set and split, for messages.
        remarks: what a person should know.
        height: of the processing size (px).
        width: of the processing size (px).
        augmentation: the random changes; None for none.
        seed: of the changes.
        skip_limit: more distinct damaged files than this are an error.

    Attributes:
        damaged: the files that could not be read so far.
        teach: gives classical answers about the frames of a snippet and their K, before
            augmentation; None, as at first, for none. It is asked in every epoch.
        stand_ins: indices, ascending, among which another snippet is looked for in place of one
            with a damaged frame; None, as at first, for all.

    Raises:
        InputError: a skip limit below 0.
    """

    def __init__(
        self,
        *,
        name: str,
        remarks: tuple[str, ...],
        height: int,
        width: int,
        augmentation: Augmentation | None,
        seed: int,
        skip_limit: int,
    ) -> None:
        self.name = name
        self.remarks = remarks
        self.height = height
        self.width = width
        self.augmentation = augmentation
        self.seed = seed
        self.damaged = DamagedFrames(skip_limit)
        self.teach: Teach | None = None
        self.stand_ins: Int[np.ndarray, " allowed"] | None = None

    @abstractmethod
    def __len__(self) -> int:
        """Number of snippets."""

    @abstractmethod
    def name_of(self, index: int) -> str:
        """The name of a snippet's target: its drive and the name of its file without suffix.

        Raises:
            IndexError: there is no snippet at the index.
        """

    @property
    @abstractmethod
    def drive_numbers(self) -> Int[np.ndarray, " snippets"]:
        """Number of the drive of each snippet."""

    @abstractmethod
    def drive_name(self, number: int) -> str:
        """The name of the drive of a number."""

    @abstractmethod
    def frame_names(self, positions: Int[np.ndarray, " some"]) -> list[bytes]:
        """Names without suffix of the frames of snippets of one drive: previous, target and next of each in turn."""

    @abstractmethod
    def target_checksum(self, index: int) -> int:
        """CRC-32 of the pixels of a target at the processing size, without augmentation.

        Raises:
            DamagedFileError: it cannot be used.
        """

    @property
    @abstractmethod
    def bottom_crop(self) -> float:
        """Share of the rows of the files' frames that was cut off at the bottom."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames (px)."""
        return self.height, self.width

    @property
    def snippet_names(self) -> list[str]:
        """The names of all targets, in order."""
        return [self.name_of(index) for index in range(len(self))]

    def as_they_are(self) -> ReadSnippets:
        """The same snippets without augmentation and answers, their damaged files counted anew; nothing is opened."""
        plain = copy.copy(self)
        plain.augmentation, plain.teach, plain.stand_ins = None, None, None
        plain.damaged = DamagedFrames(self.damaged.limit)
        return plain

    def __getitem__(self, key: int | tuple[int, int]) -> ReadSample:
        """The snippet at an index, as augmented in an epoch.

        Args:
            key: (epoch, index), as `ResumableSampler` yields it, or an index in epoch 0.

        Raises:
            IndexError: there is no snippet at the index.
            InputError: more files are damaged than are allowed, or no snippet can be read.
        """
        epoch, asked = key if isinstance(key, tuple) else (0, key)
        if not 0 <= asked < len(self):
            raise IndexError(f"snippet {asked} of {len(self)}")
        met: dict[str, None] = {}
        for index in self._candidates(asked):
            try:
                images = self._images(index)
            except DamagedFileError as error:
                met[str(error)] = None
                self.damaged.add(met)
                continue
            frames, intrinsics = images.float().div_(255.0), self._intrinsics(index)
            changed = augmented_frames(frames, intrinsics, self.augmentation, key=(self.seed, epoch, asked))
            teaching = None if self.teach is None else self.teach(images, intrinsics)
            if teaching is not None and changed.window is not None:
                teaching = reframed_teaching(teaching, changed.window)
            return ReadSample(changed.frames, changed.jittered, changed.intrinsics, index, teaching, tuple(met))
        raise InputError(f"{self.name}: not one of its {len(self)} snippets can be read: {next(iter(met))}")

    def _candidates(self, asked: int) -> Iterator[int]:
        """The index asked for, and those that may stand in for it, in their order."""
        yield asked
        allowed = np.arange(len(self)) if self.stand_ins is None else self.stand_ins
        begin = int(np.searchsorted(allowed, asked, side="right"))
        yield from (int(index) for index in np.roll(allowed, -begin) if index != asked)

    @property
    @abstractmethod
    def stride(self) -> int:
        """Frames from a target to its neighbors, at most."""

    @staticmethod
    def collate(samples: Sequence[SnippetSample]) -> Snippet:
        """The batch of several snippets, for a DataLoader's `collate_fn`."""
        met = dict.fromkeys(line for sample in samples if isinstance(sample, ReadSample) for line in sample.damaged)
        teachings = [sample.teaching for sample in samples if sample.teaching is not None]
        # torch's own collation fills the memory that a loading process shares, in place of a copy into it.
        return ReadSnippet(
            frames=default_collate([sample.frames for sample in samples]),
            jittered=default_collate([sample.jittered for sample in samples]),
            intrinsics=default_collate([sample.intrinsics for sample in samples]),
            index=torch.tensor([sample.index for sample in samples]),
            teaching=stacked_teachings(teachings) if teachings else None,
            damaged=tuple(met),
        )

    @abstractmethod
    def _images(self, index: int) -> UInt8[Tensor, "3 3 height width"]:
        """Previous, target and next frame at the processing size.

        Raises:
            DamagedFileError: one of them cannot be used.
        """

    @abstractmethod
    def _intrinsics(self, index: int) -> Float[Tensor, "3 3"]:
        """K of a snippet at the processing size, without augmentation (px)."""


def frames_to_neighbors(frames: Int[np.ndarray, "snippets 3"]) -> int:
    """The largest distance from a target to a neighbor, of previous, target and next frames of snippets."""
    return int(np.abs(np.diff(frames, axis=1)).max()) if len(frames) else 1
