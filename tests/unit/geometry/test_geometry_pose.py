from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kornia.geometry.conversions import axis_angle_to_rotation_matrix
from torch import Tensor

from triptych.geometry.pose import (
    axis_angle,
    inverse_transform,
    relative_transform,
    rigid_transform,
    rotation_matrix,
    skew_matrix,
    trajectory,
    transformed,
)

ANGLES = [0.0, 1e-9, 1e-4, 1e-3, 0.49999, 0.50001, 1.0, math.pi - 0.1]
SEEDS = st.integers(0, 2**32 - 1)
DIRECTION = torch.tensor([0.36, -0.48, 0.8], dtype=torch.float64)  # of length 1


def _drawn(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1


def _exponential(vector: Tensor) -> Tensor:
    return torch.linalg.matrix_exp(skew_matrix(vector))


def test_the_skew_matrix_is_the_cross_product() -> None:
    a, b = _drawn(0, 4, 3), _drawn(1, 4, 3)
    product = (skew_matrix(a) @ b[..., None]).squeeze(-1)
    torch.testing.assert_close(product, torch.linalg.cross(a, b), rtol=0, atol=1e-15)


def test_a_quarter_turn_about_z_takes_x_to_y() -> None:
    rotation = rotation_matrix(torch.tensor([0.0, 0.0, math.pi / 2], dtype=torch.float64))
    expected = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    torch.testing.assert_close(rotation, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("angle", [1e-8, 1e-3, 0.1, 0.3, 0.4999, 0.5001, 0.9999, 1.0001, 2.0])
def test_a_turn_about_z_holds_sine_and_cosine_to_the_last_digit(angle: float) -> None:
    rotation = rotation_matrix(torch.tensor([0.0, 0.0, angle], dtype=torch.float64))
    assert rotation[1, 0].item() == pytest.approx(math.sin(angle), rel=4e-16, abs=0)
    assert rotation[0, 0].item() == pytest.approx(math.cos(angle), rel=0, abs=4e-16)


def test_no_turn_is_the_identity_to_the_bit() -> None:
    assert torch.equal(rotation_matrix(torch.zeros(2, 3)), torch.eye(3).expand(2, 3, 3))


@pytest.mark.parametrize("angle", [*ANGLES, math.pi, 5.0, 20.0])
def test_the_rotation_is_the_matrix_exponential(angle: float) -> None:
    vector = angle * DIRECTION
    torch.testing.assert_close(rotation_matrix(vector), _exponential(vector), rtol=0, atol=2e-14)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_the_rotation_agrees_with_kornia(seed: int) -> None:
    vector = 3 * _drawn(seed, 8, 3)
    torch.testing.assert_close(rotation_matrix(vector), axis_angle_to_rotation_matrix(vector), rtol=0, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, exponent=st.floats(-9, 0.5))
def test_a_rotation_is_orthogonal_and_right_handed(seed: int, exponent: float) -> None:
    rotation = rotation_matrix(10**exponent * _drawn(seed, 4, 3))
    identity = torch.eye(3, dtype=torch.float64).expand(4, 3, 3)
    torch.testing.assert_close(rotation @ rotation.mT, identity, rtol=0, atol=1e-14)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-14)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_rotation_has_the_gradient_of_its_values_from_zero_to_almost_pi(angle: float) -> None:
    vector = (angle * DIRECTION).requires_grad_()
    assert torch.autograd.gradcheck(rotation_matrix, (vector,), eps=1e-6, atol=1e-9, rtol=1e-8)


@pytest.mark.parametrize("angle", ANGLES)
def test_the_second_derivatives_of_the_rotation_are_right_too(angle: float) -> None:
    vector = (angle * DIRECTION).requires_grad_()
    assert torch.autograd.gradgradcheck(rotation_matrix, (vector,), eps=1e-6, atol=1e-8, rtol=1e-7)


@pytest.mark.parametrize("angle", [0.0, 1e-7, 1e-4, 1e-3, 1e-2, 0.3, 0.499, 0.501, 1.0, 2.0, 3.1])
def test_in_float32_rotation_and_gradient_are_right_to_its_rounding(angle: float) -> None:
    """The closed form in place of the series loses a third of the gradient at 1e-3 rad."""
    upstream = torch.tensor([[0.2, -0.7, 0.4], [0.9, 0.1, -0.3], [-0.5, 0.6, 0.8]], dtype=torch.float64)
    gradients, values = [], []
    for dtype in (torch.float32, torch.float64):
        vector = (angle * DIRECTION).float().to(dtype).requires_grad_()
        rotation = rotation_matrix(vector)
        (gradient,) = torch.autograd.grad((rotation * upstream.to(dtype)).sum(), vector)
        values.append(rotation.detach().double())
        gradients.append(gradient.double())
    torch.testing.assert_close(values[0], values[1], rtol=0, atol=5e-7)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=2e-6)


