"""`triptych train` in processes that are killed, and resumed after it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.integration.resumed_run import check_gone_on
from tests.integration.run_lines import lines
from tests.waiting import wait_until

from triptych.cli import main
from triptych.config.build_model import load_model
from triptych.training.checkpoint import load_checkpoint, save_checkpoint
from triptych.training.identity import DataIdentity


def launched(words: list[str], *, processes: int = 1) -> subprocess.Popen[str]:
    """The command in processes of its own."""
    launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--standalone"]
    command = [sys.executable, *(launcher if processes > 1 else []), "-m", "triptych", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
    )


def wait_for_step(folder: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Until a run has told of a step."""
    file = folder / "metrics.jsonl"
    wait_until(lambda: file.is_file() and len(file.read_text().splitlines()) >= step, process)


def test_a_killed_training_resumes_to_the_same_losses_to_the_bit(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    # The checkpoints that a kill leaves behind are some steps old: those steps are done again.
    config = tmp_path / "length.yaml"
    config.write_text("epochs: 4\n")
    # Two of three stages, so that the length is a part of the file's; a name and not only files.
    common = ["--config", "kitti", f"--config={config}", "--stages", "flow,joint"]
    common += ["--data.split=null", "--validation.split=null"]
    common += ["--validation.held_out=0.2", "--training.workers=1", "--validation.pictures=0"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    main(settings_of(drives, whole, *common))
    words = settings_of(drives, killed, *common)
    process = launched(words)
    wait_for_step(killed, 10, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stderr is not None:
        process.stderr.close()
    assert load_checkpoint(killed / "checkpoints" / "last.ckpt").state.step < len(lines(whole / "metrics.jsonl"))
    check_gone_on(words, killed, capfd)
    assert [step["total"] for step in lines(killed / "metrics.jsonl")] == [
        step["total"] for step in lines(whole / "metrics.jsonl")
    ]
    assert [one["figures"] for one in lines(killed / "validation.jsonl")] == [
        one["figures"] for one in lines(whole / "validation.jsonl")
    ]
    for one, other in zip(load_model(whole)[0].parameters(), load_model(killed)[0].parameters(), strict=True):
        assert torch.equal(one, other)


def test_two_processes_train_and_one_that_is_killed_is_told_in_a_line(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    words = settings_of(drives, folder, "--steps=2000", "--validation.held_out=0", "--training.checkpoint_minutes=0.02")
    process = launched(words, processes=2)
    wait_for_step(folder, 12, process)
    ranks = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout.split()
    assert len(ranks) == 2
    os.kill(int(ranks[1]), signal.SIGKILL)
    _, error = process.communicate(timeout=120)
    assert process.returncode != 0
    told = [line for line in error.splitlines() if "triptych:" in line]
    assert len(told) == 1, error
    assert "another process of the training has ended" in told[0]
    assert "--resume" in told[0]
    done = len(lines(folder / "metrics.jsonl"))
    check_gone_on([*words, f"--steps={done + 2}"], folder, capfd)
    assert [step["step"] for step in lines(folder / "metrics.jsonl")] == list(range(1, done + 3))


def test_a_resume_with_other_networks_or_frames_is_refused(
    drives: Path,
    tmp_path: Path,
    settings_of: Callable[..., list[str]],
    refused: Callable[..., str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = settings_of(drives, tmp_path / "run", "--steps=1", "--stages=flow", "--validation.held_out=0")
    main(words)
    for change, told in (("--flow.width=0.5", "--flow.width 0.5: the run has 0.25"), ("--seed=7", "--seed 7")):
        line = refused(*words, "--resume", change)
        assert told in line
        assert "cannot change within it" in line
    check_gone_on(["train", f"--output={tmp_path / 'run'}", "--steps=2"], tmp_path / "run", capfd)
    assert len(lines(tmp_path / "run" / "metrics.jsonl")) == 2


def test_a_resume_on_other_snippets_is_refused_with_what_is_other(
    drives: Path,
    tmp_path: Path,
    settings_of: Callable[..., list[str]],
    refused: Callable[..., str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    root, folder = tmp_path / "raw", tmp_path / "run"
    shutil.copytree(drives, root)
    main(settings_of(root, folder, "--steps=1", "--stages=flow", "--validation.held_out=0.3", "--data.left_out=[]"))
    resume = ["train", f"--output={folder}", "--resume", "--steps=2"]
    before = (folder / "checkpoints" / "last.ckpt").read_bytes()
    line = refused(*resume, "--validation.held_out=0")
    assert "the run learns from 10 snippets, 20 now (--validation.held_out 0.0, which was 0.3)" in line
    assert "--initial" in line
    images = root / "2011_09_26" / "2011_09_26_drive_0005_sync" / "image_02" / "data"
    (images / "0000000011.png").unlink()
    assert "9 now (the files of --data.root are others)" in refused(*resume)
    shutil.copytree(images.parents[1], images.parents[1].with_name("2011_09_26_drive_0007_sync"))
    assert "13 now" in refused(*resume)
    assert (folder / "checkpoints" / "last.ckpt").read_bytes() == before
    shutil.rmtree(images.parents[1].with_name("2011_09_26_drive_0007_sync"))
    shutil.copy(images / "0000000010.png", images / "0000000011.png")
    check_gone_on(resume, folder, capfd)
    assert len(lines(folder / "metrics.jsonl")) == 2


def test_a_resume_that_is_judged_on_other_snippets_forgets_the_best(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    main(settings_of(drives, folder, "--steps=1", "--stages=flow", "--validation.held_out=0.3"))
    checkpoint = folder / "checkpoints" / "last.ckpt"
    stored = load_checkpoint(checkpoint)
    assert stored.state.best_value is not None
    unbeaten = replace(stored, state=replace(stored.state, best_value=-1.0))
    best = folder / "best.safetensors"
    for step, words, told in ((2, [], False), (3, ["--validation.snippets=2"], True)):
        best.unlink(missing_ok=True)
        save_checkpoint(checkpoint, unbeaten)
        capfd.readouterr()
        main(["train", f"--output={folder}", "--resume", f"--steps={step}", *words])
        assert ("validated on other snippets than before" in " ".join(capfd.readouterr().err.split())) == told
        assert best.is_file() == told


def test_a_checkpoint_that_tells_nothing_of_its_snippets_is_gone_on_from(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    main(settings_of(drives, folder, "--steps=1", "--stages=flow", "--validation.held_out=0"))
    checkpoint = folder / "checkpoints" / "last.ckpt"
    stored = load_checkpoint(checkpoint)
    save_checkpoint(checkpoint, replace(stored, identity=DataIdentity()))
    main(["train", f"--output={folder}", "--resume", "--steps=2"])
    assert "other" not in capfd.readouterr().err
    assert load_checkpoint(checkpoint).identity == stored.identity
