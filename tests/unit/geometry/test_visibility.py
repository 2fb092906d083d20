from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from triptych.geometry.grid import pixel_grid, sample
from triptych.geometry.visibility import (
    forward_backward_visibility,
    range_map,
    range_visibility,
    two_way_visibility,
)

SEEDS = st.integers(0, 2**32 - 1)


def _constant(x: float, y: float, height: int = 6, width: int = 9, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor([x, y], dtype=dtype).view(1, 2, 1, 1).expand(1, 2, height, width).clone()


def _random(seed: int, spread: float, *, batch: int = 2, height: int = 5, width: int = 7) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return spread * torch.randn(batch, 2, height, width, generator=generator, dtype=torch.float64)


def _splatted_slowly(flow: np.ndarray) -> np.ndarray:
    _, height, width = flow.shape
    counts = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            x, y = column + flow[0, row, column], row + flow[1, row, column]
            for near_row in (math.floor(y), math.floor(y) + 1):
                for near_column in (math.floor(x), math.floor(x) + 1):
                    if 0 <= near_row < height and 0 <= near_column < width:
                        counts[near_row, near_column] += (1 - abs(x - near_column)) * (1 - abs(y - near_row))
    return counts


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_flow_one_pixel_lands_on_each_to_the_bit(dtype: torch.dtype) -> None:
    assert (range_map(torch.zeros(2, 2, 192, 640, dtype=dtype)) == 1).all()


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, spread=st.sampled_from([0.3, 1.0, 4.0, 100.0]))
def test_the_range_map_is_the_bilinear_splat_written_out(seed: int, spread: float) -> None:
    flow = _random(seed, spread)
    result = range_map(flow)
    for index in range(2):
        np.testing.assert_allclose(result[index, 0].numpy(), _splatted_slowly(flow[index].numpy()), atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_the_range_map_is_the_gradient_of_sampling(seed: int) -> None:
    flow = _random(seed, 2.0)
    image = torch.zeros(2, 1, 5, 7, dtype=torch.float64, requires_grad=True)
    sample(image, pixel_grid(5, 7, dtype=torch.float64) + flow).sum().backward()
    assert image.grad is not None
    torch.testing.assert_close(range_map(flow), image.grad, rtol=0, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_the_range_map_sums_to_the_pixels_while_all_of_them_land_inside(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    landing = torch.rand(2, 2, 12, 17, generator=generator, dtype=torch.float64)
    landing = landing * torch.tensor([16.0, 11.0], dtype=torch.float64)[:, None, None]
    result = range_map(landing - pixel_grid(12, 17, dtype=torch.float64))
    torch.testing.assert_close(result.sum((1, 2, 3)), torch.full((2,), 12 * 17.0, dtype=torch.float64))


def test_what_lands_outside_is_not_counted() -> None:
    assert range_map(_constant(0.0, 100.0)).sum() == 0
    assert range_map(_constant(-9.0, 0.0)).sum() == 0
    assert range_map(_constant(-8.5, 0.0))[0, 0, :, 0].tolist() == [0.5] * 6


@pytest.mark.parametrize(
    ("x", "y", "empty"),
    [
        (3.0, 0.0, np.s_[:, :3]),
        (-3.0, 0.0, np.s_[:, -3:]),
        (0.0, 2.0, np.s_[:2, :]),
        (0.0, -2.0, np.s_[-2:, :]),
    ],
)
def test_a_whole_shift_leaves_an_empty_band_on_the_side_it_comes_from(x: float, y: float, empty) -> None:
    expected = np.ones((6, 9))
    expected[empty] = 0
    np.testing.assert_array_equal(range_map(_constant(x, y))[0, 0].numpy(), expected)
    np.testing.assert_array_equal(range_visibility(_constant(x, y))[0, 0].numpy(), expected)


def test_two_pixels_on_one_count_twice_and_are_still_just_visible() -> None:
    flow = torch.zeros(1, 2, 2, 3)
    flow[0, 0, 0, 0] = 1.0
    assert range_map(flow)[0, 0, 0].tolist() == [0, 2, 1]
    assert range_visibility(flow)[0, 0, 0].tolist() == [0, 1, 1]


def test_half_a_pixel_is_half_visible() -> None:
    assert range_visibility(_constant(0.5, 0.0))[0, 0, 2].tolist() == [0.5] + [1.0] * 8


@pytest.mark.parametrize("missing", [math.nan, math.inf, -math.inf, 1e30])
def test_a_flow_that_is_not_finite_lands_nowhere(missing: float) -> None:
    for channel in (0, 1):
        flow = torch.zeros(1, 2, 4, 5)
        flow[0, channel, 1, 2] = missing
        expected = torch.ones(1, 1, 4, 5)
        expected[0, 0, 1, 2] = 0
        assert torch.equal(range_map(flow), expected)


def test_the_range_map_works_without_gradients_and_in_inference_mode() -> None:
    flow = _random(0, 1.0)
    expected = range_map(flow)
    with torch.no_grad():
        assert torch.equal(range_map(flow), expected)
    with torch.inference_mode():
        assert torch.equal(range_map(flow.clone()), expected)
    attached = range_visibility(flow.clone().requires_grad_())
    assert not attached.requires_grad


def test_there_and_back_is_visible_where_it_stays_in_frame() -> None:
    seen = forward_backward_visibility(_constant(3.0, 0.0), _constant(-3.0, 0.0))
    assert seen[0, 0].tolist() == [[True] * 6 + [False] * 3] * 6


def test_a_gap_is_allowed_up_to_the_printed_bound() -> None:
    """f = (10, 0), b = (-10 + g, 0): g^2 < 0.01 (100 + (10 - g)^2) + 0.5, so g < 1.489."""
    wide = {"height": 4, "width": 40}
    below = forward_backward_visibility(_constant(10.0, 0.0, **wide), _constant(-10 + 1.48, 0.0, **wide))
    above = forward_backward_visibility(_constant(10.0, 0.0, **wide), _constant(-10 + 1.50, 0.0, **wide))
    assert below[..., :30].all()
    assert not above.any()


def test_without_tolerance_only_an_exact_return_would_do() -> None:
    flow = _constant(1.0, 0.0)
    back = _constant(-1.0, 0.25)
    assert forward_backward_visibility(flow, back)[..., :8].all()
    assert not forward_backward_visibility(flow, back, relative=0.0, absolute=0.05).any()
    assert forward_backward_visibility(flow, back, relative=0.03, absolute=0.01)[..., :8].all()


def test_the_backward_flow_is_read_where_the_forward_flow_leads() -> None:
    """Only the source pixel at x = 5 leads back by 2: so only x = 3 is seen."""
    flow, back = _constant(2.0, 0.0), _constant(40.0, 0.0)
    back[:, 0, :, 5] = -2.0
    assert forward_backward_visibility(flow, back)[0, 0].nonzero()[:, 1].unique().tolist() == [3]


def test_a_square_that_covers_its_ground_hides_it_in_both_checks() -> None:
    """A square of 4 x 4 px moves 3 px to the right; the ground stands still."""
    flow, back = torch.zeros(1, 2, 10, 16), torch.zeros(1, 2, 10, 16)
    flow[:, 0, 3:7, 4:8] = 3.0
    back[:, 0, 3:7, 7:11] = -3.0
    expected = torch.ones(1, 1, 10, 16, dtype=torch.bool)
    expected[:, :, 3:7, 8:11] = False  # ground that the square covers in the source
    assert torch.equal(range_visibility(back) > 0.5, expected)
    assert torch.equal(forward_backward_visibility(flow, back), expected)
    assert torch.equal(two_way_visibility(flow, back), expected.float())


def test_a_missing_flow_is_not_visible() -> None:
    flow = torch.zeros(1, 2, 4, 5)
    flow[:, :, 2, 3] = math.nan
    seen = forward_backward_visibility(flow, torch.zeros(1, 2, 4, 5))
    assert not seen[0, 0, 2, 3]
    assert seen.sum() == 19
    assert two_way_visibility(flow, torch.zeros(1, 2, 4, 5))[0, 0].sum() == 19


def test_by_both_ways_a_pixel_that_leaves_the_picture_is_hidden_whatever_lands_on_it() -> None:
    """All goes 3 px to the right; the source's first columns, which are new, are taken for standing."""
    flow, back = _constant(3.0, 0.0), _constant(-3.0, 0.0)
    back[:, 0, :, 6:] = 0.0
    assert (range_visibility(back)[0, 0, 0] > 0.5).tolist() == [True] * 3 + [False] * 3 + [True] * 3
    assert (two_way_visibility(flow, back)[0, 0, 0] > 0.5).tolist() == [True] * 3 + [False] * 6


def test_by_both_ways_a_pixel_is_half_seen_where_its_way_ends_three_pixels_off() -> None:
    flow, back = _constant(0.0, 0.0, height=9), _constant(0.0, 0.0, height=9)
    assert two_way_visibility(flow, back).min() == 1
    flow[:, 1, 4, 4] = 3.0
    assert float(two_way_visibility(flow, back)[0, 0, 4, 4]) == pytest.approx(0.5)
