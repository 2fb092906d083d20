"""Shards of drives so small that they are made at once, for tests of their making."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triptych.data import shard_pool
from triptych.data.folder_snippets import folder_snippets
from triptych.data.shard_manifest import ShardManifest
from triptych.data.shard_preparing import prepared_shards

SIZE = {"height": 32, "width": 48}
FRAME = 3 * 32 * 48
CHUNK_BYTES = 4 * FRAME


def write_drive(folder: Path, count: int, *, height: int = 60, width: int = 100) -> Path:
    folder.mkdir(parents=True)
    random = np.random.default_rng(count)
    for number in range(count):
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png", compress_level=1)
    return folder


def prepare(root: Path, location: Path | str, **options: object) -> ShardManifest:
    settings = {"chunk_bytes": CHUNK_BYTES, **SIZE} | options
    return prepared_shards(folder_snippets(root), location, **settings)  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def interrupted(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object], *, after: int) -> None:
    """Work that is stopped, as by Ctrl-C, once so many chunks are made."""
    original = shard_pool.finished_chunks

    def counted(*arguments: object) -> Iterator[object]:
        nonlocal after
        for record in original(*arguments):  # type: ignore[arg-type]
            yield record
            after -= 1
            if after == 0:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shard_pool, "finished_chunks", counted)
        with pytest.raises(KeyboardInterrupt):
            work()
