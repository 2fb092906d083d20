"""A run that goes on, which from its end alone could as well have begun anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.cli import main
from triptych.training.checkpoint import load_checkpoint


def check_gone_on(words: list[str], folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A resume begins at the last checkpoint, and leaves the lines of the steps before as they are."""
    step = load_checkpoint(folder / "checkpoints" / "last.ckpt").state.step
    before = (folder / "metrics.jsonl").read_text().splitlines()[:step]
    assert len(before) == step > 0
    capfd.readouterr()
    main([*words, "--resume"])
    assert f"going on from step {step}" in capfd.readouterr().err
    assert (folder / "metrics.jsonl").read_text().splitlines()[:step] == before  # done anew, their seconds are others
