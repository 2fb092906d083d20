"""`triptych view`: files that it writes, and what it serves until it is told to end."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import trimesh
from tests.unit.formats.colmap_reader import check_tracks, read_colmap
from tests.unit.viewing.exact_prediction import street, write_truth

from triptych.cli import main

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that holds a prediction."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    write_truth(folder / "prediction", street())
    return folder


def test_a_page_and_geometry_are_written(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page, points, cameras = tmp_path / "scene.html", tmp_path / "s.ply", tmp_path / "s.glb"
    main(["view", str(run), "--save", str(page), "--export", str(points), "--points", "6000"])
    told = capfd.readouterr().err
    assert re.search(r"scene: \S+scene\.html \(\d\.\d MB\)", told)
    assert re.search(r"geometry: \S+s\.ply \(6,000 points, up to scale\)", told)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    main(["view", str(run / "prediction"), "--export", str(cameras), "--without-motion", "--points", "6000"])
    assert set(trimesh.load_scene(cameras).geometry) == {"points", "cameras", "path"}
    main(["view", str(run), "--export", f"{tmp_path / 'colmap'}/", "--points", "2000"])
    check_tracks(read_colmap(tmp_path / "colmap" / "sparse" / "0"))


def test_what_cannot_be_written_or_served_is_refused_in_a_line(refused: Refused, run: Path, tmp_path: Path) -> None:
    assert "is not there" in refused("view", str(tmp_path / "nowhere"))
    assert "holds no result.json" in refused("view", str(tmp_path), "--save", str(tmp_path / "s.html"))
    assert "saved as .html or .viser" in refused("view", str(run), "--save", str(tmp_path / "s.mp4"))
    assert "as .ply, .glb, or a folder" in refused("view", str(run), "--export", str(tmp_path / "s.stl"))
    assert "give a number above 0" in refused("view", str(run), "--points", "0")
    assert "from 0 to 65535" in refused("view", str(run), "--port", "70000")
    assert "cannot serve on 203.0.113.1" in refused("view", str(run), "--headless", "--host", "203.0.113.1")
    both = ("--save", str(tmp_path / "s.html"), "--export", str(tmp_path / "s.stl"))
    assert "as .ply, .glb, or a folder" in refused("view", str(run), *both)
    assert "cannot serve on .." in refused("view", str(run), "--headless", "--host", "..")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "taken.html").write_text("mine")
    assert "--overwrite" in refused("view", str(run), "--save", str(tmp_path / "taken.html"))
    assert (tmp_path / "taken.html").read_text() == "mine"
    assert "holds nothing of COLMAP's" in refused("view", str(run), "--export", str(tmp_path), "--overwrite")
    own = tmp_path / "run"
    shutil.copytree(run, own)
    (own / "sparse").mkdir()
    assert "which is read, lies there" in refused("view", str(own), "--export", str(own), "--overwrite")
    assert (own / "prediction" / "result.json").is_file()


def test_without_the_viewers_library_the_way_to_it_is_told(
    refused: Refused, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    assert f"{sys.executable} -m pip install -e '.[view]'" in refused("view", str(run), "--headless")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(run: Path, tmp_path: Path, number: signal.Signals) -> None:
    words = [sys.executable, "-m", "triptych", "view", str(run), "--headless", "--port", "0", "--points", "2000"]
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(words, stdout=stream, stderr=stream, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        found = None
        until = time.monotonic() + 240
        while found is None and process.poll() is None and time.monotonic() < until:
            time.sleep(0.2)
            found = re.search(r"scene: (http://127\.0\.0\.1:\d+) ", log.read_text())
        assert found, log.read_text()
        with urllib.request.urlopen(found[1], timeout=60) as answer:
            assert b"Viser" in answer.read()
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()
