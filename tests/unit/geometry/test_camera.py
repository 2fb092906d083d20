from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.geometry.camera import (
    NEAREST_DEPTH,
    backprojected,
    cropped_intrinsics,
    flipped_intrinsics,
    intrinsics_from_field_of_view,
    intrinsics_matrix,
    inverse_intrinsics,
    projected,
    resized_intrinsics,
)
from triptych.geometry.grid import pixel_grid

SEEDS = st.integers(0, 2**32 - 1)


def test_ninety_degrees_put_the_focal_length_at_half_the_width() -> None:
    expected = intrinsics_matrix(320.0, 320.0, 319.5, 95.5)
    torch.testing.assert_close(intrinsics_from_field_of_view(640, 192, horizontal_deg=90.0), expected)


def test_the_field_of_view_reaches_from_outer_edge_to_outer_edge() -> None:
    intrinsics = intrinsics_from_field_of_view(100, 50, horizontal_deg=70.0, dtype=torch.float64)
    edge = inverse_intrinsics(intrinsics) @ torch.tensor([-0.5, 24.5, 1.0], dtype=torch.float64)
    assert math.degrees(math.atan(-edge[0].item())) == pytest.approx(35.0, abs=1e-12)
    assert edge[1].item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("angle", [0.0, -10.0, 180.0, math.nan])
def test_an_impossible_field_of_view_is_refused(angle: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 180 degrees"):
        intrinsics_from_field_of_view(640, 192, horizontal_deg=angle)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_the_closed_form_inverse_is_the_inverse(seed: int, scene) -> None:
    _, intrinsics, _ = scene(seed)
    torch.testing.assert_close(inverse_intrinsics(intrinsics), torch.linalg.inv(intrinsics), rtol=1e-12, atol=1e-12)


def test_a_point_is_projected_as_by_hand() -> None:
    intrinsics = intrinsics_matrix(100.0, 200.0, 30.0, 20.0)[None]
    points = torch.tensor([1.0, -0.5, 4.0]).view(1, 3, 1, 1)
    pixels, in_front = projected(points, intrinsics)
    torch.testing.assert_close(pixels.flatten(), torch.tensor([55.0, -5.0]))
    assert in_front.item()


def test_a_pixel_is_backprojected_as_by_hand() -> None:
    intrinsics = intrinsics_matrix(2.0, 4.0, 1.0, 0.0)[None]
    points = backprojected(torch.full((1, 1, 2, 3), 8.0), intrinsics)
    torch.testing.assert_close(points[0, :, 1, 2], torch.tensor([4.0, 2.0, 8.0]))


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_projection_undoes_backprojection(seed: int, scene) -> None:
    depth, intrinsics, _ = scene(seed)
    pixels, in_front = projected(backprojected(depth, intrinsics), intrinsics)
    expected = pixel_grid(12, 17, dtype=torch.float64).expand(2, -1, -1, -1)
    torch.testing.assert_close(pixels, expected, rtol=0, atol=1e-12)
    assert in_front.all()


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, scale_x=st.floats(0.1, 4), scale_y=st.floats(0.1, 4))
def test_resizing_commutes_with_projection(seed: int, scale_x: float, scale_y: float, scene) -> None:
    """The outer edges of the image stay outer edges: x + 0.5 is what scales."""
    depth, intrinsics, _ = scene(seed)
    points = backprojected(depth, intrinsics)
    resized = resized_intrinsics(intrinsics, scale_x=scale_x, scale_y=scale_y)
    x, y = projected(points, intrinsics)[0].unbind(1)
    expected = torch.stack((scale_x * (x + 0.5) - 0.5, scale_y * (y + 0.5) - 0.5), dim=1)
    torch.testing.assert_close(projected(points, resized)[0], expected, rtol=0, atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, left=st.integers(0, 9), top=st.integers(0, 9))
def test_cropping_commutes_with_projection(seed: int, left: int, top: int, scene) -> None:
    depth, intrinsics, _ = scene(seed)
    points = backprojected(depth, intrinsics)
    cropped = cropped_intrinsics(intrinsics, left=left, top=top)
    x, y = projected(points, intrinsics)[0].unbind(1)
    expected = torch.stack((x - left, y - top), dim=1)
    torch.testing.assert_close(projected(points, cropped)[0], expected, rtol=0, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_flipping_commutes_with_projection(seed: int, scene) -> None:
    depth, intrinsics, _ = scene(seed)
    points = backprojected(depth, intrinsics)
    mirror = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)[:, None, None]
    flipped = projected(points * mirror, flipped_intrinsics(intrinsics, width=17))[0]
    x, y = projected(points, intrinsics)[0].unbind(1)
    torch.testing.assert_close(flipped, torch.stack((16 - x, y), dim=1), rtol=0, atol=1e-12)


def test_flipping_twice_and_resizing_back_restore_the_intrinsics(scene) -> None:
    _, intrinsics, _ = scene(3)
    twice = flipped_intrinsics(flipped_intrinsics(intrinsics, width=17), width=17)
    back = resized_intrinsics(resized_intrinsics(intrinsics, scale_x=0.3, scale_y=2), scale_x=1 / 0.3, scale_y=0.5)
    torch.testing.assert_close(twice, intrinsics, rtol=0, atol=1e-13)
    torch.testing.assert_close(back, intrinsics, rtol=0, atol=1e-13)


def test_intrinsics_without_a_batch_axis_are_taken_too() -> None:
    intrinsics = intrinsics_matrix(100.0, 100.0, 49.5, 24.5)
    assert resized_intrinsics(intrinsics, scale_x=0.5, scale_y=0.5)[0].tolist() == [50.0, 0.0, 24.5]
    assert cropped_intrinsics(intrinsics, left=9, top=4)[1].tolist() == [0.0, 100.0, 20.5]


def test_points_behind_the_camera_are_told_and_finite_in_value_and_gradient() -> None:
    intrinsics = intrinsics_matrix(500.0, 500.0, 320.0, 96.0)[None]
    z = torch.tensor([5.0, NEAREST_DEPTH * 1.01, NEAREST_DEPTH, 0.0, -1e-30, -7.0])
    points = torch.stack((torch.full_like(z, 3.0), torch.full_like(z, -2.0), z)).view(1, 3, 1, 6).requires_grad_()
    pixels, in_front = projected(points, intrinsics)
    assert in_front.flatten().tolist() == [True, True, False, False, False, False]
    assert pixels.isfinite().all()
    pixels.square().mean().backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()


def test_projection_and_backprojection_have_the_gradients_of_their_values(scene) -> None:
    depth, intrinsics, _ = scene(5, batch=1, height=2, width=3)
    assert torch.autograd.gradcheck(backprojected, (depth.requires_grad_(), intrinsics.requires_grad_()))
    points = backprojected(depth, intrinsics).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda p, k: projected(p, k)[0], (points, intrinsics))
