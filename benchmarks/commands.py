"""Commands of the package, run by drivers as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def triptych(*words: str, threads: int = 1) -> None:
    """A command in a process of its own, without its progress.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, "-m", "triptych", *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"triptych {' '.join(words)}\n{done.stderr[-2000:]}")


def prepare_synthetic(folder: Path, *words: str) -> None:
    """Rendered worlds in a folder; nothing where it is there, and no folder where it was interrupted."""
    if folder.is_dir():
        return
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    triptych("prepare", "synthetic", f"--output={partial}", *words)
    partial.rename(folder)
