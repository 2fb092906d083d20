"""Waiting for what a process of its own does."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import pytest

LONGEST_S = 300.0  # a busy machine takes a minute to import torch


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], *, pause_s: float = 0.05) -> None:
    """Until a condition holds; a process that ends before, or takes too long, fails with what it has said."""
    limit = time.monotonic() + LONGEST_S
    while not condition():
        ended, late = process.poll() is not None, time.monotonic() > limit
        if ended or late:
            process.kill()
            _, said = process.communicate(timeout=60)
            pytest.fail(f"the process {'ended' if ended else f'took more than {LONGEST_S:g} s'}: {said}")
        time.sleep(pause_s)
