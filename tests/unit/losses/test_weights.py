import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.losses.weights import cross_gate, lowest, seen, temporal_weights

errors = st.floats(0, 1)


def weights_of(backward: float, forward: float, mode: str) -> tuple[float, float]:
    one = torch.tensor([backward], dtype=torch.float64)
    other = torch.tensor([forward], dtype=torch.float64)
    w_b, w_f = temporal_weights(one, other, mode=mode)
    return w_b.item(), w_f.item()


@settings(max_examples=50, deadline=None)
@given(backward=errors, forward=errors)
def test_printed_weights_stay_within_079_and_126_for_errors_in_zero_to_one(backward: float, forward: float) -> None:
    for weight, own, other in zip(
        weights_of(backward, forward, "printed"), (backward, forward), (forward, backward), strict=True
    ):
        assert 0.79 < weight < 1.26
        q = 1 - math.exp(own) / (math.exp(own) + math.exp(other))
        assert weight == pytest.approx(math.exp(q - 0.5))


def test_printed_weights_reach_their_bounds_at_the_widest_gap() -> None:
    w_b, w_f = weights_of(1.0, 0.0, "printed")
    assert w_b == pytest.approx(0.7937, abs=1e-4)
    assert w_f == pytest.approx(1.2599, abs=1e-4)


def test_printed_and_uniform_weights_of_equal_errors_are_one() -> None:
    assert weights_of(0.37, 0.37, "printed") == (1.0, 1.0)
    assert weights_of(0.37, 0.9, "uniform") == (1.0, 1.0)


@settings(max_examples=30, deadline=None)
@given(backward=errors, forward=errors)
def test_gaussian_weights_are_the_bump_of_the_text(backward: float, forward: float) -> None:
    q = 1 - math.exp(backward) / (math.exp(backward) + math.exp(forward))
    expected = 2 * math.exp(-((q - 0.5) ** 2) / 0.03)
    assert weights_of(backward, forward, "gaussian") == pytest.approx((expected, expected))


def test_gaussian_weights_fall_toward_zero_where_one_direction_fails() -> None:
    assert weights_of(0.2, 0.2, "gaussian") == (2.0, 2.0)
    assert weights_of(0.0, 1.0, "gaussian")[0] == pytest.approx(0.338, abs=1e-3)
    assert weights_of(0.0, 4.0, "gaussian")[0] < 0.002


def test_minimum_weights_choose_the_lower_error_and_both_where_equal() -> None:
    assert weights_of(0.2, 0.3, "minimum") == (1.0, 0.0)
    assert weights_of(0.3, 0.2, "minimum") == (0.0, 1.0)
    assert weights_of(0.3, 0.3, "minimum") == (1.0, 1.0)


@pytest.mark.parametrize("mode", ["printed", "gaussian", "minimum", "uniform"])
def test_temporal_weights_carry_no_gradient(mode: str) -> None:
    error = torch.rand(4, requires_grad=True)
    assert not any(w.requires_grad for w in temporal_weights(error, error.flip(0), mode=mode))


def gate(own: float, other: float, tau: float) -> float:
    one = torch.tensor([own], dtype=torch.float64)
    return cross_gate(one, torch.tensor([other], dtype=torch.float64), tau=tau).item()


@pytest.mark.parametrize(("tau", "gap"), [(0.28, math.log(0.72 / 0.28)), (0.48, 0.0800427), (0.5, 0.0)])
def test_a_gate_drops_a_pixel_only_beyond_its_gap(tau: float, gap: float) -> None:
    assert gap == pytest.approx(math.log((1 - tau) / tau), abs=1e-6)
    assert gate(gap - 1e-6, 0.0, tau) == 1.0
    assert gate(gap + 1e-6, 0.0, tau) == 0.0


def test_a_tau_of_028_drops_from_0944_upward() -> None:
    assert gate(0.944, 0.0, 0.28) == 1.0
    assert gate(0.945, 0.0, 0.28) == 0.0


@settings(max_examples=50, deadline=None)
@given(own=errors, other=errors)
def test_a_tau_of_028_is_inert_for_nearly_all_photometric_errors(own: float, other: float) -> None:
    assert gate(own, other, 0.28) == float(own - other < math.log(0.72 / 0.28))


@settings(max_examples=50, deadline=None)
@given(own=st.floats(0, 20), other=st.floats(0, 20), tau=st.floats(0.05, 0.95))
def test_the_gate_is_the_printed_eq_5_where_that_does_not_overflow(own: float, other: float, tau: float) -> None:
    printed = 1 - math.exp(own) / (math.exp(own) + math.exp(other))
    if abs(printed - tau) > 1e-9:
        assert gate(own, other, tau) == float(printed > tau)


def test_the_gate_does_not_overflow_for_distances_in_pixels() -> None:
    assert gate(5000.0, 0.0, 0.28) == 0.0
    assert gate(0.0, 5000.0, 0.28) == 1.0
    assert gate(5000.0, 5000.0, 0.28) == 1.0


def test_a_gate_carries_no_gradient() -> None:
    error = torch.rand(3, requires_grad=True)
    assert not cross_gate(error, error.flip(0), tau=0.3).requires_grad


@pytest.mark.parametrize("tau", [0.0, 1.0])
def test_a_tau_that_never_opens_or_never_closes_is_refused(tau: float) -> None:
    with pytest.raises(ValueError, match="tau"):
        gate(1.0, 1.0, tau)


def test_the_lowest_error_is_chosen_among_the_seen() -> None:
    error = torch.tensor([[0.1, 0.5], [0.3, 0.2], [0.2, 0.2]])[:, None]
    weight = torch.tensor([[0.2, 1.0], [0.9, 1.0], [0.8, 0.9]])[:, None]
    expected = [[False, False], [False, True], [True, True]]
    assert lowest(error, weight, dim=0)[:, 0].tolist() == expected


def test_the_scale_of_a_mask_hides_nothing() -> None:
    error = torch.tensor([[0.1, 0.5], [0.3, 0.2]])[:, None]
    flat, whole = torch.full((1, 2), 0.36), torch.ones(1, 2)
    assert lowest(error, torch.stack((flat, whole)), dim=0)[:, 0].tolist() == [[True, False], [False, True]]
    assert seen(torch.tensor([[0.4, 0.1]])).tolist() == [[True, False]]
    assert not seen(torch.zeros(1, 2)).any()


def test_all_are_lowest_where_none_is_seen() -> None:
    error = torch.tensor([[0.1, 0.5], [0.3, 0.2]])[:, None]
    weight = torch.tensor([[0.4, 1.0], [0.0, 1.0]])[:, None]
    assert lowest(error, weight, dim=0)[:, 0].tolist() == [[True, False], [True, True]]
