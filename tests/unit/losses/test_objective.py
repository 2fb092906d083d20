from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
import torch

from triptych.geometry.pose import rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.losses.epipolar import Poses, epipolar_errors
from triptych.losses.flow import flow_loss
from triptych.losses.objective import Objective
from triptych.losses.photometric import photometric_errors
from triptych.losses.sides import depth_side, flow_side, snippet_views
from triptych.types import FlowEstimate, Snippet, SnippetEstimate

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
    ({}, "source_rule", ["mean", "minimum"]),
    ({}, "automask", [False, True]),
    ({}, "depth_levels", [1, 2, 4]),
    ({}, "flow_guidance", [0.0, 1.0]),
    ({}, "flow_completion", [0.0, 1.0]),
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
    snippet: Snippet, make_estimate: MakeEstimate, shared: dict[str, Any], name: str, values: list[Any]
) -> None:
    estimate = make_estimate()
    totals = [Objective(**shared, **{name: value})(snippet, estimate).total.item() for value in values]
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


@pytest.mark.parametrize("shared", [{}, {"flow_guidance": 1.0, "flow_pyramid_weight": 2.0, "flow_smoothness": 1.0}])
def test_the_total_is_the_sum_of_its_terms_and_every_share_is_a_share(
    snippet: Snippet, make_estimate: MakeEstimate, shared: dict[str, Any]
) -> None:
    loss = Objective(**shared)(snippet, make_estimate())
    assert loss.total.item() == pytest.approx(sum(term.item() for term in loss.terms.values()), rel=1e-5)
    assert not any(value.requires_grad for value in (loss.terms | loss.shares).values())
    assert all(0 <= share.item() <= 1 for share in loss.shares.values())


