"""`triptych train` and `triptych fit` that Ctrl-C stops in good order, and that go on after it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.integration.resumed_run import check_gone_on
from tests.integration.run_lines import lines

from triptych.cli import main
from triptych.config.build_model import load_model
from triptych.training.checkpoint import load_checkpoint
from triptych.training.log import FileLog, StepReport


def stopped(words: list[str], *, when_told_of: int) -> None:
    """Run a command in this process, and interrupt it when a step is told."""
    record = FileLog.record

    def record_and_interrupt(self: FileLog, report: StepReport) -> None:
        record(self, report)
        if report.step == when_told_of:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileLog, "record", record_and_interrupt)
        with pytest.raises(SystemExit) as caught:
            main(words)
    assert caught.value.code == 130


def check_stopped_and_gone_on(words: list[str], folder: Path, whole: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A run that was stopped says so, and is resumed to the losses and weights of one that was not."""
    steps, done = len(lines(whole / "metrics.jsonl")), len(lines(folder / "metrics.jsonl"))
    assert load_checkpoint(folder / "checkpoints" / "last.ckpt").state.step == done < steps
    said = capfd.readouterr().err
    assert f"stopped at step {done}; go on with: triptych {words[0]} " in said
    assert f"--output {folder} --resume" in said
    assert not (folder / "model.safetensors").exists()
    check_gone_on(words, folder, capfd)
    ended, expected = (lines(run / "metrics.jsonl") for run in (folder, whole))
    assert [line["total"] for line in ended] == [line["total"] for line in expected]
    for one, other in zip(load_model(folder)[0].parameters(), load_model(whole)[0].parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_training_that_is_interrupted_goes_on_to_the_same_end(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    length = ["--stages=flow", "--steps=5", "--validation.held_out=0"]
    main(settings_of(drives, tmp_path / "whole", *length))
    words = settings_of(drives, tmp_path / "run", *length)
    stopped(words, when_told_of=2)
    check_stopped_and_gone_on(words, tmp_path / "run", tmp_path / "whole", capfd)


def test_a_fit_that_is_interrupted_goes_on_to_the_same_end(
    video: Path, fitted: Path, tiny: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    fit = ["fit", str(video), "--output", str(folder)]
    stopped([*fit, "--steps=3", "--from_scratch", "--intrinsics=90,90,59.5,39.5", *tiny], when_told_of=1)
    assert not (folder / "prediction").exists()
    check_stopped_and_gone_on(fit, folder, fitted, capfd)
    assert (folder / "report.html").is_file()
