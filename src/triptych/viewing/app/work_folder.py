"""The folder of an app: what is kept in it, what passes through, and what a killed app has left there."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from triptych.errors import InputError
from triptych.viewing.app.steps import CLIP, VIDEO

JOBS = "jobs"
PASSING = ".triptych-app-"
"""Beginning of the name of the folder of what passes through."""


@dataclass(frozen=True)
class WorkFolder:
    """Places of an app.

    Attributes:
        jobs: a folder for each job.
        passing: for uploads that are not used yet.
    """

    jobs: Path
    passing: Path


@contextmanager
def work_folder(work: Path | None) -> Iterator[WorkFolder]:
    """The places of an app until it ends; what passes through goes with it, and the jobs too if nobody named a folder.

    Videos that an app left in a named folder, because it was killed, are deleted first.

    Args:
        work: the folder; one of the system's for temporary files if None.

    Raises:
        InputError: it cannot be written to, or another app uses it.
    """
    with ExitStack() as held:
        try:
            if work is not None:
                held.enter_context(_held(work))
            own = Path(tempfile.mkdtemp(prefix=PASSING if work else PASSING[1:], dir=work)).resolve()
            held.callback(shutil.rmtree, own, ignore_errors=True)
            jobs = own / JOBS if work is None else work.resolve() / JOBS
            jobs.mkdir(exist_ok=True)
            passing = own / "passing"
            passing.mkdir()
        except OSError as error:
            place = "the folder for temporary files" if work is None else f"--work {work}"
            raise InputError(f"{place}: cannot be written ({error.strerror or error}); name another --work") from error
        yield WorkFolder(jobs, passing)


@contextmanager
def _held(work: Path) -> Iterator[None]:
    """A named folder, for one app alone, without what is left of those before."""
    work.mkdir(parents=True, exist_ok=True)
    lock = os.open(work, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"--work {work}: another app uses it; name another folder") from None
        for left in work.glob(f"{PASSING}*/"):
            shutil.rmtree(left, ignore_errors=True)
        for left in (work / JOBS).glob("*/"):
            delete_source(left)
        yield
    finally:
        os.close(lock)


def delete_source(job: Path) -> None:
    """Delete the video, or the rendered clip, in the folder of a job."""
    for path in job.glob(f"{VIDEO}.*"):
        with suppress(OSError):
            path.unlink()
    shutil.rmtree(job / CLIP, ignore_errors=True)
