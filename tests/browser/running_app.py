"""The app as a process of its own, for tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunningApp:
    """An app that answers.

    Attributes:
        address: of its page.
        work: folder of its results.
        process: it.
    """

    address: str
    work: Path
    process: subprocess.Popen[bytes]

    @property
    def port(self) -> int:
        return int(self.address.rstrip("/").rpartition(":")[2])

    def videos(self) -> list[Path]:
        """What lies there of uploads, wherever."""
        return [path for path in self.work.rglob("*") if path.is_file() and path.suffix in (".mp4", ".mov", ".mkv")]


@contextmanager
def running_app(folder: Path, *options: str, keep: bool = True) -> Iterator[RunningApp]:
    """The app until the block ends; it is interrupted then.

    Args:
        folder: for its results and its messages.
        options: of the command.
        keep: whether it is told to keep its results.
    """
    work = folder / "work"
    work.mkdir(parents=True)
    words = ["app", "--headless", "--port=0", *([f"--work={work}"] if keep else []), *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TMPDIR": str(work)}
    messages = folder / "messages.txt"
    with messages.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-m", "triptych", *words], stderr=stream, env=environment)
    try:
        limit = time.monotonic() + 400  # a machine that does much else loads the libraries slowly
        while not (found := re.search(r"app: (http://\S+)", messages.read_text())):
            assert process.poll() is None, messages.read_text()
            assert time.monotonic() < limit, messages.read_text()
            time.sleep(0.1)
        yield RunningApp(found[1], work, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()
