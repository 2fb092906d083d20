"""The total loss on a small scene that is known exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from triptych.geometry.pose import rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.losses.objective import Objective
from triptych.types import FlowEstimate, Snippet, SnippetEstimate

MakeEstimate = Callable[..., SnippetEstimate]


def gradient(terms_total: torch.Tensor, leaf: torch.Tensor | None) -> torch.Tensor | None:
    assert leaf is not None
    (result,) = torch.autograd.grad(terms_total, leaf, retain_graph=True, allow_unused=True)
    return result


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
