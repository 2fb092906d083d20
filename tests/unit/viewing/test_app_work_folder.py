"""The folder of an app: one app's alone, and without what a killed one has left."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.errors import InputError
from triptych.viewing.app.work_folder import work_folder


def test_what_passes_through_goes_with_the_app_and_results_stay_in_a_named_folder(tmp_path: Path) -> None:
    with work_folder(tmp_path / "work") as folder:
        (folder.passing / "upload.mp4").write_bytes(b"video")
        (folder.jobs / "a").mkdir()
        (folder.jobs / "a" / "result.txt").write_text("result")
    assert not folder.passing.exists()
    assert (folder.jobs / "a" / "result.txt").is_file()
    with work_folder(None) as folder:
        (folder.jobs / "a").mkdir()
    assert not folder.jobs.exists()


def test_videos_that_a_killed_app_left_are_deleted_and_its_results_are_not(tmp_path: Path) -> None:
    left, job = tmp_path / ".triptych-app-gone" / "passing", tmp_path / "jobs" / "a"
    for place in (left, job / "clip" / "world", job / "run"):
        place.mkdir(parents=True)
    for file in (left / "upload.mp4", job / "video.mp4", job / "clip" / "world" / "K.txt", job / "run" / "report.html"):
        file.write_text("")
    with work_folder(tmp_path):
        assert not left.exists()
        assert [path.name for path in job.rglob("*")] == ["run", "report.html"]


def test_a_folder_is_one_app_s(tmp_path: Path) -> None:
    with work_folder(tmp_path), pytest.raises(InputError, match="another app uses it"), work_folder(tmp_path):
        pass
    with work_folder(tmp_path):
        pass


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match=f"--work {tmp_path / 'file'}: cannot be written"),
        work_folder(tmp_path / "file"),
    ):
        pass
