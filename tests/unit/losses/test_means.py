import inspect
import math

import pytest
import torch

from triptych.losses.means import SMALLEST_WEIGHT_SUM, divisor, kept_share, masked_mean, weighted_sum, weights_shared


def test_a_masked_mean_is_over_the_kept_pixels_only() -> None:
    error = torch.tensor([1.0, 2.0, 6.0, 100.0])
    assert masked_mean(error, torch.tensor([True, True, True, False])).item() == pytest.approx(3.0)


def test_soft_weights_count_in_numerator_and_denominator() -> None:
    value = masked_mean(torch.tensor([2.0, 8.0]), torch.tensor([0.75, 0.25]))
    assert value.item() == pytest.approx(0.75 * 2 + 0.25 * 8)


def test_masking_more_of_a_uniform_error_does_not_lower_the_mean() -> None:
    error, weight = torch.full((1, 1, 8, 8), 0.4), torch.zeros(1, 1, 8, 8)
    weight[..., :2] = 1
    assert masked_mean(error, weight).item() == pytest.approx(0.4)
    un_normalized = (error * weight).mean().item()
    assert un_normalized == pytest.approx(0.1)  # what the printed eq. 2 would reward


def test_an_empty_mask_gives_zero_with_zero_gradient() -> None:
    error = torch.tensor([3.0, torch.inf, torch.nan], requires_grad=True)
    value = masked_mean(error, torch.zeros(3))
    value.backward()
    assert value.item() == 0.0
    assert error.grad is not None
    assert error.grad.tolist() == [0.0, 0.0, 0.0]


def test_an_infinite_error_outside_the_mask_does_not_reach_the_mean() -> None:
    error = torch.tensor([2.0, torch.inf], requires_grad=True)
    value = masked_mean(error, torch.tensor([1.0, 0.0]))
    value.backward()
    assert value.item() == pytest.approx(2.0)
    assert error.grad is not None
    assert error.grad.tolist() == [1.0, 0.0]


def test_no_gradient_flows_into_the_weight() -> None:
    weight = torch.rand(5, requires_grad=True)
    error = torch.rand(5, requires_grad=True)
    masked_mean(error, weight).backward()
    assert weight.grad is None


def test_the_mean_is_exact_at_the_edge_of_an_empty_mask() -> None:
    error = torch.tensor([5.0], dtype=torch.float64)
    at_edge = masked_mean(error, torch.tensor([SMALLEST_WEIGHT_SUM], dtype=torch.float64))
    below = masked_mean(error, torch.tensor([SMALLEST_WEIGHT_SUM / 2], dtype=torch.float64))
    assert at_edge.item() == pytest.approx(5.0)
    assert below.item() == pytest.approx(2.5)


def test_a_broadcast_mask_counts_once_for_each_pixel_that_it_covers() -> None:
    error = torch.arange(6.0).reshape(2, 3)
    assert masked_mean(error, torch.tensor([[1.0, 0.0, 1.0]])).item() == pytest.approx((0 + 2 + 3 + 5) / 4)


def test_a_weighted_sum_is_the_sum_of_products() -> None:
    assert weighted_sum(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 0.5])).item() == pytest.approx(4.0)


def test_half_precision_is_refused() -> None:
    with pytest.raises(TypeError, match="float32 or float64 is needed"):
        masked_mean(torch.ones(3, dtype=torch.bfloat16), torch.ones(3))


def test_the_kept_share_of_a_bool_mask_is_its_mean() -> None:
    share = kept_share(torch.tensor([True, True, False, True]))
    assert math.isclose(share.item(), 0.75)


def test_normalized_by_all_pixels_hiding_half_of_them_halves_a_mean() -> None:
    error = torch.tensor([[1.0, 2.0, 6.0, 100.0], [4.0, 0.0, 0.0, 0.0]])
    weight = torch.tensor([[1.0, 0.5, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    assert masked_mean(error, weight, normalization="all").item() == pytest.approx((1 + 1 + 4) / 8)
    assert masked_mean(error, weight).item() == pytest.approx((1 + 1 + 4) / 3.5)
    assert masked_mean(error, torch.zeros(4), normalization="all").item() == 0
    assert masked_mean(error, torch.ones(4), normalization="all") == masked_mean(error, torch.ones(4)) == error.mean()


def test_of_entries_of_which_one_is_kept_all_counts_one() -> None:
    error = torch.tensor([[1.0, 5.0, 3.0], [4.0, 2.0, 9.0]])  # two sources
    best = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    assert masked_mean(error, best, normalization="all", choices=2).item() == pytest.approx((1 + 2 + 3) / 3)
    assert masked_mean(error, best).item() == pytest.approx((1 + 2 + 3) / 3)


def test_the_number_of_all_pixels_is_shared_between_processes_as_the_sum_of_weights_is() -> None:
    asked = []

    def mean_of_both(own: torch.Tensor) -> torch.Tensor:
        asked.append(own.item())
        return own / 2 + 5.0  # the other process has ten pixels

    with weights_shared(mean_of_both):
        value = masked_mean(torch.full((6,), 0.5), torch.tensor([1.0, 0, 0, 0, 0, 0]), normalization="all")
    assert asked == [6.0]
    assert value.item() == pytest.approx(0.5 / 8)


def test_another_normalization_is_refused() -> None:
    unchecked = inspect.unwrap(divisor)  # the tests' own check of types would come first
    with pytest.raises(ValueError, match="masks are normalized by kept, all, got 'some'"):
        unchecked(torch.tensor(1.0), pixels=1, normalization="some")
