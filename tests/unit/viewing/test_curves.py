"""Curves show what the training logged, where it logged it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.viewing.reader import read
from tests.unit.viewing.written_prediction import write_small_log

from triptych.errors import InputError
from triptych.viewing.chart import Band, Bars, Lines, bar_chart, line_chart, number_text
from triptych.viewing.curves import curves_section, thinned
from triptych.viewing.run_log import RunLog, run_log


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    write_small_log(tmp_path)
    return run_log(tmp_path)


def test_a_log_is_read_back_by_stage_without_what_was_cut_off_or_not_finite(log: RunLog) -> None:
    assert log.stages == [("flow", 1, 4), ("joint", 5, 8)]
    assert [step for step, _, _ in log.losses["total"]] == [1, 2, 4, 5, 6, 7, 8]
    assert log.losses["flow_photometric"][3] == (4, "flow", 0.25)
    assert [step for step, _, _ in log.losses["depth_photometric"]] == [5, 6, 7, 8]
    assert log.shares["gate_photometric_depth"][-1] == (8, "joint", 0.8)
    assert log.validations == {"error_by_flow": [(8, "joint", 0.12)]}
    assert log.validated["snippets"] == "1,200"
    assert log.warnings == {"flow says nothing <here>": 2}


def test_a_folder_without_a_log_has_no_curves(tmp_path: Path) -> None:
    assert curves_section(run_log(tmp_path)).body == ""


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]\n",
        '{"loss": 3}\n',
        "no JSON at all\n",
        '{"step": 1, "stage": "flow"}\n',
        '{"step": null, "stage": ""}\n',
    ],
)
def test_a_file_that_is_no_log_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(text)
    with pytest.raises(InputError, match=r"metrics\.jsonl: is not what a training"):
        run_log(tmp_path)


def test_every_curve_is_drawn_with_its_stages_told_apart(log: RunLog) -> None:
    section = curves_section(log)
    reader = read(section.body)
    charts = [attributes for tag, attributes in reader.tags if tag == "svg" and attributes["class"] == "chart"]
    labels = [chart["aria-label"] for chart in charts]
    assert labels[0] == "total: flow 1 to 0.25; joint 0.7 to 0.625"
    assert len(labels) == 3 + 2 + 1
    assert "error by flow" in reader.words  # one judgment is told in a table
    assert "first (step 8)" in reader.words
    assert "flow: steps 1 to 4" in reader.words
    assert "joint: steps 5 to 8" in reader.words
    assert "step 2: flow says nothing <here>" in reader.words
    bands = {attributes["class"] for tag, attributes in reader.tags if tag == "rect"}
    assert bands == {"band-0", "band-1"}
    first = section.body[section.body.index('class="charts"') :].split("</svg>")[0]
    assert first.count("<polyline") == 2  # a line is not drawn on from one stage to the next


def test_three_judgments_make_a_curve(log: RunLog) -> None:
    judged = [(step, "flow", 1.0 / step) for step in (2, 4, 8)]
    body = curves_section(replace(log, validations={"error_by_flow": judged})).body
    assert "error by flow: flow 0.5 to 0.125" in body
    assert "<table>" not in body


def test_a_long_curve_is_drawn_as_means_that_stay_in_their_stage() -> None:
    series = [(step, "a" if step <= 700 else "b", 1.0 if step <= 700 else 3.0) for step in range(1, 1001)]
    pieces = thinned(series)
    assert len(pieces) == 2
    assert sum(map(len, pieces)) < 170
    assert {value for _, value in pieces[0]} == {1.0}
    assert {value for _, value in pieces[1]} == {3.0}
    assert pieces[0][0][0] == pytest.approx(4.0)  # steps 1 to 7


def test_a_line_rises_to_the_top_of_its_limits() -> None:
    drawing = line_chart(Lines("l", [[(0.0, 0.0), (10.0, 1.0)]], [Band(0.0, 5.0, 2)], (0.0, 10.0), (0.0, 2.0)))
    (points,) = re.findall(r'points="([^"]*)"', drawing)
    (x0, y0), (x1, y1) = ((float(part) for part in point.split(",")) for point in points.split())
    assert (x0, x1) == (54.0, 332.0)
    assert (y0, y1) == (130.0, 70.0)  # 10 is the top, 130 the bottom: half of the limits is in the middle
    assert 'class="band-2" x="54.0" y="10" width="139.0"' in drawing


def test_a_constant_line_and_a_single_point_are_drawn() -> None:
    assert 'r="2"' in line_chart(Lines("l", [[(3.0, 5.0)]], [], (3.0, 3.0)))
    flat = line_chart(Lines("l", [[(0.0, 0.0), (1.0, 0.0)]], [], (0.0, 1.0)))
    assert "nan" not in flat
    with pytest.raises(ValueError, match="at least one point"):
        line_chart(Lines("l", [], [], (0.0, 1.0)))


def test_bars_are_as_high_as_their_share() -> None:
    drawing = bar_chart(Bars("b", [0.1, 0.4, 0.0], {"1": 0.5}, {"here": 0.25}))
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"/>', drawing)]
    assert heights[1] == pytest.approx(4 * heights[0], rel=1e-3)
    assert heights[2] == 0
    assert "40 %" in drawing
    assert ">here<" in drawing


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.12345, "0.123"), (0.00012, "1.2e-4"), (1234.5, "1234"), (2.5e6, "2.5e6"), (-0.5, "-0.5")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number_text(value) == text
