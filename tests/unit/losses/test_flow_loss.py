from functools import partial

import pytest
import torch
from torch.nn import functional as F

from triptych.losses.flow import SMALLEST_LEVEL, flow_loss, flow_pyramid_loss, matched_error, parted
from triptych.losses.photometric import photometric_errors
from triptych.losses.weights import temporal_weights

L1 = partial(photometric_errors, alpha=0.0)


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, -1)


def test_eq_2_is_the_sum_over_directions_divided_by_the_sum_of_the_masks() -> None:
    backward, forward = row(0.1, 0.4, 0.9), row(0.3, 0.2, 0.5)
    seen_backward, seen_forward = row(1.0, 0.5, 0.0), row(1.0, 1.0, 0.5)
    w_b, w_f = temporal_weights(backward, forward, mode="printed")
    numerator = sum(
        w_b[0, 0, 0, i] * b * lb + w_f[0, 0, 0, i] * f * lf
        for i, (b, lb, f, lf) in enumerate(
            zip((1.0, 0.5, 0.0), (0.1, 0.4, 0.9), (1.0, 1.0, 0.5), (0.3, 0.2, 0.5), strict=True)
        )
    )
    value = flow_loss(backward, forward, seen_backward, seen_forward, temporal="printed")
    torch.testing.assert_close(value, numerator / 4.0)


def test_uniform_weights_give_the_mean_over_visible_pixels_of_both_directions() -> None:
    value = flow_loss(row(0.2, 0.8), row(0.4, 0.6), row(1.0, 0.0), row(1.0, 1.0), temporal="uniform")
    assert value.item() == pytest.approx((0.2 + 0.4 + 0.6) / 3)


def test_minimum_weights_give_the_mean_of_the_lower_visible_error() -> None:
    # the second pixel is hidden in the previous frame: its lower error there does not count
    backward, forward = row(0.2, 0.1, 0.5), row(0.3, 0.6, 0.4)
    value = flow_loss(backward, forward, row(1.0, 0.0, 1.0), row(1.0, 1.0, 1.0), temporal="minimum")
    assert value.item() == pytest.approx((0.2 + 0.6 + 0.4) / 3)


def test_hiding_pixels_of_equal_error_does_not_lower_the_flow_loss() -> None:
    error = torch.full((1, 1, 6, 6), 0.5)
    few = torch.zeros_like(error)
    few[..., 0] = 1
    all_seen = flow_loss(error, error, torch.ones_like(error), torch.ones_like(error))
    torch.testing.assert_close(flow_loss(error, error, few, few), all_seen)


@pytest.mark.parametrize("temporal", ["printed", "gaussian", "minimum", "uniform"])
def test_nothing_visible_gives_zero_with_zero_gradient(temporal: str) -> None:
    error = torch.rand(2, 1, 4, 4, requires_grad=True)
    nothing = torch.zeros(2, 1, 4, 4)
    value = flow_loss(error, error, nothing, nothing, temporal=temporal)
    value.backward()
    assert value.item() == 0
    assert error.grad is not None
    assert error.grad.abs().max() == 0


@pytest.mark.parametrize("temporal", ["gaussian", "uniform"])
def test_the_gradient_reaches_the_errors_but_not_the_weights_and_masks(temporal: str) -> None:
    backward, forward = (torch.rand(1, 1, 2, 3, dtype=torch.float64).requires_grad_() for _ in range(2))
    visible = torch.rand(1, 1, 2, 3, dtype=torch.float64, requires_grad=True)
    flow_loss(backward, forward, visible, visible, temporal=temporal).backward()
    assert visible.grad is None
    w_b, _ = temporal_weights(backward, forward, mode=temporal)
    assert backward.grad is not None
    torch.testing.assert_close(backward.grad, (w_b * visible / (2 * visible.sum())).detach())


def test_a_match_is_compared_where_the_flow_points() -> None:
    target = torch.rand(1, 3, 6, 8)
    source = torch.roll(target, shifts=2, dims=-1)  # the target's pixel x is found at x + 2
    flow = torch.zeros(1, 2, 6, 8)
    flow[:, 0] = 2
    error, in_frame = matched_error(target, source.unsqueeze(1), flow, L1)
    assert error[..., :6].max() < 1e-5
    assert in_frame[0, 0, 0, 0].tolist() == [1, 1, 1, 1, 1, 1, 0, 0]


