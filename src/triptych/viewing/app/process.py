"""A command as a process of its own, which can be stopped in good order."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

_LOOKS_EVERY_S = 0.2


def run_command(words: Sequence[str], *, log: Path, stop: threading.Event, grace_s: Callable[[], float]) -> int:
    """The exit code of a command, negative where a signal ended it.

    It and all that it starts are one group of processes, of which none outlives the call. Its standard input
    is a line that nothing is written to and that ends with this process: see `leash`.

    Args:
        words: the program and its arguments.
        log: file that takes what it says, at its end.
        stop: set, the group is interrupted as by Ctrl-C.
        grace_s: time from then on until it is killed (s), asked when it is interrupted.
    """
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    with (
        log.open("ab") as stream,
        subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        ) as process,
    ):
        try:
            while not stop.is_set():
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(_LOOKS_EVERY_S)
            _signal(process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                return process.wait(grace_s())
        finally:
            _signal(process.pid, signal.SIGKILL)
        return process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # the group is gone; macOS says the latter of zombies
        os.killpg(group, number)
