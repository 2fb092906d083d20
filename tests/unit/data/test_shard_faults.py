"""Shards that were changed, cut off, are missing or are none: named, never taken for sound."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.data.noise_shards import assert_same, changed, frame_place

from triptych.data.shard_check import shard_faults
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.errors import InputError


def test_a_changed_frame_is_named_and_the_next_sound_snippet_stands_in(own_shards: Path) -> None:
    sound = ShardSnippetDataset(own_shards)
    kept = sound[6]
    file, place = frame_place(own_shards, 5)
    changed(file, place)
    dataset = ShardSnippetDataset(own_shards)
    assert [dataset[index].index for index in range(8)] == [0, 1, 2, 6, 6, 6, 6, 7]
    assert_same(dataset[6], kept)
    assert dataset.damaged.lines == (f"{file}: frame 0 is not what was written (checksum)",)
    strict = ShardSnippetDataset(own_shards, skip_limit=0)
    with pytest.raises(InputError, match=r"1 file of frames is damaged, 0 are allowed: .*chunk-000001\.bin"):
        strict[4]


def test_a_chunk_that_is_cut_off_or_missing_is_named(own_shards: Path) -> None:
    file = own_shards / "chunk-000002.bin"
    dataset = ShardSnippetDataset(own_shards)
    length = file.stat().st_size
    os.truncate(file, length - 100)
    with pytest.raises(InputError, match=rf"{file}: has {length - 100} bytes, {length} were written"):
        ShardSnippetDataset(own_shards)
    # It happens while a training runs, too.
    with pytest.raises(InputError, match=rf"{file}: is cut off"):
        [dataset[index] for index in range(17)]
    file.unlink()
    with pytest.raises(InputError, match=rf"{file}: is missing"):
        ShardSnippetDataset(own_shards)
    with pytest.raises(InputError, match=rf"{file}: cannot be read"):
        [dataset[index] for index in range(17)]
    assert shard_faults(own_shards) == [f"{file}: is missing"]


def test_other_files_that_are_changed_are_named(own_shards: Path) -> None:
    for name in ("snippets.npy", "frame_checksums.npy", "frame_names.npy"):
        file = own_shards / name
        content = file.read_bytes()
        changed(file, len(content) - 1)
        with pytest.raises(InputError, match=rf"{file}: is not what was written \(checksum\)"):
            ShardSnippetDataset(own_shards)
        assert shard_faults(own_shards) == [f"{file}: is not what was written (checksum)"]
        file.write_bytes(content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no manifest of shards"),
        ("[]", "is no manifest of shards"),
        ('{"format_version": 2}', "shards of format 2, this triptych reads 1"),
        ('{"format_version": 1}', "is no manifest of shards"),
    ],
)
def test_a_manifest_that_is_none_is_refused(own_shards: Path, text: str, message: str) -> None:
    (own_shards / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=message):
        ShardSnippetDataset(own_shards)


def test_a_manifest_cannot_lead_out_of_its_place(own_shards: Path) -> None:
    file = own_shards / "manifest.json"
    file.write_text(file.read_text().replace("chunk-000000.bin", "../chunk-000000.bin"))
    with pytest.raises(InputError, match=r"a file named '\.\./chunk-000000\.bin'"):
        ShardSnippetDataset(own_shards)


def test_a_place_without_finished_shards_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no shards are there"):
        ShardSnippetDataset(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no shards are there"):
        ShardSnippetDataset("memory://nowhere/at/all")
    with pytest.raises(InputError, match=r"ne://x: cannot be looked at"):
        ShardSnippetDataset("ne://x")
    (tmp_path / "preparing.json").write_text("{}")
    with pytest.raises(InputError, match="not finished; run their `triptych prepare` again"):
        ShardSnippetDataset(tmp_path)
    with pytest.raises(InputError, match="cache limit -1"):
        ShardSnippetDataset(tmp_path, cache_limit=-1)
