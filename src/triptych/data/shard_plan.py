"""Which frames go into which file of the shards: a function of the snippets and settings alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Int

from triptych.data.frame_processing import FrameProcessing
from triptych.data.shard_manifest import FORMAT_VERSION
from triptych.data.snippet_index import DriveFrames, SnippetIndex
from triptych.errors import InputError

CHUNK_BYTES: Final = 64 * 2**20
"""litdata's own size: large enough for object storage, small enough to be lost and made again."""

SMALLEST_CHUNK_BYTES: Final = 2**10
LARGEST_CHUNK_BYTES: Final = 2**31
"""Offsets in a chunk are of 32 bits."""


@dataclass(frozen=True)
class FrameRun:
    """Frames of one drive that follow each other in a chunk.

    Attributes:
        drive: its number in the index.
        start: the first one, as position among the drive's used frames.
        stop: behind the last one.
    """

    drive: int
    start: int
    stop: int


@dataclass(frozen=True)
class PlannedChunk:
    """A file of frames.

    Attributes:
        number: of the file.
        runs: the frames in it, in order.
    """

    number: int
    runs: tuple[FrameRun, ...]

    @property
    def name(self) -> str:
        """Of the file."""
        return f"chunk-{self.number:06d}.bin"

    @property
    def record_name(self) -> str:
        """Of the file that tells, until all is done, that this chunk is finished."""
        return f"chunk-{self.number:06d}.json"

    @property
    def frames(self) -> int:
        """How many it is meant to hold."""
        return sum(run.stop - run.start for run in self.runs)


@dataclass(frozen=True, eq=False)
class ShardPlan:
    """What is to be written.

    Attributes:
        index: the snippets.
        processing: how frames come to size.
        used: of each drive, the positions of the frames that are in a snippet, ascending.
        jobs: chunks that one process makes one after another: those of a video together,
            since it can only be read from its beginning.
        frames_per_chunk: how many a chunk holds at most.
        settings: what makes two plans equal, by names that a person understands.
    """

    index: SnippetIndex
    processing: FrameProcessing
    used: tuple[Int[np.ndarray, " _"], ...]
    jobs: tuple[tuple[PlannedChunk, ...], ...]
    frames_per_chunk: int
    settings: dict[str, Any]

    @property
    def chunks(self) -> tuple[PlannedChunk, ...]:
        """All, by number."""
        return tuple(chunk for job in self.jobs for chunk in job)

    @property
    def frames(self) -> int:
        """How many there are to write."""
        return sum(len(used) for used in self.used)


def shard_plan(index: SnippetIndex, processing: FrameProcessing, *, chunk_bytes: int = CHUNK_BYTES) -> ShardPlan:
    """The files that the frames of an index go into, in the order of its drives.

    Args:
        index: the snippets.
        processing: how frames come to size.
        chunk_bytes: length of a file at most, if one frame is not longer.

    Raises:
        InputError: a length that no chunk can have.
    """
    if not SMALLEST_CHUNK_BYTES <= chunk_bytes <= LARGEST_CHUNK_BYTES:
        raise InputError(f"chunks of {chunk_bytes} bytes: from {SMALLEST_CHUNK_BYTES} to {LARGEST_CHUNK_BYTES} can be")
    per_chunk = max(chunk_bytes // (3 * processing.height * processing.width), 1)
    used = tuple(np.unique(index.frames[index.drive_numbers == number]) for number in range(len(index.drives)))
    jobs: list[tuple[PlannedChunk, ...]] = []
    count = 0
    for numbers, video in _groups(index.drives):
        runs = list(_cut([(number, len(used[number])) for number in numbers], per_chunk))
        chunks = tuple(PlannedChunk(count + place, run) for place, run in enumerate(runs))
        count += len(chunks)
        jobs += [chunks] if video else [(chunk,) for chunk in chunks]
    settings = {
        "format": FORMAT_VERSION,
        "size": f"{processing.height}x{processing.width}",
        "bottom crop": processing.bottom_crop,
        "chunk bytes": chunk_bytes,
        "drives": len(index.drives),
        "snippets": len(index),
        "frames": _digest(index),
    }
    return ShardPlan(index, processing, used, tuple(jobs), per_chunk, settings)


def is_video(drive: DriveFrames) -> bool:
    """Whether the frames of a drive are those of one video, named by their numbers."""
    return drive.folder.is_file()


def _groups(drives: tuple[DriveFrames, ...]) -> Iterator[tuple[list[int], bool]]:
    """Numbers of drives that may share chunks, and whether they are those of a video."""
    images: list[int] = []
    for number, drive in enumerate(drives):
        if not is_video(drive):
            images.append(number)
            continue
        if images:
            yield images, False
            images = []
        yield [number], True
    if images:
        yield images, False


def _cut(counts: list[tuple[int, int]], per_chunk: int) -> Iterator[tuple[FrameRun, ...]]:
    """Runs of frames of (drive, count), so many in a chunk."""
    runs: list[FrameRun] = []
    room = per_chunk
    for drive, count in counts:
        start = 0
        while start < count:
            stop = min(start + room, count)
            runs.append(FrameRun(drive, start, stop))
            room -= stop - start
            start = stop
            if room == 0:
                yield tuple(runs)
                runs, room = [], per_chunk
    if runs:
        yield tuple(runs)


def _digest(index: SnippetIndex) -> str:
    """A checksum over everything that the index says but for where the data set lies."""
    checksum = hashlib.sha256()
    for drive in index.drives:
        head = [drive.name, drive.size, drive.intrinsics.tolist(), drive.intrinsics_origin, drive.assumed_intrinsics]
        checksum.update(json.dumps(head).encode())
        checksum.update(b"\0".join(bytes(name) for name in drive.file_names))
    checksum.update(index.drive_numbers.astype("<i4").tobytes())
    checksum.update(index.frames.astype("<i4").tobytes())
    return checksum.hexdigest()
