"""The classical flow that a flow network begins with."""

import torch

from triptych.geometry.pose import rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.inference.classical import ClassicalMotion, classical_flow, classical_motion
from triptych.training.imitation import DOUBTED_WEIGHT, FLOW_WEIGHT, ROBUSTNESS_PX, flow_imitation, pose_imitation
from triptych.types import FlowEstimate


def textured(height: int, width: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 4, width // 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)[0]


def shifted_snippet(shift: int) -> torch.Tensor:
    wide = textured(64, 160)
    frames = [wide[:, :, 32 + offset : 32 + offset + 96] for offset in (-shift, 0, shift)]
    return torch.stack(frames)[None]


def test_the_classical_flow_of_a_shift_is_the_shift_with_opposite_signs_for_the_two_sources() -> None:
    flow, agreed = classical_flow(shifted_snippet(3))
    # previous shows what lies 3 px to the left: a target pixel is found 3 px to the right of itself there
    inner = (slice(None), slice(8, -8), slice(16, -16))
    assert (flow[0][inner] - torch.tensor([3.0, 0.0]).view(2, 1, 1)).abs().median() < 0.3
    assert (flow[1][inner] - torch.tensor([-3.0, 0.0]).view(2, 1, 1)).abs().median() < 0.3
    assert agreed[:, 0, 8:-8, 16:-16].float().mean() > 0.9


def test_imitating_perfectly_costs_only_the_robust_floor() -> None:
    teacher = torch.full((1, 2, 32, 64), 4.0)
    levels = (torch.full((1, 2, 8, 16), 1.0), torch.full((1, 2, 4, 8), 0.5))
    estimate = FlowEstimate(teacher, torch.ones(1, 1, 32, 64), levels)
    loss = flow_imitation(estimate, teacher, torch.ones(1, 1, 32, 64, dtype=torch.bool))
    torch.testing.assert_close(loss, torch.tensor(FLOW_WEIGHT * ROBUSTNESS_PX))


def test_a_miss_of_five_pixels_costs_five_times_the_weight() -> None:
    teacher = torch.zeros(1, 2, 32, 64)
    estimate = FlowEstimate(teacher + torch.tensor([3.0, 4.0]).view(1, 2, 1, 1), torch.ones(1, 1, 32, 64))
    loss = flow_imitation(estimate, teacher, torch.ones(1, 1, 32, 64, dtype=torch.bool))
    torch.testing.assert_close(loss, torch.tensor(FLOW_WEIGHT * (25 + ROBUSTNESS_PX**2) ** 0.5))


def test_doubted_pixels_count_less() -> None:
    teacher = torch.zeros(1, 2, 8, 8)
    trusted = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    trusted[..., :4] = True
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0, :, 4:] = 10.0  # wrong only where the teacher is in doubt
    loss = flow_imitation(FlowEstimate(flow, torch.ones(1, 1, 8, 8)), teacher, trusted)
    off = (100 + ROBUSTNESS_PX**2) ** 0.5
    expected = FLOW_WEIGHT * (DOUBTED_WEIGHT * off + ROBUSTNESS_PX) / (1 + DOUBTED_WEIGHT)
    torch.testing.assert_close(loss, torch.tensor(expected))


def test_five_points_find_the_motion_behind_an_exact_flow() -> None:
    depth, matrix = wavy_depth(), torch.tensor([[110.0, 0, 95.5], [0, 110.0, 31.5], [0, 0, 1]])[None]
    poses = rigid_transform(
        torch.tensor([[0.0, 0.02, 0.003], [0.004, -0.02, 0.0]]), torch.tensor([[0.1, 0.0, -0.8], [-0.1, 0.02, 0.8]])
    )
    flow = rigid_flow(depth.expand(2, -1, -1, -1), matrix.expand(2, 3, 3), poses)
    motion = classical_motion(flow.flow, flow.valid.float(), matrix.expand(2, 3, 3))
    torch.testing.assert_close(motion.rotation, poses[:, :3, :3], atol=1e-4, rtol=0)
    direction = torch.nn.functional.normalize(poses[:, :3, 3], dim=1)
    torch.testing.assert_close(motion.direction, direction, atol=5e-3, rtol=0)
    assert (motion.trust > 0.95).all()
    assert pose_imitation(poses, motion) < 2e-3


def test_five_points_say_nothing_where_nothing_moves() -> None:
    matrix = torch.eye(3)[None] * torch.tensor([100.0, 100.0, 1.0])
    motion = classical_motion(torch.zeros(1, 2, 64, 192), torch.ones(1, 1, 64, 192), matrix)
    assert motion.trust.tolist() == [0.0]
    assert pose_imitation(torch.eye(4)[None], motion) == 0.0


def test_pose_imitation_is_ten_times_the_angle_plus_the_turn_of_the_direction() -> None:
    teacher = ClassicalMotion(torch.eye(3)[None], torch.tensor([[0.0, 0.0, 1.0]]), torch.ones(1))
    turned = rigid_transform(torch.tensor([[0.0, 0.01, 0.0]]), torch.tensor([[0.0, 0.0, 2.0]]))
    torch.testing.assert_close(pose_imitation(turned, teacher), torch.tensor(10 * 0.01), atol=1e-5, rtol=0)
    sideways = rigid_transform(torch.zeros(1, 3), torch.tensor([[3.0, 0.0, 0.0]]))
    torch.testing.assert_close(pose_imitation(sideways, teacher), torch.tensor(1.0), atol=1e-4, rtol=0)


def test_pose_imitation_has_finite_gradients_at_a_standstill() -> None:
    teacher = ClassicalMotion(torch.eye(3)[None], torch.tensor([[0.0, 0.0, 1.0]]), torch.ones(1))
    vector = torch.zeros(1, 6, requires_grad=True)
    pose_imitation(rigid_transform(vector[:, :3], vector[:, 3:]), teacher).backward()
    assert vector.grad is not None
    assert vector.grad.isfinite().all()
    assert vector.grad[0, 5] < 0  # toward the teacher's direction


def wavy_depth() -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(192.0), indexing="ij")
    return (8 + 4 * torch.sin(x / 17) + 3 * torch.cos(y / 11) + 2 * torch.sin((x + y) / 7))[None, None]
