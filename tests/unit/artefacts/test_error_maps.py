"""An error has the color of its size where it is, however sparse the truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from triptych.artefacts import error_maps
from triptych.artefacts.colors import NO_VALUE, depth_colors, flow_colors
from triptych.artefacts.error_colors import ERROR_COLORS, flow_error_colors, relative_error_colors, spread_out
from triptych.artefacts.error_maps import save_depth_error_map, save_flow_error_map

HEIGHT, WIDTH = 60, 180


def colors_of(picture: torch.Tensor) -> list[tuple[int, ...]]:
    """The colors of a picture of one row."""
    return [tuple(color) for color in picture[:, 0].T.tolist()]


def places(path: Path, color: tuple[int, ...]) -> np.ndarray:
    """(row, column) of every pixel of a color in a PNG."""
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.argwhere((picture[..., ::-1] == color).all(-1))


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A function that returns the labels of the panels that were saved last."""
    figures: list[Figure] = []
    monkeypatch.setattr(error_maps, "save_figure", lambda path, figure, *, title, small: figures.append(figure))
    return lambda: [label for axes in figures[-1].axes if (label := axes.get_title(loc="left"))]


def test_an_error_has_one_of_ten_colors_up_to_the_largest() -> None:
    error = torch.tensor([[0.0, 0.04, 0.06, 0.26, 0.49, 0.51, 9.0, math.inf]])
    picture = relative_error_colors(error, torch.ones_like(error) > 0, largest=0.5)
    assert colors_of(picture) == [ERROR_COLORS[step] for step in (0, 0, 1, 5, 9, 9, 9, 9)]


def test_an_error_that_is_not_known_is_gray() -> None:
    error = torch.tensor([[0.0, math.nan, 0.0]])
    picture = relative_error_colors(error, torch.tensor([[True, True, False]]), largest=0.5)
    assert colors_of(picture) == [ERROR_COLORS[0], NO_VALUE, NO_VALUE]
    assert colors_of(flow_error_colors(error, error, torch.tensor([[True, True, False]])))[1:] == [NO_VALUE] * 2


def test_a_largest_error_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        relative_error_colors(torch.zeros(1, 1), torch.ones(1, 1) > 0, largest=0.0)


@pytest.mark.parametrize(
    ("error", "length", "step"),
    [
        (0.1, 10.0, 0),  # 0.1 / 3 = 1/30 of the threshold
        (1.0, 10.0, 3),  # 1/3, between 1/4 and 1/2
        (2.9, 10.0, 4),
        (3.0, 10.0, 4),  # an outlier exceeds 3 px
        (3.1, 10.0, 5),
        (3.1, 100.0, 4),  # 3.1 px is 3.1 % of 100 px: below 5 %
        (6.0, 100.0, 5),  # 6 px exceeds both: 2 and 1.2 of them
        (5.0, 0.0, 5),  # no true length: the 3 px decide
        (40.0, 10.0, 8),  # 13.3, between 8 and 16
        (1000.0, 10.0, 9),
    ],
)
def test_a_flow_error_is_blue_below_and_red_above_the_threshold_of_an_outlier(
    error: float, length: float, step: int
) -> None:
    picture = flow_error_colors(torch.tensor([[error]]), torch.tensor([[length]]), torch.tensor([[True]]))
    assert colors_of(picture) == [ERROR_COLORS[step]]


def test_a_sparse_value_becomes_a_dot_and_dense_ones_keep_their_own() -> None:
    values = torch.zeros(1, 5, 9)
    valid = torch.zeros(5, 9, dtype=torch.bool)
    values[0, 2, 2], values[0, 2, 6] = 3.0, 5.0
    valid[2, 2] = valid[2, 6] = True
    spread, reached = spread_out(values, valid, radius=1.0)
    expected = torch.zeros(5, 9)
    for column, value in ((2, 3.0), (6, 5.0)):
        for row, aside in ((1, 0), (2, -1), (2, 0), (2, 1), (3, 0)):
            expected[row, column + aside] = value
    assert torch.equal(torch.where(reached, spread[0], 0.0), expected)
    assert torch.equal(reached, expected > 0)
    dense = torch.rand(2, 5, 9, generator=torch.Generator().manual_seed(0))
    kept, everywhere = spread_out(dense, torch.ones(5, 9, dtype=torch.bool), radius=3.0)
    assert torch.equal(kept, dense)
    assert everywhere.all()


