"""Commands of the package, run by drivers as a user would, and what drivers keep in their folders."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from triptych.errors import InputError

OPTIONS = "options.json"
"""What the figures in a driver's folder depend on."""

INPUT_ERROR = 2
"""Exit code for what cannot be used, as of `triptych`."""


def run_driver(main: Callable[[], None]) -> None:
    """Run a driver; what cannot be used ends it with one line and exit code 2."""
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(INPUT_ERROR) from None


def keep_options(folder: Path, options: argparse.Namespace, names: Sequence[str]) -> None:
    """Write what the figures in a folder depend on, before there are any; later, hold the driver to it.

    Args:
        folder: of the driver's results.
        options: the command line.
        names: of those options that change figures, not only how many there are.

    Raises:
        InputError: the folder has figures of other options, or of such that nobody wrote down.
    """
    asked = {name: getattr(options, name) for name in names}
    file = folder / OPTIONS
    if not file.is_file():
        if folder.is_dir() and any(path.is_dir() for path in folder.iterdir()):
            raise InputError(f"{folder}: holds folders and no {OPTIONS} that says of what; name another --output")
        save_result(file, asked)
        return
    kept = json.loads(file.read_text())
    changed = [name for name in {**kept, **asked} if kept.get(name) != asked.get(name)]
    if changed:
        begun, now = (", ".join(f"{name} {json.dumps(of.get(name))}" for name in changed) for of in (kept, asked))
        raise InputError(f"{folder}: was begun with {begun}, not {now}; go on with the former or name another --output")


def check_names(option: str, names: Collection[str], known: Collection[str]) -> None:
    """Refuse names that nothing has.

    Raises:
        InputError: naming the first of them, and those there are.
    """
    for name in names:
        if name not in known:
            raise InputError(f"{option} {name}: is nothing that could be run; name some of {', '.join(known)}")


def save_result(file: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all, so that a driver which is started again can trust it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1))
    partial.replace(file)


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
