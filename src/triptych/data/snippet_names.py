"""Snippets known by the names of their frames: whether two sets are one, and what they have in common."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int

from triptych.data.frame_file import DamagedFileError
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.read_snippets import ReadSnippets

NAMESAKES_COMPARED = 10
"""Drives of different folders may be called alike; so many of their frames are looked at to tell."""

Target = tuple[str, bytes]
"""Where a frame is and what it is called."""


def names_digest(data: ReadSnippets, positions: Int[np.ndarray, " some"]) -> str:
    """A checksum over the drives and the names of the frames of some snippets, in their order.

    It is the same for files and for the shards made of them, wherever they lie; a million
    snippets take a second. Empty for no snippets.

    Args:
        data: the snippets.
        positions: of those that count.
    """
    if not len(positions):
        return ""
    checksum = hashlib.sha256()
    for drive, part in _by_drive(data, positions):
        checksum.update(data.drive_name(drive).encode() + b"\0\0")
        checksum.update(b"\0".join(data.frame_names(part)) + b"\0\0")
    return checksum.hexdigest()


def common_targets(
    learned: ReadSnippets,
    learned_positions: Int[np.ndarray, " learned"],
    judged: ReadSnippets,
    judged_positions: Int[np.ndarray, " judged"],
) -> list[int]:
    """Positions of those snippets of the second set whose target is one of the first's too.

    Files are the same where they lie in the same place, whatever links lead there. Frames of
    shards are where drive and frame are called alike and the pixels of one of them are equal.

    Args:
        learned: a set, which may be large.
        learned_positions: of those of it that count.
        judged: another one.
        judged_positions: of those of it that count.
    """
    if isinstance(learned, LazySnippetDataset) and isinstance(judged, LazySnippetDataset):
        wanted = dict(_files(judged, judged_positions))
        found = {wanted[file]: position for file, position in _files(learned, learned_positions) if file in wanted}
        return sorted(found)
    wanted = dict(_names(judged, judged_positions))
    found = {wanted[name]: position for name, position in _names(learned, learned_positions) if name in wanted}
    tried = list(found.items())[:NAMESAKES_COMPARED]
    return sorted(found) if any(_equal(judged, one, learned, other) for one, other in tried) else []


def _by_drive(
    data: ReadSnippets, positions: Int[np.ndarray, " some"]
) -> Iterator[tuple[int, Int[np.ndarray, " part"]]]:
    """Positions in their order, in parts that are each of one drive, with its number."""
    drives = data.drive_numbers[positions]
    begins = [0, *(np.flatnonzero(np.diff(drives)) + 1).tolist(), len(positions)]
    for begin, end in itertools.pairwise(begins):
        if begin < end:
            yield int(drives[begin]), positions[begin:end]


def _names(data: ReadSnippets, positions: Int[np.ndarray, " some"]) -> Iterator[tuple[Target, int]]:
    """Drive and name of each target, and its position."""
    for drive, part in _by_drive(data, positions):
        name = data.drive_name(drive)
        for target, position in zip(data.frame_names(part)[1::3], part.tolist(), strict=True):
            yield (name, target), position


def _files(data: LazySnippetDataset, positions: Int[np.ndarray, " some"]) -> Iterator[tuple[Target, int]]:
    """Folder and name of each target's file, without links, and its position."""
    for number, part in _by_drive(data, positions):
        drive = data.index.drives[number]
        names = drive.file_names[data.index.frames[part, 1]].tolist()
        folder = drive.folder.resolve()
        # To ask each of a million files takes long where they lie in a network: a drive is of links or is not.
        linked = (folder / os.fsdecode(names[0])).is_symlink()
        for name, position in zip(names, part.tolist(), strict=True):
            yield (_without_links(folder / os.fsdecode(name)) if linked else (str(folder), name)), position


def _without_links(file: Path) -> Target:
    real = file.resolve()
    return str(real.parent), os.fsencode(real.name)


def _equal(one: ReadSnippets, index: int, other: ReadSnippets, other_index: int) -> bool:
    """Whether two targets have the same pixels; a damaged one has none."""
    try:
        return one.size == other.size and one.target_checksum(index) == other.target_checksum(other_index)
    except DamagedFileError:
        return False
