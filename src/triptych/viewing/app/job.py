"""A job: its folder, how far it is, and what of it may be looked at."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, final

from triptych.inference.result import PREDICTION, RESULT_FILE
from triptych.viewing.app.live_picture import LivePicture, PictureMaker
from triptych.viewing.app.order import Order
from triptych.viewing.app.run_progress import RunProgress, RunReader
from triptych.viewing.app.steps import (
    BEST,
    LOG,
    MODEL,
    REPORT,
    RUN,
    SCENE,
    Step,
    steps_of,
)
from triptych.viewing.app.work_folder import delete_source

State = Literal["waiting", "running", "stopping", "done", "stopped", "failed"]
ENDED: frozenset[State] = frozenset({"done", "stopped", "failed"})
OVERVIEW = "overview.mp4"
SHOWN = {REPORT: f"{RUN}/{REPORT}", SCENE: f"{RUN}/{SCENE}", OVERVIEW: f"{RUN}/{PREDICTION}/{OVERVIEW}", LOG: LOG}
"""Files that may be looked at: the name in the address, and the place in the job's folder."""
LEFT_OUT = frozenset({"checkpoints", "tensorboard"})
"""Folders of a run that are not in the archive: they are for going on with it here."""
_WARNING, _COMPLAINT = "WARNING: ", "triptych: "
_NOTES_AT_MOST = 6
_LOG_BYTES = 20_000  # of its end, where warnings and errors are looked for


@dataclass(frozen=True)
class JobStatus:
    """How a job is doing.

    Attributes:
        state: of the job.
        place: jobs before it in the queue.
        steps: names of its steps.
        step: number of the one at work, from 0.
        progress: of that step.
        notes: what a person should know: warnings, what is missing.
        failure: why it failed, in a line.
        files: names of what can be looked at.
        complete: whether there is a whole prediction.
    """

    state: State
    place: int
    steps: tuple[str, ...]
    step: int
    progress: RunProgress
    notes: tuple[str, ...] = ()
    failure: str = ""
    files: tuple[str, ...] = ()
    complete: bool = False


@final
@dataclass
class Job:
    """A job, as the queue knows it.

    Attributes:
        folder: all its files.
        order: what was asked for.
        frames: how many the prediction will have.
        state: of the job.
        steps: that it consists of, as far as is known.
        step: number of the one at work.
        stop: set where it shall stop.
        rescued: whether its learning was stopped and what was learned is shown.
        removed: whether its folder shall go.
        failure: why it failed.
        notes: what is missing in the result.
    """

    folder: Path
    order: Order
    frames: int
    state: State = "waiting"
    steps: list[Step] = field(default_factory=list)
    step: int = 0
    stop: threading.Event = field(default_factory=threading.Event)
    rescued: bool = False
    removed: bool = False
    failure: str = ""
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Lay out its steps."""
        self.steps = steps_of(self.order)
        self._reading = threading.Lock()
        self._reader = RunReader(self.run, frames=self.frames)
        self._pictures = PictureMaker(self.run)

    @property
    def run(self) -> Path:
        """Folder of its run."""
        return self.folder / RUN

    @property
    def log(self) -> Path:
        """File of what its commands said."""
        return self.folder / LOG

    @property
    def complete(self) -> bool:
        """Whether there is a whole prediction."""
        return (self.run / PREDICTION / RESULT_FILE).is_file()

    @property
    def kept(self) -> bool:
        """Whether it is learning, and stopped now leaves networks that can predict."""
        learns = self.steps[min(self.step, len(self.steps) - 1)].learns
        return learns and (self.run / BEST).is_file() and not (self.run / MODEL).is_file()

    def status(self, *, place: int) -> JobStatus:
        """How it is doing, with so many jobs before it."""
        step = self.steps[min(self.step, len(self.steps) - 1)]
        with self._reading:
            progress = self._reader.progress(learning=step.learns) if step.told else RunProgress()
        return JobStatus(
            state=self.state,
            place=place,
            steps=tuple(step.name for step in self.steps),
            step=self.step,
            progress=progress,
            notes=(*self._warnings(), *self.notes),
            failure=self.failure,
            files=tuple(name for name in SHOWN if self.file(name) is not None),
            complete=self.complete,
        )

    def picture(self) -> LivePicture | None:
        """The newest picture of what it does."""
        with self._reading:
            return self._pictures.newest()

    def file(self, name: str) -> Path | None:
        """A file that may be looked at; None where there is none of that name, or not yet."""
        place = SHOWN.get(name)
        if place is None:
            return None
        path = (self.folder / place).resolve()
        return path if path.is_file() and self.folder.resolve() in path.parents else None

    def archived(self) -> Iterator[tuple[str, Path]]:
        """Name in the archive and place of all that the job wrote."""
        if self.log.is_file():
            yield LOG, self.log
        for path in sorted(self.run.rglob("*")):
            within = path.relative_to(self.run)
            hidden = any(part.startswith(".") for part in within.parts)
            if path.is_file() and not path.is_symlink() and not hidden and within.parts[0] not in LEFT_OUT:
                yield within.as_posix(), path

    def delete_source(self) -> None:
        """Delete the video, or the rendered clip."""
        delete_source(self.folder)

    def complaint(self, code: int) -> str:
        """Why a command failed, in its own last line."""
        told = [line.removeprefix(_COMPLAINT) for line in self._log_lines() if line.startswith(_COMPLAINT)]
        if told:
            return told[-1]
        ended = f"was ended by signal {-code}, perhaps for want of memory" if code < 0 else f"ended with code {code}"
        return f"the command {ended}; its messages are below"

    def _warnings(self) -> list[str]:
        told = [line.removeprefix(_WARNING) for line in self._log_lines() if line.startswith(_WARNING)]
        return list(dict.fromkeys(told))[-_NOTES_AT_MOST:]

    def _log_lines(self) -> list[str]:
        """The last lines of its messages, without the places of its files."""
        try:
            with self.log.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - _LOG_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return []
        return [line.rstrip() for line in text.replace(f"{self.folder}/", "").splitlines()]
