from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from triptych.geometry.grid import in_frame, pixel_grid, resize_flow, sample


def _ramp(height: int, width: int) -> Tensor:
    """3 x + 10 y: bilinear reading is exact on it."""
    x, y = pixel_grid(height, width, dtype=torch.float64)
    return (3 * x + 10 * y)[None, None]


def _read_slowly(image: np.ndarray, x: float, y: float, *, border: bool) -> float:
    height, width = image.shape
    if border:
        x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < height and 0 <= column < width:
                total += (1 - abs(x - column)) * (1 - abs(y - row)) * image[row, column]
    return total


def test_the_grid_counts_columns_then_rows_from_zero() -> None:
    expected = torch.tensor([[[0.0, 1, 2], [0, 1, 2]], [[0, 0, 0], [1, 1, 1]]])
    assert torch.equal(pixel_grid(2, 3), expected)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 7), width=st.integers(1, 9), border=st.booleans())
def test_sampling_equals_the_bilinear_sum_written_out(seed: int, height: int, width: int, border: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 1, height, width, generator=generator, dtype=torch.float64)
    spread = torch.tensor([width + 3.0, height + 3.0], dtype=torch.float64)[:, None, None]
    pixels = torch.rand(1, 2, 3, 4, generator=generator, dtype=torch.float64) * spread - 2
    result = sample(image, pixels, padding="border" if border else "zeros")[0, 0].numpy()
    for row in range(3):
        for column in range(4):
            x, y = pixels[0, :, row, column].tolist()
            expected = _read_slowly(image[0, 0].numpy(), x, y, border=border)
            assert result[row, column] == pytest.approx(expected, abs=1e-12)


def test_a_reading_between_four_pixels_is_their_mean() -> None:
    image = torch.tensor([[[[1.0, 2.0], [3.0, 10.0]]]])
    pixels = torch.full((1, 2, 1, 1), 0.5)
    assert sample(image, pixels).item() == pytest.approx(4.0, abs=1e-6)


def test_zero_padding_is_half_gone_half_a_pixel_outside_and_border_padding_is_not() -> None:
    image = torch.full((1, 1, 4, 4), 8.0)
    pixels = torch.tensor([3.5, 2.0]).view(1, 2, 1, 1)
    assert sample(image, pixels, padding="zeros").item() == pytest.approx(4.0, abs=1e-5)
    assert sample(image, pixels, padding="border").item() == pytest.approx(8.0, abs=1e-5)


@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_sampling_has_the_gradient_of_its_values(padding: str) -> None:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 2, 4, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    pixels = torch.rand(1, 2, 3, 3, generator=generator, dtype=torch.float64) * 2.9 + 0.05
    assert torch.autograd.gradcheck(
        lambda i, p: sample(i, p, padding=padding), (image, pixels.requires_grad_()), atol=1e-7
    )


def test_in_frame_ends_at_the_outermost_pixel_centers() -> None:
    x = torch.tensor([0.0, -1e-6, 4.0, 4.000001, 2.0, 2.0, 2.0, math.nan, math.inf])
    y = torch.tensor([0.0, 1.0, 3.0, 1.0, -1e-6, 3.0, 3.000001, 1.0, 1.0])
    result = in_frame(torch.stack((x, y))[None, :, None], height=4, width=5)[0, 0, 0]
    assert result.tolist() == [True, False, True, False, False, True, False, False, False]


def test_resizing_a_flow_scales_its_vectors_with_each_axis() -> None:
    flow = torch.tensor([3.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, 4, 6)
    resized = resize_flow(flow, (12, 3))
    torch.testing.assert_close(resized, torch.tensor([1.5, -6.0]).view(1, 2, 1, 1).expand(1, 2, 12, 3))


def test_a_resized_flow_leads_to_the_resized_place() -> None:
    """A zoom by 1.1 about the middle of the image stays one at any size (away from the border)."""

    def zoom(height: int, width: int) -> Tensor:
        middle = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=torch.float64)[:, None, None]
        return (0.1 * (pixel_grid(height, width, dtype=torch.float64) - middle))[None]

    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(resize_flow(zoom(6, 8), (12, 16))[inner], zoom(12, 16)[inner], rtol=0, atol=1e-12)


def test_resizing_to_the_same_size_changes_nothing() -> None:
    flow = torch.rand(1, 2, 5, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(resize_flow(flow, (5, 7)), flow)


def test_a_ramp_is_read_exactly_between_pixels() -> None:
    pixels = torch.tensor([1.25, 2.75], dtype=torch.float64).view(1, 2, 1, 1)
    assert sample(_ramp(5, 6), pixels).item() == pytest.approx(3 * 1.25 + 27.5, abs=1e-12)


def test_coordinates_of_nan_neither_end_the_process_nor_send_a_gradient_from_the_border() -> None:
    image = torch.rand(2, 3, 64, 96, requires_grad=True)
    pixels = torch.rand(2, 2, 64, 96) * 60
    pixels[:, :, ::3] = torch.nan
    pixels.requires_grad_()
    for _ in range(5):
        sample(image, pixels, padding="border").sum().backward()
    assert pixels.grad is not None
    assert pixels.grad[:, :, ::3].eq(0).all()
    assert pixels.grad.isfinite().all()
