"""Making shards: the same bytes however often it is interrupted, and nothing half-made under a name."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from triptych.data import shard_pool
from triptych.data.calibration import calibration_from_text
from triptych.data.folder_snippets import folder_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.sequence import load_sequence
from triptych.data.shard_check import shard_faults
from triptych.data.shard_manifest import ShardManifest
from triptych.data.shard_preparing import prepared_shards
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.data.shard_videos import folder_and_video_snippets
from triptych.data.snippet_index import SnippetIndex
from triptych.data.sources import open_source
from triptych.errors import InputError

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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two drives of ten and seven frames."""
    write_drive(tmp_path / "root" / "long", 10)
    write_drive(tmp_path / "root" / "short", 7)
    return tmp_path / "root"


def prepare(root: Path, location: Path | str, **options: object) -> ShardManifest:
    settings = {"chunk_bytes": CHUNK_BYTES, **SIZE} | options
    return prepared_shards(folder_snippets(root), location, **settings)  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


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


def test_interrupted_work_goes_on_to_the_same_bytes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "shards"
    interrupted(monkeypatch, lambda: prepare(root, place), after=3)
    made = {name: file for name, file in contents(place).items() if name.endswith(".bin")}
    assert len(made) == 3
    with pytest.raises(InputError, match="not finished"):
        ShardSnippetDataset(place)
    # A chunk that was changed since, one without a record, and what a killed process leaves, are made again.
    (place / "chunk-000000.bin").write_bytes(made["chunk-000000.bin"][:-1] + b"!")
    (place / "chunk-000001.json").unlink()
    (place / ".partial-0-chunk-000003.bin").touch()
    (place / ".partial-1-chunk-000003.bin.d").mkdir()
    kept = (place / "chunk-000002.bin").stat().st_mtime_ns
    prepare(root, place)
    assert (place / "chunk-000002.bin").stat().st_mtime_ns == kept
    prepare(root, tmp_path / "whole")
    assert contents(place) == contents(tmp_path / "whole")


PREPARE = """
from pathlib import Path
from triptych.data.folder_snippets import folder_snippets
from triptych.data.shard_preparing import prepared_shards

if __name__ == "__main__":
    prepared_shards(folder_snippets(Path(ROOT)), PLACE, height=192, width=320, chunk_bytes=2**18, workers=2)
"""


def test_killed_processes_lose_nothing_and_leave_no_one_behind(tmp_path: Path) -> None:
    root = write_drive(tmp_path / "root", 30, height=500, width=800)
    place = tmp_path / "shards"
    settings = {"height": 192, "width": 320, "chunk_bytes": 2**18}
    script = tmp_path / "prepare.py"
    script.write_text(PREPARE.replace("ROOT", repr(str(root))).replace("PLACE", repr(str(place))))
    process = subprocess.Popen([sys.executable, str(script)])
    try:
        deadline = time.monotonic() + 60
        while len(list(place.glob("chunk-*.json"))) < 3:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        children = workers_of(process.pid)
    finally:
        process.kill()
        process.wait()
    assert children
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in children):
        assert time.monotonic() < deadline, "a worker outlived the process that started it"
        time.sleep(0.05)
    assert not (place / "manifest.json").exists()
    assert 3 <= len(list(place.glob("chunk-*.bin"))) < 30
    index = folder_snippets(root)
    prepared_shards(index, place, **settings)
    prepared_shards(index, tmp_path / "whole", **settings)
    assert contents(place) == contents(tmp_path / "whole")


