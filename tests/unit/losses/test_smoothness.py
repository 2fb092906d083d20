import numpy as np
import pytest
import torch
from torch.nn import functional as F

from triptych.losses.smoothness import (
    FLOW_EDGE_SHARPNESS,
    disparity_smoothness,
    edge_aware_smoothness,
    flow_smoothness,
)


def images(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slow_first_order(field: np.ndarray, image: np.ndarray, sharpness: float) -> float:
    """Pixel by pixel; field (K, H, W), image (3, H, W)."""
    _, height, width = field.shape
    across, down = [], []
    for y in range(height):
        for x in range(width):
            for k in range(field.shape[0]):
                if x + 1 < width:
                    edge = np.abs(image[:, y, x + 1] - image[:, y, x]).mean()
                    across.append(abs(field[k, y, x + 1] - field[k, y, x]) * np.exp(-sharpness * edge))
                if y + 1 < height:
                    edge = np.abs(image[:, y + 1, x] - image[:, y, x]).mean()
                    down.append(abs(field[k, y + 1, x] - field[k, y, x]) * np.exp(-sharpness * edge))
    return float(np.mean(across) + np.mean(down))


def test_disparity_smoothness_matches_a_slow_pixel_by_pixel_computation() -> None:
    disparity, image = images(1, 1, 1, 5, 7), images(2, 1, 3, 5, 7)
    normalized = (disparity / disparity.mean())[0].numpy()
    expected = slow_first_order(normalized, image[0].numpy(), 1.0)
    assert edge_aware_smoothness(disparity, image).item() == pytest.approx(expected, rel=1e-6)


def test_flow_smoothness_matches_a_slow_pixel_by_pixel_computation() -> None:
    flow, image = images(1, 1, 2, 5, 7) * 9, images(2, 1, 3, 5, 7)
    expected = slow_first_order(flow[0].numpy(), image[0].numpy(), FLOW_EDGE_SHARPNESS)
    assert flow_smoothness(flow, image).item() == pytest.approx(expected)


def test_a_ramp_without_edges_gives_its_slope_over_its_mean() -> None:
    ramp = torch.arange(1.0, 6.0).expand(1, 1, 4, 5)  # slope 1, mean 3
    assert edge_aware_smoothness(ramp, torch.zeros(1, 3, 4, 5)).item() == pytest.approx(1 / 3, rel=1e-5)


def test_the_scale_of_disparity_does_not_matter() -> None:
    disparity, image = images(1, 2, 1, 5, 7) + 0.1, images(2, 2, 3, 5, 7)
    small, large = (edge_aware_smoothness(disparity * s, image).item() for s in (0.01, 10.0))
    assert small == pytest.approx(large, rel=1e-4)


def test_each_image_is_normalized_by_its_own_mean() -> None:
    first, second, image = images(1, 1, 1, 5, 7) + 0.1, 100 * images(3, 1, 1, 5, 7), images(2, 1, 3, 5, 7)
    together = edge_aware_smoothness(torch.cat((first, second)), image.expand(2, 3, 5, 7)).item()
    apart = [edge_aware_smoothness(disparity, image).item() for disparity in (first, second)]
    assert together == pytest.approx(sum(apart) / 2, rel=1e-6)


def test_constant_and_zero_disparity_are_perfectly_smooth_with_finite_gradient() -> None:
    for level in (0.0, 0.3):
        disparity = torch.full((1, 1, 4, 4), level, requires_grad=True)
        value = edge_aware_smoothness(disparity, torch.rand(1, 3, 4, 4))
        value.backward()
        assert value.item() == pytest.approx(0.0, abs=1e-6)
        assert disparity.grad is not None
        assert disparity.grad.isfinite().all()


def test_a_jump_at_an_image_edge_costs_less_than_one_in_a_flat_area() -> None:
    disparity = torch.ones(1, 1, 4, 6)
    disparity[..., 3:] = 2
    edge = torch.zeros(1, 3, 4, 6)
    edge[..., 3:] = 1
    ratio = edge_aware_smoothness(disparity, edge) / edge_aware_smoothness(disparity, torch.zeros(1, 3, 4, 6))
    assert ratio.item() == pytest.approx(np.exp(-1), rel=1e-5)


def test_an_affine_flow_is_smooth_to_second_order_but_not_to_first() -> None:
    y, x = torch.meshgrid(torch.arange(6.0), torch.arange(8.0), indexing="ij")
    flow, image = torch.stack((2 * x - y, 0.5 * y + 3))[None], torch.zeros(1, 3, 6, 8)
    assert flow_smoothness(flow, image, order=2).item() == pytest.approx(0.0, abs=1e-5)
    # |dx u| = 2, |dx v| = 0, |dy u| = 1, |dy v| = 0.5
    assert flow_smoothness(flow, image, order=1).item() == pytest.approx(2 / 2 + 1.5 / 2)


def test_second_order_smoothness_of_a_parabola_is_its_second_difference() -> None:
    x = torch.arange(7.0).expand(1, 1, 5, 7)
    flow, image = torch.cat((x.square(), x), dim=1), torch.zeros(1, 3, 5, 7)
    assert flow_smoothness(flow, image, order=2).item() == pytest.approx((2 + 0) / 2)
    edges = (torch.arange(7.0) % 4 // 2).expand(1, 3, 5, 7)  # 0 0 1 1 0 0 1: central steps of a half
    relaxed = flow_smoothness(flow, edges, order=2).item()
    assert relaxed == pytest.approx(np.exp(-FLOW_EDGE_SHARPNESS / 2))
    turned = flow_smoothness(flow.mT, edges.mT, order=2).item()
    assert turned == pytest.approx(relaxed)


def test_levels_count_half_of_the_next_finer_one() -> None:
    image = images(2, 1, 3, 8, 12)
    fine, coarse = images(1, 1, 1, 8, 12), images(3, 1, 1, 4, 6)
    small = F.avg_pool2d(image, 2)
    expected = (edge_aware_smoothness(fine, image) + edge_aware_smoothness(coarse, small) / 2) / 2
    torch.testing.assert_close(disparity_smoothness((fine, coarse), image), expected)
    torch.testing.assert_close(disparity_smoothness((fine,), image), edge_aware_smoothness(fine, image))


@pytest.mark.parametrize("order", [1, 2])
def test_the_gradient_of_smoothness_is_that_of_finite_differences(order: int) -> None:
    image, flow = images(1, 1, 3, 5, 5), images(2, 1, 2, 5, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda field: flow_smoothness(field, image, order=order), (flow,))
    disparity = (images(3, 1, 1, 5, 5) + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda field: edge_aware_smoothness(field, image), (disparity,))
