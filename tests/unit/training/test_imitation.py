"""What imitation of classical answers costs."""

import math

import torch

from triptych.geometry.pose import rigid_transform
from triptych.training.imitation import (
    DEPTH_WEIGHT,
    FLOW_WEIGHT,
    ROBUSTNESS_PX,
    depth_imitation,
    flow_imitation,
    pose_imitation,
)
from triptych.types import FlowEstimate

AHEAD = rigid_transform(torch.zeros(1, 3), torch.tensor([[0.0, 0.0, 1.0]]))


def test_imitating_perfectly_costs_only_the_robust_floor() -> None:
    teacher = torch.full((1, 2, 32, 64), 4.0)
    levels = (torch.full((1, 2, 8, 16), 1.0), torch.full((1, 2, 4, 8), 0.5))
    estimate = FlowEstimate(teacher, torch.ones(1, 1, 32, 64), levels)
    loss = flow_imitation(estimate, teacher, torch.ones(1, 1, 32, 64))
    torch.testing.assert_close(loss, torch.tensor(FLOW_WEIGHT * ROBUSTNESS_PX))


def test_a_miss_of_five_pixels_costs_five_times_the_weight() -> None:
    teacher = torch.zeros(1, 2, 32, 64)
    estimate = FlowEstimate(teacher + torch.tensor([3.0, 4.0]).view(1, 2, 1, 1), torch.ones(1, 1, 32, 64))
    loss = flow_imitation(estimate, teacher, torch.ones(1, 1, 32, 64))
    torch.testing.assert_close(loss, torch.tensor(FLOW_WEIGHT * (25 + ROBUSTNESS_PX**2) ** 0.5))


def test_pixels_count_by_their_trust() -> None:
    teacher = torch.zeros(1, 2, 8, 8)
    trust = torch.full((1, 1, 8, 8), 0.25)
    trust[..., :4] = 1.0
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0, :, 4:] = 10.0  # wrong only where the teacher is in doubt
    loss = flow_imitation(FlowEstimate(flow, torch.ones(1, 1, 8, 8)), teacher, trust)
    off = (100 + ROBUSTNESS_PX**2) ** 0.5
    torch.testing.assert_close(loss, torch.tensor(FLOW_WEIGHT * (0.25 * off + ROBUSTNESS_PX) / 1.25))


def test_pose_imitation_is_ten_times_the_angle_plus_the_turn_of_the_direction() -> None:
    turned = rigid_transform(torch.tensor([[0.0, 0.01, 0.0]]), torch.tensor([[0.0, 0.0, 2.0]]))
    torch.testing.assert_close(pose_imitation(turned, AHEAD, torch.ones(1)), torch.tensor(0.1), atol=1e-5, rtol=0)
    sideways = rigid_transform(torch.zeros(1, 3), torch.tensor([[3.0, 0.0, 0.0]]))
    torch.testing.assert_close(pose_imitation(sideways, AHEAD, torch.ones(1)), torch.tensor(1.0), atol=1e-4, rtol=0)


def test_motions_without_trust_are_not_imitated() -> None:
    sideways = rigid_transform(torch.zeros(2, 3), torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    loss = pose_imitation(sideways, AHEAD.expand(2, 4, 4), torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(loss, torch.tensor(0.0), atol=1e-4, rtol=0)


def test_pose_imitation_has_finite_gradients_at_a_standstill() -> None:
    vector = torch.zeros(1, 6, requires_grad=True)
    pose_imitation(rigid_transform(vector[:, :3], vector[:, 3:]), AHEAD, torch.ones(1)).backward()
    assert vector.grad is not None
    assert vector.grad.isfinite().all()
    assert vector.grad[0, 5] < 0  # toward the teacher's direction


def test_depth_imitation_is_blind_to_one_factor_an_image() -> None:
    generator = torch.Generator().manual_seed(0)
    inverse_depth = 0.1 + torch.rand(2, 1, 8, 8, generator=generator)
    depth = torch.tensor([3.0, 0.2]).view(2, 1, 1, 1) / inverse_depth
    loss = depth_imitation(depth, inverse_depth, torch.ones(2, 1, 8, 8))
    torch.testing.assert_close(loss, torch.tensor(0.0), atol=1e-6, rtol=0)


def test_a_quarter_of_the_picture_at_twice_the_depth_costs_a_quarter_of_the_logarithm() -> None:
    depth = torch.ones(1, 1, 8, 8)
    depth[..., :2] = 2.0
    loss = depth_imitation(depth, torch.ones(1, 1, 8, 8), torch.ones(1, 1, 8, 8))
    torch.testing.assert_close(loss, torch.tensor(DEPTH_WEIGHT * 0.25 * math.log(2)))


def test_where_nothing_is_trusted_depth_imitation_is_zero_with_zero_gradient() -> None:
    depth = torch.full((1, 1, 4, 4), 2.0, requires_grad=True)
    loss = depth_imitation(depth, torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    loss.backward()
    assert loss.item() == 0.0
    assert depth.grad is not None
    assert (depth.grad == 0).all()
