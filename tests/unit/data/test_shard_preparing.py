"""Making shards: nothing half-made or foreign under a name, and what cannot be read is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.unit.data.small_shards import CHUNK_BYTES, FRAME, SIZE, contents, interrupted, prepare, write_drive

from triptych.data.folder_snippets import folder_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.shard_check import shard_faults
from triptych.data.shard_preparing import prepared_shards
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.data.snippet_index import SnippetIndex
from triptych.errors import InputError


def test_only_finished_shards_are_left(root: Path, tmp_path: Path) -> None:
    manifest = prepare(root, tmp_path / "shards")
    assert (manifest.frames, manifest.snippets, len(manifest.drives)) == (17, 13, 2)
    assert sorted(contents(tmp_path / "shards")) == [
        *(f"chunk-{number:06d}.bin" for number in range(5)),
        "frame_checksums.npy",
        "frame_names.npy",
        "index.json",
        "manifest.json",
        "snippets.npy",
    ]
    assert [chunk.frames for chunk in manifest.chunks] == [4, 4, 4, 4, 1]
    assert shard_faults(tmp_path / "shards") == []


def test_the_same_again_is_done_at_once(root: Path, tmp_path: Path) -> None:
    first = prepare(root, tmp_path / "shards")
    times = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "shards").iterdir()}
    assert prepare(root, tmp_path / "shards") == first
    assert times == {file.name: file.stat().st_mtime_ns for file in (tmp_path / "shards").iterdir()}


def test_progress_counts_frames(root: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    prepare(root, tmp_path / "shards", progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 17), (8, 17), (12, 17), (16, 17), (17, 17)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 40}, "size 32x48, now 40x48"),
        ({"bottom_crop": 0.1}, "bottom crop 0.0, now 0.1"),
        ({"chunk_bytes": 3 * CHUNK_BYTES}, "chunk bytes 18432, now 55296"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_other_settings_are_refused_until_overwritten(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, float], message: str, finished: bool
) -> None:
    place = tmp_path / "shards"
    if finished:
        prepare(root, place)
    else:
        interrupted(monkeypatch, lambda: prepare(root, place), after=2)
    before = contents(place)
    with pytest.raises(InputError, match=rf"other settings \({message}\); choose another folder or pass --overwrite"):
        prepare(root, place, **change)
    assert contents(place) == before
    prepare(root, place, overwrite=True, **change)
    prepare(root, tmp_path / "fresh", **change)
    assert contents(place) == contents(tmp_path / "fresh")


def test_other_frames_of_the_data_set_are_refused(root: Path, tmp_path: Path) -> None:
    prepare(root, tmp_path / "shards")
    (root / "K.txt").write_text("80 0 51 0 82 28 0 0 1")
    with pytest.raises(InputError, match="frames, intrinsics or neighbors of the data set changed"):
        prepare(root, tmp_path / "shards")
    (root / "long" / "010.png").write_bytes((root / "long" / "000.png").read_bytes())
    with pytest.raises(InputError, match="snippets 13, now 14"):
        prepare(root, tmp_path / "shards")


def test_foreign_files_are_never_taken_away(root: Path, tmp_path: Path) -> None:
    place = tmp_path / "shards"
    prepare(root, place)
    (place / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"holds other files \(thesis\.tex\)"):
            prepare(root, place, overwrite=overwrite)
    assert len(contents(place)) == 11
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file: name a folder"):
        prepare(root, tmp_path / "file")


def test_snippets_with_a_damaged_frame_are_left_out_and_told(root: Path, tmp_path: Path) -> None:
    (root / "long" / "004.png").write_bytes(b"")
    place = tmp_path / "shards"
    manifest = prepare(root, place)
    (line,) = manifest.damaged
    assert line == f"{root}/long/004.png: cannot be read (no image)"
    assert any("3 snippets are left out, for they need damaged frames" in remark for remark in manifest.remarks)
    dataset = ShardSnippetDataset(place)
    files = LazySnippetDataset(folder_snippets(root), **SIZE)
    assert len(dataset) == 10
    sound = [index for index in range(13) if index not in (2, 3, 4)]
    assert dataset.snippet_names == [files.name_of(index) for index in sound]
    for position, index in enumerate(sound):
        assert torch.equal(dataset[position].frames, files[index].frames)
    assert shard_faults(place) == []


def test_more_damaged_frames_than_allowed_end_the_work_which_goes_on_once_they_are_mended(
    root: Path, tmp_path: Path
) -> None:
    place = tmp_path / "shards"
    sound = (root / "short" / "003.png").read_bytes()
    (root / "short" / "003.png").write_bytes(sound[:100])
    with pytest.raises(InputError, match=r"1 file of frames is damaged, 0 are allowed: .*003\.png: cannot be read"):
        prepare(root, place, skip_limit=0)
    (root / "short" / "003.png").write_bytes(sound)
    prepare(root, place, skip_limit=0)
    prepare(root, tmp_path / "whole")
    assert contents(place) == contents(tmp_path / "whole")


def test_a_drive_of_which_nothing_can_be_read_has_no_file(tmp_path: Path) -> None:
    for name in "abc":
        write_drive(tmp_path / "root" / name, 4)
    broken = tmp_path / "root" / "b"
    index, alone = folder_snippets(tmp_path / "root"), folder_snippets(broken)
    files = LazySnippetDataset(index, **SIZE)
    for file in broken.iterdir():
        file.write_bytes(file.read_bytes()[:-2000])
    manifest = prepared_shards(index, tmp_path / "shards", chunk_bytes=CHUNK_BYTES, **SIZE)
    assert [drive.frames for drive in manifest.drives] == [4, 0, 4]
    assert [chunk.name for chunk in manifest.chunks] == ["chunk-000000.bin", "chunk-000002.bin"]
    dataset = ShardSnippetDataset(tmp_path / "shards")
    assert dataset.snippet_names == ["a/001", "a/002", "c/001", "c/002"]
    assert torch.equal(dataset[3].frames, files[5].frames)
    with pytest.raises(InputError, match="not one of its 2 snippets can be read"):
        prepared_shards(alone, tmp_path / "none", **SIZE)


def test_a_split_that_names_drives_in_turns_keeps_its_order(root: Path, tmp_path: Path) -> None:
    index = folder_snippets(root)
    order = np.random.default_rng(1).permutation(len(index))[:9]
    mixed = SnippetIndex("mixed", index.drives, index.drive_numbers[order], index.frames[order])
    prepared_shards(mixed, tmp_path / "shards", chunk_bytes=CHUNK_BYTES, **SIZE)
    dataset, files = ShardSnippetDataset(tmp_path / "shards"), LazySnippetDataset(mixed, **SIZE)
    assert dataset.snippet_names == files.snippet_names
    for position in range(9):
        assert torch.equal(dataset[position].frames, files[position].frames)
        assert torch.equal(dataset[position].intrinsics, files[position].intrinsics)


def test_frames_in_no_snippet_are_not_stored(tmp_path: Path) -> None:
    drive = write_drive(tmp_path / "root" / "a", 9)
    (drive / "003.png").rename(drive / "103.png")  # behind a gap, at the end, alone
    assert prepare(tmp_path / "root", tmp_path / "shards").frames == 8


def mounted(place: Path, size: str) -> bool:
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_one_line_and_goes_on_once_there_is_room(root: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    if not mounted(disk, "64k"):
        pytest.skip("no disk can be mounted here")
    try:
        place = disk / "shards"
        with pytest.raises(InputError) as caught:
            prepare(root, place)
        assert str(caught.value).startswith(f"cannot write {place}/")
        assert "the disk is full; free some space" in str(caught.value)
        assert not [name for name in contents_names(place) if name.startswith(".partial")]
        chunk = 4 * (4 + 2) + 4 * (FRAME + 4 + 8 + 3 * 4)
        assert {file.stat().st_size for file in place.glob("*.bin")} <= {chunk}
        with pytest.raises(InputError, match="not finished"):
            ShardSnippetDataset(place)
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        prepare(root, place)
        prepare(root, tmp_path / "whole")
        assert contents(place) == contents(tmp_path / "whole")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def contents_names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def test_a_missing_library_is_told_before_anything_is_written(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "litdata.streaming.writer", None)
    with pytest.raises(InputError, match=r"shards need litdata .*: .* pip install -e '\.\[cloud\]'"):
        prepare(root, tmp_path / "shards")
    assert not (tmp_path / "shards").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 0}, "processing size 48x0"),
        ({"bottom_crop": 1.0}, "bottom crop 1"),
        ({"workers": 0}, "workers 0"),
        ({"skip_limit": -1}, "skip limit -1"),
        ({"chunk_bytes": 5}, "chunks of 5 bytes"),
    ],
)
def test_settings_without_meaning_are_refused(
    root: Path, tmp_path: Path, options: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        prepare(root, tmp_path / "shards", **options)
    assert not (tmp_path / "shards").exists()
