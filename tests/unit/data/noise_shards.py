"""Two drives of noise and the shards made of them, for tests of their reading."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from triptych.data.augment import Augmentation
from triptych.data.folder_snippets import folder_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.snippets import SnippetSample

STRONG = Augmentation(crop=1.3, flip=0.5, jitter=1.0)
SIZE = {"height": 32, "width": 48}
CHUNK_BYTES = 5 * 3 * 32 * 48  # of five frames, so that snippets lie across the ends of chunks
LENGTHS = {"walk": 12, "zoo": 9}
# Forked workers under a process that has threads are what DataLoader does on Linux.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def lazy(drives: Path, *, augmentation: Augmentation | None = STRONG) -> LazySnippetDataset:
    return LazySnippetDataset(
        folder_snippets(drives), bottom_crop=0.2, augmentation=augmentation, seed=3, skip_limit=20, **SIZE
    )


def assert_same(first: SnippetSample, second: SnippetSample) -> None:
    assert torch.equal(first.frames, second.frames)
    assert torch.equal(first.jittered, second.jittered)
    assert torch.equal(first.intrinsics, second.intrinsics)
    assert first.index == second.index


def frame_place(folder: Path, number: int) -> tuple[Path, int]:
    """The chunk of a frame of the first drive, and where its last pixel stands in it."""
    file = folder / f"chunk-{number // 5:06d}.bin"
    item = (file.stat().st_size - 4 * 7) // 5
    return file, 4 * 7 + (number % 5 + 1) * item - 1


def changed(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