def test_a_dot_between_two_has_the_value_of_the_nearer() -> None:
    values = torch.tensor([[[7.0, 0.0, 0.0, 0.0, 0.0, 9.0]]])
    spread, _ = spread_out(values, values[0] > 0, radius=9.0)
    assert spread.flatten().tolist() == [7.0, 7.0, 7.0, 9.0, 9.0, 9.0]


def test_nothing_valid_spreads_nothing() -> None:
    nowhere = torch.zeros(3, 4, dtype=torch.bool)
    assert not spread_out(torch.ones(1, 3, 4), nowhere, radius=5.0)[1].any()


def test_the_depth_error_has_its_color_in_its_half_of_the_panel(tmp_path: Path) -> None:
    truth = torch.full((HEIGHT, WIDTH), 10.0)
    predicted = truth.clone()
    predicted[:, WIDTH // 2 :] = 13.2  # 0.32 too far: the seventh of ten steps of 0.05
    everywhere = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    save_depth_error_map(tmp_path / "d.png", None, predicted, truth, everywhere, title="t")
    right, wrong = places(tmp_path / "d.png", ERROR_COLORS[0]), places(tmp_path / "d.png", ERROR_COLORS[6])
    assert len(right) == pytest.approx(len(wrong), rel=0.05)
    assert len(wrong) > 50_000
    rows_apart, columns_apart = np.median(wrong, axis=0) - np.median(right, axis=0)
    assert abs(rows_apart) < 3
    assert columns_apart == pytest.approx(6.4 * 120 / 2, abs=5)  # half a panel of 6.4 inches
    far, near = (
        tuple(depth_colors(torch.tensor([[depth]]), near=3.0, far=80.0, scaling="log")[:, 0, 0].tolist())
        for depth in (13.2, 10.0)
    )
    assert len(places(tmp_path / "d.png", near)) > 2.5 * len(places(tmp_path / "d.png", far))  # half and a whole panel


def test_one_true_point_of_a_whole_image_is_seen(tmp_path: Path) -> None:
    truth = torch.zeros(375, 1242)
    truth[200, 600] = 10.0
    predicted = torch.full((375, 1242), 13.2)
    picture = torch.zeros((3, 375, 1242), dtype=torch.uint8)
    save_depth_error_map(tmp_path / "one.png", picture, predicted, truth, truth > 0, title="t")
    save_depth_error_map(tmp_path / "none.png", picture, predicted, truth, truth > 99, title="t")
    one, none = (len(places(tmp_path / f"{name}.png", ERROR_COLORS[6])) for name in ("one", "none"))
    assert 6 <= one - none <= 20  # the color bar has the color too


def test_what_is_not_valid_does_not_count_and_missing_depth_is_told(
    tmp_path: Path, labels: Callable[[], list[str]]
) -> None:
    truth = torch.tensor([[10.0, 10.0, 10.0, 0.0]])
    predicted = torch.tensor([[11.0, math.nan, 99.0, 5.0]])
    valid = torch.tensor([[True, True, False, True]])
    save_depth_error_map(tmp_path / "d.png", None, predicted, truth, valid, title="t")
    assert labels()[-1] == "relative error, mean 0.100 over 50% of the truth"
    save_depth_error_map(tmp_path / "d.png", None, predicted, truth, valid & False, title="t")
    assert labels()[-1] == "relative error, nothing to score"


def test_both_flows_have_the_colors_of_one_maximum(tmp_path: Path) -> None:
    truth = torch.zeros(2, HEIGHT, WIDTH)
    truth[0] = 8.0
    everywhere = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    save_flow_error_map(tmp_path / "f.png", None, truth / 2, truth, everywhere, title="t", maximum_px=8.0)
    full, half = (
        tuple(flow_colors(torch.tensor([[[length]], [[0.0]]]), maximum=8.0)[:, 0, 0].tolist()) for length in (8.0, 4.0)
    )
    # 4 px of 8 are 4/3 of 3 px: just an outlier
    counts = [len(places(tmp_path / "f.png", color)) for color in (full, half, ERROR_COLORS[5])]
    assert min(counts) > 100_000
    assert max(counts) < 1.1 * min(counts)


def test_the_maximum_comes_from_the_truth_and_not_from_the_prediction(tmp_path: Path) -> None:
    truth = torch.zeros(2, HEIGHT, WIDTH)
    truth[0, :, : WIDTH // 2] = 8.0
    truth[0, :, WIDTH // 2 :] = 500.0
    valid = truth[0] < 100
    pictures = []
    for wrong in (8.0, 1000.0):
        predicted = torch.stack((torch.full((HEIGHT, WIDTH), wrong), torch.zeros(HEIGHT, WIDTH)))
        save_flow_error_map(tmp_path / "f.png", None, predicted, truth, valid, title="t")
        pictures.append(len(places(tmp_path / "f.png", (255, 0, 0))))
    assert pictures[1] > 90_000
    # A half of the true panel is full red both times; so is the predicted panel the first time.
    assert pictures[0] == pytest.approx(3 * pictures[1], rel=0.1)


def test_the_flow_error_is_told_over_valid_pixels(tmp_path: Path, labels: Callable[[], list[str]]) -> None:
    truth = torch.zeros(2, 1, 3)
    predicted = torch.tensor([[[3.0, 0.0, 90.0]], [[4.0, 1.0, 0.0]]])
    save_flow_error_map(tmp_path / "f.png", None, predicted, truth, torch.tensor([[True, True, False]]), title="t")
    # Lengths 5, 1 and, not counted, 90; torch's median of two is the lower.
    assert labels() == [
        "predicted flow, median 1.00 px",
        "true flow, median 0.00 px",
        "end-point error, mean 3.00 px",
    ]


def test_an_image_is_a_panel_of_its_own(tmp_path: Path, labels: Callable[[], list[str]]) -> None:
    depth = torch.ones(30, 20)
    save_depth_error_map(
        tmp_path / "d.png", torch.zeros((3, 30, 20), dtype=torch.uint8), depth, depth, depth > 0, title="t"
    )
    assert labels() == ["image", "predicted depth", "true depth", "relative error, mean 0.000"]


def test_every_panel_has_a_frame_that_tells_white_flow_from_the_page(tmp_path: Path) -> None:
    everywhere = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    still = torch.zeros(2, HEIGHT, WIDTH)
    save_flow_error_map(tmp_path / "f.png", None, still, still, everywhere, title="t", maximum_px=1.0)
    picture = cv2.imread(str(tmp_path / "f.png"))
    assert picture is not None
    row = picture[150].astype(int).sum(axis=1)  # through both white panels of the first row
    columns = np.flatnonzero(row < 3 * 220)
    # Panels of 6.4 inches, 0.12 apart, at 120 dots an inch.
    for edge in (0.12, 6.52, 6.64, 13.04):
        assert np.abs(columns - 120 * edge).min() < 3, edge


def test_small_print_tells_the_protocol_and_what_gray_and_1_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(error_maps, "save_figure", lambda path, figure, *, title, small: said.append(small))
    depth = torch.ones(3, 4)
    save_depth_error_map(tmp_path / "d.png", None, depth, depth, depth > 0, title="t", protocol="Scaled by 2")
    save_flow_error_map(tmp_path / "f.png", None, torch.ones(2, 3, 4), torch.ones(2, 3, 4), depth > 0, title="t")
    assert said[0].startswith("Scaled by 2. Gray: no depth, no truth, or truth that the protocol leaves out")
    assert said[1].startswith("1 = KITTI's limit of an outlier: 3 px and 5 % of the true length. ")


def test_beside_an_image_both_depths_share_one_bar_and_the_picture_is_lower(tmp_path: Path) -> None:
    depth = torch.ones(30, 90)
    image = torch.zeros((3, 30, 90), dtype=torch.uint8)
    heights = []
    for name, picture in (("with", image), ("without", None)):
        save_depth_error_map(tmp_path / f"{name}.png", picture, depth, depth, depth > 0, title="t")
        saved = cv2.imread(str(tmp_path / f"{name}.png"))
        assert saved is not None
        heights.append(len(saved))
    assert heights[1] - heights[0] == pytest.approx(120 * (0.62 - 0.16), abs=1)  # inches below a row, with and without


def test_an_impossible_range_is_refused(tmp_path: Path) -> None:
    depth = torch.ones(3, 4)
    with pytest.raises(ValueError, match="0 < near < far"):
        save_depth_error_map(tmp_path / "d.png", None, depth, depth, depth > 0, title="t", near_m=5.0, far_m=4.0)
    assert list(tmp_path.iterdir()) == []
