"""A command of the app does not outlive it, however the app ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

MODULE = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
assert sys.stdin.read() == ""
if sys.argv[1:] == ["end"]:
    sys.exit(7)
try:
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit(130)
"""


def leashed(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    (folder / "played_command.py").write_text(MODULE)
    return subprocess.Popen(
        [sys.executable, "-m", "triptych.viewing.app.leash", "played_command", *words],
        stdin=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )


def test_a_module_runs_with_its_words_and_ends_with_its_own_code(tmp_path: Path) -> None:
    with leashed(tmp_path, "end") as process:
        assert process.wait(60) == 7


def test_a_module_is_interrupted_when_the_line_to_the_app_ends(tmp_path: Path) -> None:
    with leashed(tmp_path, str(tmp_path / "ready")) as process:
        limit = time.monotonic() + 60
        while not (tmp_path / "ready").exists():
            assert time.monotonic() < limit
            time.sleep(0.02)
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 130
