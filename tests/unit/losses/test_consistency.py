"""Two frames' depths of the same points: by hand, by finite differences, and on a street that is exactly known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from triptych.data.synthetic import synthetic_clip
from triptych.geometry.depth_range import disparity_from_depth
from triptych.geometry.pose import relative_transform, rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.visibility import range_visibility
from triptych.losses.consistency import depth_inconsistency
from triptych.losses.objective import Objective
from triptych.losses.photometric import photometric_errors
from triptych.losses.sides import depth_side, snippet_views
from triptych.types import FlowEstimate, Snippet, SnippetEstimate

MIN_DEPTH, MAX_DEPTH = 0.5, 2000.0


def test_the_difference_is_relative_to_the_sum_and_read_where_the_point_lands() -> None:
    rigid = torch.zeros(1, 2, 2, 3)
    rigid[:, 0, :, 0] = 1.5  # the first column lands between the second and the third
    moved = torch.tensor([6.0, 2.0, 1.0]).expand(1, 1, 2, 3)
    own = torch.tensor([9.0, 2.0, 4.0]).expand(1, 1, 2, 3)
    found = depth_inconsistency(rigid, moved, own)
    expected = torch.tensor([(6 - 3) / (6 + 3), 0.0, (4 - 1) / (4 + 1)]).expand(1, 1, 2, 3)
    torch.testing.assert_close(found, expected)


def test_behind_the_camera_it_is_one_without_gradient_also_where_the_sum_is_zero() -> None:
    rigid = torch.zeros(1, 2, 1, 3)
    moved = torch.tensor([-4.0, -9.0, 4.0]).view(1, 1, 1, 3).requires_grad_()
    own = torch.tensor([4.0, 4.0, 4.0]).view(1, 1, 1, 3).requires_grad_()
    found = depth_inconsistency(rigid, moved, own)
    assert found.flatten().tolist() == [1, 1, 0]
    found[..., :2].sum().backward()
    assert moved.grad is not None
    assert own.grad is not None
    assert moved.grad.abs().max() == own.grad.abs().max() == 0


def test_its_gradient_to_both_depths_and_the_pose_is_that_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(2)
    target, source = (3 + torch.rand(2, 1, 1, 5, 7, generator=generator, dtype=torch.float64)).unbind(0)
    intrinsics = torch.tensor([[[8.0, 0.0, 3.0], [0.0, 8.0, 2.0], [0.0, 0.0, 1.0]]], dtype=torch.float64)
    turn, move = torch.full((1, 3), 0.02, dtype=torch.float64), torch.tensor([[0.1, 0.05, 0.9]], dtype=torch.float64)

    def error(*inputs: torch.Tensor) -> torch.Tensor:
        depth, own, rotation, translation = inputs
        moved = rigid_flow(depth, intrinsics, rigid_transform(rotation, translation))
        return depth_inconsistency(moved.flow, moved.depth_in_source, own)[..., 1:-1, 1:-1].sum()

    leaves = tuple(leaf.requires_grad_() for leaf in (target, source, turn, move))
    assert torch.autograd.gradcheck(error, leaves)


def street() -> tuple[Snippet, SnippetEstimate]:
    """Exact depth, motion and flow of three frames; the sky is 1500 m away."""
    clip = synthetic_clip("street", seed=11, frames=3, height=64, width=208)
    frames = (clip.images.float() / 255).unsqueeze(0)
    poses = clip.camera_to_world.double()
    source_from_target = torch.stack([relative_transform(poses[s : s + 1], poses[1:2])[0] for s in (0, 2)])
    depth = clip.depth_m.float().clamp(max=1500.0)
    disparity = disparity_from_depth(depth, min_depth=MIN_DEPTH, max_depth=MAX_DEPTH)
    forward = torch.stack((clip.flow_backward[0], clip.flow_forward[1])).float()
    backward = torch.stack((clip.flow_forward[0], clip.flow_backward[1])).float()
    ones = torch.ones(2, 1, *depth.shape[-2:])
    estimate = SnippetEstimate(
        disparity=(disparity[1:2],),
        source_from_target=source_from_target.float().unsqueeze(0),
        flow_target_to_source=FlowEstimate(forward, ones),
        flow_source_to_target=FlowEstimate(backward, ones),
        source_disparity=disparity[None, ::2],
    )
    return Snippet(frames, frames, clip.intrinsics.float().unsqueeze(0), torch.zeros(1, dtype=torch.long)), estimate


def consistency(snippet: Snippet, estimate: SnippetEstimate) -> float:
    objective = Objective(
        depth_consistency=1.0, visibility_for_depth="range_map", min_depth=MIN_DEPTH, max_depth=MAX_DEPTH
    )
    return objective(snippet, estimate).terms["geometric_consistency"].item()


def scaled(disparity: torch.Tensor, factor: float) -> torch.Tensor:
    near, far = 1 / MIN_DEPTH, 1 / MAX_DEPTH
    return ((far + (near - far) * disparity) / factor - far) / (near - far)


def test_the_true_depths_of_a_street_agree_but_at_the_edges_of_things() -> None:
    snippet, estimate = street()
    assert estimate.disparity is not None
    assert estimate.source_from_target is not None
    assert estimate.flow_source_to_target is not None
    depth = depth_side(
        snippet_views(snippet),
        estimate.disparity,
        estimate.source_from_target,
        photometric_errors,
        source_disparity=estimate.source_disparity,
        min_depth=MIN_DEPTH,
        max_depth=MAX_DEPTH,
    )
    assert depth.inconsistency is not None
    seen = range_visibility(estimate.flow_source_to_target.flow).view_as(depth.inconsistency)
    found = depth.inconsistency[(depth.valid[:, 0] * seen) > 0.99]
    # A depth read between a near and a far pixel is that of neither.
    assert found.quantile(0.8).item() < 1e-3
    assert consistency(snippet, estimate) < 0.02


@pytest.mark.parametrize("factor", [0.8, 1.3])
def test_a_scale_that_wavers_between_frames_is_told_by_its_size(factor: float) -> None:
    snippet, estimate = street()
    assert estimate.source_disparity is not None
    wavering = replace(estimate, source_disparity=scaled(estimate.source_disparity, factor))
    expected = abs(factor - 1) / (factor + 1)
    assert consistency(snippet, wavering) == pytest.approx(expected, rel=0.1)


def test_one_scale_for_depths_and_motion_changes_nothing() -> None:
    snippet, estimate = street()
    assert estimate.disparity is not None
    assert estimate.source_disparity is not None
    assert estimate.source_from_target is not None
    poses = estimate.source_from_target.clone()
    poses[..., :3, 3] *= 1.2
    larger = replace(
        estimate,
        disparity=(scaled(estimate.disparity[0], 1.2),),
        source_disparity=scaled(estimate.source_disparity, 1.2),
        source_from_target=poses,
    )
    assert consistency(snippet, larger) == pytest.approx(consistency(snippet, estimate), rel=1e-3)