@pytest.mark.parametrize("angle", [1e-7, 1e-4, 1e-3])
def test_the_curvature_of_a_small_rotation_survives_float32(angle: float) -> None:
    """d(trace R)/dt = -2 sin(t) is small near 0, and must not drown in rounding."""
    vector = (angle * DIRECTION).float().requires_grad_()
    (gradient,) = torch.autograd.grad(rotation_matrix(vector).diagonal().sum(), vector)
    expected = -2 * math.sin(angle) * DIRECTION
    torch.testing.assert_close(gradient.double(), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("angle", [1e-4, 1e-3, 1e-2, 0.1])
def test_second_derivatives_of_small_rotations_survive_float32(angle: float) -> None:
    """The antisymmetric part sin(t)/t v bends by -t/3: the closed form gets that wrong by half at 1e-3."""
    weight = torch.tensor([0.3, 0.5, -0.2], dtype=torch.float64)
    hessians = []
    for dtype in (torch.float32, torch.float64):
        upstream = skew_matrix(weight.to(dtype))
        vector = (angle * DIRECTION).float().to(dtype)
        hessian = torch.autograd.functional.hessian(lambda v, u=upstream: (u * rotation_matrix(v)).sum(), vector)
        hessians.append(hessian.double())
    torch.testing.assert_close(hessians[0], hessians[1], rtol=0, atol=1e-3 * angle)


@pytest.mark.parametrize("angle", [1e-4, 1e-3, 1e-2])
def test_axis_angle_after_rotation_has_no_curvature_in_float32(angle: float) -> None:
    weight = torch.tensor([0.3, 0.5, -0.2])
    hessian = torch.autograd.functional.hessian(
        lambda v: (weight * axis_angle(rotation_matrix(v))).sum(), (angle * DIRECTION).float()
    )
    assert hessian.abs().max() < 1e-6


@pytest.mark.parametrize("angle", [0.1, 0.25, 0.2977, 0.2997, 0.31])  # 2 atan 0.15 = 0.29778
def test_a_turn_about_z_comes_back_to_the_last_digit(angle: float) -> None:
    vector = torch.tensor([0.0, 0.0, angle], dtype=torch.float64)
    assert axis_angle(rotation_matrix(vector))[2].item() == pytest.approx(angle, rel=1e-15, abs=0)


@pytest.mark.parametrize("angle", [*ANGLES, 1e-300, 3.0, math.pi - 1e-4, math.pi - 1e-8])
@pytest.mark.parametrize("axis", [(0.36, -0.48, 0.8), (1.0, 0, 0), (0, -1.0, 0), (0, 0, 1.0), (0.6, 0.8, 0)])
def test_the_axis_angle_of_a_rotation_is_what_made_it(angle: float, axis: tuple[float, ...]) -> None:
    vector = angle * torch.tensor(axis, dtype=torch.float64)
    torch.testing.assert_close(axis_angle(rotation_matrix(vector)), vector, rtol=1e-14, atol=2e-15)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, angle=st.floats(0, 3.1))
