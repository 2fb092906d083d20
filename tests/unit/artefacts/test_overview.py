"""The overview shows each map in its place, in a size that a video can have."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from triptych.artefacts.colors import depth_colors, flow_colors
from triptych.artefacts.figures import (
    BACKGROUND,
    POSITION_COLOR,
    LabeledPicture,
    depth_legend,
    flow_legend,
    headed,
    path_picture,
    picture_grid,
)
from triptych.artefacts.overview import OverviewRange, depth_panel, overview_frame

SHOWN = OverviewRange(near=1.0, far=50.0, flow=10.0)


def straight_path(*, frames: int = 5) -> Tensor:
    poses = torch.eye(4).repeat(frames, 1, 1)
    poses[:, 2, 3] = torch.arange(float(frames))
    return poses


def overview(*, height: int, width: int, last: bool = False, path: Tensor | None = None) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)
    depth = torch.full((height, width), 5.0)
    if last:
        return overview_frame(image, depth, None, None, None, shown=SHOWN, path=path)
    flow = torch.full((2, height, width), 3.0)
    hidden = torch.zeros(height, width)
    return overview_frame(image, depth, flow, hidden, hidden > 1, shown=SHOWN, path=path)


def test_panels_stand_row_by_row_under_their_labels() -> None:
    reds = [torch.tensor([value, 0, 0], dtype=torch.uint8)[:, None, None].repeat(1, 2, 2) for value in (50, 100, 150)]
    grid = picture_grid([LabeledPicture("", red) for red in reds], columns=2, width=20, height=10)
    assert grid.shape == (3, 2 * (10 + 28 + 8), 2 * (20 + 8) + 8)
    assert grid[0, 28 + 5, 8 + 10] == 50
    assert grid[0, 28 + 5, 8 + 28 + 10] == 100
    assert grid[0, 46 + 28 + 5, 8 + 10] == 150
    assert grid[:, 46 + 28 + 5, 8 + 28 + 10].tolist() == list(BACKGROUND)


def test_a_label_is_written_above_its_picture() -> None:
    picture = torch.zeros((3, 2, 2), dtype=torch.uint8)
    empty = picture_grid([LabeledPicture("", picture)], columns=1, width=200, height=10)
    written = picture_grid([LabeledPicture("Depth", picture)], columns=1, width=200, height=10)
    changed = (empty != written).any(dim=0)
    assert changed.any()
    assert changed[:28, :100].sum() == changed.sum()


def test_a_grid_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        picture_grid([], columns=2, width=4, height=4)


def test_the_overview_shows_the_colors_of_depth_and_flow() -> None:
    picture = overview(height=128, width=416)
    panel_height = round(632 * 128 / 416)
    row, column = 28 + panel_height // 2, 8 + 316
    depth = depth_colors(torch.full((1, 1), 5.0), near=1.0, far=50.0)[:, 0, 0]
    flow = flow_colors(torch.full((2, 1, 1), 3.0), maximum=10.0)[:, 0, 0]
    assert torch.equal(picture[:, row, column + 640], depth)
    assert torch.equal(picture[:, row + panel_height + 36, column], flow)


def test_hidden_pixels_are_blue_in_one_panel_and_moving_ones_orange_in_the_next() -> None:
    height, width = 100, 300
    image = torch.full((3, height, width), 100, dtype=torch.uint8)
    visibility = torch.ones(height, width)
    visibility[:, :150] = 0.0
    motion = torch.zeros((height, width), dtype=torch.bool)
    motion[:, 150:] = True
    flow = torch.zeros(2, height, width)
    picture = overview_frame(image, torch.ones(height, width), flow, visibility, motion, shown=SHOWN)
    cell = round(632 * height / width) + 36
    hidden_row, moving_row = cell + 28 + 50, 2 * cell + 28 + 50
    gray, blue, orange = [100] * 3, [77, 136, 201], [201, 125, 35]  # 0.35 * 100 + 0.65 * color
    assert picture[:, hidden_row, 648 + 100].tolist() == blue
    assert picture[:, hidden_row, 648 + 500].tolist() == gray
    assert picture[:, moving_row, 8 + 100].tolist() == gray
    assert picture[:, moving_row, 8 + 500].tolist() == orange


@pytest.mark.parametrize(("height", "width"), [(128, 416), (120, 160), (160, 90), (37, 121)])
def test_all_frames_of_a_sequence_have_one_size_also_the_last(height: int, width: int) -> None:
    path = straight_path()
    assert (
        overview(height=height, width=width, path=path).shape
        == overview(height=height, width=width, last=True, path=path).shape
    )


def test_the_size_suits_a_screen_for_wide_and_tall_frames() -> None:
    for height, width in ((128, 416), (480, 640), (640, 360), (1080, 1920)):
        _, rows, columns = overview(height=height, width=width).shape
        assert columns <= 1984
        assert rows <= 1200


def test_the_dot_goes_forward_to_the_right_on_a_wide_picture_and_up_on_a_tall_one() -> None:
    def center(width: int, height: int, position: int) -> tuple[float, float]:
        picture = path_picture(straight_path(), position=position, width=width, height=height).int()
        dot = (picture - torch.tensor(POSITION_COLOR)[:, None, None]).abs().sum(0) < 20
        rows, columns = dot.nonzero().double().mean(0).tolist()
        return columns, rows

    start, end = center(300, 100, 0), center(300, 100, 4)
    assert end[0] - start[0] > 150
    assert abs(end[1] - start[1]) < 3
    start, end = center(100, 300, 0), center(100, 300, 4)
    assert start[1] - end[1] > 150
    assert abs(end[0] - start[0]) < 3


@pytest.mark.parametrize("frames", [1, 4])
def test_a_camera_that_never_moves_is_a_dot_in_the_middle(frames: int) -> None:
    picture = path_picture(torch.eye(4).repeat(frames, 1, 1), position=0, width=60, height=40)
    assert picture[:, 20, 30].tolist() == list(POSITION_COLOR)


def test_the_depth_legend_runs_from_near_to_far() -> None:
    legend = depth_legend(near=1.0, far=50.0)
    ends = depth_colors(torch.tensor([[1.0, 50.0]]), near=1.0, far=50.0)
    assert torch.equal(legend[:, 0, 0], ends[:, 0, 0])
    assert torch.equal(legend[:, 0, -1], ends[:, 0, 1])


def test_the_bar_of_depth_says_near_at_its_bright_end_and_far_at_its_dark_one() -> None:
    panel = depth_panel("Depth", torch.ones(2, 2), near=1.0, far=50.0, unit=" m")
    assert (panel.begin, panel.note) == ("near 1 m", "50 m far")
    assert panel.legend is not None
    assert panel.legend[:, 0, 0].sum() > panel.legend[:, 0, -1].sum()
    written = picture_grid([panel], columns=1, width=400, height=10)
    unsaid = picture_grid([replace(panel, begin="")], columns=1, width=400, height=10)
    begins = int((written != unsaid).any(dim=0).any(dim=0).nonzero().max())
    assert begins < int((written[:, 14] == panel.legend[:, 0, :1]).all(dim=0).nonzero().min())


def test_a_heading_stands_above_and_leaves_the_picture_as_it_is() -> None:
    picture = torch.full((3, 20, 200), 90, dtype=torch.uint8)
    with_heading = headed(picture, "drive/000001")
    assert torch.equal(with_heading[:, -20:], picture)
    assert not torch.equal(with_heading[:, :-20], headed(picture, "drive/000002")[:, :-20])


def test_the_last_place_is_empty_unless_something_is_given_for_it() -> None:
    image = torch.full((3, 100, 300), 100, dtype=torch.uint8)
    flow = torch.zeros(2, 100, 300)
    given = LabeledPicture("Given", torch.full_like(image, 33))
    arguments = (image, torch.ones(100, 300), flow, flow[0], flow[0] > 1)
    empty = overview_frame(*arguments, shown=SHOWN)
    filled = overview_frame(*arguments, shown=SHOWN, last=given)
    assert empty.shape == filled.shape
    assert filled[:, -60, -60].tolist() == [33, 33, 33]
    assert empty[:, -60, -60].tolist() == list(BACKGROUND)


def test_the_flow_legend_is_a_disk_whose_right_is_red() -> None:
    legend = flow_legend()
    assert legend[:, 10, 20].tolist() == [255, 0, 0]
    assert legend[:, 0, 0].tolist() == list(BACKGROUND)


def test_the_range_of_a_sequence_comes_from_all_its_samples() -> None:
    samples = [(torch.full((4, 5), depth), torch.full((2, 4, 5), depth)) for depth in (2.0, 8.0)]
    shown = OverviewRange.of([*samples, (torch.full((4, 5), 4.0), None)])
    assert (shown.near, shown.far) == pytest.approx((2.0, 8.0))
    assert shown.flow == pytest.approx(8.0 * 2**0.5)
    assert OverviewRange.of([(torch.full((4, 5), 4.0), None)]).flow == 1.0
