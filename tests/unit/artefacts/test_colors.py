"""The same value has the same color wherever it stands."""

import math

import matplotlib as mpl
import pytest
import torch
from torchvision.utils import flow_to_image

from triptych.artefacts.colors import (
    HIDDEN_COLOR,
    NO_VALUE,
    depth_colors,
    depth_limits,
    flow_colors,
    flow_limit,
    overlaid,
)


def colormap(position: float) -> list[int]:
    """The colormap's own answer, as 8-bit RGB."""
    return [int(channel) for channel in mpl.colormaps["magma"](round(255 * position), bytes=True)[:3]]


def test_depth_at_the_ends_has_the_colors_of_the_ends() -> None:
    depth = torch.tensor([[2.0, 50.0, 1.0, 60.0, float("inf")]])
    picture = depth_colors(depth, near=2.0, far=50.0)
    assert picture[:, 0].T.tolist() == [colormap(p) for p in (1.0, 0.0, 1.0, 0.0, 0.0)]


def test_halfway_in_inverse_depth_is_the_middle_color() -> None:
    picture = depth_colors(torch.tensor([[1.6]]), near=1.0, far=4.0)  # 1/1.6 = (1/1 + 1/4) / 2
    assert picture[:, 0, 0].tolist() == colormap(127.5 / 255)


def test_halfway_in_log_depth_is_the_geometric_mean() -> None:
    depth = torch.tensor([[2.0 ** (1 + 1e-4), 2.0]])
    picture = depth_colors(depth, near=1.0, far=4.0, scaling="log")
    assert picture[:, 0, 0].tolist() == colormap(127 / 255)
    quarter = depth_colors(torch.tensor([[2.0**1.5]]), near=1.0, far=4.0, scaling="log")
    assert quarter[:, 0, 0].tolist() == colormap(0.25)


def test_pixels_without_depth_are_gray() -> None:
    picture = depth_colors(torch.tensor([[0.0, -1.0, float("nan")]]), near=1.0, far=2.0)
    assert picture[:, 0].T.tolist() == [list(NO_VALUE)] * 3


def test_the_color_of_a_depth_does_not_depend_on_its_neighbors() -> None:
    alone = depth_colors(torch.tensor([[5.0]]), near=1.0, far=80.0)
    beside = depth_colors(torch.tensor([[5.0, 0.01, 1e6]]), near=1.0, far=80.0)
    assert torch.equal(alone[:, :, 0], beside[:, :, 0])


@pytest.mark.parametrize(("near", "far"), [(0.0, 1.0), (2.0, 2.0), (3.0, 2.0), (1.0, math.nan)])
def test_an_impossible_depth_range_is_refused(near: float, far: float) -> None:
    with pytest.raises(ValueError, match="0 < near < far"):
        depth_colors(torch.ones(1, 1), near=near, far=far)


def test_flow_colors_are_those_of_torchvision_when_the_longest_flow_is_the_maximum() -> None:
    flow = torch.randn((2, 40, 50), generator=torch.Generator().manual_seed(0)) * 5
    longest = float(flow.norm(dim=0).max())
    difference = flow_colors(flow, maximum=longest).int() - flow_to_image(flow).int()
    assert difference.abs().max() <= 1  # it adds an eps to the length


def test_right_is_red_down_is_yellow_and_nothing_is_white() -> None:
    flow = torch.tensor([[[9.0, 0.0, 0.0]], [[0.0, 9.0, 0.0]]])
    right, down, still = flow_colors(flow, maximum=9.0)[:, 0].T.tolist()
    assert right == [255, 0, 0]
    assert down[0] > 220
    assert down[1] > 220
    assert down[2] == 0
    assert still == [255, 255, 255]


def test_the_color_of_a_flow_does_not_depend_on_its_neighbors() -> None:
    alone = flow_colors(torch.full((2, 1, 1), 3.0), maximum=10.0)
    pair = torch.full((2, 1, 2), 3.0)
    pair[:, :, 1] = 500.0
    assert torch.equal(flow_colors(pair, maximum=10.0)[:, :, :1], alone)


def test_flow_beyond_the_maximum_is_darker_and_no_number_is_gray() -> None:
    flow = torch.tensor([[[9.0, 10.0, float("nan")]], [[0.0, 0.0, 1.0]]])
    full, beyond, unknown = flow_colors(flow, maximum=9.0)[:, 0].T.tolist()
    assert full == [255, 0, 0]
    assert beyond == [191, 0, 0]
    assert unknown == list(NO_VALUE)


def test_a_maximum_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        flow_colors(torch.zeros(2, 1, 1), maximum=0.0)


def test_the_limits_leave_out_one_pixel_in_twenty_at_each_end() -> None:
    depth = torch.arange(1.0, 1002.0)[torch.randperm(1001, generator=torch.Generator().manual_seed(0))]
    assert depth_limits(depth.reshape(7, 11, 13)) == pytest.approx((51.0, 951.0))
    flow = torch.stack((depth, torch.zeros_like(depth))).reshape(2, 77, 13)
    assert flow_limit(flow) == pytest.approx(951.0)


def test_the_limits_ignore_what_is_no_depth_and_no_flow() -> None:
    depth = torch.tensor([[0.0, -1.0, float("nan"), float("inf"), 5.0]])
    assert depth_limits(depth) == pytest.approx((5.0, 5.5))
    assert depth_limits(depth[:, :4]) == (1.0, 2.0)
    assert flow_limit(torch.full((2, 3, 4), float("nan"))) == 1.0
    assert flow_limit(torch.zeros(2, 3, 4)) == 1.0


def test_the_limits_of_more_values_than_torch_can_sort_are_found() -> None:
    depth = torch.ones(17_000_000)
    depth[::10] = 3.0
    assert depth_limits(depth.reshape(17, 1000, 1000)) == pytest.approx((1.0, 3.0))


def test_an_overlay_of_nothing_is_the_gray_frame_and_of_all_is_the_color() -> None:
    image = torch.tensor([200, 100, 50], dtype=torch.uint8)[:, None, None].repeat(1, 1, 2)
    picture = overlaid(image, torch.tensor([[False, True]]), HIDDEN_COLOR, strongest=1.0)
    gray = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert picture[:, 0].T.tolist() == [[gray] * 3, list(HIDDEN_COLOR)]


def test_an_overlay_of_half_is_between_and_nan_counts_as_nothing() -> None:
    image = torch.full((3, 1, 3), 100, dtype=torch.uint8)
    picture = overlaid(image, torch.tensor([[0.5, float("nan"), 7.0]]), (200, 0, 100), strongest=0.5)
    assert picture[:, 0].T.tolist() == [[125, 75, 100], [100, 100, 100], [150, 50, 100]]
