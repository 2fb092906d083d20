"""Shards far away: read through a cache that keeps to its limit and is never stale."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest
from tests.unit.data.noise_shards import CHUNK_BYTES, SIZE, STRONG, assert_same, lazy

from triptych.data.folder_snippets import folder_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.shard_check import shard_faults
from triptych.data.shard_preparing import prepared_shards
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.errors import InputError


@pytest.mark.parametrize("scheme", ["memory", "file"])
@pytest.mark.parametrize("limit", [0, 60_000, 10**9], ids=["no cache", "half", "all"])
def test_a_place_of_fsspec_gives_the_same_within_its_cache(
    drives: Path, tmp_path: Path, scheme: str, limit: int
) -> None:
    place = f"memory://bucket-{limit}/shards" if scheme == "memory" else f"file://{tmp_path}/far"
    prepared_shards(folder_snippets(drives), place, bottom_crop=0.2, workers=2, chunk_bytes=CHUNK_BYTES, **SIZE)
    cache = tmp_path / "cache"
    dataset = ShardSnippetDataset(place, augmentation=STRONG, seed=3, cache=cache, cache_limit=limit)
    files = lazy(drives)
    for _ in range(2):
        for index in range(len(dataset)):
            assert_same(dataset[1, index], files[1, index])
    kept = [file.stat().st_size for file in cache.rglob("*.bin")]
    assert sum(kept) <= limit
    # Of five chunks of 23 kB.
    assert len(kept) == ({0: 0, 60_000: 2, 10**9: 5}[limit] if scheme == "memory" else 0)
    assert shard_faults(place) == []


def test_a_piece_that_is_not_there_is_told_without_a_cache_too(drives: Path) -> None:
    place = "memory://holes/shards"
    prepared_shards(folder_snippets(drives), place, chunk_bytes=CHUNK_BYTES, **SIZE)
    dataset = ShardSnippetDataset(place, cache_limit=0)
    fsspec.filesystem("memory").rm("/holes/shards/chunk-000001.bin")
    with pytest.raises(InputError, match=r"chunk-000001\.bin: cannot be read"):
        sum(len(dataset[0, index].frames) for index in range(len(dataset)))


def test_the_cache_follows_when_shards_are_made_anew(drives: Path, tmp_path: Path) -> None:
    place, cache = "memory://again/shards", tmp_path / "cache"
    index = folder_snippets(drives)
    for crop in (0.2, 0.0):
        prepared_shards(index, place, bottom_crop=crop, overwrite=True, chunk_bytes=CHUNK_BYTES, **SIZE)
        dataset = ShardSnippetDataset(place, cache=cache)
        files = LazySnippetDataset(index, bottom_crop=crop, **SIZE)
        assert_same(dataset[5], files[5])
    assert len(list(cache.rglob("chunk-000001.bin"))) == 1


def test_a_chunk_that_arrives_changed_is_named(drives: Path, tmp_path: Path) -> None:
    place = "memory://changed/shards"
    prepared_shards(folder_snippets(drives), place, chunk_bytes=CHUNK_BYTES, **SIZE)
    store = fsspec.filesystem("memory")
    content = store.cat_file("/changed/shards/chunk-000001.bin")
    store.pipe_file("/changed/shards/chunk-000001.bin", content[:-1] + bytes([content[-1] ^ 1]))
    dataset = ShardSnippetDataset(place, cache=tmp_path)
    with pytest.raises(InputError, match=r"chunk-000001\.bin: is not what was written \(checksum\)"):
        dataset[4]
    assert [file.name for file in tmp_path.rglob("*.bin")] == ["chunk-000000.bin"]
    alone = ShardSnippetDataset(place, cache=tmp_path, cache_limit=0)
    # The last of that chunk is frame 9: the next snippet without it stands in.
    assert alone[8].index == 10
    (fault,) = shard_faults(place)
    assert fault == f"{place}/chunk-000001.bin: is not what was written (checksum)"
