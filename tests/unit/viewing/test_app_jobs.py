"""Jobs: one at a time, stopped in good order, and nothing of the video left. The commands are played by a script."""

from __future__ import annotations

import io
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from triptych.errors import InputError
from triptych.viewing.app.archive import zip_chunks
from triptych.viewing.app.job import ENDED, Job, JobStatus
from triptych.viewing.app.jobs import Jobs
from triptych.viewing.app.order import Order
from triptych.viewing.app.run_progress import RunProgress
from triptych.viewing.app.uploads import Upload

SCRIPT = """
import json, pathlib, sys, time
name, source, *options = sys.argv[1:]
given = dict(option.lstrip("-").partition("=")[::2] for option in options)
here = pathlib.Path(source).parent
(here / "began").open("a").write(name + " ")
if (here / "fail").exists() and name == "predict":
    print("WARNING: a thing to know")
    sys.exit(f"triptych: {source}: the camera stands still")
if name in ("predict", "fit"):
    assert pathlib.Path(source).read_bytes() == b"video"
    run = pathlib.Path(given["output"])
    run.mkdir(parents=True, exist_ok=True)
if name == "fit":
    if not (here / "early").exists():
        (run / "best.safetensors").write_bytes(b"best")
    (run / "metrics.jsonl").write_text(json.dumps(
        {"step": 1, "stage": "flow", "total": 2.0, "progress": 0.25, "seconds_left": 90.0}) + "\\n")
    try:
        (here / "ready").touch()
        time.sleep(60)
    except KeyboardInterrupt:
        (here / "stopped_in_good_order").touch()
        sys.exit(130)
if name == "predict":
    try:
        (here / "ready").touch()
        while (here / "hold").exists():
            time.sleep(0.02)
        if (here / "deaf").exists():
            time.sleep(60)
    except KeyboardInterrupt:
        while (here / "deaf").exists():
            time.sleep(1)
        sys.exit(130)
    (run / "result.json").write_text("{}")
    (run / "overview.mp4").write_bytes(b"moving")
    (here / "model").write_text(given.get("model", ""))
if name == "report":
    pathlib.Path(given["output"]).write_text("<p>report</p>")
if name == "view":
    sys.exit("triptych: the 3D viewer needs viser")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    return tmp_path / "jobs"


@pytest.fixture
def jobs(folder: Path, tmp_path: Path) -> Iterator[Jobs]:
    script = tmp_path / "commands.py"
    script.write_text(SCRIPT)
    # Where tests run in the background interrupts are ignored, also by the processes that they start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    jobs = Jobs(folder, program=(sys.executable, str(script)), grace_s=1.0, waiting_at_most=2)
    yield jobs
    jobs.close()
    signal.signal(signal.SIGINT, before)


def upload_of(tmp_path: Path, name: str = "mine.mp4") -> Upload:
    path = tmp_path / f"sent-{time.monotonic_ns()}.mp4"
    path.write_bytes(b"video")
    return Upload(path, name, frames=10, size=(64, 96), since=0.0)


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < limit, "this took too long"
        time.sleep(0.02)


def status_of(jobs: Jobs, token: str) -> JobStatus:
    status = jobs.status(token)
    assert status is not None
    return status


def job_of(jobs: Jobs, token: str) -> Job:
    job = jobs.find(token)
    assert job is not None
    return job


def ended(jobs: Jobs, token: str) -> JobStatus:
    until(lambda: status_of(jobs, token).state in ENDED)
    return status_of(jobs, token)


def held(jobs: Jobs, tmp_path: Path, *, mark: str = "hold", learn: bool = False) -> str:
    """The token of a job that goes on until its mark is taken away; its folder is marked before it begins."""
    upload = upload_of(tmp_path)
    # The first job begins at once: the mark lies where the script looks, before the video does.
    original = Path.mkdir

    def marked(path: Path, *words: object, **more: object) -> None:
        original(path, *words, **more)  # type: ignore[arg-type]
        if path.parent == tmp_path / "jobs":
            (path / mark).touch()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "mkdir", marked)
        token = jobs.submit(Order(frames=10, learn=learn), upload)
    until((job_of(jobs, token).folder / "ready").exists)
    return token


def test_a_job_ends_with_its_pages_and_without_its_video(jobs: Jobs, tmp_path: Path) -> None:
    upload = upload_of(tmp_path)
    token = jobs.submit(Order(frames=10), upload)
    status = ended(jobs, token)
    job = job_of(jobs, token)
    assert (status.state, status.complete) == ("done", True)
    assert set(status.files) == {"report.html", "overview.mp4", "log.txt"}
    assert not upload.path.exists()
    assert not list(job.folder.glob("video.*"))
    assert job.order.title == "mine.mp4"


def test_what_could_not_be_made_is_said_and_the_rest_is_there(jobs: Jobs, tmp_path: Path) -> None:
    status = ended(jobs, jobs.submit(Order(frames=10), upload_of(tmp_path)))
    assert any("3D view" in note and "needs viser" in note for note in status.notes)


def test_a_failure_is_told_in_the_command_s_own_line_without_places(jobs: Jobs, tmp_path: Path) -> None:
    token = _submitted_to_fail(jobs, tmp_path)
    status = ended(jobs, token)
    assert status.state == "failed"
    assert status.failure == "video.mp4: the camera stands still"
    assert "a thing to know" in status.notes
    assert not list(job_of(jobs, token).folder.glob("video.*"))


def _submitted_to_fail(jobs: Jobs, tmp_path: Path) -> str:
    first = held(jobs, tmp_path)
    token = jobs.submit(Order(frames=10), upload_of(tmp_path))
    (job_of(jobs, token).folder / "fail").touch()
    (job_of(jobs, first).folder / "hold").unlink()
    return token


def test_one_job_is_at_work_and_the_others_know_their_place(jobs: Jobs, tmp_path: Path) -> None:
    first = held(jobs, tmp_path)
    second, third = (jobs.submit(Order(frames=10), upload_of(tmp_path)) for _ in range(2))
    assert [status_of(jobs, token).place for token in (first, second, third)] == [0, 1, 2]
    assert not (job_of(jobs, second).folder / "began").exists()
    with pytest.raises(InputError, match="queue is full"):
        jobs.submit(Order(frames=10))
    (job_of(jobs, first).folder / "hold").unlink()
    assert ended(jobs, third).state == "done"
    assert status_of(jobs, second).state == "done"


def test_of_two_that_come_at_once_only_one_takes_the_last_place(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = held(jobs, tmp_path)
    jobs.submit(Order(frames=10), upload_of(tmp_path))
    uploads = [upload_of(tmp_path) for _ in range(2)]
    refused: list[InputError] = []

    def late() -> None:
        try:
            jobs.submit(Order(frames=10), uploads[1])
        except InputError as error:
            refused.append(error)

    other = threading.Thread(target=late)
    original = Path.mkdir

    def interrupted(path: Path, *words: object, **more: object) -> None:
        if path.parent == tmp_path / "jobs" and other.ident is None:
            other.start()
            other.join(timeout=2.0)
        original(path, *words, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", interrupted)
        jobs.submit(Order(frames=10), uploads[0])
        other.join()
    assert [str(error).partition(":")[0] for error in refused] == ["the queue is full"]
    assert [upload.path.exists() for upload in uploads] == [False, True]
    (job_of(jobs, first).folder / "hold").unlink()


def test_a_job_that_waits_is_stopped_without_having_begun(jobs: Jobs, tmp_path: Path) -> None:
    held(jobs, tmp_path)
    second = jobs.submit(Order(frames=10), upload_of(tmp_path))
    jobs.stop(second)
    assert status_of(jobs, second).state == "stopped"
    assert not list(job_of(jobs, second).folder.iterdir())


def test_a_prediction_is_stopped(jobs: Jobs, tmp_path: Path) -> None:
    token = held(jobs, tmp_path)
    jobs.stop(token)
    status = ended(jobs, token)
    assert (status.state, status.complete) == ("stopped", False)


def test_a_command_that_does_not_hear_is_ended_by_force(jobs: Jobs, tmp_path: Path) -> None:
    token = held(jobs, tmp_path, mark="deaf")
    begin = time.monotonic()
    jobs.stop(token)
    assert ended(jobs, token).state == "stopped"
    assert time.monotonic() - begin < 20


def test_learning_that_is_stopped_shows_what_was_learned(jobs: Jobs, tmp_path: Path) -> None:
    token = jobs.submit(Order(frames=10, learn=True), upload_of(tmp_path))
    folder = job_of(jobs, token).folder
    until((folder / "ready").exists)
    progress = status_of(jobs, token).progress
    assert (progress.share, progress.seconds_left) == (0.25, 90.0)
    assert progress.doing == "Learning: step 1, flow stage"
    jobs.stop(token)
    status = ended(jobs, token)
    assert (status.state, status.complete) == ("done", True)
    assert status.progress == RunProgress()
    assert (folder / "stopped_in_good_order").exists()
    assert (folder / "model").read_text() == str(folder / "run" / "best.safetensors")
    assert any("stopped early" in note for note in status.notes)


def test_learning_that_is_stopped_before_anything_was_kept_says_so(jobs: Jobs, tmp_path: Path) -> None:
    token = held(jobs, tmp_path, mark="early", learn=True)
    assert not job_of(jobs, token).kept
    jobs.stop(token)
    status = ended(jobs, token)
    assert (status.state, status.complete) == ("stopped", False)
    assert any("before anything of it was kept" in note for note in status.notes)


def test_what_the_stop_button_promises_is_kept(jobs: Jobs, tmp_path: Path) -> None:
    token = jobs.submit(Order(frames=10, learn=True), upload_of(tmp_path))
    job = job_of(jobs, token)
    until((job.folder / "ready").exists)
    assert job.kept
    (job.run / "model.safetensors").touch()  # it has learned, and predicts now: a stop ends it
    assert not job.kept
    jobs.stop(token)
    status = ended(jobs, token)
    assert (status.state, status.notes) == ("stopped", ())


def test_a_job_that_cannot_be_kept_is_refused_and_leaves_nothing(jobs: Jobs, folder: Path, tmp_path: Path) -> None:
    upload = upload_of(tmp_path)
    folder.rmdir()
    with pytest.raises(InputError, match="cannot be kept here"):
        jobs.submit(Order(frames=10), upload)
    assert not upload.path.exists()


def test_a_job_is_removed_with_all_its_files_wherever_it_is(jobs: Jobs, folder: Path, tmp_path: Path) -> None:
    done = jobs.submit(Order(frames=10), upload_of(tmp_path))
    ended(jobs, done)
    at_work = held(jobs, tmp_path)
    waiting = jobs.submit(Order(frames=10), upload_of(tmp_path))
    for token in (done, at_work, waiting):
        jobs.remove(token)
        assert jobs.status(token) is None
    until(lambda: not list(folder.iterdir()))


def test_the_end_of_the_app_ends_what_is_at_work_and_leaves_no_video(jobs: Jobs, folder: Path, tmp_path: Path) -> None:
    token = jobs.submit(Order(frames=10, learn=True), upload_of(tmp_path))
    jobs.submit(Order(frames=10), upload_of(tmp_path))
    until((job_of(jobs, token).folder / "ready").exists)
    jobs.close()
    assert (job_of(jobs, token).folder / "stopped_in_good_order").exists()
    assert not list(folder.rglob("video.*"))


def test_the_end_of_the_app_waits_for_less_than_a_stop(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_grace_s", 60.0)
    monkeypatch.setattr("triptych.viewing.app.jobs.GRACE_AT_END_S", 0.5)
    held(jobs, tmp_path, mark="deaf")
    begin = time.monotonic()
    jobs.close()
    assert time.monotonic() - begin < 30


def test_no_name_leads_out_of_a_job_s_folder(jobs: Jobs, tmp_path: Path) -> None:
    token = jobs.submit(Order(frames=10), upload_of(tmp_path))
    ended(jobs, token)
    job = job_of(jobs, token)
    for name in ("../x", "/etc/passwd", "run/report.html", "..", "", "began", "report.html/../began"):
        assert job.file(name) is None
    report = job.file("report.html")
    assert report is not None
    report.unlink()
    (tmp_path / "secret").write_text("x")
    report.symlink_to(tmp_path / "secret")
    assert job.file("report.html") is None


def test_a_token_that_is_nobody_s_finds_nothing(jobs: Jobs) -> None:
    assert jobs.find("") is None
    assert jobs.status("../..") is None
    jobs.stop("nobody")
    jobs.remove("nobody")


def test_the_archive_has_the_result_but_not_what_is_for_going_on(jobs: Jobs, tmp_path: Path) -> None:
    token = jobs.submit(Order(frames=10), upload_of(tmp_path))
    ended(jobs, token)
    job = job_of(jobs, token)
    for name in ("checkpoints/last.ckpt", ".partial-1-prediction/x", "settings.yaml"):
        (job.run / name).parent.mkdir(parents=True, exist_ok=True)
        (job.run / name).write_text(name)
    content = b"".join(zip_chunks(job.archived()))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        assert archive.read("report.html") == b"<p>report</p>"
    expected = {"log.txt", "report.html", "settings.yaml", "prediction/result.json", "prediction/overview.mp4"}
    assert names == expected
