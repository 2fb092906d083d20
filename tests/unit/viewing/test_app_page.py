"""What the app's page says of a job, read from what the job's commands write."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.unit.viewing.written_prediction import write_small_log, write_small_prediction

from triptych.viewing.app.job import JobStatus
from triptych.viewing.app.live_picture import PictureMaker
from triptych.viewing.app.page_parts import PACE, links_html, picture_html, status_html
from triptych.viewing.app.page_state import changed
from triptych.viewing.app.run_progress import RunProgress, RunReader


def status_of(**given: Any) -> JobStatus:
    usual = {"state": "running", "place": 0, "steps": ("Learn", "Report"), "step": 0, "progress": RunProgress()}
    return JobStatus(**{**usual, **given})


def line(step: int, total: float | None = 1.0, **more: Any) -> str:
    return json.dumps({"step": step, "stage": "flow", "total": total, "progress": step / 100, **more}) + "\n"


def test_progress_is_read_line_by_line_and_a_line_that_is_not_whole_waits(tmp_path: Path) -> None:
    log, reader = tmp_path / "metrics.jsonl", RunReader(tmp_path, frames=5)
    assert reader.progress() == RunProgress()
    log.write_text(line(1, 3.0) + line(2, None) + line(3, 2.0, seconds_left=7.5)[:20])
    first = reader.progress()
    assert (first.doing, first.share) == ("Learning: step 2, flow stage", 0.02)
    assert first.losses == [(1, "flow", 3.0)]
    log.write_text(line(1, 3.0) + line(2, None) + line(3, 2.0, seconds_left=7.5))
    second = reader.progress()
    assert (second.share, second.seconds_left) == (0.03, 7.5)
    assert second.losses == [(1, "flow", 3.0), (3, "flow", 2.0)]


def test_a_prediction_after_stopped_learning_does_not_pass_for_learning(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(line(1, 3.0))
    assert RunReader(tmp_path, frames=5).progress(learning=False) == RunProgress(losses=[(1, "flow", 3.0)])


def test_a_long_curve_is_thinned_and_keeps_its_ends(tmp_path: Path) -> None:
    reader = RunReader(tmp_path, frames=5)
    (tmp_path / "metrics.jsonl").write_text("".join(line(step) for step in range(1, 30_001)))
    losses = reader.progress().losses
    assert len(losses) <= 30_000 / 2
    assert losses[0][0] < 10
    assert losses[-1][0] > 29_900


def test_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    write_small_log(tmp_path)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write("\nnot json\n[1]\n{}\n")
    progress = RunReader(tmp_path, frames=5).progress()
    assert [step for step, _, _ in progress.losses] == [1, 2, 4, 5, 6, 7, 8]


def test_a_prediction_that_is_being_written_is_counted_and_seen(tmp_path: Path) -> None:
    write_small_prediction(tmp_path / "whole", frames=4)
    reader, pictures = RunReader(tmp_path, frames=8), PictureMaker(tmp_path)
    assert pictures.newest() is None
    (tmp_path / "whole").rename(tmp_path / ".partial-ab-prediction")
    progress = reader.progress()
    assert (progress.doing, progress.share) == ("Predicting: 4 of 8 frames", 0.5)
    picture = pictures.newest()
    assert picture is not None
    assert (picture.label, picture.kind) == ("Frame 3", "image/jpeg")
    assert Image.open(io.BytesIO(picture.content)).width > 1000
    assert pictures.newest() is picture


def test_a_picture_that_is_damaged_or_gone_does_no_harm(tmp_path: Path) -> None:
    write_small_prediction(tmp_path / ".partial-ab-prediction", frames=3)
    pictures = PictureMaker(tmp_path)
    before = pictures.newest()
    assert before is not None
    (tmp_path / ".partial-ab-prediction" / "frames" / "000003.jpg").write_bytes(b"")
    (tmp_path / ".partial-ab-prediction" / "depth" / "000002.npz").unlink()
    assert pictures.newest() is before


def test_the_newest_picture_of_a_training_is_shown(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    pictures = PictureMaker(tmp_path)
    for number in (1, 2):
        (tmp_path / "pictures" / f"epoch_00{number}.png").write_bytes(b"%d" % number)
        picture = pictures.newest()
        assert picture is not None
        assert (picture.kind, picture.content) == ("image/png", b"%d" % number)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"state": "waiting", "place": 2}, "Waiting: 2 jobs are before this one"),
        ({"state": "waiting", "place": 1}, "Waiting: 1 job is before this one"),
        ({"progress": RunProgress("Learning: step 5", 0.25, 65.0)}, "25 %, 1:05 of learning left"),
        ({"state": "failed", "failure": "a <b> went wrong"}, "a &lt;b&gt; went wrong"),
        ({"notes": ("mind <this>",)}, "mind &lt;this&gt;"),
        ({"step": 1}, 'aria-current="step">Report<'),
        ({"step": 2}, "Report …"),
    ],
)
def test_the_page_says_how_a_job_is_doing(given: dict[str, Any], text: str) -> None:
    assert text in status_html(status_of(**given))


def test_the_curve_names_its_stages() -> None:
    losses = [(step, "flow" if step < 5 else "joint", 1.0 / step) for step in range(1, 9)]
    html = status_html(status_of(progress=RunProgress("Learning", 0.5, 1.0, losses)))
    assert "flow, then all together" in html
    assert "<polyline" in html


def test_results_are_linked_once_the_job_has_ended() -> None:
    files = ("report.html", "log.txt")
    assert links_html(status_of(files=files), "t") == ""
    done = links_html(status_of(state="done", files=files, complete=True), "t")
    assert '/jobs/t/all.zip"' in done
    assert '/jobs/t/report.html"' in done
    assert "scene" not in done
    assert "all.zip" not in links_html(status_of(state="failed", files=files), "t")


def test_there_is_no_picture_before_there_is_one() -> None:
    assert picture_html(None, token="t", number=0) == ""


def test_only_what_changed_is_sent() -> None:
    before = {"a": {"value": 1}, "b": {"value": 2}}
    assert changed({"a": {"value": 1}, "b": {"value": 3}, "c": {"value": 0}}, before) == {
        "b": {"value": 3},
        "c": {"value": 0},
    }


def test_the_page_promises_the_pace_that_the_documentation_tells() -> None:
    start = Path(__file__).resolve().parents[3] / "docs" / "start.md"
    assert PACE in start.read_text(encoding="utf-8")
