"""Run a module as `python -m` does, but not for longer than the app that asked for it.

The app holds the other end of the standard input and writes nothing to it. The line ends when the app does,
also where the app could not say so: killed, out of memory, its terminal closed.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Sequence

GRACE_S = 10.0  # to take away what is half-written


def run(words: Sequence[str]) -> None:
    """Run a module until it ends, or the app does.

    Args:
        words: name of the module, and its command line.
    """
    line = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    if os.getpgrp() == os.getpid():  # else others would be ended with it
        threading.Thread(target=_end_with, args=(line,), name="leash", daemon=True).start()
    sys.argv = list(words)
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _end_with(line: int) -> None:
    """Interrupt the group of processes when the line ends, and kill it soon after."""
    while os.read(line, 1):
        pass
    os.killpg(0, signal.SIGINT)
    time.sleep(GRACE_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    run(sys.argv[1:])