def workers_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_several_processes_write_the_same_as_one(root: Path, tmp_path: Path) -> None:
    assert prepare(root, tmp_path / "one") == prepare(root, tmp_path / "two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_an_error_in_a_worker_is_one_line(root: Path, tmp_path: Path) -> None:
    for number in (2, 6):
        (root / "long" / f"{number:03d}.png").write_bytes(b"")
    with pytest.raises(InputError, match="2 files of frames are damaged, 1 are allowed"):
        prepare(root, tmp_path / "shards", skip_limit=1, workers=2)


def test_a_killed_worker_is_one_line_and_what_is_finished_is_kept(tmp_path: Path) -> None:
    root = write_drive(tmp_path / "root", 30, height=500, width=800)

    def kill(done: int, total: int) -> None:
        for child in multiprocessing.active_children():
            child.kill()

    with pytest.raises(InputError, match=r"a process that prepares was killed, .*fewer --workers: what is finished is"):
        prepare(root, tmp_path / "shards", chunk_bytes=FRAME, workers=2, progress=kill)
    assert len(list((tmp_path / "shards").glob("chunk-*.bin"))) > 0
    assert not (tmp_path / "shards" / "manifest.json").exists()


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
    with pytest.raises(InputError, match=r"1 files of frames are damaged, 0 are allowed: .*003\.png: cannot be read"):
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


class TestVideos:
    @pytest.fixture
    def videos(self, tmp_path: Path, write_video: Callable[..., Path], numbered: Callable[..., list]) -> Path:  # type: ignore[type-arg]
        (tmp_path / "root").mkdir()
        write_video(tmp_path / "root" / "walk.mp4", numbered(11))
        write_video(tmp_path / "root" / "zoo.mp4", numbered(7, height=64, width=96))
        (tmp_path / "root" / "zoo.yaml").write_text("width: 96\nheight: 64\nfx: 80\nfy: 81\ncx: 47\ncy: 32\n")
        write_drive(tmp_path / "root" / "images", 5)
        return tmp_path / "root"

    def test_a_video_is_a_drive_to_the_bits_of_its_frames(self, videos: Path, tmp_path: Path) -> None:
        index = folder_and_video_snippets(videos)
        assert [drive.name for drive in index.drives] == ["images", "walk.mp4", "zoo.mp4"]
        assert any("2 of 3 drives have no calibration (images, walk.mp4)" in remark for remark in index.remarks)
        manifest = prepared_shards(index, tmp_path / "shards", chunk_bytes=CHUNK_BYTES, **SIZE)
        assert manifest.frames == 5 + 11 + 7
        dataset = ShardSnippetDataset(tmp_path / "shards")
        assert dataset.name_of(3) == "walk.mp4/000001"
        zoo = load_sequence(open_source(videos / "zoo.mp4"), calibration=calibration_from_text("80,81,47,32"), **SIZE)
        sample = dataset[len(dataset) - 1]
        assert torch.equal((sample.frames * 255).round().byte(), zoo.images[4:7])
        assert torch.equal(sample.intrinsics, zoo.intrinsics)

    def test_a_video_goes_on_where_it_was_interrupted(
        self, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index = folder_and_video_snippets(videos)

        def work(place: Path = tmp_path / "shards") -> None:
            prepared_shards(index, place, chunk_bytes=CHUNK_BYTES, **SIZE)

        interrupted(monkeypatch, work, after=4)
        work()
        work(tmp_path / "whole")
        assert contents(tmp_path / "shards") == contents(tmp_path / "whole")

    def test_of_a_video_that_is_cut_off_the_frames_before_are_used(self, videos: Path, tmp_path: Path) -> None:
        content = (videos / "walk.mp4").read_bytes()
        (videos / "walk.mp4").write_bytes(content[:-200])
        (videos / "zoo.mp4").write_bytes(b"no video")
        index = folder_and_video_snippets(videos)
        assert any("zoo.mp4: cannot be read as a video" in remark for remark in index.remarks)
        if len(index.drives) == 2:
            assert any("walk.mp4" in remark for remark in index.remarks)
        manifest = prepared_shards(index, tmp_path / "shards", chunk_bytes=CHUNK_BYTES, **SIZE)
        assert manifest.snippets == len(index)

    def test_damage_inside_a_video_costs_the_snippets_behind_it(
        self, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from triptych.data.video import VideoSource

        original = VideoSource.frames

        def breaking(self: VideoSource, start: int = 0, stop: int | None = None) -> Iterator[torch.Tensor]:
            for position, frame in enumerate(original(self, start, stop), start=start):
                if position == 6 and self.name == "walk.mp4":
                    raise InputError("walk.mp4: frame 6 cannot be decoded")
                yield frame

        monkeypatch.setattr(VideoSource, "frames", breaking)
        index = folder_and_video_snippets(videos)
        manifest = prepared_shards(index, tmp_path / "shards", chunk_bytes=CHUNK_BYTES, skip_limit=1, **SIZE)
        assert manifest.damaged == ("walk.mp4: frame 6 cannot be decoded",)
        # Frames 0 to 5 make four snippets of nine.
        assert manifest.snippets == len(index) - 5


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
    with pytest.raises(InputError, match=r"shards need litdata .*: pip install 'triptych\[cloud\]'"):
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


def test_an_interrupt_stops_the_processes(root: Path, tmp_path: Path) -> None:
    root = write_drive(tmp_path / "big", 20, height=500, width=800)
    frames = sorted(path for path in root.rglob("*") if path.suffix == ".png")
    for index in range(20, 600):  # so many that it cannot be finished before it is interrupted
        (frames[0].parent / f"{index:0{len(frames[0].stem)}d}.png").hardlink_to(frames[index % 20])
    place = tmp_path / "shards"
    words = ["-m", "triptych", "prepare", "folders", str(root), "--output", str(place)]
    words += ["--size=192x640", "--workers=2", "--chunk_mb=1"]
    process = subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 90
    while len(list(place.glob("chunk-*.json"))) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    # As a terminal does it: to all of them.
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    lines = [line for line in said.splitlines() if "WARNING" not in line]
    assert lines == ["what is finished is kept: the same command goes on from there", "interrupted"]
    assert not list(place.glob(".partial-*"))
    assert not (place / "manifest.json").exists()
