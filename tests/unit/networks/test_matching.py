import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.ops import deform_conv2d

from triptych.networks.matching import (
    TILE,
    DeformableWarp,
    cost_volume,
    matching_cost,
    normalized_pair,
    warped_features,
)


def shifted_products(target: Tensor, source: Tensor, radius: int) -> Tensor:
    """The cost volume as its definition says, one displacement at a time."""
    height, width = target.shape[-2:]
    padded = F.pad(source, (radius,) * 4)
    side = 2 * radius + 1
    costs = [
        (target * padded[:, :, y : y + height, x : x + width]).mean(dim=1) for y in range(side) for x in range(side)
    ]
    return torch.stack(costs, dim=1)


def random_maps(*shape: int, count: int = 2, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, dtype=torch.float64, generator=generator) for _ in range(count)]


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 5),
    height=st.integers(1, 6),
    width=st.integers(1, 3 * TILE + 1),
    radius=st.integers(0, 4),
)
def test_the_cost_volume_and_its_gradients_are_those_of_a_loop_of_shifts(
    batch: int, channels: int, height: int, width: int, radius: int
) -> None:
    target, source = random_maps(batch, channels, height, width)
    expected = shifted_products(target, source, radius)
    torch.testing.assert_close(cost_volume(target, source, search_radius=radius), expected)
    target.requires_grad_()
    source.requires_grad_()
    costs = cost_volume(target, source, search_radius=radius)
    torch.testing.assert_close(costs, expected)
    (upstream,) = random_maps(*expected.shape, count=1, seed=1)
    ours = torch.autograd.grad(costs, (target, source), upstream)
    theirs = torch.autograd.grad(shifted_products(target, source, radius), (target, source), upstream)
    torch.testing.assert_close(ours, theirs)


def test_the_gradient_of_the_cost_volume_is_that_of_finite_differences() -> None:
    target, source = (maps.requires_grad_() for maps in random_maps(2, 2, 2, TILE + 1))
    assert torch.autograd.gradcheck(lambda a, b: cost_volume(a, b, search_radius=2), (target, source))


def test_a_match_two_right_and_one_up_is_in_its_own_channel_of_81() -> None:
    target, source = torch.zeros(1, 4, 5, 9), torch.zeros(1, 4, 5, 9)
    target[0, 1, 3, 4] = 6.0
    source[0, 1, 2, 6] = 2.0
    costs = cost_volume(target, source)
    assert costs.shape == (1, 81, 5, 9)
    # (d_y + 4) * 9 + d_x + 4 = 3 * 9 + 6; one of four channels matches: 6 * 2 / 4.
    assert costs[0, 33, 3, 4] == 3.0
    assert costs.count_nonzero() == 1


def test_only_the_asked_side_of_the_cost_volume_gets_a_gradient() -> None:
    target, source = random_maps(1, 3, 4, 5)
    source.requires_grad_()
    cost_volume(target, source).sum().backward()
    assert target.grad is None
    assert source.grad is not None
    assert bool(source.grad.any())


