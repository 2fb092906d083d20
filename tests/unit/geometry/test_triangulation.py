"""Depth from flow and motion: the inverse of the rigid flow."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from triptych.geometry.pose import rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.triangulation import triangulated

K = torch.tensor([[50.0, 0, 23.5], [0, 52.0, 15.5], [0, 0, 1]]).double()[None]


def random_scene(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    depth = 2 + 10 * torch.rand(1, 1, 32, 48, generator=generator, dtype=torch.float64)
    motion = torch.randn(1, 6, generator=generator, dtype=torch.float64)
    return depth, rigid_transform(0.05 * motion[:, :3], 0.3 * motion[:, 3:])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_rigid_flow_of_a_depth_gives_the_depth_back_wherever_there_is_parallax(seed: int) -> None:
    depth, pose = random_scene(seed)
    points = triangulated(rigid_flow(depth, K, pose).flow, K, pose)
    tells = points.parallax > 1e-3
    torch.testing.assert_close(points.inverse_depth[tells], 1 / depth[tells], rtol=1e-8, atol=1e-10)


def test_a_sideways_step_of_one_is_a_stereo_pair_with_disparity_f_over_z() -> None:
    pose = rigid_transform(torch.zeros(1, 3).double(), torch.tensor([[-1.0, 0.0, 0.0]]).double())
    flow = torch.zeros(1, 2, 32, 48).double()
    flow[:, 0] = -10.0
    points = triangulated(flow, K, pose)
    torch.testing.assert_close(points.inverse_depth, torch.full_like(points.inverse_depth, 10 / 50))
    torch.testing.assert_close(points.parallax, torch.full_like(points.parallax, 10.0))


def test_parallax_is_how_far_the_image_moves_per_relative_change_of_depth() -> None:
    depth, _ = random_scene(3)
    pose = rigid_transform(torch.tensor([[0.02, 0.01, 0.0]]).double(), torch.tensor([[0.3, 0.1, -1.2]]).double())
    change = 1e-6
    near, far = (rigid_flow(depth * factor, K, pose).flow for factor in (1 - change, 1 + change))
    expected = (near - far).norm(dim=1, keepdim=True) / (2 * change)
    parallax = triangulated(rigid_flow(depth, K, pose).flow, K, pose).parallax
    torch.testing.assert_close(parallax, expected, rtol=1e-5, atol=1e-6)


def test_what_would_be_behind_the_source_camera_tells_nothing() -> None:
    pose = rigid_transform(torch.zeros(1, 3).double(), torch.tensor([[0.0, 0.0, -1.0]]).double())
    flow = torch.zeros(1, 2, 32, 48).double()
    flow[:, 0, :, 24:30] = -12.0  # across the epipole at column 23.5
    points = triangulated(flow, K, pose)
    crossed = points.inverse_depth[..., 24:30] > 1  # nearer than the step: passed by
    assert crossed.any()
    assert (points.parallax[..., 24:30][crossed] == 0).all()


def test_flow_against_the_motion_is_a_negative_depth() -> None:
    pose = rigid_transform(torch.zeros(1, 3).double(), torch.tensor([[-1.0, 0.0, 0.0]]).double())
    flow = torch.zeros(1, 2, 32, 48).double()
    flow[:, 0] = 10.0
    assert (triangulated(flow, K, pose).inverse_depth < 0).all()


def test_an_error_across_the_epipolar_line_changes_no_depth() -> None:
    pose = rigid_transform(torch.zeros(1, 3).double(), torch.tensor([[-1.0, 0.0, 0.0]]).double())
    flow = torch.zeros(1, 2, 32, 48).double()
    flow[:, 0], flow[:, 1] = -10.0, 3.0
    torch.testing.assert_close(
        triangulated(flow, K, pose).inverse_depth, torch.full((1, 1, 32, 48), 0.2, dtype=torch.float64)
    )


def test_without_translation_there_is_neither_parallax_nor_a_number_that_is_not_one() -> None:
    pose = rigid_transform(torch.tensor([[0.0, 0.02, 0.0]]), torch.zeros(1, 3))
    points = triangulated(torch.randn(1, 2, 32, 48), K.float(), pose)
    assert points.inverse_depth.isfinite().all()
    assert (points.parallax == 0).all()


def test_gradients_reach_flow_and_pose() -> None:
    depth, _ = random_scene(7)
    pose = rigid_transform(torch.tensor([[0.01, -0.02, 0.005]]).double(), torch.tensor([[0.4, 0.1, -0.3]]).double())
    flow = rigid_flow(depth[..., :3, :4], K, pose).flow.requires_grad_()
    pose = pose.requires_grad_()
    assert gradcheck(lambda f, p: triangulated(f, K, p).inverse_depth, (flow, pose), atol=1e-4)


def test_half_precision_is_refused() -> None:
    with pytest.raises(TypeError, match="float32"):
        triangulated(torch.zeros(1, 2, 4, 4).half(), K, torch.eye(4)[None].double())