def test_axis_angle_inverts_the_rotation_in_every_direction(seed: int, angle: float) -> None:
    direction = _drawn(seed, 16, 3)
    vector = angle * direction / direction.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(axis_angle(rotation_matrix(vector)), vector, rtol=0, atol=1e-13)


@pytest.mark.parametrize("angle", [0.0, 1e-6, 1e-3, 0.1, 1.0, 3.0, 3.1415])
def test_axis_angle_in_float32_keeps_six_digits(angle: float) -> None:
    vector = (angle * DIRECTION).float()
    torch.testing.assert_close(axis_angle(rotation_matrix(vector)), vector, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("axis", [(1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0), (0.6, 0, -0.8), (0.36, -0.48, 0.8)])
def test_half_a_turn_comes_back_as_half_a_turn_about_that_axis(axis: tuple[float, ...]) -> None:
    direction = torch.tensor(axis, dtype=torch.float64)
    rotation = 2 * direction[:, None] * direction - torch.eye(3, dtype=torch.float64)
    vector = axis_angle(rotation)
    assert vector.norm().item() == pytest.approx(math.pi, abs=1e-14)
    assert (vector @ direction).abs().item() == pytest.approx(math.pi, abs=1e-14)


def test_more_than_half_a_turn_comes_back_as_the_shorter_way_round() -> None:
    vector = axis_angle(rotation_matrix((2 * math.pi - 1) * DIRECTION))
    torch.testing.assert_close(vector, -DIRECTION, rtol=0, atol=1e-14)


@pytest.mark.parametrize("angle", [*ANGLES, 0.2999, 0.3001, 3.1])
def test_axis_angle_after_rotation_has_the_identity_as_its_jacobian(angle: float) -> None:
    jacobian = torch.autograd.functional.jacobian(lambda v: axis_angle(rotation_matrix(v)), angle * DIRECTION)
    torch.testing.assert_close(jacobian, torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-11)


def test_axis_angle_in_float32_has_the_gradient_of_float64() -> None:
    for angle in (0.0, 1e-4, 1e-2, 0.29, 0.31, 2.0):
        jacobian = torch.autograd.functional.jacobian(
            lambda v: axis_angle(rotation_matrix(v)), (angle * DIRECTION).float()
        )
        torch.testing.assert_close(jacobian, torch.eye(3), rtol=0, atol=1e-5)


def test_a_transform_rotates_first_and_then_translates() -> None:
    transform = rigid_transform(
        torch.tensor([[0.0, 0.0, math.pi / 2]], dtype=torch.float64),
        torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64),
    )
    point = torch.tensor([10.0, 0.0, 5.0], dtype=torch.float64).view(1, 3, 1, 1)
    expected = torch.tensor([1.0, 12.0, 8.0], dtype=torch.float64)
    torch.testing.assert_close(transformed(point, transform).flatten(), expected)
    assert transform[0, 3].tolist() == [0, 0, 0, 1]


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_transforms_form_a_group(seed: int) -> None:
    a, b, c = (rigid_transform(2 * _drawn(seed + k, 3), 9 * _drawn(seed + 9 + k, 3)) for k in range(3))
    identity = torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(inverse_transform(a) @ a, identity, rtol=0, atol=1e-13)
    torch.testing.assert_close(a @ inverse_transform(a), identity, rtol=0, atol=1e-13)
    torch.testing.assert_close(inverse_transform(a @ b), inverse_transform(b) @ inverse_transform(a))
    torch.testing.assert_close(inverse_transform(inverse_transform(c)), c, rtol=0, atol=1e-13)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_moving_points_twice_is_moving_them_by_the_product(seed: int) -> None:
    b_from_a = rigid_transform(2 * _drawn(seed, 2, 3), _drawn(seed + 1, 2, 3))
    c_from_b = rigid_transform(2 * _drawn(seed + 2, 2, 3), _drawn(seed + 3, 2, 3))
    points = 5 * _drawn(seed + 4, 2, 3, 4, 5)
    twice = transformed(transformed(points, b_from_a), c_from_b)
    torch.testing.assert_close(twice, transformed(points, c_from_b @ b_from_a), rtol=0, atol=1e-13)


