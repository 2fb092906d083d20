"""The plot of snippets shows each error at its frame, and a bad stretch does not flatten the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from triptych.artefacts import snippet_plot
from triptych.artefacts.snippet_plot import error_range, save_snippet_errors

Drawn = Callable[[], tuple[Axes, str]]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """A function that returns the axes and the small print of the plot that was saved last."""
    figures: list[tuple[Axes, str]] = []
    save = snippet_plot.save_figure

    def kept(path, figure, *, title, small) -> None:
        figures.append((figure.axes[0], small))
        save(path, figure, title=title, small=small)

    monkeypatch.setattr(snippet_plot, "save_figure", kept)
    return lambda: figures[-1]


def line(axes: Axes, label: str) -> Line2D:
    return next(line for line in axes.lines if line.get_label() == label)


def saved(path: Path, frames: list[int], ours: list[float], straight: list[float], *, name: str = "ours") -> None:
    save_snippet_errors(
        path / "s.png",
        torch.tensor(frames, dtype=torch.long),
        torch.tensor(ours, dtype=torch.float64),
        torch.tensor(straight, dtype=torch.float64),
        title="t",
        protocol="p",
        name=name,
    )


def test_each_error_is_at_the_frame_of_its_snippet_and_the_means_are_named(tmp_path: Path, drawn: Drawn) -> None:
    saved(tmp_path, [2, 3, 4], [0.01, 0.02, 0.06], [0.02, 0.02, 0.05], name="$a$")
    axes, small = drawn()
    assert line(axes, "$a$").get_xydata().tolist() == [[2, 0.01], [3, 0.02], [4, 0.06]]
    assert line(axes, "straight motion").get_xydata().tolist() == [[2, 0.02], [3, 0.02], [4, 0.05]]
    assert list(line(axes, "its mean 0.0300 m").get_ydata()) == pytest.approx([0.03, 0.03])  # 0.09 / 3
    legend = axes.get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["$a$", "its mean 0.0300 m", "straight motion", "its mean 0.0300 m"]
    assert small == "p"
    assert (tmp_path / "s.png").is_file()


def test_a_stretch_of_a_hundredfold_error_leaves_half_of_the_axis_to_the_rest(tmp_path: Path, drawn: Drawn) -> None:
    saved(tmp_path, list(range(100)), [1.0] * 10 + [0.01] * 90, [0.02] * 100)
    axes, _ = drawn()
    to_screen = axes.transData.transform
    bottom, top = to_screen([(0, limit) for limit in axes.get_ylim()])[:, 1]
    bad, usual = to_screen([(0, 1.0), (0, 0.02)])[:, 1]
    assert bad < top
    # Decades from 0.01 / 1.3 to 1.3: 2.23 of them, and 0.02 lies 0.41 above the lower edge.
    assert (usual - bottom) / (top - bottom) == pytest.approx(math.log10(2.6) / math.log10(169), rel=1e-6)


def test_a_line_is_broken_where_snippets_are_left_out(tmp_path: Path, drawn: Drawn) -> None:
    saved(tmp_path, [0, 5, 20, 25], [0.1] * 4, [0.1] * 4)  # of every fifth frame, 10 and 15 are missing
    x = line(drawn()[0], "straight motion").get_xdata()
    assert np.array_equal(x, [0, 5, math.nan, 20, 25], equal_nan=True)


def test_errors_next_to_none_are_drawn_at_the_edge_and_counted(tmp_path: Path, drawn: Drawn) -> None:
    saved(tmp_path, [0, 1, 2], [0.0, 0.0, 1.0], [0.1, 0.1, 0.1])
    axes, small = drawn()
    # Four decades below 1.0.
    assert line(axes, "ours").get_ydata().tolist() == pytest.approx([1e-4, 1e-4, 1.0])
    assert small.startswith("2 of 3 errors of the prediction lie below the axis")


def test_the_range_reaches_from_all_but_one_percent_of_the_lower_to_the_largest_error() -> None:
    straight = torch.linspace(0.1, 0.2, 101, dtype=torch.float64)
    ours = torch.linspace(0.5, 2.0, 101, dtype=torch.float64)
    assert error_range(ours, straight) == pytest.approx((0.101 / 1.3, 2.6))
    assert error_range(straight, ours) == pytest.approx((0.101 / 1.3, 2.6))
    least, most = error_range(ours * 0, straight * 0)
    assert 0 < least < 1e-3 < most


def test_one_snippet_has_a_plot(tmp_path: Path, drawn: Drawn) -> None:
    saved(tmp_path, [7], [0.0], [0.0])
    assert line(drawn()[0], "ours").get_xdata().tolist() == [7]


@pytest.mark.parametrize(
    ("frames", "ours", "straight", "said"),
    [
        ([], [], [], "one snippet at least"),
        ([0, 1], [0.1, math.nan], [0.1, 0.1], "finite"),
        ([0, 1], [0.1, 0.1], [0.1, -0.1], "at least 0"),
        ([1, 1], [0.1, 0.1], [0.1, 0.1], "grow"),
    ],
)
def test_errors_that_cannot_be_drawn_are_refused(
    tmp_path: Path, frames: list[int], ours: list[float], straight: list[float], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        saved(tmp_path, frames, ours, straight)
    assert list(tmp_path.iterdir()) == []
