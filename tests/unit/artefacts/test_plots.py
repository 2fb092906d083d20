"""Plots show what they are given: every place of a path, and every ratio in its bin."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from triptych.artefacts import plots
from triptych.artefacts.plots import (
    BINS,
    LINES,
    NamedPath,
    ratio_counts,
    save_ratio_histogram,
    save_trajectory_plot,
    small_print_inches,
    title_inches,
)
from triptych.errors import InputError

CORNERS = [(0.0, 0.0), (0.0, 50.0), (100.0, 50.0), (100.0, 20.0)]  # x, z
MAGNIFIED = plots._DPI / 100  # a figure's own dots per inch are 100


def path_of(places: list[tuple[float, float]]) -> Tensor:
    poses = torch.eye(4, dtype=torch.float64).repeat(len(places), 1, 1)
    for pose, (x, z) in zip(poses, places, strict=True):
        pose[0, 3], pose[2, 3] = x, z
    poses[:, 1, 3] = 1000.0  # height is not seen from above
    return poses


def pixels(path: Path) -> np.ndarray:
    """RGB, (rows, columns, 3)."""
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture[..., ::-1].astype(int)


def seen_near(picture: np.ndarray, color: str, row: float, column: float, *, around: int = 3) -> bool:
    """Whether a color is within a few pixels of a place."""
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    top, left = max(round(row) - around, 0), max(round(column) - around, 0)
    patch = picture[top : top + 2 * around + 1, left : left + 2 * around + 1]
    return bool((np.abs(patch - wanted).sum(-1) < 40).any())


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Figure]:
    """A function that returns the figure that was saved last."""
    figures: list[Figure] = []
    save = plots.save_figure

    def kept(path: Path, figure: Figure, *, title: str, small: str) -> None:
        figures.append(figure)
        save(path, figure, title=title, small=small)

    monkeypatch.setattr(plots, "save_figure", kept)
    return lambda: figures[-1]


def test_every_corner_of_a_path_is_in_the_picture_with_x_to_the_right_and_z_up(
    tmp_path: Path, drawn: Callable[[], Figure]
) -> None:
    truth = path_of([(0.0, 0.0), (1.0, 0.0)])
    paths = [NamedPath("truth", truth), NamedPath("ours", path_of(CORNERS))]
    save_trajectory_plot(tmp_path / "p.png", paths, title="t", protocol="p", unit="m")
    picture = pixels(tmp_path / "p.png")
    places = drawn().axes[0].transData.transform(CORNERS) * MAGNIFIED
    rows, columns = len(picture) - places[:, 1], places[:, 0]
    assert all(seen_near(picture, LINES[1], row, column) for row, column in zip(rows, columns, strict=True))
    assert columns[2] - columns[1] == pytest.approx(2 * (rows[0] - rows[1]), rel=1e-3)  # one scale: 100 and 50 m
    assert rows[1] < rows[0]
    assert columns[2] > columns[1]


def test_a_ring_marks_where_each_path_starts_and_a_square_where_it_ends(
    tmp_path: Path, drawn: Callable[[], Figure]
) -> None:
    paths = [NamedPath("truth", path_of(CORNERS)), NamedPath("ours", path_of(CORNERS[::-1]))]
    save_trajectory_plot(tmp_path / "p.png", paths, title="t", protocol="p", unit="m")
    for marker, expected in (("o", [CORNERS[0], CORNERS[-1]]), ("s", [CORNERS[-1], CORNERS[0]])):
        marks = [line for line in drawn().axes[0].lines if line.get_marker() == marker and len(line.get_xdata())]
        assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in marks] == expected


def test_a_camera_that_stands_still_has_a_plot(tmp_path: Path) -> None:
    save_trajectory_plot(tmp_path / "p.png", [NamedPath("a", path_of([(3.0, 4.0)]))], title="", protocol="", unit="m")
    assert seen_near(pixels(tmp_path / "p.png"), "#000000", 300, 450, around=200)


def test_the_key_names_each_path_even_with_dollars(tmp_path: Path, drawn: Callable[[], Figure]) -> None:
    paths = [NamedPath(name, path_of(CORNERS)) for name in ("truth", "$\\bad$", "c")]
    save_trajectory_plot(tmp_path / "p.png", paths, title="$\\bad$ $", protocol="p $", unit="m")
    legend = drawn().axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["truth", "$\\bad$", "c", "start", "end"]


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ([], "1 to 6"),
        ([path_of(CORNERS)] * 7, "got 7"),
        ([path_of(CORNERS)[:0]], "at least one pose"),
        ([path_of([(0.0, math.nan)])], "finite"),
    ],
)
def test_paths_that_cannot_be_drawn_are_refused(tmp_path: Path, paths: list[Tensor], said: str) -> None:
    named = [NamedPath(str(index), path) for index, path in enumerate(paths)]
    with pytest.raises(ValueError, match=said):
        save_trajectory_plot(tmp_path / "p.png", named, title="t", protocol="p", unit="m")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_told_and_left_clean(tmp_path: Path) -> None:
    (tmp_path / "p.png").mkdir()
    with pytest.raises(InputError, match="name a file"):
        save_trajectory_plot(tmp_path / "p.png", [NamedPath("a", path_of(CORNERS))], title="t", protocol="p", unit="m")
    assert [path.name for path in tmp_path.iterdir()] == ["p.png"]


def test_ratios_are_counted_in_bins_of_equal_factor_around_the_median() -> None:
    # In bins from 1/4 to 4: 1.9 is at (1 + ln 1.9 / ln 4) / 2 * 80 = 58.5, 0.55 at 22.7, the median at 40.
    counts, edges = ratio_counts(torch.tensor([1.0, 1.0, 1.0, 1.9, 0.55]))
    assert {place: int(count) for place, count in enumerate(counts) if count} == {22: 1, 40: 3, 58: 1}
    assert (float(edges[0]), float(edges[40]), float(edges[-1])) == pytest.approx((0.25, 1.0, 4.0))
    assert torch.allclose(edges[1:] / edges[:-1], torch.full((BINS,), 16 ** (1 / BINS), dtype=torch.float64))


def test_bins_move_with_the_median_and_reach_as_far_as_asked() -> None:
    counts, edges = ratio_counts(torch.tensor([30.0, 30.0, 45.0]), reach=2.0)
    assert (float(edges[0]), float(edges[-1])) == pytest.approx((15.0, 60.0))
    assert counts[63] == 1  # (1 + ln 1.5 / ln 2) / 2 * 80 = 63.4


def test_ratios_beyond_the_bins_are_counted_in_the_outermost_and_no_number_is_not() -> None:
    counts, _ = ratio_counts(torch.tensor([1.0, 1.0, 1.0, 1e6, 1e-6, 0.0, -1.0, math.nan, math.inf]))
    assert {place: int(count) for place, count in enumerate(counts) if count} == {0: 1, 40: 3, BINS - 1: 1}


def test_a_histogram_shows_shares_median_and_spread(tmp_path: Path, drawn: Callable[[], Figure]) -> None:
    ratios = torch.tensor([0.5, 1.0, 1.0, 1.0, 1.5])
    save_ratio_histogram(tmp_path / "h.png", ratios, title="t", label="scale factor")
    axes = drawn().axes[0]
    values, edges, _ = axes.patches[0].get_data()
    assert values.sum() == pytest.approx(1.0)
    assert values[(edges[:-1] <= 1.0) & (edges[1:] > 1.0)].tolist() == pytest.approx([0.6])
    legend = axes.get_legend()
    assert legend is not None
    # At position 0.16 * 4 = 0.64 of the sorted ratios: 0.5 + 0.64 * 0.5; (1.18 - 0.82) / 2 = 0.18.
    assert [text.get_text() for text in legend.get_texts()] == [
        "perfect: 1",
        "median 1.00",
        "middle 68 %: 0.820 to 1.18",
        "half its width / median: 0.180",
    ]
    assert axes.get_xlabel().startswith("scale factor")


def ticks_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_xticklabels()]


def test_a_perfect_ratio_is_the_middle_of_an_axis_with_round_numbers(
    tmp_path: Path, drawn: Callable[[], Figure]
) -> None:
    save_ratio_histogram(tmp_path / "h.png", torch.tensor([0.6, 0.7, 0.8]), title="t")
    axes = drawn().axes[0]
    assert ticks_of(drawn()) == ["0.25", "0.5", "1", "2", "4"]
    assert axes.get_xlim() == pytest.approx((0.25, 4.0))
    perfect = next(line for line in axes.lines if line.get_label() == "perfect: 1")
    assert list(perfect.get_xdata()) == [1.0, 1.0]


def test_ratios_far_from_perfect_widen_the_axis_instead_of_lying_in_its_last_bin(
    tmp_path: Path, drawn: Callable[[], Figure]
) -> None:
    save_ratio_histogram(tmp_path / "h.png", torch.tensor([10.0, 10.0, 10.0]), title="t")
    axes = drawn().axes[0]
    assert axes.get_xlim() == pytest.approx((1 / 32, 32.0))  # twice 10, up to a power of 2
    assert ticks_of(drawn()) == ["0.0625", "0.25", "1", "4", "16"]  # 11 powers of 2 are too many: every other
    values, edges, _ = axes.patches[0].get_data()
    assert values[(edges[:-1] <= 10) & (edges[1:] > 10)].tolist() == [1.0]


def test_factors_without_a_perfect_value_have_ticks_of_two_digits_around_their_median(
    tmp_path: Path, drawn: Callable[[], Figure]
) -> None:
    save_ratio_histogram(tmp_path / "h.png", torch.tensor([17.62] * 3), title="t", perfect=None)
    # 17.62 / 4 = 4.405, 17.62 / 2 = 8.81, 17.62, 35.24, 70.48; the outer ones must stay on the axis.
    assert ticks_of(drawn()) == ["4.5", "8.8", "18", "35", "70"]
    legend = drawn().axes[0].get_legend()
    assert legend is not None
    assert legend.get_texts()[0].get_text() == "median 17.6"


@pytest.mark.parametrize(
    ("ratios", "small"),
    [
        ([1.0] * 4, "4 pixels. p"),
        ([1.0] * 7 + [99.0], "8 pixels, 12.50 % of them beyond the axis and in its outermost bins. p"),
        ([1.0] * 19_999 + [99.0], "20,000 pixels, under 0.01 % of them beyond the axis and in its outermost bins. p"),
    ],
)
def test_values_beyond_the_axis_are_told_where_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ratios: list[float], small: str
) -> None:
    said: list[str] = []
    monkeypatch.setattr(plots, "save_figure", lambda path, figure, *, title, small: said.append(small))
    save_ratio_histogram(tmp_path / "h.png", torch.tensor(ratios), title="t", what="pixels", protocol="p")
    assert said == [small]


def test_ratios_that_cannot_be_counted_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one finite ratio"):
        ratio_counts(torch.tensor([math.nan, 0.0]))
    with pytest.raises(ValueError, match="reach above 1"):
        ratio_counts(torch.ones(3), reach=1.0)
    with pytest.raises(ValueError, match="middle above 0"):
        ratio_counts(torch.ones(3), middle=0.0)


def test_a_long_title_and_long_small_print_have_the_room_of_its_lines() -> None:
    one, three = title_inches("short", 5.0), title_inches("long words " * 12, 5.0)
    assert three - one == pytest.approx(2 * 1.25 * 13 / 72)  # 50 letters a line: 131 are three
    none, two = small_print_inches("", 5.0), small_print_inches("long words " * 12, 5.0)
    assert two - none == pytest.approx(2 * 1.25 * 8.5 / 72)  # 77 letters a line: 131 are two