def test_transforming_agrees_with_homogeneous_coordinates_in_numpy() -> None:
    transform = rigid_transform(_drawn(0, 2, 3), _drawn(1, 2, 3))
    points = _drawn(2, 2, 3, 2, 2)
    result = transformed(points, transform).numpy()
    for sample in range(2):
        for row in range(2):
            for column in range(2):
                point = np.append(points[sample, :, row, column].numpy(), 1.0)
                expected = transform[sample].numpy() @ point
                np.testing.assert_allclose(result[sample, :, row, column], expected[:3], atol=1e-14)


def test_the_relative_transform_of_two_cameras_moves_points_through_the_world() -> None:
    source_to_world = rigid_transform(_drawn(0, 1, 3), _drawn(1, 1, 3))
    target_to_world = rigid_transform(_drawn(2, 1, 3), _drawn(3, 1, 3))
    points = _drawn(4, 1, 3, 2, 2)
    in_source = transformed(points, relative_transform(source_to_world, target_to_world))
    in_world = transformed(points, target_to_world)
    torch.testing.assert_close(transformed(in_source, source_to_world), in_world, rtol=0, atol=1e-14)


def test_driving_straight_on_puts_the_third_camera_two_steps_ahead() -> None:
    """A camera that moves forward sees the points come nearer: next_from_current has -z."""
    step = rigid_transform(torch.zeros(2, 3), torch.tensor([0.0, 0.0, -1.5]).expand(2, 3))
    cameras = trajectory(step)
    assert cameras[:, 2, 3].tolist() == [0.0, 1.5, 3.0]
    assert torch.equal(cameras[0], torch.eye(4))


def test_a_trajectory_turns_its_later_steps() -> None:
    """A quarter turn to the right, then a step ahead, ends at the first camera's right."""
    turn = inverse_transform(rigid_transform(torch.tensor([0.0, math.pi / 2, 0.0]), torch.zeros(3)))
    ahead = rigid_transform(torch.zeros(3), torch.tensor([0.0, 0.0, -1.0]))
    end = trajectory(torch.stack((turn, ahead)))[-1, :3, 3]
    torch.testing.assert_close(end, torch.tensor([1.0, 0.0, 0.0]), rtol=0, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, count=st.integers(0, 6))
def test_the_steps_of_a_trajectory_are_its_relative_transforms(seed: int, count: int) -> None:
    steps = rigid_transform(_drawn(seed, count, 3), _drawn(seed + 1, count, 3))
    cameras = trajectory(steps)
    assert cameras.shape == (count + 1, 4, 4)
    torch.testing.assert_close(relative_transform(cameras[1:], cameras[:-1]), steps, rtol=0, atol=1e-13)


def test_a_thousand_float32_steps_round_a_circle_come_back() -> None:
    """Chained in float32, the rounding of each product adds up to several times as much."""
    step = rigid_transform(torch.tensor([0.0, -2 * math.pi / 1000, 0.0]), torch.tensor([0.0, 0.0, -1.0]))
    end = trajectory(step.expand(1000, 4, 4))[-1]
    exact = torch.linalg.matrix_power(inverse_transform(step.double()), 1000)
    torch.testing.assert_close(end.double(), exact, rtol=0, atol=1e-7)
    assert end[:3, 3].norm() < 0.02  # of a way of 1000


def test_poses_have_the_gradients_of_their_values() -> None:
    vector, shift = _drawn(0, 2, 3).requires_grad_(), _drawn(1, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda v, t: inverse_transform(rigid_transform(v, t)), (vector, shift))
    assert torch.autograd.gradcheck(lambda v, t: trajectory(rigid_transform(v, t)), (vector, shift))
    points = _drawn(2, 2, 3, 1, 2).requires_grad_()
    assert torch.autograd.gradcheck(transformed, (points, rigid_transform(vector, shift).detach().requires_grad_()))