def test_joined_axes_are_taken_apart_batch_major() -> None:
    joined = torch.arange(6).repeat_interleave(2).reshape(6, 2)
    assert parted(joined, (2, 3))[..., 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def coarse_scene() -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth picture that moves by 8 px from one frame to the next."""
    x = torch.arange(80.0).expand(1, 3, 16, 80)
    phase = torch.tensor([0.0, 1.0, 2.0]).view(1, 3, 1, 1)

    def frame(shift: float) -> torch.Tensor:
        return 0.5 + 0.4 * torch.sin((x - shift) / 6 + phase)

    return frame(0.0), torch.stack((frame(-8.0), frame(8.0)), dim=1)


def test_flows_of_coarser_levels_are_in_pixels_of_their_own_grid() -> None:
    target, sources = coarse_scene()
    visible = torch.ones(1, 2, 1, 16, 80)

    def loss(shift_px: float) -> float:
        level = torch.zeros(2, 2, 4, 20)
        level[0, 0], level[1, 0] = -shift_px, shift_px
        return flow_pyramid_loss(target, sources, (level,), visible, L1).item()

    assert loss(2.0) < 0.1 * loss(0.0)  # 8 px are 2 px of a grid of a quarter
    assert loss(2.0) < 0.1 * loss(8.0)


def test_the_pyramid_is_masked_by_the_visibility_averaged_to_its_grid() -> None:
    target, sources = coarse_scene()
    level = torch.zeros(2, 2, 4, 20)
    visible = torch.zeros(1, 2, 1, 16, 80)
    assert flow_pyramid_loss(target, sources, (level,), visible, L1).item() == 0
    visible[..., :40] = 1
    small = F.interpolate(torch.cat((target, sources[0])), size=(4, 20), mode="area")
    errors = L1(small[:1], small[None, 1:])[..., :10]
    expected = flow_loss(errors[:, 0], errors[:, 1], torch.ones(1, 1, 4, 10), torch.ones(1, 1, 4, 10))
    torch.testing.assert_close(flow_pyramid_loss(target, sources, (level,), visible, L1), expected)


def test_matches_outside_the_frame_of_their_level_do_not_count() -> None:
    target, sources = coarse_scene()
    level = torch.zeros(2, 2, 4, 20)
    visible = torch.ones(1, 2, 1, 16, 80)
    within = flow_pyramid_loss(target, sources, (level,), visible, L1, temporal="uniform")
    level[:, 1] = 50.0
    outside = flow_pyramid_loss(target, sources, (level,), visible, L1, temporal="uniform")
    assert within.item() > 0.01
    assert outside.item() == 0


def test_levels_are_averaged_and_those_too_small_are_left_out() -> None:
    target, sources = coarse_scene()
    visible = torch.ones(1, 2, 1, 16, 80)
    one, other = torch.zeros(2, 2, 8, 40), torch.zeros(2, 2, 4, 20)
    tiny = torch.zeros(2, 2, SMALLEST_LEVEL - 1, 15)

    def loss(*levels: torch.Tensor) -> torch.Tensor:
        return flow_pyramid_loss(target, sources, levels, visible, L1)

    torch.testing.assert_close(loss(one, other), (loss(one) + loss(other)) / 2)
    torch.testing.assert_close(loss(one, tiny), loss(one))
    assert loss(tiny).item() == 0
    assert loss().item() == 0


def test_the_gradient_of_a_warped_error_is_that_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(3)
    target, source = torch.rand(2, 1, 3, 5, 6, generator=generator, dtype=torch.float64)
    flow = (torch.rand(1, 2, 5, 6, generator=generator, dtype=torch.float64) * 0.6 + 0.2).requires_grad_()

    def loss(field: torch.Tensor) -> torch.Tensor:
        return matched_error(target, source.unsqueeze(1), field, photometric_errors)[0].mean()

    assert torch.autograd.gradcheck(loss, (flow,))


def test_normalized_by_all_pixels_eq_2_divides_by_both_directions() -> None:
    errors, seen = (row(0.2, 0.8), row(0.4, 0.6)), (row(1.0, 0.0), row(1.0, 0.5))
    value = flow_loss(*errors, *seen, temporal="uniform", normalization="all")
    assert value.item() == pytest.approx((0.2 + 0.4 + 0.5 * 0.6) / 4)


def test_of_two_directions_of_which_the_lower_counts_all_pixels_are_those_of_one() -> None:
    backward, forward = row(0.2, 0.1, 0.5, 0.3), row(0.3, 0.6, 0.4, 0.7)
    # The second is hidden before, the last in both.
    seen = (row(1.0, 0.0, 1.0, 0.0), row(1.0, 1.0, 1.0, 0.0))
    value = flow_loss(backward, forward, *seen, temporal="minimum", normalization="all")
    assert value.item() == pytest.approx((0.2 + 0.6 + 0.4) / 4)


@pytest.mark.parametrize("temporal", ["printed", "gaussian", "minimum", "uniform"])
def test_both_normalizations_agree_where_nothing_is_hidden_and_masking_lowers_that_by_all(temporal: str) -> None:
    generator = torch.Generator().manual_seed(4)
    errors = torch.rand(2, 2, 1, 6, 7, generator=generator, dtype=torch.float64).unbind(0)
    open_masks = (torch.ones(2, 1, 6, 7).double(),) * 2
    half = tuple(mask * (torch.arange(7) < 3) for mask in open_masks)

    def loss(masks: tuple[torch.Tensor, ...], normalization: str) -> float:
        return flow_loss(*errors, *masks, temporal=temporal, normalization=normalization).item()

    assert loss(open_masks, "all") == pytest.approx(loss(open_masks, "kept"))
    assert loss(half, "all") == pytest.approx(loss(half, "kept") * 3 / 7)


def test_each_level_of_the_pyramid_is_normalized_by_its_own_pixels() -> None:
    target, sources = coarse_scene()
    levels = (torch.zeros(2, 2, 8, 40), torch.zeros(2, 2, 4, 20))
    visible = torch.ones(1, 2, 1, 16, 80)
    visible[..., 40:] = 0
    by_all, by_kept = (
        flow_pyramid_loss(target, sources, levels, visible, L1, temporal="uniform", normalization=normalization)
        for normalization in ("all", "kept")
    )
    torch.testing.assert_close(by_all, by_kept / 2)
