"""Geometry over the networks' answers."""

from dataclasses import replace

import torch

from triptych.geometry.pose import axis_angle
from triptych.geometry.visibility import range_visibility
from triptych.inference.refinement import GeometricRefinement, PairEstimate
from triptych.inference.two_view import PairMotion
from triptych.metrics.flow import end_point_error


def learned(street, index: int, *, still: bool = False) -> PairEstimate:  # type: ignore[no-untyped-def]
    """What networks might say of a pair: flow that leans by a pixel, a poor pose, the depth."""
    clip = street.clip
    leaning = torch.tensor([1.0, -0.7]).view(2, 1, 1)
    pose = torch.eye(4)
    pose[0, 3] = 0.3  # sideways
    return PairEstimate(
        image=clip.images[index],
        following=clip.images[index + 1],
        flow=clip.flow_forward[index] + leaning,
        flow_back=clip.flow_backward[index] + leaning,
        depth=clip.depth_m[index].clamp(max=80),
        next_from_current=pose,
        still=still,
    )


def test_the_second_pair_has_exact_steps_a_ratio_and_flow_behind_the_border(street) -> None:  # type: ignore[no-untyped-def]
    refinement = GeometricRefinement(street.intrinsics)
    refinement.refined(learned(street, 0))
    pair = learned(street, 1)
    refined = refinement.refined(pair)
    flow, step = refined.flow, refined.step
    truth = street.step(1).float()
    assert float(axis_angle(step.next_from_current[:3, :3] @ truth[:3, :3].T).norm()) < 0.002
    torch.testing.assert_close(step.next_from_current[:3, 3], truth[:3, 3], rtol=0.05, atol=0.02)
    assert step.ratio is not None
    assert abs(step.ratio * float(street.step(0)[:3, 3].norm() / street.step(1)[:3, 3].norm()) - 1) < 0.03
    before = end_point_error(pair.flow[None], street.clip.flow_forward[1:2])
    after = end_point_error(flow[None], street.clip.flow_forward[1:2])
    seen = street.clip.visible_forward[1:2]
    assert after[seen].mean() < before[seen].mean() / 2


def test_what_the_next_frame_hides_is_told_by_the_refined_flows(street) -> None:  # type: ignore[no-untyped-def]
    pair = learned(street, 0)
    refined = GeometricRefinement(street.intrinsics).refined(pair)
    truth = street.clip.visible_forward[0]
    before = ((range_visibility(pair.flow_back[None])[0] > 0.5) != truth).sum()
    after = ((refined.visibility > 0.5) != truth).sum()
    assert after < 0.6 * before
    at_rest = GeometricRefinement(street.intrinsics).refined(replace(pair, still=True))
    assert torch.equal(at_rest.visibility, refined.visibility)


def test_a_first_pair_has_no_ratio(street) -> None:  # type: ignore[no-untyped-def]
    step = GeometricRefinement(street.intrinsics).refined(learned(street, 0)).step
    assert step.ratio is None


def test_a_camera_at_rest_keeps_its_place_and_breaks_the_chain(street) -> None:  # type: ignore[no-untyped-def]
    refinement = GeometricRefinement(street.intrinsics)
    refinement.refined(learned(street, 0))
    pair = learned(street, 1, still=True)
    step = refinement.refined(pair).step
    assert step.still
    assert torch.equal(step.next_from_current, torch.eye(4))
    assert refinement.refined(learned(street, 2)).step.ratio is None


def test_without_anything_to_track_the_pose_network_s_step_stands() -> None:
    flat = torch.full((3, 64, 96), 90, dtype=torch.uint8)
    pose = torch.eye(4)
    pose[2, 3] = -0.4
    zero = torch.zeros(2, 64, 96)
    pair = PairEstimate(flat, flat, zero, zero, torch.ones(1, 64, 96), pose, still=False)
    refined = GeometricRefinement(torch.tensor([[60.0, 0, 47.5], [0, 60.0, 31.5], [0, 0, 1]])).refined(pair)
    assert torch.equal(refined.step.next_from_current, pose)


def test_depth_of_the_views_takes_the_error_out_of_a_poor_depth(street) -> None:  # type: ignore[no-untyped-def]
    refinement = GeometricRefinement(street.intrinsics)
    refinement.refined(learned(street, 0))
    generator = torch.Generator().manual_seed(5)
    truth = street.clip.depth_m[1].clamp(max=80)
    poor = truth * (0.3 * torch.randn(truth.shape, generator=generator)).exp()
    refined = refinement.refined(replace(learned(street, 1), depth=poor))
    still = ~street.clip.moving[1] & (street.clip.depth_m[1] < 40)
    before, after = ((depth / truth).log()[still].abs().mean() for depth in (poor, refined.depth))
    assert after < 0.6 * before
    assert (refined.depth > 0).all()


def test_the_last_frame_s_depth_is_also_by_the_frame_before_it(street) -> None:  # type: ignore[no-untyped-def]
    truth = street.clip.depth_m[1].clamp(max=80)
    poor = truth * (0.3 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(5))).exp()
    refinement = GeometricRefinement(street.intrinsics)
    assert torch.equal(refinement.depth_by_the_frame_before(poor), poor)  # nothing was seen before
    refinement.refined(learned(street, 0))
    last = refinement.depth_by_the_frame_before(poor)
    still = ~street.clip.moving[1] & (street.clip.depth_m[1] < 40)
    before, after = ((depth / truth).log()[still].abs().mean() for depth in (poor, last))
    assert after < 0.7 * before
    assert torch.equal(refinement.depth_by_the_frame_before(poor), poor)  # what was seen is the next frame's alone


def test_a_frame_at_rest_after_a_step_has_its_depth_by_the_frame_before_it(street) -> None:  # type: ignore[no-untyped-def]
    refinement = GeometricRefinement(street.intrinsics)
    refinement.refined(learned(street, 0))
    pair = learned(street, 1, still=True)
    flat = replace(pair, depth=torch.full_like(pair.depth, 10.0))
    assert not torch.equal(refinement.refined(flat).depth, flat.depth)
    assert torch.equal(refinement.refined(flat).depth, flat.depth)


def test_a_picture_that_does_not_change_is_a_camera_at_rest_whatever_the_networks_say(street) -> None:  # type: ignore[no-untyped-def]
    moving = learned(street, 0)
    refined = GeometricRefinement(street.intrinsics).refined(
        replace(moving, following=moving.image, flow=moving.flow * 0 + 1.0)
    )
    assert refined.step.still
    assert torch.equal(refined.step.next_from_current, torch.eye(4))
    assert not GeometricRefinement(street.intrinsics).refined(moving).step.still


def test_a_wrong_motion_does_not_spoil_flow_that_is_matched(street, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sideways = torch.eye(4, dtype=torch.float64)
    sideways[:3, 3] = torch.tensor([0.6, 0.0, -0.8])
    sideways[:3, :3] = street.step(0)[:3, :3].double()
    monkeypatch.setattr("triptych.inference.refinement.pair_motion", lambda *_: PairMotion(sideways, 1.0))
    refined = GeometricRefinement(street.intrinsics).refined(learned(street, 0))
    truth, seen = street.clip.flow_forward[:1], street.clip.visible_forward[:1]
    by_match = end_point_error(refined.matched[None], truth)[seen].mean()
    assert end_point_error(refined.flow[None], truth)[seen].mean() < 1.1 * by_match