def test_a_normalized_pair_has_zero_mean_and_unit_variance_over_both() -> None:
    target, source = random_maps(2, 3, 4, 5, seed=9)
    both = torch.stack(normalized_pair(3 * target + 1, 2 * source - 4), dim=1).flatten(1)
    torch.testing.assert_close(both.mean(dim=1), torch.zeros(2, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(both.var(dim=1, correction=0), torch.ones(2, dtype=torch.float64))


def test_one_gain_and_offset_on_both_features_do_not_change_normalized_costs() -> None:
    target, source = random_maps(2, 3, 4, 5, seed=10)
    plain = matching_cost(target, source, search_radius=2, normalized=True)
    changed = matching_cost(1e-3 * target + 7, 1e-3 * source + 7, search_radius=2, normalized=True)
    torch.testing.assert_close(plain, changed, rtol=1e-4, atol=1e-6)
    raw = torch.nn.functional.leaky_relu(shifted_products(target, source, 2), 0.1)
    torch.testing.assert_close(matching_cost(target, source, search_radius=2, normalized=False), raw)


def test_constant_features_are_zero_once_normalized_with_a_finite_gradient() -> None:
    features = torch.full((1, 2, 3, 4), 5.0, requires_grad=True)
    target, source = normalized_pair(features, features)
    assert not target.any()
    assert not source.any()
    (gradient,) = torch.autograd.grad((target + source).square().sum(), features)
    assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("spread", [0.4, 3.0, 40.0])
def test_the_deformable_warp_is_torchvisions_deformable_convolution_borders_included(spread: float) -> None:
    torch.manual_seed(0)
    warp = DeformableWarp(4).double()
    with torch.no_grad():
        warp.weight.normal_()
        warp.bias.normal_()
    source, offsets = random_maps(2, 4, 6, 9, seed=2)
    flow = spread * offsets[:, :2]
    # torchvision's offsets are y then x for each of the nine taps.
    taps = flow.flip(1).repeat(1, 9, 1, 1)
    expected = deform_conv2d(source, taps, warp.weight, warp.bias, padding=1)
    torch.testing.assert_close(warp(source, flow), expected, rtol=1e-10, atol=1e-10)


def test_the_deformable_warp_has_the_gradients_of_torchvisions() -> None:
    warp = DeformableWarp(3).double()
    with torch.no_grad():
        warp.weight.normal_(generator=torch.Generator().manual_seed(3))
    source, offsets = random_maps(1, 3, 5, 6, seed=4)
    source.requires_grad_()
    flow = (2 * offsets[:, :2]).requires_grad_()
    leaves = (source, flow, warp.weight, warp.bias)
    (upstream,) = random_maps(1, 3, 5, 6, count=1, seed=5)
    ours = torch.autograd.grad(warp(source, flow), leaves, upstream)
    oracle = deform_conv2d(source, flow.flip(1).repeat(1, 9, 1, 1), warp.weight, warp.bias, padding=1)
    torch.testing.assert_close(ours, torch.autograd.grad(oracle, leaves, upstream), rtol=1e-9, atol=1e-9)


def test_the_deformable_warp_is_warp_then_convolve_exactly_where_the_flow_is_locally_constant() -> None:
    warp = DeformableWarp(3).double()
    with torch.no_grad():
        warp.weight.normal_(generator=torch.Generator().manual_seed(6))
    (source,) = random_maps(1, 3, 10, 16, count=1, seed=7)
    flow = torch.full((1, 2, 10, 16), 0.3, dtype=torch.float64)
    flow[..., 8:] = -0.9
    ours = warp(source, flow)
    other = F.conv2d(warped_features(source, flow), warp.weight, padding=1)
    difference = (ours - other).abs()[:, :, 2:-2].amax(dim=(0, 1, 2))
    assert bool((difference[2:7] < 1e-12).all())
    assert bool((difference[9:14] < 1e-12).all())
    assert bool((difference[7:9] > 1e-2).all()), "across the step the two orders differ"


def test_an_untrained_deformable_warp_is_plain_warping() -> None:
    source, offsets = random_maps(1, 4, 6, 7, seed=8)
    flow = offsets[:, :2]
    torch.testing.assert_close(DeformableWarp(4).double()(source, flow), warped_features(source, flow))


def test_warped_features_come_from_where_the_flow_points_and_are_zero_outside() -> None:
    source = torch.arange(12.0).reshape(1, 1, 3, 4)
    flow = torch.zeros(1, 2, 3, 4)
    flow[:, 0] = 1.0
    expected = torch.tensor([[1.0, 2.0, 3.0, 0.0], [5.0, 6.0, 7.0, 0.0], [9.0, 10.0, 11.0, 0.0]])
    torch.testing.assert_close(warped_features(source, flow)[0, 0], expected)
