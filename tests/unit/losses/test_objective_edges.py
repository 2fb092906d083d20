"""The total loss at its edges: degenerate snippets, half precision, refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from triptych.losses.crop_agreement import WindowFlow
from triptych.losses.flow import flow_loss
from triptych.losses.objective import Objective
from triptych.types import FlowEstimate, Snippet, SnippetEstimate

MakeEstimate = Callable[..., SnippetEstimate]


def gradient(terms_total: torch.Tensor, leaf: torch.Tensor | None) -> torch.Tensor | None:
    assert leaf is not None
    (result,) = torch.autograd.grad(terms_total, leaf, retain_graph=True, allow_unused=True)
    return result


DEGENERATE: dict[str, dict[str, Any]] = {
    "paper": {},
    "all": {
        "fundamental": "flow", "automask": True, "flow_guidance": 1.0, "flow_pyramid_weight": 1.0,
        "flow_completion": 1.0, "flow_smoothness": 1.0, "source_rule": "minimum", "depth_levels": 2,
        "temporal_weights": "gaussian", "depth_consistency": 1.0, "flow_augmentation": 1.0,
        "mask_normalization": "all",
    },
    "minimum": {"photometric_rule": "minimum", "epipolar_rule": "minimum", "temporal_weights": "minimum"},
    "census": {"photometric": "census", "fundamental": "inverse_pose", "epipolar_kind": "sampson"},
}  # fmt: skip


@pytest.mark.parametrize("settings", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("case", ["night", "parked", "flow gone", "hidden", "all at once"])
def test_degenerate_snippets_give_finite_losses_and_gradients(
    snippet: Snippet, make_estimate: MakeEstimate, window: WindowFlow, case: str, settings: dict[str, Any]
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
        drawn.disparity,
        poses,
        poses,
        FlowEstimate(flow, seen, forward.levels),
        FlowEstimate(behind, seen),
        source_disparity=drawn.source_disparity,
    )
    loss = Objective(**settings)(replace(snippet, frames=frames), estimate, window=window)
    assert loss.total.isfinite()
    for leaf in (flow, poses, *drawn.disparity, drawn.source_disparity, window.flow):
        found = gradient(loss.total, leaf)
        assert found is None or found.isfinite().all()
    assert all(value.isfinite() for value in (loss.terms | loss.shares).values())


def test_the_loss_runs_in_single_precision_under_autocast(
    snippet: Snippet, make_estimate: MakeEstimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimate = make_estimate()
    expected = Objective()(snippet, estimate).total

    def watched(*errors: torch.Tensor, **settings: Any) -> torch.Tensor:
        assert not torch.is_autocast_enabled("cpu")
        return flow_loss(*errors, **settings)

    monkeypatch.setattr("triptych.losses.objective.flow_loss", watched)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(Objective()(snippet, estimate).total, expected)


def test_estimates_in_half_precision_are_converted(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    forward = estimate.flow_target_to_source
    assert forward is not None
    assert estimate.disparity is not None
    assert estimate.source_from_target is not None
    assert estimate.source_disparity is not None
    half = replace(
        estimate,
        source_disparity=estimate.source_disparity.bfloat16(),
        disparity=tuple(level.bfloat16() for level in estimate.disparity),
        source_from_target=estimate.source_from_target.bfloat16(),
        flow_target_to_source=FlowEstimate(forward.flow.bfloat16(), forward.visibility.bfloat16()),
    )
    objective = Objective(depth_consistency=0.1)
    loss = objective(snippet, half)
    assert loss.total.dtype == torch.float32
    assert loss.total.item() == pytest.approx(objective(snippet, estimate).total.item(), rel=0.05)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"tau_epipolar": 1.0}, "tau_epipolar"),
        ({"tau_photometric": 0.0}, "tau_photometric"),
        ({"alpha": 1.1}, "alpha"),
        ({"depth_levels": 0}, "depth_levels"),
        ({"depth_consistency": -0.5}, "depth_consistency needs to be 0 or more, got -0.5"),
        ({"flow_augmentation": -0.05}, "flow_augmentation needs to be 0 or more, got -0.05"),
        ({"flow_augmentation": float("nan")}, "flow_augmentation needs to be 0 or more, got nan"),
    ],
)
def test_settings_out_of_range_are_refused_at_once(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Objective(**settings)


def test_a_normalization_that_there_is_not_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="mask_normalization is one of kept, all, got 'some'"):
        Objective(mask_normalization="some")


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
