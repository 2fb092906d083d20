"""Snippets out of shards: the bits of the files they were made of, and nothing else of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.unit.data.noise_shards import LENGTHS, STRONG, assert_same, lazy

from triptych.data.augment import Augmentation
from triptych.data.shard_snippets import ShardSnippetDataset


@pytest.mark.parametrize("augmentation", [None, STRONG], ids=["plain", "augmented"])
def test_a_sample_has_the_bits_of_that_read_from_files(
    drives: Path, shards: Path, augmentation: Augmentation | None
) -> None:
    files = lazy(drives, augmentation=augmentation)
    dataset = ShardSnippetDataset(shards, augmentation=augmentation, seed=3)
    assert len(dataset) == len(files) == 17
    assert dataset.size == files.size == (32, 48)
    for index in range(len(dataset)):
        assert_same(dataset[index], files[index])
        assert_same(dataset[4, index], files[4, index])
    for index in (-1, 17):
        with pytest.raises(IndexError):
            dataset[index]


def test_names_drives_and_remarks_are_those_of_the_files(drives: Path, shards: Path) -> None:
    files, dataset = lazy(drives), ShardSnippetDataset(shards)
    assert dataset.snippet_names == files.snippet_names
    assert dataset.name_of(0) == "walk/001"
    assert dataset.name_of(16) == "zoo/007"
    assert dataset.drive_numbers.tolist() == files.drive_numbers.tolist() == [0] * 10 + [1] * 7
    assert dataset.remarks == files.remarks
    assert dataset.name == files.name
    assert torch.equal(dataset.intrinsics(dataset.drive_of(3)), files.intrinsics(files.index.drives[0]))
    with pytest.raises(IndexError):
        dataset.name_of(17)


def test_each_frame_is_stored_once(drives: Path, shards: Path) -> None:
    manifest = ShardSnippetDataset(shards).manifest
    assert manifest.frames == sum(LENGTHS.values())
    assert sum(chunk.bytes for chunk in manifest.chunks) < 1.01 * 21 * 3 * 32 * 48
    assert [drive.assumed_intrinsics for drive in manifest.drives] == [False, True]
    assert manifest.drives[1].full_size == (44, 90)


@pytest.mark.filterwarnings("ignore:The given buffer is not writable:UserWarning")
def test_litdata_itself_reads_the_frames(drives: Path, shards: Path) -> None:
    litdata = pytest.importorskip("litdata.streaming.dataset")
    frames = litdata.StreamingDataset(str(shards))
    assert len(frames) == 21
    sample = ShardSnippetDataset(shards)[3]
    for place, number in enumerate((3, 4, 5)):
        assert torch.equal(frames[number], (sample.frames[place] * 255).round().byte())
