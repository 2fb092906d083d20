"""The report shows what lies in a folder, and leaves out what does not."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.unit.viewing.reader import Reader, read
from tests.unit.viewing.written_prediction import (
    HEIGHT,
    WIDTH,
    write_small_log,
    write_small_prediction,
    write_small_run,
)

from triptych.errors import InputError
from triptych.evaluation.results import Protocol, Result
from triptych.viewing.report import report_page
from triptych.viewing.shown_frames import spaced

FRAMES = 5


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "run"
    write_small_run(folder, frames=FRAMES)
    return folder


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    result = Result(Protocol("depth", "plain", {"cap_m": 80.0}), {"abs_rel": 0.123}, name="the method")
    return report_page(run, results=[result])


def keys(reader: Reader) -> list[str | None]:
    return [attributes["id"] for tag, attributes in reader.tags if tag == "section"]


def data(page: str) -> tuple[dict[str, Any], list[list[str]]]:
    """The player's facts, and the pictures of each frame."""
    facts = re.findall(r'id="player-facts">(.*?)</script>', page, re.DOTALL)
    frames = re.findall(r'class="player-frame">(.*?)</script>', page, re.DOTALL)
    return json.loads(facts[0]), [json.loads(frame) for frame in frames]


def picture(text: str, mode: str) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text, validate=True))).convert(mode)).astype(int)


def test_a_run_shows_tables_player_histogram_curves_and_settings(page: str) -> None:
    reader = read(page)
    assert keys(reader) == ["results", "player", "depths", "training", "provenance"]
    for expected in ("the method: depth, plain", "80 m", "sliding ramp", "given on the command line", "9.9.9"):
        assert expected in reader.text
    assert "seed: 7" in reader.text
    assert "geometry" in reader.text
    for _, attributes in reader.tags:
        assert (attributes.get("src") or "data:").startswith("data:")


def test_the_player_holds_every_frame_with_what_was_predicted_of_it(page: str) -> None:
    facts, frames = data(page)
    assert (facts["total"], facts["numbers"]) == (FRAMES, [1, 2, 3, 4, 5])
    assert facts["rate"] == 4.0
    assert facts["learned"] == [True, True, True, False, False]
    assert facts["moving"] == [0.125] * 4 + [None]
    assert facts["hidden"] == [round((1 + index) / WIDTH, 4) for index in range(4)] + [None]
    assert len(frames) == FRAMES
    assert [bool(text) for text in frames[-1]] == [True, True, False, False, False]
    frame, depth, flow, hidden, moving = frames[2]
    shown = picture(frame, "RGB")
    assert shown.shape == (HEIGHT, WIDTH, 3)
    assert abs(shown[16, 32] - (10 + 200 * 32 / 63)).max() < 12
    colored = picture(depth, "RGB")
    assert colored[4, 32].sum() > colored[28, 32].sum() + 100  # near is bright
    red, green, blue = picture(flow, "RGB")[16, 32]
    assert red > 200 > max(green, blue)  # to the right
    assert (picture(hidden, "RGBA")[8, :, 3] > 0).tolist() == [False] * (WIDTH - 3) + [True] * 3
    assert (picture(moving, "RGBA")[8, :, 3] > 0).tolist() == [True] * 8 + [False] * (WIDTH - 8)


def test_the_mark_moves_along_the_path(page: str) -> None:
    places = [x for x, _, _ in data(page)[0]["marks"]]
    steps = np.diff(places)
    assert (steps > 0).all()
    assert steps == pytest.approx([steps[0]] * (FRAMES - 1), rel=1e-3)


def test_without_scripts_the_first_frame_stands_there(page: str) -> None:
    _, frames = data(page)
    shown = {
        attributes["data-layer"]: (attributes["src"] or "").partition(",")[2]
        for tag, attributes in read(page).tags
        if tag == "img" and "data-layer" in attributes
    }
    assert list(shown) == ["frame", "depth", "flow", "hidden", "moving"]
    assert list(shown.values()) == frames[0]


def test_a_prediction_alone_has_no_curves_and_no_tables(run: Path) -> None:
    reader = read(report_page(run / "prediction"))
    assert keys(reader) == ["player", "depths", "provenance"]
    assert "seed: 7" not in reader.text


def test_a_run_without_a_prediction_has_no_player(tmp_path: Path) -> None:
    write_small_log(tmp_path / "run")
    text = report_page(tmp_path / "run")
    assert keys(read(text)) == ["training", "provenance"]
    assert "player-facts" not in text
    assert "script-src 'none'" in text


def test_of_a_long_video_evenly_spaced_frames_are_shown_and_that_is_said(tmp_path: Path) -> None:
    write_small_prediction(tmp_path / "long", frames=11)
    text = report_page(tmp_path / "long", frames_at_most=6)
    facts, frames = data(text)
    assert facts["numbers"] == [1, 3, 5, 7, 9, 11]
    assert facts["rate"] == 2.0  # the video lasts as long as before
    assert len(facts["marks"]) == len(frames) == 6
    assert "6 of 11 frames are shown, evenly spaced" in read(text).text
    assert "evenly spaced" not in read(report_page(tmp_path / "long")).text


def test_a_single_frame_is_shown_alone(tmp_path: Path) -> None:
    write_small_prediction(tmp_path / "one", frames=1)
    facts, frames = data(report_page(tmp_path / "one"))
    assert [bool(text) for text in frames[0]] == [True, True, False, False, False]
    assert facts["times"] is None


def test_names_that_look_like_markup_stay_text(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    shutil.copytree(run, folder)
    facts = json.loads((folder / "prediction" / "result.json").read_text())
    facts["source"] = "</script><script>alert(1)</script>"
    facts["refinement"] = "<img src=x>"
    (folder / "prediction" / "result.json").write_text(json.dumps(facts))
    reader = read(report_page(folder))
    assert facts["source"] in reader.text
    assert "<img src=x>" in reader.text
    assert [attributes.get("type") for tag, attributes in reader.tags if tag == "script"].count(None) == 1


def test_a_folder_that_holds_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no run and no prediction; name a folder"):
        report_page(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        report_page(tmp_path / "nowhere")


def test_a_damaged_part_is_named(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(run, folder)
    (folder / "prediction" / "flow" / "000002.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"000002\.png"):
        report_page(folder)
    (folder / "environment.json").write_text("[]")
    shutil.rmtree(folder / "prediction")
    with pytest.raises(InputError, match=r"environment\.json"):
        report_page(folder)


@pytest.mark.parametrize(("count", "at_most"), [(1, 2), (2, 2), (7, 3), (300, 300), (1000, 300)])
def test_spaced_positions_are_even_and_keep_both_ends(count: int, at_most: int) -> None:
    positions = spaced(count, at_most=at_most)
    assert (positions[0], positions[-1], len(positions)) == (0, count - 1, min(count, at_most))
    gaps = np.diff(positions)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1
    assert (gaps >= 1).all()


def test_fewer_than_two_frames_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="two frames at least"):
        spaced(10, at_most=1)
