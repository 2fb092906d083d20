"""The total loss: its settings, its terms stage by stage, and eq. 7."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
import torch

from triptych.losses.crop_agreement import WindowFlow
from triptych.losses.epipolar import Poses, epipolar_errors
from triptych.losses.objective import TERMS, Objective
from triptych.losses.photometric import photometric_errors
from triptych.losses.sides import depth_side, flow_side, snippet_views
from triptych.types import Snippet, SnippetEstimate

MakeEstimate = Callable[..., SnippetEstimate]

# (settings that both share, the setting that differs, its values)
SETTINGS: list[tuple[dict[str, Any], str, list[Any]]] = [
    ({}, "photometric", ["ssim", "census"]),
    ({}, "alpha", [0.85, 0.5]),
    ({}, "temporal_weights", ["printed", "gaussian", "minimum", "uniform"]),
    ({}, "visibility_for_flow", ["range_map", "learned", "both", "none"]),
    ({}, "visibility_for_depth", ["learned", "range_map", "both", "none"]),
    ({"tau_photometric": 0.5}, "photometric_rule", ["cross_weighted", "minimum", "none"]),
    ({}, "tau_photometric", [0.28, 0.5]),
    ({}, "epipolar_rule", ["cross_weighted", "minimum", "none"]),
    ({}, "tau_epipolar", [0.28, 0.4]),
    ({}, "epipolar_kind", ["line", "sampson"]),
    ({}, "fundamental", ["pose", "inverse_pose", "flow"]),
    ({}, "minimum_motion_px", [0.1, 2.0]),
    ({"fundamental": "flow"}, "lambda_ed", [0.002, 0.2]),
    ({}, "lambda_eo", [0.02, 0.2]),
    ({}, "lambda_smooth", [0.001, 0.0]),
    ({}, "mask_normalization", ["kept", "all"]),
    ({}, "source_rule", ["mean", "minimum"]),
    ({}, "automask", [False, True]),
    ({}, "depth_levels", [1, 2, 4]),
    ({}, "flow_guidance", [0.0, 1.0]),
    ({}, "flow_completion", [0.0, 1.0]),
    ({}, "depth_consistency", [0.0, 0.5, 1.0]),
    ({}, "flow_augmentation", [0.0, 0.05, 0.1]),
    ({}, "flow_pyramid_weight", [0.0, 1.0]),
    ({}, "flow_smoothness", [0.0, 0.1]),
    ({"flow_smoothness": 0.1}, "flow_smoothness_order", [1, 2]),
    ({}, "min_depth", [0.1, 0.3]),
    ({}, "max_depth", [100.0, 5.0]),
]


def gradient(terms_total: torch.Tensor, leaf: torch.Tensor | None) -> torch.Tensor | None:
    assert leaf is not None
    (result,) = torch.autograd.grad(terms_total, leaf, retain_graph=True, allow_unused=True)
    return result


@pytest.mark.parametrize(("shared", "name", "values"), SETTINGS, ids=[name for _, name, _ in SETTINGS])
def test_every_value_of_a_setting_changes_the_loss(
    snippet: Snippet,
    make_estimate: MakeEstimate,
    window: WindowFlow,
    shared: dict[str, Any],
    name: str,
    values: list[Any],
) -> None:
    estimate = make_estimate()
    totals = [Objective(**shared, **{name: value})(snippet, estimate, window=window).total.item() for value in values]
    gaps = [abs(a - b) for i, a in enumerate(totals) for b in totals[:i]]
    assert min(gaps) > 1e-6, dict(zip(map(str, values), totals, strict=True))


def test_the_list_of_settings_that_are_tested_is_complete() -> None:
    assert {name for _, name, _ in SETTINGS} == {field.name for field in fields(Objective)}


def test_the_defaults_are_the_values_that_the_paper_states() -> None:
    objective = Objective()
    assert (objective.alpha, objective.lambda_ed, objective.lambda_eo) == (0.85, 0.002, 0.02)
    assert (objective.tau_photometric, objective.tau_epipolar) == (0.28, 0.28)
    assert (objective.lambda_smooth, objective.flow_smoothness) == (0.001, 0.0)
    assert (objective.temporal_weights, objective.fundamental) == ("printed", "pose")
    assert (objective.flow_guidance, objective.flow_pyramid_weight, objective.automask) == (0.0, 0.0, False)
    assert (objective.mask_normalization, objective.depth_consistency, objective.flow_augmentation) == (
        "kept",
        0.0,
        0.0,
    )


@pytest.mark.parametrize(
    "shared",
    [
        {},
        {"flow_guidance": 1.0, "flow_pyramid_weight": 2.0, "flow_smoothness": 1.0},
        {"depth_consistency": 0.5, "flow_augmentation": 0.05, "mask_normalization": "all"},
    ],
)
def test_the_total_is_the_sum_of_its_terms_and_every_share_is_a_share(
    snippet: Snippet, make_estimate: MakeEstimate, window: WindowFlow, shared: dict[str, Any]
) -> None:
    loss = Objective(**shared)(snippet, make_estimate(), window=window)
    assert loss.total.item() == pytest.approx(sum(term.item() for term in loss.terms.values()), rel=1e-5)
    assert not any(value.requires_grad for value in (loss.terms | loss.shares).values())
    assert all(0 <= share.item() <= 1 for share in loss.shares.values())


def test_all_parts_together_are_named_term_by_term(
    snippet: Snippet, make_estimate: MakeEstimate, window: WindowFlow
) -> None:
    everything = Objective(
        flow_guidance=1.0, flow_completion=1.0, flow_pyramid_weight=1.0, flow_smoothness=1.0, automask=True,
        fundamental="flow", depth_consistency=1.0, flow_augmentation=1.0,
    )  # fmt: skip
    loss = everything(snippet, make_estimate(), window=window)
    assert set(loss.terms) == set(TERMS)
    assert set(loss.shares) == {
        "visibility_backward", "visibility_forward", "learned_visibility", "valid", "automask",
        "gate_photometric_flow", "gate_photometric_depth", "gate_epipolar_flow", "gate_epipolar_depth",
    }  # fmt: skip


def test_the_first_stage_is_l_op_alone(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    flow_only = SnippetEstimate(
        flow_target_to_source=estimate.flow_target_to_source,
        flow_source_to_target=estimate.flow_source_to_target,
    )
    loss = Objective()(snippet, flow_only)
    assert set(loss.terms) == {"flow_photometric"}
    full = Objective()(snippet, estimate)
    torch.testing.assert_close(loss.total.detach(), full.terms["flow_photometric"])


def test_the_second_stage_leaves_out_what_only_flow_could_lower(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    frozen, learning = make_estimate(flow_gradient=False), make_estimate()
    objective = Objective(flow_pyramid_weight=1.0, flow_smoothness=1.0, fundamental="flow")
    loss, full = objective(snippet, frozen), objective(snippet, learning)
    assert set(loss.terms) == {"depth_photometric", "flow_epipolar", "depth_epipolar", "smoothness"}
    for name, term in loss.terms.items():
        torch.testing.assert_close(term, full.terms[name])
    assert frozen.disparity is not None
    assert learning.disparity is not None
    torch.testing.assert_close(gradient(loss.total, frozen.disparity[0]), gradient(full.total, learning.disparity[0]))


def test_without_gradients_the_flow_counts_as_learning_unless_told_otherwise(
    snippet: Snippet, make_estimate: MakeEstimate
) -> None:
    with torch.no_grad():
        assert "flow_photometric" in Objective()(snippet, make_estimate()).terms
        assert "flow_photometric" not in Objective()(snippet, make_estimate(), flow_learns=False).terms


def test_depth_and_pose_learn_without_flow(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    depth_only = SnippetEstimate(disparity=estimate.disparity, source_from_target=estimate.source_from_target)
    loss = Objective(source_rule="minimum", automask=True)(snippet, depth_only)
    assert set(loss.terms) == {"depth_photometric", "smoothness"}
    assert gradient(loss.total, estimate.source_from_target).abs().max() > 0


def test_each_network_is_sent_a_gradient(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    loss = Objective(flow_pyramid_weight=1.0, depth_levels=4)(snippet, estimate)
    forward = estimate.flow_target_to_source
    assert forward is not None
    assert estimate.disparity is not None
    for leaf in (forward.flow, *forward.levels, *estimate.disparity, estimate.source_from_target):
        found = gradient(loss.total, leaf)
        assert found is not None
        assert found.isfinite().all()
        assert found.abs().max() > 0


def test_the_epipolar_error_of_flow_sends_gradient_to_flow_and_pose(
    snippet: Snippet, make_estimate: MakeEstimate
) -> None:
    estimate = make_estimate()
    with_term, without = (Objective(lambda_eo=value)(snippet, estimate).total for value in (0.02, 0.0))
    forward = estimate.flow_target_to_source
    assert forward is not None
    for leaf in (forward.flow, estimate.source_from_target):
        assert gradient(with_term - without, leaf).abs().max() > 0


def test_the_reversed_pose_learns_only_where_it_gives_l_ed_its_meaning(
    snippet: Snippet, make_estimate: MakeEstimate
) -> None:
    estimate = make_estimate()
    reverse = estimate.target_from_source
    assert gradient(Objective(fundamental="inverse_pose")(snippet, estimate).total, reverse).abs().max() > 0
    assert gradient(Objective(fundamental="flow")(snippet, estimate).total, reverse) is None


def test_eq_7_gates_each_bracket_as_printed(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    forward = estimate.flow_target_to_source
    assert forward is not None
    assert estimate.disparity is not None
    assert estimate.source_from_target is not None
    views = snippet_views(snippet)
    flow = flow_side(views, forward, None, photometric_errors)
    depth = depth_side(
        views, estimate.disparity[:1], estimate.source_from_target, photometric_errors, min_depth=0.1, max_depth=100.0
    )
    errors = epipolar_errors(
        flow.flow,
        depth.rigid,
        views.intrinsics,
        Poses(estimate.source_from_target),
        flow.learned * flow.in_frame,
        mean_inverse_depth=depth.mean_inverse_depth,
        fundamental="flow",
        kind="line",
        minimum_motion_px=0.0,
    )
    l_o, l_d, l_eo, l_ed = flow.error, depth.error[:, 0], errors.flow[:, 0], errors.rigid[:, 0]

    def gate(own: torch.Tensor, other: torch.Tensor, tau: float) -> torch.Tensor:
        return (torch.sigmoid(other - own) > tau).float()

    of_flow = gate(l_o, l_d, 0.48) * gate(l_ed, l_eo, 0.4) * flow.learned * flow.in_frame
    of_depth = gate(l_d, l_o, 0.48) * gate(l_eo, l_ed, 0.4) * flow.learned * depth.valid[:, 0]
    expected = {
        "cross_flow_photometric": (of_flow * l_o).sum() / of_flow.sum(),
        "depth_epipolar": 0.002 * (of_flow * l_ed).sum() / of_flow.sum(),
        "depth_photometric": (of_depth * l_d).sum() / of_depth.sum(),
        "flow_epipolar": 0.02 * (of_depth * l_eo).sum() / of_depth.sum(),
    }
    objective = Objective(
        tau_photometric=0.48,
        tau_epipolar=0.4,
        fundamental="flow",
        minimum_motion_px=0.0,
        visibility_for_flow="learned",
    )
    terms = objective(snippet, estimate).terms
    for name, term in expected.items():
        assert terms[name].item() == pytest.approx(term.item(), rel=1e-4), name


def test_epipolar_errors_and_guidance_use_the_finest_depth(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    settings: dict[str, Any] = {"depth_levels": 2, "lambda_smooth": 0.0, "fundamental": "flow"}
    guided, free = (Objective(**settings, flow_guidance=value)(snippet, estimate).total for value in (1.0, 0.0))
    assert estimate.disparity is not None
    finest, coarser = (gradient(guided - free, level) for level in estimate.disparity[:2])
    assert finest.abs().max() > 1e-5
    assert coarser.abs().max() < 1e-7


def test_visibility_is_no_way_to_lower_the_loss(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    forward = estimate.flow_target_to_source
    assert forward is not None
    visible = forward.visibility.clone().requires_grad_()
    estimate = replace(estimate, flow_target_to_source=replace(forward, visibility=visible))
    for settings in ({}, {"visibility_for_flow": "both", "fundamental": "flow", "flow_completion": 1.0}):
        assert gradient(Objective(**settings)(snippet, estimate).total, visible) is None


def test_guidance_pulls_on_depth_and_pose_but_not_on_flow(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    guided, free = (Objective(flow_guidance=value)(snippet, estimate).total for value in (1.0, 0.0))
    forward = estimate.flow_target_to_source
    assert forward is not None
    assert estimate.disparity is not None
    assert gradient(guided - free, forward.flow).abs().max() < 1e-7
    assert gradient(guided - free, estimate.disparity[0]).abs().max() > 1e-5
    assert gradient(guided - free, estimate.source_from_target).abs().max() > 1e-5


def test_completion_pulls_on_flow_where_it_is_not_matched_and_nowhere_else(
    snippet: Snippet, make_estimate: MakeEstimate
) -> None:
    estimate = make_estimate()
    forward = estimate.flow_target_to_source
    assert forward is not None
    assert estimate.disparity is not None
    visible = forward.visibility.round()
    estimate = replace(estimate, flow_target_to_source=replace(forward, visibility=visible))
    completed, free = (
        Objective(flow_completion=value, visibility_for_flow="learned")(snippet, estimate) for value in (1.0, 0.0)
    )
    assert set(completed.terms) - set(free.terms) == {"flow_completion"}
    pull = completed.total - free.total
    assert gradient(pull, estimate.disparity[0]).abs().max() < 1e-7
    assert gradient(pull, estimate.source_from_target).abs().max() < 1e-6
    of_flow = gradient(pull, forward.flow)
    inside = of_flow[:, :, 8:-8, 8:-8]  # far from where matches leave the frame
    hidden = visible[:, :, 8:-8, 8:-8] == 0
    assert (inside * ~hidden).abs().max() < 1e-7
    assert (inside * hidden).abs().max() > 1e-5
