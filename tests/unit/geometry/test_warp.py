from __future__ import annotations

import pytest
import torch

from triptych.geometry.grid import pixel_grid
from triptych.geometry.warp import warped


@pytest.mark.parametrize("padding", ["zeros", "border"])
def test_the_identity_warp_returns_any_image_in_float64(padding: str) -> None:
    image = torch.rand(1, 3, 192, 640, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    result, inside = warped(image, torch.zeros(1, 2, 192, 640, dtype=torch.float64), padding=padding)
    torch.testing.assert_close(result, image, rtol=0, atol=1e-12)
    assert inside.all()


def test_the_identity_warp_returns_a_natural_image_to_1e_6_in_float32() -> None:
    """Neighbors of a natural image differ by a few hundredths; the coordinate is rounded by 2e-5 px."""
    x, y = pixel_grid(192, 640)
    image = (0.5 + 0.5 * torch.sin(x / 20) * torch.cos(y / 20)).expand(1, 3, -1, -1)
    result, _ = warped(image, torch.zeros(1, 2, 192, 640))
    torch.testing.assert_close(result, image, rtol=0, atol=1e-6)


def test_the_identity_warp_of_noise_in_float32_errs_by_the_rounding_of_its_coordinate() -> None:
    image = torch.rand(1, 3, 192, 640, generator=torch.Generator().manual_seed(0))
    result, _ = warped(image, torch.zeros(1, 2, 192, 640))
    torch.testing.assert_close(result, image, rtol=0, atol=3e-5)


def test_a_flow_to_the_right_brings_the_pixels_from_the_right() -> None:
    image = torch.arange(5.0).expand(1, 1, 2, 5)
    flow = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 2, 5)
    result, inside = warped(image, flow, padding="border")
    torch.testing.assert_close(result[0, 0, 0], torch.tensor([2.0, 3, 4, 4, 4]), rtol=0, atol=1e-5)
    assert inside[0, 0, 1].tolist() == [True, True, True, False, False]


def test_a_flow_downward_brings_the_pixels_from_below() -> None:
    image = torch.arange(4.0)[:, None].expand(1, 1, 4, 3)
    flow = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 4, 3)
    result, inside = warped(image, flow, padding="zeros")
    torch.testing.assert_close(result[0, 0, :, 0], torch.tensor([1.0, 2, 3, 0]), rtol=0, atol=1e-5)
    assert inside[0, 0, :, 2].tolist() == [True, True, True, False]


def test_the_border_sends_no_gradient_to_a_flow_that_leaves_the_image() -> None:
    image = torch.rand(1, 1, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    flow = torch.full((1, 2, 4, 6), 30.0, dtype=torch.float64, requires_grad=True)
    warped(image, flow)[0].sum().backward()
    assert flow.grad is not None
    assert flow.grad.abs().max() == 0
