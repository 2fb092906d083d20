"""What the total loss may have beyond the paper: consistency, augmentation, another normalization."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from triptych.losses.crop_agreement import Window, WindowFlow, crop_agreement
from triptych.losses.epipolar import Poses, epipolar_errors
from triptych.losses.objective import Objective
from triptych.losses.photometric import photometric_errors
from triptych.losses.sides import depth_side, flow_side, snippet_views
from triptych.types import Snippet, SnippetEstimate

MakeEstimate = Callable[..., SnippetEstimate]


def gradient(terms_total: torch.Tensor, leaf: torch.Tensor | None) -> torch.Tensor | None:
    assert leaf is not None
    (result,) = torch.autograd.grad(terms_total, leaf, retain_graph=True, allow_unused=True)
    return result


def test_consistency_pulls_on_the_depth_of_all_frames_and_the_pose_but_not_on_flow(
    snippet: Snippet, make_estimate: MakeEstimate
) -> None:
    estimate = make_estimate()
    settings: dict[str, Any] = {"depth_levels": 2, "fundamental": "flow"}
    drawn, free = (Objective(**settings, depth_consistency=value)(snippet, estimate) for value in (1.0, 0.0))
    assert set(drawn.terms) - set(free.terms) == {"geometric_consistency"}
    assert gradient(free.total, estimate.source_disparity) is None
    assert gradient(drawn.total, estimate.source_disparity).abs().max() > 1e-5
    forward = estimate.flow_target_to_source
    assert forward is not None
    assert estimate.disparity is not None
    finest, coarser = estimate.disparity[:2]
    pull = drawn.total - free.total
    for leaf in (finest, estimate.source_from_target):
        assert gradient(pull, leaf).abs().max() > 1e-5
    for leaf in (coarser, forward.flow):
        assert gradient(pull, leaf).abs().max() < 1e-7


def test_consistency_has_the_weight_of_depth_before_the_photometric_gate(
    snippet: Snippet, make_estimate: MakeEstimate
) -> None:
    estimate = make_estimate()
    settings: dict[str, Any] = {"depth_consistency": 0.5, "minimum_motion_px": 0.0}
    forward = estimate.flow_target_to_source
    assert forward is not None
    assert estimate.disparity is not None
    assert estimate.source_from_target is not None
    views = snippet_views(snippet)
    flow = flow_side(views, forward, None, photometric_errors)
    depth = depth_side(
        views,
        estimate.disparity[:1],
        estimate.source_from_target,
        photometric_errors,
        source_disparity=estimate.source_disparity,
        min_depth=0.1,
        max_depth=100.0,
    )
    errors = epipolar_errors(
        flow.flow,
        depth.rigid,
        views.intrinsics,
        Poses(estimate.source_from_target),
        flow.in_frame,
        mean_inverse_depth=depth.mean_inverse_depth,
        fundamental="pose",
        kind="line",
        minimum_motion_px=0.0,
    )
    # tau = 0.28 and an L_Ed of zero: what is off its line by ln(0.72 / 0.28) px moves by itself.
    static = (errors.flow[:, 0] < 0.9445).float()
    found = depth.inconsistency
    assert found is not None
    for rule, gate in (("cross_weighted", static), ("none", torch.ones_like(static))):
        weight = depth.valid[:, 0] * flow.learned * gate
        expected = 0.5 * (weight * found).sum() / weight.sum()
        for others in ({}, {"tau_photometric": 0.5, "source_rule": "minimum"}):
            terms = Objective(**settings, **others, epipolar_rule=rule)(snippet, estimate).terms
            assert terms["geometric_consistency"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_without_depth_of_the_sources_or_flow_of_a_window_their_terms_are_left_out(
    snippet: Snippet, make_estimate: MakeEstimate, window: WindowFlow
) -> None:
    estimate = make_estimate()
    objective = Objective(depth_consistency=1.0, flow_augmentation=1.0)
    without = objective(snippet, replace(estimate, source_disparity=None))
    assert set(objective(snippet, estimate, window=window).terms) - set(without.terms) == {
        "geometric_consistency",
        "flow_augmentation",
    }
    torch.testing.assert_close(without.total, Objective()(snippet, estimate).total, rtol=0, atol=0)
    depth_only = SnippetEstimate(
        disparity=estimate.disparity,
        source_from_target=estimate.source_from_target,
        source_disparity=estimate.source_disparity,
    )
    assert set(objective(snippet, depth_only).terms) == {"depth_photometric", "geometric_consistency", "smoothness"}


def test_augmentation_pulls_on_the_flow_of_the_window_alone_and_only_where_flow_learns(
    snippet: Snippet, make_estimate: MakeEstimate, window: WindowFlow
) -> None:
    estimate = make_estimate()
    pulled, free = (Objective(flow_augmentation=value)(snippet, estimate, window=window).total for value in (1.0, 0.0))
    forward = estimate.flow_target_to_source
    assert forward is not None
    assert gradient(pulled, window.flow).abs().max() > 1e-5
    assert gradient(pulled - free, forward.flow).abs().max() < 1e-7
    frozen = Objective(flow_augmentation=1.0)(snippet, make_estimate(flow_gradient=False), window=window)
    assert "flow_augmentation" not in frozen.terms


def test_flow_teaches_its_window_where_the_range_map_sees_the_match_in_frame(
    snippet: Snippet, make_estimate: MakeEstimate, window: WindowFlow
) -> None:
    estimate = make_estimate()
    forward, backward = estimate.flow_target_to_source, estimate.flow_source_to_target
    assert forward is not None
    assert backward is not None
    flow = flow_side(snippet_views(snippet), forward, backward, photometric_errors)
    assert flow.ranged is not None
    expected = crop_agreement(window, flow.flow, flow.ranged * flow.in_frame)
    # Whatever masks the other terms of flow.
    objective = Objective(flow_augmentation=0.05, visibility_for_flow="none")
    found = objective(snippet, estimate, window=window).terms["flow_augmentation"]
    assert found.item() == pytest.approx(0.05 * expected.item())


def test_the_window_that_is_the_whole_agrees_with_it(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    forward = estimate.flow_target_to_source
    assert forward is not None
    whole = WindowFlow(Window(torch.ones(2), torch.zeros(2), torch.zeros(2)), forward.flow)
    loss = Objective(flow_augmentation=1.0)(snippet, estimate, window=whole)
    assert loss.terms["flow_augmentation"].item() < 1e-6


def test_by_all_pixels_hiding_lowers_what_by_the_kept_it_does_not(
    snippet: Snippet, make_estimate: MakeEstimate
) -> None:
    estimate = make_estimate()
    forward = estimate.flow_target_to_source
    assert forward is not None
    hidden = replace(forward, visibility=forward.visibility * 0.1)
    shy = replace(estimate, flow_target_to_source=hidden)
    settings: dict[str, Any] = {
        "visibility_for_flow": "learned", "fundamental": "inverse_pose", "flow_pyramid_weight": 1.0,
        "flow_guidance": 1.0, "depth_consistency": 1.0,
    }  # fmt: skip
    masked = {
        "flow_photometric", "flow_pyramid", "cross_flow_photometric", "depth_photometric", "flow_epipolar",
        "depth_epipolar",
    }  # fmt: skip
    for normalization, factor in (("kept", 1.0), ("all", 0.1)):
        objective = Objective(**settings, mask_normalization=normalization)
        open_terms, shy_terms = objective(snippet, estimate).terms, objective(snippet, shy).terms
        assert set(open_terms) - masked == {"guidance", "geometric_consistency", "smoothness"}
        for name, term in open_terms.items():
            expected = term.item() * (factor if name in masked else 1.0)
            assert shy_terms[name].item() == pytest.approx(expected, rel=1e-4), name


@pytest.mark.parametrize("rule", ["mean", "minimum"])
def test_where_nothing_is_hidden_both_normalizations_are_one(
    snippet: Snippet, make_estimate: MakeEstimate, rule: str
) -> None:
    estimate = make_estimate()
    forward = estimate.flow_target_to_source
    assert forward is not None
    still = torch.zeros_like(forward.flow).requires_grad_()
    # No motion: all lies in front and in the frame.
    seen = replace(
        estimate,
        source_from_target=torch.eye(4).repeat(2, 2, 1, 1).requires_grad_(),
        flow_target_to_source=replace(forward, flow=still, visibility=torch.ones_like(forward.visibility)),
    )
    depth_only = SnippetEstimate(disparity=seen.disparity, source_from_target=seen.source_from_target)
    for one in (seen, depth_only):
        # The better source is one of two: a mean over its pixels is one over half of all.
        kept, every = (
            Objective(source_rule=rule, visibility_for_flow="learned", mask_normalization=value)(snippet, one).terms
            for value in ("kept", "all")
        )
        for name, term in kept.items():
            assert every[name].item() == pytest.approx(term.item(), rel=1e-5), name


def test_without_flow_depth_is_normalized_by_all_pixels_too(snippet: Snippet, make_estimate: MakeEstimate) -> None:
    estimate = make_estimate()
    depth_only = SnippetEstimate(disparity=estimate.disparity, source_from_target=estimate.source_from_target)
    kept, every = (Objective(mask_normalization=value)(snippet, depth_only) for value in ("kept", "all"))
    share = kept.shares["valid"].item()
    assert 0.1 < share < 0.9
    found = every.terms["depth_photometric"].item()
    assert found == pytest.approx(share * kept.terms["depth_photometric"].item(), rel=1e-5)
