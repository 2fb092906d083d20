"""What goes wrong in a training on data sets, and what is promised then."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.waiting import wait_until

from triptych.cli import main
from triptych.training import checkpoint

Refused = Callable[..., str]


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """A folder of JPEGs that slide past, with a calibration."""
    folder = tmp_path / "drives" / "one"
    folder.mkdir(parents=True)
    scene = cv2.resize(np.random.default_rng(1).integers(0, 255, (16, 44, 3), dtype=np.uint8), (176, 64))
    for index in range(12):
        assert cv2.imwrite(str(folder / f"{index:06d}.jpg"), scene[:, 4 * index : 4 * index + 96])
    (folder / "K.txt").write_text("80 0 47.5\n0 80 31.5\n0 0 1\n")
    return folder


@pytest.fixture
def words(drive: Path, tmp_path: Path, tiny: list[str]) -> list[str]:
    return [
        "train",
        *tiny,
        "--stages=joint",
        "--training.joint.imitation=0",
        "--epochs=2",
        f"--data.root={drive.parent}",
        "--validation.held_out=0",
        f"--output={tmp_path / 'run'}",
    ]


def steps(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_empty_file_and_a_truncated_jpeg_are_named_skipped_and_counted(
    drive: Path, tmp_path: Path, words: list[str], capfd: pytest.CaptureFixture[str], workers: int
) -> None:
    (drive / "000004.jpg").write_bytes(b"")
    whole = (drive / "000008.jpg").read_bytes()
    (drive / "000008.jpg").write_bytes(whole[: len(whole) // 2])
    main([*words, f"--training.workers={workers}"])
    error = capfd.readouterr().err
    for name in ("000004.jpg", "000008.jpg"):
        assert error.count(f"{name}: ") == 1, error
    assert "2 files of frames could not be read" in error
    assert steps(tmp_path)[-1]["damaged"] == 2


def test_more_damaged_files_than_allowed_end_it(drive: Path, words: list[str], refused: Refused) -> None:
    for index in (2, 5, 8):
        (drive / f"{index:06d}.jpg").write_bytes(b"")
    line = refused(*words, "--data.skip_limit=2")
    assert "3 files of frames are damaged, 2 are allowed" in line
    assert "000005.jpg" in line


def test_frames_that_lack_a_neighbor_are_no_targets(drive: Path, tmp_path: Path, words: list[str]) -> None:
    main([*words, "--epochs=1"])
    whole = len(steps(tmp_path))
    for name in ("000006.jpg", "000007.jpg"):
        (drive / name).unlink()
    main([*words, "--epochs=1", "--overwrite"])
    assert (whole, len(steps(tmp_path))) == (5, 3)  # ten targets; without 5 to 8 there are six


def test_a_frame_that_vanishes_under_way_is_like_a_damaged_one(
    drive: Path, tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from triptych.training.loop import TrainingLoop

    run = TrainingLoop.run

    def after_a_loss(self: TrainingLoop, *arguments: object, **more: object) -> bool:
        (drive / "000006.jpg").unlink()
        return run(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(TrainingLoop, "run", after_a_loss)
    main(words)
    assert steps(tmp_path)[-1]["damaged"] == 1


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        ("-80 0 47.5\n0 80 31.5\n0 0 1\n", "must be positive"),
        ("80 0 nan\n0 80 31.5\n0 0 1\n", "K.txt"),
        ("80 0 947.5\n0 80 31.5\n0 0 1\n", "principal point"),
        ("80 0\n0 80\n", "K.txt"),
    ],
)
def test_intrinsics_that_cannot_be_are_refused(
    drive: Path, words: list[str], refused: Refused, matrix: str, told: str
) -> None:
    (drive / "K.txt").write_text(matrix)
    line = refused(*words)
    assert told in line
    assert "K.txt" in line


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_ends_it_with_a_line_and_leaves_nothing_half_written(
    small_disk: Path, words: list[str], refused: Refused
) -> None:
    line = refused(*words, f"--output={small_disk / 'run'}")
    assert "disk is full" in line or "No space left" in line or "free some space" in line
    files = [path for path in small_disk.rglob("*") if path.is_file()]
    assert not [path.name for path in files if ".tmp" in path.name or path.name.startswith(".")]
    assert not (small_disk / "run" / "checkpoints" / "last.ckpt").exists()


def test_a_disk_that_fills_up_ends_it_with_a_line_and_leaves_the_last_checkpoint_whole(
    tmp_path: Path, words: list[str], refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, checkpoints = checkpoint._write, tmp_path / "run" / "checkpoints"

    def first_alone(path: Path, content: checkpoint.Checkpoint) -> None:
        second = (checkpoints / "last.ckpt").is_file()
        write(path, content)
        if second:
            os.truncate(path, 1000)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(checkpoint, "_write", first_alone)
    assert f"cannot write {checkpoints / 'last.ckpt'}: the disk is full" in refused(*words)
    assert len(steps(tmp_path)) == 10
    assert [path.name for path in checkpoints.iterdir()] == ["last.ckpt"]
    left = checkpoint.load_latest_checkpoint(checkpoints, warn=pytest.fail)
    assert left.state.step == 5  # at the end of the first epoch


def test_a_loading_process_that_is_killed_ends_it_with_a_line(tmp_path: Path, words: list[str]) -> None:
    command = [sys.executable, "-m", "triptych", *words, "--epochs=2000", "--training.workers=1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        file = tmp_path / "run" / "metrics.jsonl"
        wait_until(lambda: file.is_file() and len(file.read_text().splitlines()) > 3, process)
        found = subprocess.run(["pgrep", "-P", str(process.pid)], check=True, capture_output=True, text=True)
        for child in found.stdout.split():
            os.kill(int(child), signal.SIGKILL)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 2, error
    told = [line for line in error.splitlines() if line.startswith("triptych:")]
    assert len(told) == 1, error
    assert "Traceback" not in error
    assert "a process that loads data" in told[0]


def test_a_run_neither_takes_the_place_of_what_is_read_nor_of_what_is_no_run(
    drive: Path, tmp_path: Path, words: list[str], refused: Refused
) -> None:
    for place in (drive.parent, tmp_path, drive):
        assert "lie one in the other" in refused(*words, f"--output={place}", "--overwrite")
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    assert "holds no run that --overwrite could replace" in refused(*words, f"--output={other}", "--overwrite")
    assert len(list(drive.iterdir())) == 13
    assert (other / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--steps=0"], "--steps 0: must be above 0"),
        (["--minutes=-1"], "--minutes -1: must be above 0"),
        (["--training.accumulation=3"], "--training.accumulation 3: must divide the batch of 2"),
        (["--validation.held_out=0.4", "--validation.measure=ate_3"], "--validation.measure ate_3: no true poses"),
    ],
)
def test_what_cannot_be_done_is_told_before_a_run_is_replaced(
    tmp_path: Path, words: list[str], refused: Refused, change: list[str], told: str
) -> None:
    old = tmp_path / "run"
    old.mkdir()
    (old / "settings.yaml").write_text("seed: 1\n")
    assert told in refused(*words, "--overwrite", *change)
    assert (old / "settings.yaml").read_text() == "seed: 1\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe\x00\x81", "is no text"),
        (b"", "holds no settings"),
        (b"- a\n", "holds no settings"),
        (b"a: [\n", "is no YAML"),
        (b"steps: 3\nepochs: 2\n", "a training has one length"),
        (b"seed: 1\nsize: 64x96\nseed: 2\n", "odd.yaml, line 3: seed is given a second time"),
        (b"losses:\n  alpha: 0.5\n  alpha: 0.6\n", "odd.yaml, line 3: alpha is given a second time"),
        (b"training: null\n", "odd.yaml: training is a group of settings; write them below it"),
        (b"training:\n  flow: 3\n", "odd.yaml: training.flow is a group of settings"),
        (b"size: null\n", "odd.yaml: size needs a value"),
        (b"training:\n  batch_size:\n", "odd.yaml: training.batch_size needs a value"),
    ],
)
def test_a_file_that_is_no_settings_is_told_by_its_name(
    tmp_path: Path, words: list[str], refused: Refused, content: bytes, told: str
) -> None:
    file = tmp_path / "odd.yaml"
    file.write_bytes(content)
    line = refused(*[word for word in words if not word.startswith("--epochs")], f"--config={file}")
    assert told in line


def test_the_root_of_a_known_data_set_is_not_taken_for_folders_of_frames(
    tmp_path: Path, words: list[str], refused: Refused
) -> None:
    (tmp_path / "kitti" / "2011_09_26" / "2011_09_26_drive_0001_sync").mkdir(parents=True)
    assert "is laid out as kitti_raw" in refused(*words, f"--data.root={tmp_path / 'kitti'}")
