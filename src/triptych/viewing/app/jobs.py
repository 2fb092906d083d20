"""The queue: jobs wait for each other, one is at work, each is known by its token alone."""

from __future__ import annotations

import secrets
import shutil
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from triptych.errors import InputError
from triptych.viewing.app.job import ENDED, Job, JobStatus, State
from triptych.viewing.app.order import Order
from triptych.viewing.app.process import run_command
from triptych.viewing.app.steps import MODEL, steps_after_stop
from triptych.viewing.app.uploads import Upload, stored_name

PROGRAM = (sys.executable, "-m", "triptych.viewing.app.leash", "triptych")
GRACE_S = 30.0  # a step of a training on a slow machine, and its checkpoint
GRACE_AT_END_S = 5.0
WAITING_AT_MOST = 8
_NOTHING_KEPT = (
    "the learning was stopped before anything of it was kept, so there is no result; it is kept whenever the "
    "networks are judged by frames held out, and of a video with few frames, which holds out none, at the end"
)


class Jobs:
    """The jobs of all browsers and the thread that works them off.

    Args:
        folder: for the jobs' folders; exists.
        program: command to which a step's words are added.
        grace_s: time between an interrupt and the end by force (s).
        waiting_at_most: jobs that may wait.
    """

    def __init__(
        self,
        folder: Path,
        *,
        program: Sequence[str] = PROGRAM,
        grace_s: float = GRACE_S,
        waiting_at_most: int = WAITING_AT_MOST,
    ) -> None:
        self._folder = folder
        self._program = tuple(program)
        self._grace_s = grace_s
        self._waiting_at_most = waiting_at_most
        self._jobs: dict[str, Job] = {}
        self._waiting: list[Job] = []
        self._current: Job | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._worker = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._worker.start()

    def submit(self, order: Order, upload: Upload | None = None) -> str:
        """The token of a new job, which takes the upload's file.

        Raises:
            InputError: too many wait, and the file stays; or the folder cannot be written, and it is deleted.
        """
        token = secrets.token_urlsafe(24)
        with self._changed:  # until the job waits: the room that was found may not be another's by then
            if self._closed or len(self._waiting) >= self._waiting_at_most:
                raise InputError(f"the queue is full: {len(self._waiting)} jobs wait; try again later")
            job = self._kept(order, upload)
            self._jobs[token] = job
            self._waiting.append(job)
            self._changed.notify_all()
        return token

    def find(self, token: str) -> Job | None:
        """A job; None where the token is nobody's."""
        with self._changed:
            return self._jobs.get(token)

    def status(self, token: str) -> JobStatus | None:
        """How a job is doing; None where the token is nobody's."""
        with self._changed:
            job = self._jobs.get(token)
            if job is None:
                return None
            place = self._waiting.index(job) + (self._current is not None) if job in self._waiting else 0
        return job.status(place=place)

    def stop(self, token: str) -> None:
        """Stop a job: one that learns shows what it has learned, a second stop or any other job ends."""
        with self._changed:
            job = self._jobs.get(token)
            if job is None or job.state in ENDED:
                return
            job.stop.set()
            if job in self._waiting:
                self._waiting.remove(job)
                job.state = "stopped"
                job.delete_source()
            else:
                job.state = "stopping"

    def remove(self, token: str) -> None:
        """Stop a job and delete all that is of it."""
        with self._changed:
            job = self._jobs.pop(token, None)
            if job is None:
                return
            job.removed = True
            job.stop.set()
            at_work = job is self._current
            if job in self._waiting:
                self._waiting.remove(job)
        if not at_work:
            shutil.rmtree(job.folder, ignore_errors=True)

    def close(self) -> None:
        """Stop everything; what waits is not begun, and no video is left."""
        with self._changed:
            self._closed = True
            self._grace_s = min(self._grace_s, GRACE_AT_END_S)
            waiting, self._waiting = self._waiting, []
            for job in waiting:
                job.state = "stopped"
                job.delete_source()
            if self._current is not None:
                self._current.rescued = True
                self._current.stop.set()
            self._changed.notify_all()
        self._worker.join()

    def _kept(self, order: Order, upload: Upload | None) -> Job:
        """A job with its folder, into which the upload's file is moved."""
        folder = self._folder / secrets.token_hex(8)  # not the token, which opens the result
        try:
            folder.mkdir()
            if upload is not None:
                upload.path.rename(folder / stored_name(upload))
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            if upload is not None:
                upload.path.unlink(missing_ok=True)
            raise InputError(f"the job cannot be kept here ({error.strerror or error}); is the disk full?") from error
        if upload is None:
            return Job(folder, order, order.frames)
        return Job(folder, replace(order, title=upload.name), min(order.frames, upload.frames))

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._carry_out(job)
            except Exception as error:  # one job's trouble, such as a full disk, is not the others'
                self._end(job, "failed", f"the job could not be carried out: {error}")
            finally:
                job.delete_source()
                with self._changed:
                    self._current = None
                    removed = job.removed
                if removed:
                    shutil.rmtree(job.folder, ignore_errors=True)

    def _next(self) -> Job | None:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            self._current = self._waiting.pop(0)
            self._current.state = "running"
            return self._current

    def _carry_out(self, job: Job) -> None:
        """Run the steps, until one that is needed fails or the job is stopped."""
        while job.step < len(job.steps):
            step = job.steps[job.step]
            if not step.reads_source:
                job.delete_source()
            code = run_command(
                [*self._program, *step.words(job.folder)], log=job.log, stop=job.stop, grace_s=lambda: self._grace_s
            )
            if job.stop.is_set():
                if not self._rescued(job):
                    if step.learns and not job.kept and not (job.run / MODEL).is_file():
                        job.notes.append(_NOTHING_KEPT)
                    self._end(job, "stopped")
                    return
            elif code != 0 and step.needed:
                self._end(job, "failed", job.complaint(code))
                return
            elif code != 0:
                job.notes.append(f"{step.name}: could not be made ({job.complaint(code)})")
            job.step += 1
        self._end(job, "done")

    def _end(self, job: Job, state: State, failure: str = "") -> None:
        job.delete_source()  # before anybody learns that it has ended
        # A job that has ended is not to be found stopping by whoever wanted it stopped at that moment.
        with self._changed:
            job.state, job.failure = state, failure

    def _rescued(self, job: Job) -> bool:
        """Whether a job that was stopped goes on with what it had learned."""
        with self._changed:
            if job.rescued or job.removed or not job.kept:
                return False
            job.rescued = True
            job.stop.clear()
            job.state = "running"
            job.steps = [*job.steps[: job.step + 1], *steps_after_stop(job.order)]
            job.notes.append("the learning was stopped early; this is what its best networks by then say")
            return True
