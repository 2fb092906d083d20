from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.geometry.camera import (
    NEAREST_DEPTH,
    backprojected,
    flipped_intrinsics,
    intrinsics_matrix,
    projected,
    resized_intrinsics,
)
from triptych.geometry.grid import pixel_grid
from triptych.geometry.pose import inverse_transform, rigid_transform, transformed
from triptych.geometry.rigid import rigid_flow

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_the_rigid_flow_is_eq_4_step_by_step(seed: int, scene) -> None:
    depth, intrinsics, pose = scene(seed)
    points = transformed(backprojected(depth, intrinsics), pose)
    pixels, in_front = projected(points, intrinsics)
    result = rigid_flow(depth, intrinsics, pose)
    grid = pixel_grid(12, 17, dtype=torch.float64)
    torch.testing.assert_close(result.flow, pixels - grid, rtol=0, atol=1e-11)
    torch.testing.assert_close(result.depth_in_source, points[:, 2:3], rtol=0, atol=1e-12)
    x, y = pixels[:, 0:1], pixels[:, 1:2]
    assert torch.equal(result.valid, in_front & (x >= 0) & (x <= 16) & (y >= 0) & (y <= 11))


def test_the_rigid_flow_agrees_with_eq_4_in_numpy(scene) -> None:
    depth, intrinsics, pose = scene(11, batch=1, height=3, width=4)
    k, transform = intrinsics[0].numpy(), pose[0].numpy()
    result = rigid_flow(depth, intrinsics, pose)
    for row in range(3):
        for column in range(4):
            pixel = np.array([column, row, 1.0])
            point = depth[0, 0, row, column].item() * np.linalg.inv(k) @ pixel
            image = k @ (transform[:3, :3] @ point + transform[:3, 3])
            expected = image[:2] / image[2] - pixel[:2]
            np.testing.assert_allclose(result.flow[0, :, row, column].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_motion_the_flow_is_zero_to_the_bit_and_valid_everywhere(scene, dtype: torch.dtype) -> None:
    depth, intrinsics, _ = scene(0, height=192, width=640, dtype=dtype)
    result = rigid_flow(depth, intrinsics, torch.eye(4, dtype=dtype).expand(2, 4, 4))
    assert result.flow.abs().max() == 0
    assert result.valid.all()
    assert torch.equal(result.depth_in_source, depth)


def test_a_step_to_the_side_gives_the_disparity_of_stereo() -> None:
    """f b / Z = 700 * 0.5 / 10 = 35 px to the left when the camera moves to the right."""
    intrinsics = intrinsics_matrix(700.0, 700.0, 30.0, 20.0, dtype=torch.float64)[None]
    pose = rigid_transform(torch.zeros(1, 3), torch.tensor([[-0.5, 0.0, 0.0]])).double()
    result = rigid_flow(torch.full((1, 1, 40, 60), 10.0, dtype=torch.float64), intrinsics, pose)
    torch.testing.assert_close(result.flow[:, 0], torch.full((1, 40, 60), -35.0, dtype=torch.float64))
    assert result.flow[:, 1].abs().max() == 0
    assert result.valid[0, 0, 0].tolist() == [column >= 35 for column in range(60)]


def test_a_step_ahead_expands_the_image_about_the_principal_point() -> None:
    """From Z = 10 to 8 the distance to the principal point grows by 10 / 8."""
    intrinsics = intrinsics_matrix(500.0, 300.0, 4.0, 2.0, dtype=torch.float64)[None]
    pose = rigid_transform(torch.zeros(1, 3), torch.tensor([[0.0, 0.0, -2.0]])).double()
    result = rigid_flow(torch.full((1, 1, 6, 9), 10.0, dtype=torch.float64), intrinsics, pose)
    middle = torch.tensor([4.0, 2.0], dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(result.flow[0], 0.25 * (pixel_grid(6, 9, dtype=torch.float64) - middle))
    assert (result.depth_in_source == 8).all()


def test_infinite_depth_shows_the_rotation_alone(scene) -> None:
    depth, intrinsics, pose = scene(4)
    far = rigid_flow(torch.full_like(depth, math.inf), intrinsics, pose)
    turn_only = pose.clone()
    turn_only[:, :3, 3] = 0
    near = rigid_flow(depth, intrinsics, turn_only)
    torch.testing.assert_close(far.flow, near.flow, rtol=0, atol=1e-13)
    assert torch.equal(far.valid, near.valid)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_depth_and_motion_in_any_common_unit_give_the_same_flow(seed: int, scene) -> None:
    depth, intrinsics, pose = scene(seed)
    scaled = pose.clone()
    scaled[:, :3, 3] *= 7
    result = rigid_flow(7 * depth, intrinsics, scaled)
    torch.testing.assert_close(result.flow, rigid_flow(depth, intrinsics, pose).flow, rtol=0, atol=1e-11)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_the_flow_of_the_mirrored_scene_is_the_mirrored_flow(seed: int, scene) -> None:
    depth, intrinsics, pose = scene(seed)
    mirror = torch.diag(torch.tensor([-1.0, 1, 1, 1], dtype=torch.float64))
    flow = rigid_flow(depth, intrinsics, pose).flow
    mirrored = rigid_flow(depth.flip(-1), flipped_intrinsics(intrinsics, width=17), mirror @ pose @ mirror).flow
    sign = torch.tensor([-1.0, 1.0], dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(mirrored, sign * flow.flip(-1), rtol=0, atol=1e-11)


def test_the_flow_of_half_the_image_is_half_the_flow() -> None:
    """A fronto-parallel plane keeps its depth under resizing, whatever the filter."""
    intrinsics = intrinsics_matrix(50.0, 60.0, 9.0, 4.0, dtype=torch.float64)[None]
    pose = rigid_transform(torch.zeros(1, 3), torch.tensor([[0.3, -0.2, 0.0]])).double()
    whole = rigid_flow(torch.full((1, 1, 8, 20), 5.0, dtype=torch.float64), intrinsics, pose)
    half = rigid_flow(
        torch.full((1, 1, 4, 10), 5.0, dtype=torch.float64),
        resized_intrinsics(intrinsics, scale_x=0.5, scale_y=0.5),
        pose,
    )
    torch.testing.assert_close(half.flow, whole.flow[..., ::2, ::2] / 2)


def test_going_and_returning_cancel() -> None:
    """On a plane at constant depth with motion along it, the backward pose undoes the flow."""
    intrinsics = intrinsics_matrix(50.0, 60.0, 9.0, 4.0, dtype=torch.float64)[None]
    pose = rigid_transform(torch.zeros(1, 3), torch.tensor([[0.3, -0.2, 0.0]])).double()
    depth = torch.full((1, 1, 8, 20), 5.0, dtype=torch.float64)
    there = rigid_flow(depth, intrinsics, pose).flow
    back = rigid_flow(depth, intrinsics, inverse_transform(pose)).flow
    torch.testing.assert_close(there, -back)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_behind_the_source_camera_is_invalid_and_finite_in_value_and_gradient(dtype: torch.dtype) -> None:
    intrinsics = intrinsics_matrix(500.0, 500.0, 3.0, 1.0, dtype=dtype)[None].requires_grad_()
    depth = torch.tensor([0.1, 1.9, 1.9999, 2.0, 2.0 + NEAREST_DEPTH / 2, 2.5, 100.0], dtype=dtype)
    depth = depth.expand(1, 1, 3, 7).clone().requires_grad_()
    vector = torch.zeros(1, 3, dtype=dtype, requires_grad=True)
    shift = torch.tensor([[-0.3, -0.1, -2.0]], dtype=dtype, requires_grad=True)
    result = rigid_flow(depth, intrinsics, rigid_transform(vector, shift))
    assert (result.depth_in_source[0, 0, 0] > NEAREST_DEPTH).tolist() == [False] * 5 + [True] * 2
    assert not result.valid[..., :5].any()
    assert result.valid[0, 0, 1, 6]
    assert result.flow.isfinite().all()
    result.flow.square().mean().backward()
    for tensor in (depth, intrinsics, vector, shift):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


def test_a_point_behind_the_source_camera_is_sent_out_of_the_frame(scene) -> None:
    """So that whoever looks at p + flow alone does not take it for seen."""
    depth, intrinsics, _ = scene(0)
    pose = rigid_transform(torch.zeros(2, 3), torch.tensor([0.4, 0.0, -60.0]).expand(2, 3)).double()
    result = rigid_flow(depth, intrinsics, pose)
    assert (result.depth_in_source < 0).all()
    assert (result.flow.norm(dim=1) > 100).all()


@pytest.mark.parametrize(
    ("depth", "seen"),
    [(1.0, False), (2.0, False), (2 + NEAREST_DEPTH / 2, False), (2 + 2 * NEAREST_DEPTH, True)],
)
def test_at_the_epipole_a_point_behind_the_camera_stays_in_frame_and_is_invalid(depth: float, seen: bool) -> None:
    intrinsics = intrinsics_matrix(500.0, 500.0, 3.0, 1.0, dtype=torch.float64)[None]
    pose = rigid_transform(torch.zeros(1, 3), torch.tensor([[0.0, 0.0, -2.0]])).double()
    result = rigid_flow(torch.full((1, 1, 3, 7), depth, dtype=torch.float64), intrinsics, pose)
    assert result.flow[0, :, 1, 3].abs().max() == 0
    assert result.valid[0, 0, 1, 3].item() is seen


@pytest.mark.parametrize("missing", [0.0, -3.0, math.nan])
def test_a_missing_depth_is_invalid_and_hurts_no_other_gradient(missing: float, scene) -> None:
    depth, intrinsics, pose = scene(2)
    depth[0, 0, 3, 5] = missing
    depth.requires_grad_()
    pose.requires_grad_()
    result = rigid_flow(depth, intrinsics, pose)
    assert not result.valid[0, 0, 3, 5]
    assert result.flow.isfinite().all()
    assert result.depth_in_source[0, 0, 3, 5] == 0
    (result.flow.sum() + result.depth_in_source.sum()).backward()
    assert depth.grad is not None
    assert pose.grad is not None
    assert depth.grad.isfinite().all()
    assert depth.grad[0, 0, 3, 5] == 0
    assert pose.grad.isfinite().all()


def test_half_a_turn_of_the_camera_leaves_nothing_valid(scene) -> None:
    depth, intrinsics, _ = scene(3)
    pose = rigid_transform(torch.tensor([0.0, math.pi, 0.0]).expand(2, 3), torch.zeros(2, 3)).double()
    for distance in (depth, torch.full_like(depth, math.inf)):
        result = rigid_flow(distance, intrinsics, pose)
        assert not result.valid.any()
        assert result.flow.isfinite().all()


def test_the_rigid_flow_has_the_gradient_of_its_values(scene) -> None:
    depth, intrinsics, pose = (tensor.requires_grad_() for tensor in scene(6, batch=1, height=2, width=3))

    def flow_and_depth(*inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        result = rigid_flow(*inputs)
        return result.flow, result.depth_in_source

    assert torch.autograd.gradcheck(flow_and_depth, (depth, intrinsics, pose))


def test_the_flow_of_a_small_motion_keeps_its_digits_in_float32(scene) -> None:
    """p' - p of pixels up to 640 would round to 6e-5 px, as much as the flow itself."""
    depth, intrinsics, pose = scene(8, height=192, width=640, turn=0.0, move=1e-5)
    exact = rigid_flow(depth, intrinsics, pose).flow
    rounded = rigid_flow(depth.float(), intrinsics.float(), pose.float()).flow
    assert 1e-5 < exact.abs().max() < 1e-2
    torch.testing.assert_close(rounded.double(), exact, rtol=1e-5, atol=1e-9)
