"""Making shards in processes: interrupted, killed or several, they come to the same bytes and leave no one behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.data.small_shards import FRAME, contents, interrupted, prepare, write_drive
from tests.waiting import wait_until

from triptych.data.folder_snippets import folder_snippets
from triptych.data.shard_preparing import prepared_shards
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.errors import InputError

PREPARE = """
from pathlib import Path
from triptych.data.folder_snippets import folder_snippets
from triptych.data.shard_preparing import prepared_shards

if __name__ == "__main__":
    prepared_shards(folder_snippets(Path(ROOT)), PLACE, height=192, width=320, chunk_bytes=2**18, workers=2)
"""


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


def test_killed_processes_lose_nothing_and_leave_no_one_behind(tmp_path: Path) -> None:
    root = write_drive(tmp_path / "root", 30, height=500, width=800)
    place = tmp_path / "shards"
    settings = {"height": 192, "width": 320, "chunk_bytes": 2**18}
    script = tmp_path / "prepare.py"
    script.write_text(PREPARE.replace("ROOT", repr(str(root))).replace("PLACE", repr(str(place))))
    process = subprocess.Popen([sys.executable, str(script)], text=True)
    try:
        wait_until(lambda: len(list(place.glob("chunk-*.json"))) >= 3, process, pause_s=0.002)
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
    with pytest.raises(InputError, match="2 files of frames are damaged, 1 is allowed"):
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


def test_an_interrupt_stops_the_processes(root: Path, tmp_path: Path) -> None:
    root = write_drive(tmp_path / "big", 20, height=500, width=800)
    frames = sorted(path for path in root.rglob("*") if path.suffix == ".png")
    for index in range(20, 600):  # so many that it cannot be finished before it is interrupted
        (frames[0].parent / f"{index:0{len(frames[0].stem)}d}.png").hardlink_to(frames[index % 20])
    place = tmp_path / "shards"
    words = ["-m", "triptych", "prepare", "folders", str(root), "--output", str(place)]
    words += ["--size=192x640", "--workers=2", "--chunk_mb=1"]
    # Where tests run in the background interrupts are ignored, also by the processes that they start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True, start_new_session=True)
    signal.signal(signal.SIGINT, before)
    wait_until(lambda: len(list(place.glob("chunk-*.json"))) >= 2, process, pause_s=0.002)
    # As a terminal does it: to all of them.
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    lines = [line for line in said.splitlines() if "WARNING" not in line]
    assert lines == ["what is finished is kept: the same command goes on from there", "interrupted"], said
    assert not list(place.glob(".partial-*"))
    assert not (place / "manifest.json").exists()
