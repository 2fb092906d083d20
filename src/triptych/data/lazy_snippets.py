"""Snippets that are read when they are asked for, and what is done about frames that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from triptych.data.augment import Augmentation
from triptych.data.augmented import augmented_frames
from triptych.data.frame_file import DamagedFileError, frame_from_file
from triptych.data.sequence import resized_image
from triptych.data.snippet_index import DriveFrames, SnippetFiles, SnippetIndex
from triptych.data.snippets import SnippetDataset, SnippetSample
from triptych.errors import InputError
from triptych.geometry.camera import resized_intrinsics
from triptych.types import Snippet

DAMAGED_TOLD = 3
WORKER_ERROR = "Caught "  # how torch begins the text of an error that a loading process had


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
                f"{len(self)} files of frames are damaged, {self.limit} are allowed: {told}; "
                "replace them, or raise the skip limit"
            )


@final
class LazySnippetDataset(Dataset[SnippetSample]):
    """The snippets of an index, read as they are asked for and augmented anew in each epoch.

    What comes out depends on (seed, epoch, index) and the files alone: not on the number of
    workers, the order, or what came before. Frames are read, cut, resized with antialiasing
    and changed as `load_sequence` and `SnippetDataset` do, to the same bits.

    For a snippet with a damaged frame the next readable one of the index stands in; its
    `index` is that of the one that stands in, its changes are those drawn for the one asked for.

    Args:
        index: where the frames are.
        height: of the processing size (px).
        width: of the processing size (px).
        bottom_crop: share of the rows that is cut off at the bottom, for a car bonnet.
        augmentation: the random changes; none by default.
        seed: of the changes.
        skip_limit: more distinct damaged files than this are an error.

    Attributes:
        damaged: the files that could not be read so far.

    Raises:
        InputError: a setting has no meaning.
    """

    def __init__(
        self,
        index: SnippetIndex,
        *,
        height: int,
        width: int,
        bottom_crop: float = 0.0,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        skip_limit: int = 20,
    ) -> None:
        if height < 1 or width < 1:
            raise InputError(f"processing size {width}x{height}: both sides must be positive")
        if not 0.0 <= bottom_crop < 1.0:
            raise InputError(f"bottom crop {bottom_crop:g}: give the share of rows to cut, from 0 to below 1")
        self.index = index
        self.height = height
        self.width = width
        self.bottom_crop = bottom_crop
        self.augmentation = augmentation
        self.seed = seed
        self.damaged = DamagedFrames(skip_limit)

    def __len__(self) -> int:
        """Number of snippets."""
        return len(self.index)

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
        for step in range(len(self)):
            index = (asked + step) % len(self)
            files = self.index.files(index)
            try:
                images = self._images(files)
            except DamagedFileError as error:
                met[str(error)] = None
                self.damaged.add(met)
                continue
            frames = images.float().div_(255.0)
            changed = augmented_frames(
                frames, self.intrinsics(files.drive), self.augmentation, key=(self.seed, epoch, asked)
            )
            return ReadSample(changed.frames, changed.jittered, changed.intrinsics, index, damaged=tuple(met))
        raise InputError(f"{self.index.name}: not one of its {len(self)} snippets can be read: {next(iter(met))}")

    def intrinsics(self, drive: DriveFrames) -> Float[Tensor, "3 3"]:
        """K of a drive at the processing size, without augmentation (px)."""
        full_width = drive.size[1]
        return resized_intrinsics(
            torch.from_numpy(drive.intrinsics),
            scale_x=self.width / full_width,
            scale_y=self.height / self._rows(drive),
        )

    @staticmethod
    def collate(samples: Sequence[SnippetSample]) -> Snippet:
        """The batch of several snippets, for a DataLoader's `collate_fn`."""
        snippet = SnippetDataset.collate(samples)
        met = dict.fromkeys(line for sample in samples if isinstance(sample, ReadSample) for line in sample.damaged)
        parts = {field.name: getattr(snippet, field.name) for field in fields(Snippet)}
        return ReadSnippet(**parts, damaged=tuple(met))

    def _images(self, files: SnippetFiles) -> UInt8[Tensor, "3 3 height width"]:
        """Previous, target and next frame at the processing size."""
        rows = self._rows(files.drive)
        images = torch.empty(3, 3, self.height, self.width, dtype=torch.uint8)
        for place, file in enumerate((files.previous, files.target, files.following)):
            image = frame_from_file(file, size=files.drive.size)
            images[place] = resized_image(image[:, :rows], height=self.height, width=self.width)
        return images

    def _rows(self, drive: DriveFrames) -> int:
        """Rows of a frame that are left above the cut."""
        height = drive.size[0]
        return max(height - round(height * self.bottom_crop), 1)


def watched(batches: Iterable[Snippet], damaged: DamagedFrames) -> Iterator[Snippet]:
    """The batches of a DataLoader, with the damaged files they met counted in this process.

    An InputError of a loading process, which torch wraps in its traceback, is one line again.

    Args:
        batches: of `LazySnippetDataset.collate`; others pass.
        damaged: the count, that of the data set in this process.

    Raises:
        InputError: more files are damaged than are allowed, or what a loading process raised.
    """
    source = iter(batches)
    try:
        for batch in source:
            if isinstance(batch, ReadSnippet):
                damaged.add(batch.damaged)
            yield batch
    except BaseException as error:
        # Left to the garbage collector, processes after an error are waited for ten seconds.
        getattr(source, "_shutdown_workers", lambda: None)()
        if isinstance(error, InputError) and str(error).startswith(WORKER_ERROR):
            raise InputError(str(error).rstrip().splitlines()[-1].partition(": ")[2]) from None
        raise
