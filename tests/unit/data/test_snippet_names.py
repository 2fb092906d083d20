"""Snippets known by the names of their frames: the same wherever they lie, and none taken for another."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from tests.unit.data.noise_shards import lazy
from tests.unit.data.small_shards import write_drive

from triptych.data.folder_snippets import folder_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.data.snippet_names import common_targets, names_digest

EVERY = np.arange(17)


def files(root: Path, *, stride: int = 1) -> LazySnippetDataset:
    return LazySnippetDataset(folder_snippets(root, stride=stride), height=32, width=48, bottom_crop=0.2)


def every(data: LazySnippetDataset | ShardSnippetDataset) -> np.ndarray:
    return np.arange(len(data))


def test_files_elsewhere_and_the_shards_of_them_are_the_same_snippets(
    drives: Path, shards: Path, tmp_path: Path
) -> None:
    shutil.copytree(drives, tmp_path / "moved")
    digests = {
        names_digest(data, EVERY) for data in (lazy(drives), files(tmp_path / "moved"), ShardSnippetDataset(shards))
    }
    assert len(digests) == 1


def test_another_order_number_neighbor_or_name_makes_other_snippets(drives: Path, tmp_path: Path) -> None:
    data = files(drives)
    told = {names_digest(data, positions) for positions in (EVERY, EVERY[::-1].copy(), EVERY[1:], EVERY[:0])}
    assert len(told) == 4
    assert "" in told
    # The same target, of another stride: the third frame of a drive has neighbors of either.
    wide = files(drives, stride=2)
    assert wide.name_of(0) == data.name_of(1)
    assert names_digest(wide, EVERY[:1]) != names_digest(data, EVERY[1:2])
    shutil.copytree(drives, tmp_path / "other")
    (tmp_path / "other" / "walk").rename(tmp_path / "other" / "talk")
    assert names_digest(files(tmp_path / "other"), EVERY) != names_digest(data, EVERY)


def test_a_target_is_found_again_by_its_file_through_folders_and_links(drives: Path, tmp_path: Path) -> None:
    data = files(drives)
    assert common_targets(data, EVERY, data, EVERY[2:9:3]) == [2, 5, 8]
    assert common_targets(data, EVERY[:5], data, EVERY[5:]) == []
    (drive,) = (part for part in drives.iterdir() if part.name == "zoo")
    own = files(drive)
    assert common_targets(data, EVERY, own, every(own)) == list(range(7))
    (tmp_path / "by_folder").mkdir()
    (tmp_path / "by_folder" / "link").symlink_to(drive)
    (tmp_path / "by_file").mkdir()
    for file in drive.iterdir():
        (tmp_path / "by_file" / file.name).symlink_to(file)
    for root in (tmp_path / "by_folder", tmp_path / "by_file"):
        linked = files(root)
        assert common_targets(data, EVERY, linked, every(linked)) == list(range(7))
        assert common_targets(linked, every(linked), data, EVERY) == list(range(10, 17))


def test_drives_of_the_same_name_in_other_folders_are_other_drives(tmp_path: Path) -> None:
    write_drive(tmp_path / "train" / "one", 5)
    write_drive(tmp_path / "judge" / "one", 6)
    learned, judged = files(tmp_path / "train"), files(tmp_path / "judge")
    assert common_targets(learned, every(learned), judged, every(judged)) == []


def test_a_frame_of_shards_is_known_by_its_name_and_pixels(drives: Path, shards: Path, tmp_path: Path) -> None:
    packed, data = ShardSnippetDataset(shards), files(drives)
    assert common_targets(packed, EVERY, data, EVERY[3:5]) == [3, 4]
    assert common_targets(data, EVERY[4:], packed, EVERY[:6]) == [4, 5]
    assert common_targets(packed, EVERY[:6], packed, EVERY[5:]) == [5]
    for name, length in (("walk", 12), ("zoo", 9)):
        write_drive(tmp_path / "namesakes" / name, length)
    namesakes = files(tmp_path / "namesakes")
    assert set(namesakes.snippet_names) == set(packed.snippet_names)
    assert common_targets(packed, EVERY, namesakes, EVERY) == []


def test_a_damaged_namesake_is_passed_over(drives: Path, shards: Path, tmp_path: Path) -> None:
    shutil.copytree(drives, tmp_path / "copy")
    (tmp_path / "copy" / "walk" / "001.png").write_bytes(b"")
    packed, data = ShardSnippetDataset(shards), files(tmp_path / "copy")
    assert common_targets(packed, EVERY, data, EVERY[:1]) == []
    assert common_targets(packed, EVERY, data, EVERY[:2]) == [0, 1]  # the second tells of the first


def test_snippets_as_they_are_count_their_own_damage_and_learn_from_nobody(drives: Path) -> None:
    data = lazy(drives)
    data.teach, data.stand_ins = (lambda *_: None), EVERY[:3]  # type: ignore[assignment,return-value]
    data.damaged.add(["one"])
    plain = data.as_they_are()
    assert (plain.augmentation, plain.teach, plain.stand_ins, len(plain.damaged)) == (None, None, None, 0)
    assert plain.damaged.limit == data.damaged.limit
    assert data.teach is not None
    assert isinstance(plain, LazySnippetDataset)
    assert plain.index is data.index