def test_all_parts_together_are_named_term_by_term(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    everything = Objective(
        flow_guidance=1.0, flow_pyramid_weight=1.0, flow_smoothness=1.0, automask=True, fundamental="flow"
    )
    loss = everything(snippet, make_estimate())
    assert set(loss.terms) == {
        "flow_photometric", "flow_pyramid", "flow_smoothness", "depth_photometric", "cross_flow_photometric",
        "flow_epipolar", "depth_epipolar", "guidance", "smoothness",
    }  # fmt: skip
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


def scene(*, car_offset_px: float = 0.0) -> tuple[Snippet, SnippetEstimate, torch.Tensor]:
    """A camera moving sideways past a plane; flow is rigid but for a car that moves up or down."""
    height, width = 32, 48
    generator = torch.Generator().manual_seed(5)
    frames = torch.rand(1, 3, 3, height, width, generator=generator)
    intrinsics = torch.tensor([[[40.0, 0.0, 23.5], [0.0, 40.0, 15.5], [0.0, 0.0, 1.0]]])
    disparity = torch.full((1, 1, height, width), 0.05, requires_grad=True)
    shift = torch.tensor([[[-0.1, 0.0, 0.0], [0.1, 0.0, 0.0]]])
    poses = rigid_transform(torch.zeros(1, 2, 3), shift).requires_grad_()
    depth = 1 / (0.01 + (10 - 0.01) * disparity.detach())
    flow = torch.cat([rigid_flow(depth, intrinsics, poses.detach()[:, s]).flow for s in range(2)])
    car = torch.zeros(1, 1, height, width, dtype=torch.bool)
    car[..., 8:24, 16:32] = True
    flow[:, 1:] += car_offset_px * car
    forward = FlowEstimate(flow.requires_grad_(), torch.ones(2, 1, height, width))
    backward = FlowEstimate(torch.zeros(2, 2, height, width), torch.ones(2, 1, height, width))
    snippet = Snippet(frames, frames, intrinsics, torch.zeros(1, dtype=torch.long))
    return snippet, SnippetEstimate((disparity,), poses, None, forward, backward), car


def test_true_flow_and_true_depth_explain_the_target_from_the_previous_and_the_next_frame() -> None:
    snippet, estimate, _ = scene()
    target = snippet.frames[:, 1]
    # the camera moves to the right: what is at x is at x + 2 before and at x - 2 after
    frames = torch.stack((target.roll(2, dims=-1), target, target.roll(-2, dims=-1)), dim=1)
    depth = torch.full((1, 1, 32, 48), 40 * 0.1 / 2)  # f t / z = 2 px
    disparity = ((1 / depth - 0.01) / (10 - 0.01)).requires_grad_()
    flow = torch.zeros(2, 2, 32, 48)
    flow[0, 0], flow[1, 0] = 2.0, -2.0
    poses = torch.eye(4).repeat(1, 2, 1, 1)
    poses[:, 0, 0, 3], poses[:, 1, 0, 3] = 0.1, -0.1
    forward = FlowEstimate(flow.requires_grad_(), torch.ones(2, 1, 32, 48))
    true = replace(
        estimate, disparity=(disparity,), source_from_target=poses.requires_grad_(), flow_target_to_source=forward
    )
    loss = Objective(visibility_for_flow="none")(
        replace(snippet, frames=frames, jittered=torch.zeros_like(frames)), true
    )
    for name in ("flow_photometric", "cross_flow_photometric", "depth_photometric", "flow_epipolar"):
        # the windows at the border of the frame see what was not rolled in
        assert loss.terms[name].item() < 0.015, name


def test_no_epipolar_gate_closes_while_the_camera_moves_the_image_less_than_the_minimum() -> None:
    snippet, estimate, car = scene(car_offset_px=5.0)  # f t / z = 40 * 0.1 * 0.5095 = 2.04 px
    for minimum, share in ((2.0, 1 - car.float().mean().item()), (2.1, 1.0)):
        loss = Objective(minimum_motion_px=minimum)(snippet, estimate)
        assert loss.shares["gate_epipolar_flow"].item() == pytest.approx(share)


def test_a_car_that_leaves_the_epipolar_lines_teaches_flow_but_not_depth() -> None:
    snippet, estimate, car = scene(car_offset_px=3.0)
    loss = Objective(lambda_smooth=0.0)(snippet, estimate)
    assert loss.shares["gate_epipolar_flow"].item() == pytest.approx(1 - car.float().mean().item())
    assert estimate.disparity is not None
    assert estimate.flow_target_to_source is not None
    of_depth = gradient(loss.total, estimate.disparity[0])[0, 0]
    guided = Objective(flow_guidance=1.0)(snippet, estimate)  # flow is rigid but for the car
    assert guided.terms["guidance"].item() < 1e-5
    # a pixel's error also depends on its neighbors in the window of SSIM: look two pixels inside
    assert of_depth[10:22, 18:30].abs().max() == 0
    assert of_depth[26:, 8:40].abs().min() > 0
    of_flow = gradient(loss.total, estimate.flow_target_to_source.flow)
    assert of_flow[:, 0, 10:22, 18:30].abs().mean() > 0


def test_a_car_that_leaves_the_epipolar_lines_does_not_reach_the_pose_through_them() -> None:
    snippet, estimate, _ = scene(car_offset_px=3.0)
    # all else is rigid flow, which lies on the lines to rounding
    assert Objective()(snippet, estimate).terms["flow_epipolar"].item() < 1e-5
    without_gates = Objective(epipolar_rule="minimum")(snippet, estimate)
    assert without_gates.terms["flow_epipolar"].item() > 1e-3


def test_the_minimum_rule_weighs_l_eo_by_the_visibility_of_flow_and_l_ed_by_that_of_depth(
    snippet: Snippet, make_estimate: MakeEstimate
) -> None:
    estimate = make_estimate()
    settings: dict[str, Any] = {"epipolar_rule": "minimum", "fundamental": "flow", "visibility_for_flow": "range_map"}
    learned, blind = (
        Objective(**settings, visibility_for_depth=rule)(snippet, estimate).terms for rule in ("learned", "none")
    )
    assert learned["flow_epipolar"].item() == blind["flow_epipolar"].item()
    assert learned["depth_epipolar"].item() != blind["depth_epipolar"].item()


def test_a_car_within_the_gap_of_tau_is_not_gated() -> None:
    snippet, estimate, _ = scene(car_offset_px=0.9)
    assert Objective()(snippet, estimate).shares["gate_epipolar_flow"].item() == 1
    snippet, estimate, _ = scene(car_offset_px=1.0)
    assert Objective()(snippet, estimate).shares["gate_epipolar_flow"].item() < 1


def test_points_that_leave_the_frame_do_not_count_on_either_side() -> None:
    snippet, estimate, _ = scene()
    loss = Objective(lambda_smooth=0.0, visibility_for_flow="none", visibility_for_depth="none")(snippet, estimate)
    # f t / z = 40 * 0.1 * 0.51: the last three columns leave the next frame, the first three the previous
    inside = 1 - 3 / 48
    assert loss.shares["valid"].item() == pytest.approx(inside)
    assert loss.shares["visibility_forward"].item() == pytest.approx(inside)
    assert estimate.flow_target_to_source is not None
    of_flow = gradient(loss.total, estimate.flow_target_to_source.flow)
    assert of_flow[1, :, :, -2:].abs().max() == 0
    assert of_flow[0, :, :, :2].abs().max() == 0


def test_pixels_behind_the_source_camera_do_not_count() -> None:
    snippet, estimate, _ = scene()
    backward_leap = torch.eye(4).repeat(1, 2, 1, 1)
    backward_leap[..., 2, 3] = -5.0  # farther than the depth of 2
    leapt = replace(estimate, source_from_target=backward_leap)
    loss = Objective(lambda_smooth=0.0, flow_guidance=1.0, epipolar_rule="none")(snippet, leapt)
    assert loss.shares["valid"].item() == 0
    assert loss.terms["guidance"].item() == 0
    assert loss.terms["depth_photometric"].item() == 0
    assert loss.total.isfinite()


def test_automask_drops_what_the_unmoved_source_explains_as_well() -> None:
    snippet, estimate, _ = scene()
    still = replace(snippet, frames=snippet.frames[:, 1:2].expand(-1, 3, -1, -1, -1).contiguous())
    loss = Objective(automask=True)(still, estimate)
    assert loss.shares["automask"].item() == 0
    assert loss.terms["depth_photometric"].item() == 0


DEGENERATE: dict[str, dict[str, Any]] = {
    "paper": {},
    "all": {
        "fundamental": "flow", "automask": True, "flow_guidance": 1.0, "flow_pyramid_weight": 1.0,
        "flow_completion": 1.0, "flow_smoothness": 1.0, "source_rule": "minimum", "depth_levels": 2,
        "temporal_weights": "gaussian",
    },
    "minimum": {"photometric_rule": "minimum", "epipolar_rule": "minimum", "temporal_weights": "minimum"},
    "census": {"photometric": "census", "fundamental": "inverse_pose", "epipolar_kind": "sampson"},
}  # fmt: skip


@pytest.mark.parametrize("settings", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("case", ["night", "parked", "flow gone", "hidden", "all at once"])
def test_degenerate_snippets_give_finite_losses_and_gradients(
    snippet: Snippet, make_estimate: MakeEstimate, case: str, settings: dict[str, Any]
) -> None:
    drawn = make_estimate()
    forward, backward = drawn.flow_target_to_source, drawn.flow_source_to_target
    assert forward is not None
    assert backward is not None
    assert drawn.disparity is not None
    frames, flow, seen, poses = snippet.frames, forward.flow, forward.visibility, drawn.source_from_target
    behind = backward.flow
    if case in ("night", "all at once"):
        frames = torch.zeros_like(frames)
    if case in ("parked", "all at once"):
        poses = torch.eye(4).repeat(2, 2, 1, 1).requires_grad_()
    if case in ("parked", "hidden", "all at once"):
        flow = torch.zeros_like(flow).requires_grad_()
    if case == "flow gone":
        flow = (torch.zeros_like(flow) + 1e6).requires_grad_()
    if case in ("hidden", "all at once"):
        seen, behind = torch.zeros_like(seen), torch.full_like(behind, 1e4)
    estimate = SnippetEstimate(
        drawn.disparity, poses, poses, FlowEstimate(flow, seen, forward.levels), FlowEstimate(behind, seen)
    )
    loss = Objective(**settings)(replace(snippet, frames=frames), estimate)
    assert loss.total.isfinite()
    for leaf in (flow, poses, *drawn.disparity):
        found = gradient(loss.total, leaf)
        assert found is None or found.isfinite().all()
    assert all(value.isfinite() for value in (loss.terms | loss.shares).values())


def test_the_loss_runs_in_single_precision_under_autocast(
    snippet: Snippet, make_estimate: MakeEstimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimate = make_estimate()
    expected = Objective()(snippet, estimate).total

    def watched(*errors: torch.Tensor, temporal: Any) -> torch.Tensor:
        assert not torch.is_autocast_enabled("cpu")
        return flow_loss(*errors, temporal=temporal)

    monkeypatch.setattr("triptych.losses.objective.flow_loss", watched)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(Objective()(snippet, estimate).total, expected)


def test_estimates_in_half_precision_are_converted(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    forward = estimate.flow_target_to_source
    assert forward is not None
    assert estimate.disparity is not None
    assert estimate.source_from_target is not None
    half = replace(
        estimate,
        disparity=tuple(level.bfloat16() for level in estimate.disparity),
        source_from_target=estimate.source_from_target.bfloat16(),
        flow_target_to_source=FlowEstimate(forward.flow.bfloat16(), forward.visibility.bfloat16()),
    )
    loss = Objective()(snippet, half)
    assert loss.total.dtype == torch.float32
    assert loss.total.item() == pytest.approx(Objective()(snippet, estimate).total.item(), rel=0.05)


def test_the_loss_is_the_same_for_the_mirrored_snippet() -> None:
    snippet, estimate, _ = scene(car_offset_px=2.0)
    forward = estimate.flow_target_to_source
    assert forward is not None
    assert estimate.disparity is not None
    assert estimate.source_from_target is not None
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0, 1.0]))
    sign = torch.tensor([-1.0, 1.0]).view(2, 1, 1)
    mirrored = SnippetEstimate(
        (estimate.disparity[0].flip(-1),),
        mirror @ estimate.source_from_target @ mirror,
        None,
        FlowEstimate(forward.flow.flip(-1) * sign, forward.visibility),
        estimate.flow_source_to_target,
    )
    flipped = replace(snippet, frames=snippet.frames.flip(-1))  # the principal point is central here
    for settings in ({}, {"fundamental": "flow", "automask": True, "flow_guidance": 1.0}):
        torch.testing.assert_close(
            Objective(**settings)(flipped, mirrored).total,
            Objective(**settings)(snippet, estimate).total,
            rtol=1e-4,
            atol=1e-5,
        )


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"tau_epipolar": 1.0}, "tau_epipolar"),
        ({"tau_photometric": 0.0}, "tau_photometric"),
        ({"alpha": 1.1}, "alpha"),
        ({"depth_levels": 0}, "depth_levels"),
    ],
)
def test_settings_out_of_range_are_refused_at_once(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Objective(**settings)


def test_an_estimate_without_what_a_setting_needs_is_refused(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    with pytest.raises(ValueError, match="flow_source_to_target"):
        Objective()(snippet, replace(estimate, flow_source_to_target=None))
    with pytest.raises(ValueError, match="target_from_source"):
        Objective(fundamental="inverse_pose")(snippet, replace(estimate, target_from_source=None))
    with pytest.raises(ValueError, match="depth_levels=5"):
        Objective(depth_levels=5)(snippet, estimate)
    with pytest.raises(ValueError, match="nothing to learn"):
        Objective()(snippet, SnippetEstimate())
    with pytest.raises(ValueError, match="3 frames"):
        Objective()(replace(snippet, frames=snippet.frames[:, :2], jittered=snippet.jittered[:, :2]), estimate)


def test_learned_visibility_needs_no_backward_flow(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = replace(make_estimate(), flow_source_to_target=None)
    assert Objective(visibility_for_flow="learned")(snippet, estimate).total.isfinite()
