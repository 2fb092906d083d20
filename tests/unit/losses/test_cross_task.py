import pytest
import torch

from triptych.losses.cross_task import photometric_gates, photometric_means


def pixels(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, 1, 1, -1)


def test_eq_5_gates_each_side_against_the_other() -> None:
    flow, depth = pixels(0.1, 0.6, 0.5), pixels(0.3, 0.2, 0.45)
    one = torch.ones_like(flow)
    w_o, w_d = photometric_gates(flow, depth, one, one, rule="cross_weighted", tau=0.48)
    assert w_o.flatten().tolist() == [1, 0, 1]  # a gap of 0.05 is below the 0.080 of tau = 0.48
    assert w_d.flatten().tolist() == [0, 1, 1]


def test_the_flow_side_is_compared_with_the_finest_depth_and_each_depth_with_flow() -> None:
    flow = pixels(0.5, 0.5)
    depth = torch.cat((pixels(0.1, 0.9), pixels(0.9, 0.1)), dim=1)
    w_o, w_d = photometric_gates(
        flow, depth, torch.ones_like(flow), torch.ones_like(depth), rule="cross_weighted", tau=0.5
    )
    assert w_o.flatten().tolist() == [0, 1]
    assert w_d.flatten(1).tolist() == [[1, 0, 0, 1]]


def test_the_minimum_rule_keeps_the_lower_error_of_those_that_are_seen() -> None:
    flow, depth = pixels(0.1, 0.6, 0.1, 0.3), pixels(0.3, 0.2, 0.4, 0.3)
    flow_seen, depth_seen = pixels(1, 1, 0, 1), pixels(1, 1, 1, 1)
    w_o, w_d = photometric_gates(flow, depth, flow_seen, depth_seen, rule="minimum", tau=0.28)
    assert w_o.flatten().tolist() == [1, 0, 0, 1]
    assert w_d.flatten().tolist() == [0, 1, 1, 1]


def test_without_a_rule_every_gate_is_open() -> None:
    one = pixels(1, 1)
    w_o, w_d = photometric_gates(pixels(0, 1), pixels(1, 0), one, one, rule="none", tau=0.28)
    assert w_o.min() == w_d.min() == 1


def test_each_side_is_a_mean_over_its_own_gated_pixels() -> None:
    of_flow, of_depth = photometric_means(
        pixels(0.2, 0.4), pixels(0.3, 0.9), pixels(1, 1), pixels(1, 0), rule="cross_weighted"
    )
    assert of_flow.item() == pytest.approx(0.3)
    assert of_depth.item() == pytest.approx(0.3)


def test_under_the_minimum_rule_both_sides_add_up_to_the_mean_of_the_minimum() -> None:
    flow, depth = pixels(0.1, 0.6, 0.5), pixels(0.3, 0.2, 0.7)
    one = torch.ones_like(flow)
    gates = photometric_gates(flow, depth, one, one, rule="minimum", tau=0.28)
    of_flow, of_depth = photometric_means(flow, depth, *gates, rule="minimum")
    assert (of_flow + of_depth).item() == pytest.approx((0.1 + 0.2 + 0.5) / 3)
    assert of_depth.item() == pytest.approx(0.2 / 3)


def test_levels_that_agree_give_the_same_minimum_as_one() -> None:
    flow, depth = pixels(0.1, 0.6, 0.5), pixels(0.3, 0.2, 0.7)
    levels = depth.expand(1, 4, 1, 1, 1, 3)
    gates = photometric_gates(flow, levels, torch.ones_like(flow), torch.ones_like(levels), rule="minimum", tau=0.3)
    of_flow, of_depth = photometric_means(flow, levels, *gates, rule="minimum")
    assert of_flow.item() == pytest.approx(0.6 / 3)
    assert of_depth.item() == pytest.approx(0.2 / 3)


@pytest.mark.parametrize("rule", ["cross_weighted", "minimum"])
def test_empty_gates_give_zero(rule: str) -> None:
    nothing = pixels(0, 0)
    means = photometric_means(pixels(0.2, 0.4), pixels(0.3, 0.9), nothing, nothing, rule=rule)
    assert [mean.item() for mean in means] == [0, 0]


def test_normalized_by_all_pixels_each_side_has_its_own_number_of_them() -> None:
    flow, depth = pixels(0.2, 0.4), pixels(0.3, 0.9).expand(1, 3, 1, 1, 1, 2)
    gates = pixels(1, 0), pixels(0, 0.5).expand(1, 3, 1, 1, 1, 2)
    of_flow, of_depth = photometric_means(flow, depth, *gates, rule="cross_weighted", normalization="all")
    assert of_flow.item() == pytest.approx(0.2 / 2)
    assert of_depth.item() == pytest.approx(3 * 0.45 / 6)


def test_normalized_by_all_pixels_the_minimum_counts_each_pixel_of_a_pair_once() -> None:
    flow, depth = pixels(0.1, 0.6, 0.5, 0.2), pixels(0.3, 0.2, 0.7, 0.1)
    seen = pixels(1, 1, 1, 0)
    gates = photometric_gates(flow, depth, seen, seen, rule="minimum", tau=0.28)
    weights = tuple(gate * seen for gate in gates)
    for normalization, count in (("all", 4), ("kept", 3)):
        of_flow, of_depth = photometric_means(flow, depth, *weights, rule="minimum", normalization=normalization)
        assert of_flow.item() == pytest.approx((0.1 + 0.5) / count)
        assert of_depth.item() == pytest.approx(0.2 / count)


def test_of_sources_of_which_depth_keeps_the_best_all_pixels_are_those_of_one() -> None:
    flow = torch.full((1, 1, 2, 1, 1, 3), 0.4)
    depth = torch.tensor([[0.1, 0.5, 0.3], [0.4, 0.2, 0.9]]).view(1, 1, 2, 1, 1, 3)
    best = torch.tensor([[1.0, 0, 1], [0, 1, 0]]).view(1, 1, 2, 1, 1, 3)
    _, of_depth = photometric_means(
        flow, depth, torch.ones_like(flow), best, rule="none", normalization="all", source_choices=2
    )
    assert of_depth.item() == pytest.approx((0.1 + 0.2 + 0.3) / 3)
