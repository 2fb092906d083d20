"""Geometry over the networks' answers."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from tests.unit.inference.conftest import Street
from tests.unit.inference.said_pairs import said

from triptych.geometry.pose import axis_angle
from triptych.geometry.visibility import range_visibility
from triptych.inference.pairs import PairEstimate, measured_pair
from triptych.inference.refinement import RefinedPair, refined_depth, refined_pair
from triptych.inference.two_view import PairMotion
from triptych.inference.window import Surroundings, with_surroundings
from triptych.metrics.flow import end_point_error


def refined(street: Street, *pairs: PairEstimate) -> list[RefinedPair]:
    """Pairs in a row, each refined."""
    return [found for found, _ in refined_among(street, pairs)]


def refined_among(street: Street, pairs: Sequence[PairEstimate]) -> list[tuple[RefinedPair, Surroundings]]:
    measured = (measured_pair(pair, street.intrinsics) for pair in pairs)
    among = with_surroundings(measured, street.intrinsics)
    return [(refined_pair(pair, around, street.intrinsics), around) for pair, around in among]


def test_steps_are_exact_and_flow_is_better(street: Street) -> None:
    pairs = [said(street, index) for index in range(3)]
    _, second, _ = refined(street, *pairs)
    step, truth = second.step, street.step(1).float()
    assert float(axis_angle(step.next_from_current[:3, :3] @ truth[:3, :3].T).norm()) < 0.002
    torch.testing.assert_close(step.next_from_current[:3, 3], truth[:3, 3], rtol=0.05, atol=0.02)
    assert step.ratio is not None
    assert abs(step.ratio * float(street.step(0)[:3, 3].norm() / street.step(1)[:3, 3].norm()) - 1) < 0.03
    before = end_point_error(pairs[1].flow[None], street.clip.flow_forward[1:2])
    after = end_point_error(second.flow[None], street.clip.flow_forward[1:2])
    seen = street.clip.visible_forward[1:2]
    assert after[seen].mean() < before[seen].mean() / 2


def test_what_the_next_frame_hides_is_told_by_the_refined_flows(street: Street) -> None:
    pair = said(street, 0)
    (found,) = refined(street, pair)
    truth = street.clip.visible_forward[0]
    before = ((range_visibility(pair.flow_back[None])[0] > 0.5) != truth).sum()
    after = ((found.visibility > 0.5) != truth).sum()
    assert after < 0.6 * before
    (at_rest,) = refined(street, replace(pair, still=True))
    assert torch.equal(at_rest.visibility, found.visibility)


def test_a_first_pair_has_no_ratio(street: Street) -> None:
    assert refined(street, said(street, 0))[0].step.ratio is None


def test_a_camera_at_rest_keeps_its_place_and_breaks_the_chain(street: Street) -> None:
    _, at_rest, after = refined(street, said(street, 0), said(street, 1, still=True), said(street, 2))
    assert at_rest.step.still
    assert torch.equal(at_rest.step.next_from_current, torch.eye(4))
    assert after.step.ratio is None


def test_without_anything_to_track_the_pose_network_s_step_stands(street: Street) -> None:
    pair = said(street, 0)
    flat, zero = torch.full_like(pair.image, 90), torch.zeros_like(pair.flow)
    (found,) = refined(street, replace(pair, image=flat, following=flat, flow=zero, flow_back=zero))
    assert torch.equal(found.step.next_from_current, pair.next_from_current)
    assert torch.equal(found.depth, pair.depth)


def poor_depth(street: Street, index: int) -> torch.Tensor:
    truth = street.clip.depth_m[index].clamp(max=80)
    return truth * (0.3 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(5))).exp()


def left_of_error(street: Street, index: int, depth: torch.Tensor) -> float:
    """The error that is left of that of the poor depth, of what stands near."""
    truth = street.clip.depth_m[index].clamp(max=80)
    still = ~street.clip.moving[index] & (street.clip.depth_m[index] < 40)
    after, before = ((one / truth).log()[still].abs().mean() for one in (depth, poor_depth(street, index)))
    return float(after / before)


def test_depth_of_the_views_takes_the_error_out_of_a_poor_depth(street: Street) -> None:
    pairs = [replace(said(street, index), depth=poor_depth(street, index)) for index in range(3)]
    alone = refined(street, pairs[1])[0].depth
    among = refined(street, *pairs)[1].depth
    assert left_of_error(street, 1, alone) < 0.75
    assert left_of_error(street, 1, among) < 0.85 * left_of_error(street, 1, alone)
    assert (among > 0).all()


def test_the_views_count_for_less_where_they_say_that_it_is_much_farther(street: Street) -> None:
    """What keeps the camera's pace seems to be; and what seems nearer is believed."""
    pair = said(street, 0)
    near, far = pair.depth.clone(), pair.depth.clone()
    near[:, 50:60, 100:140] /= 4
    far[:, 50:60, 100:140] *= 4
    change = {}
    for name, depth in (("near", near), ("far", far)):
        (found,) = refined(street, replace(pair, depth=depth))
        change[name] = (found.depth / depth).log()[:, 50:60, 100:140].abs().mean()
    assert change["near"] < 0.9 * change["far"]


def test_the_last_frame_s_depth_is_also_by_the_frames_before_it(street: Street) -> None:
    poor = poor_depth(street, 1)
    assert torch.equal(refined_depth(poor, Surroundings(), street.intrinsics), poor)
    ((_, around),) = refined_among(street, [said(street, 0)])
    assert left_of_error(street, 1, refined_depth(poor, around.at_next(), street.intrinsics)) < 0.7
    beyond = around.at_next().at_next()  # what was seen is the next frame's alone
    assert torch.equal(refined_depth(poor, beyond, street.intrinsics), poor)


def test_a_frame_at_rest_after_a_step_has_its_depth_by_the_frames_before_it(street: Street) -> None:
    pair = said(street, 1, still=True)
    flat = replace(pair, depth=torch.full_like(pair.depth, 10.0))
    _, first, second = refined(street, said(street, 0), flat, flat)
    assert not torch.equal(first.depth, flat.depth)
    assert torch.equal(second.depth, flat.depth)


def test_a_picture_that_does_not_change_is_a_camera_at_rest_whatever_the_networks_say(street: Street) -> None:
    moving = said(street, 0)
    (found,) = refined(street, replace(moving, following=moving.image, flow=moving.flow * 0 + 1.0))
    assert found.step.still
    assert torch.equal(found.step.next_from_current, torch.eye(4))
    assert not refined(street, moving)[0].step.still


def test_a_wrong_motion_does_not_spoil_flow_that_is_matched(street: Street, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    sideways = torch.eye(4, dtype=torch.float64)
    sideways[:3, 3] = torch.tensor([0.6, 0.0, -0.8])
    sideways[:3, :3] = street.step(0)[:3, :3].double()
    monkeypatch.setattr("triptych.inference.pairs.pair_motion", lambda *_: PairMotion(sideways, 1.0))
    monkeypatch.setattr("triptych.inference.window.adjusted", lambda bundle, *_: bundle)
    (found,) = refined(street, said(street, 0))
    torch.testing.assert_close(found.step.next_from_current[:3, 3].sign(), sideways[:3, 3].sign().float())
    truth, seen = street.clip.flow_forward[:1], street.clip.visible_forward[:1]
    by_match = end_point_error(found.matched[None], truth)[seen].mean()
    assert end_point_error(found.flow[None], truth)[seen].mean() < 1.1 * by_match
