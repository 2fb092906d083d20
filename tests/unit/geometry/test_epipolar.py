from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kornia.geometry import epipolar as kornia_epipolar
from torch import Tensor

from triptych.geometry.camera import backprojected, intrinsics_matrix, inverse_intrinsics, projected
from triptych.geometry.epipolar import (
    FEWEST_PIXELS,
    epipolar_distance,
    epipolar_lines,
    essential_matrix,
    fundamental_from_flow,
    fundamental_matrix,
)
from triptych.geometry.grid import pixel_grid
from triptych.geometry.pose import inverse_transform, rigid_transform, transformed
from triptych.geometry.rigid import rigid_flow

SEEDS = st.integers(0, 2**32 - 1)
KINDS = ("line", "sampson")


def _grid_as(flow: Tensor) -> Tensor:
    return pixel_grid(*flow.shape[-2:], dtype=flow.dtype).expand_as(flow)


def _aligned(fundamental: Tensor) -> Tensor:
    """Of unit norm, largest entry positive."""
    flat = fundamental.flatten(1)
    largest = flat.gather(1, flat.abs().argmax(1, keepdim=True))
    return fundamental / (largest.sign() * flat.norm(dim=1, keepdim=True))[..., None]


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_rigid_flow_lies_on_the_epipolar_lines_of_its_own_pose(seed: int, scene) -> None:
    depth, intrinsics, pose = scene(seed, height=24, width=64)
    flow = rigid_flow(depth, intrinsics, pose).flow
    fundamental = fundamental_matrix(pose, intrinsics)
    for kind in KINDS:
        distance = epipolar_distance(_grid_as(flow), _grid_as(flow) + flow, fundamental, kind=kind)
        assert distance.max() < 1e-9


def test_rigid_flow_lies_on_its_epipolar_lines_in_float32_to_a_thousandth_of_a_pixel(scene) -> None:
    depth, intrinsics, pose = scene(5, height=192, width=640, dtype=torch.float32)
    result = rigid_flow(depth, intrinsics, pose)
    distance = epipolar_distance(
        _grid_as(result.flow), _grid_as(result.flow) + result.flow, fundamental_matrix(pose, intrinsics)
    )
    assert distance[result.valid].max() < 1e-3


def test_the_rigid_flow_leaves_the_lines_of_another_pose(scene) -> None:
    depth, intrinsics, pose = scene(5, height=24, width=64)
    flow = rigid_flow(depth, intrinsics, pose).flow
    other = fundamental_matrix(inverse_transform(pose), intrinsics)
    distance = epipolar_distance(_grid_as(flow), _grid_as(flow) + flow, other)
    assert distance.mean() > 0.1


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_two_cameras_of_different_intrinsics_share_one_fundamental_matrix(seed: int, scene) -> None:
    depth, intrinsics, pose = scene(seed)
    _, source_intrinsics, _ = scene(seed + 1, width=40)
    pixels, _ = projected(transformed(backprojected(depth, intrinsics), pose), source_intrinsics)
    fundamental = fundamental_matrix(pose, intrinsics, source_intrinsics)
    assert epipolar_distance(_grid_as(pixels), pixels, fundamental).max() < 1e-9
    backward = fundamental_matrix(inverse_transform(pose), source_intrinsics, intrinsics)
    torch.testing.assert_close(_aligned(backward), _aligned(fundamental.mT), rtol=0, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_the_fundamental_matrix_agrees_with_kornia(seed: int, scene) -> None:
    _, intrinsics, pose = scene(seed)
    _, source_intrinsics, _ = scene(seed + 1)
    essential = kornia_epipolar.essential_from_Rt(
        torch.eye(3, dtype=torch.float64).expand(2, 3, 3),
        torch.zeros(2, 3, 1, dtype=torch.float64),
        pose[:, :3, :3],
        pose[:, :3, 3:],
    )
    torch.testing.assert_close(essential_matrix(pose), essential, rtol=0, atol=1e-12)
    fundamental = kornia_epipolar.fundamental_from_essential(essential, intrinsics, source_intrinsics)
    result = fundamental_matrix(pose, intrinsics, source_intrinsics)
    torch.testing.assert_close(result, fundamental, rtol=1e-9, atol=1e-12)


def test_sideways_motion_has_the_image_rows_for_epipolar_lines() -> None:
    intrinsics = intrinsics_matrix(100.0, 100.0, 32.0, 16.0, dtype=torch.float64)[None]
    pose = rigid_transform(torch.zeros(1, 3), torch.tensor([[-0.5, 0.0, 0.0]])).double()
    pixels = torch.tensor([10.0, 7.0], dtype=torch.float64).view(1, 2, 1, 1)
    found = torch.tensor([3.0, 9.5], dtype=torch.float64).view(1, 2, 1, 1)
    fundamental = fundamental_matrix(pose, intrinsics)
    assert epipolar_distance(pixels, found, fundamental).item() == pytest.approx(2.5, abs=1e-9)
    # Sampson: both pixels may give way, by 1.25 px each: 2.5 / sqrt(2).
    sampson = epipolar_distance(pixels, found, fundamental, kind="sampson").item()
    assert sampson == pytest.approx(2.5 / math.sqrt(2), abs=1e-9)


def test_the_distance_to_a_line_written_out_is_the_one_of_school() -> None:
    """F p = (3, 4, -10) for every p: the distance of (5, 5) is |15 + 20 - 10| / 5 = 5."""
    fundamental = torch.zeros(1, 3, 3, dtype=torch.float64)
    fundamental[0, :, 2] = torch.tensor([3.0, 4.0, -10.0])
    pixels = torch.full((1, 2, 1, 1), 5.0, dtype=torch.float64)
    assert epipolar_lines(pixels, fundamental).flatten().tolist() == [3, 4, -10]
    assert epipolar_distance(pixels, pixels, fundamental).item() == pytest.approx(5.0, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_distances_agree_with_kornia(seed: int, scene) -> None:
    depth, intrinsics, pose = scene(seed)
    fundamental = 1e4 * fundamental_matrix(pose, intrinsics)  # kornia's epsilon is added to the squares
    flow = rigid_flow(depth, intrinsics, pose).flow + 1
    target = _grid_as(flow)
    source = target + flow
    points = (target.flatten(2).mT, source.flatten(2).mT)
    line = kornia_epipolar.left_to_right_epipolar_distance(*points, fundamental)
    ours = epipolar_distance(target, source, fundamental).flatten(1)
    torch.testing.assert_close(ours, line, rtol=1e-6, atol=1e-8)
    sampson = kornia_epipolar.sampson_epipolar_distance(*points, fundamental, squared=False)
    ours = epipolar_distance(target, source, fundamental, kind="sampson").flatten(1)
    torch.testing.assert_close(ours, sampson, rtol=1e-5, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, exponent=st.floats(-1, 4))
def test_the_scale_and_sign_of_the_fundamental_matrix_are_of_no_account(seed: int, exponent: float, scene) -> None:
    depth, intrinsics, pose = scene(seed)
    flow = rigid_flow(depth, intrinsics, pose).flow + 2
    fundamental = fundamental_matrix(pose, intrinsics)
    fundamental = fundamental / torch.linalg.matrix_norm(fundamental)[:, None, None]
    for kind in KINDS:
        distances = [
            epipolar_distance(_grid_as(flow), _grid_as(flow) + flow, scale * fundamental, kind=kind)
            for scale in (1.0, -(10**exponent))
        ]
        torch.testing.assert_close(distances[0], distances[1], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_without_translation_the_distance_is_zero_with_finite_gradients(kind, dtype: torch.dtype, scene) -> None:
    _, intrinsics, _ = scene(0, dtype=dtype)
    for angle in (0.0, 0.02):
        vector = torch.full((2, 3), angle, dtype=dtype, requires_grad=True)
        shift = torch.zeros(2, 3, dtype=dtype, requires_grad=True)
        flow = torch.full((2, 2, 12, 17), 3.0, dtype=dtype, requires_grad=True)
        fundamental = fundamental_matrix(rigid_transform(vector, shift), intrinsics)
        distance = epipolar_distance(_grid_as(flow), _grid_as(flow) + flow, fundamental, kind=kind)
        assert distance.abs().max() == 0
        distance.sum().backward()
        for tensor in (vector, shift, flow):
            assert tensor.grad is not None
            assert tensor.grad.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_vanishing_translation_fades_the_distance_with_finite_gradients(kind, scene) -> None:
    """Far above the epsilon the distance keeps its value, far below it goes to 0."""
    _, intrinsics, pose = scene(1)
    means = []
    for length in (1.0, 1e-2, 1e-9, 1e-12, 1e-30):
        shift = (length * pose[:, :3, 3]).requires_grad_()
        flow = torch.full((2, 2, 12, 17), 3.0, dtype=torch.float64)
        fundamental = fundamental_matrix(rigid_transform(torch.zeros_like(shift), shift), intrinsics)
        distance = epipolar_distance(_grid_as(flow), _grid_as(flow) + flow, fundamental, kind=kind)
        means.append(distance.mean().item())
        distance.mean().backward()
        assert shift.grad is not None
        assert shift.grad.isfinite().all()
    assert means[1] == pytest.approx(means[0], rel=1e-6)
    assert means[2] < 0.1 * means[0]
    assert means[3] < 1e-3 * means[0]
    assert means[4] < 1e-20


def test_at_the_epipole_every_match_is_allowed_and_the_gradient_is_finite() -> None:
    """Straight ahead, the epipole is the principal point: F p is null there."""
    intrinsics = intrinsics_matrix(64.0, 64.0, 8.0, 4.0)[None]
    pose = rigid_transform(torch.zeros(1, 3), torch.tensor([[0.0, 0.0, -1.0]]))
    flow = torch.full((1, 2, 9, 17), 2.0, requires_grad=True)
    fundamental = fundamental_matrix(pose, intrinsics).requires_grad_()
    distance = epipolar_distance(_grid_as(flow), _grid_as(flow) + flow, fundamental)
    assert distance[0, 0, 4, 8] == 0
    assert distance[0, 0, 4, 7].item() == pytest.approx(2.0, abs=1e-4)
    distance.sum().backward()
    assert flow.grad is not None
    assert fundamental.grad is not None
    assert flow.grad.isfinite().all()
    assert fundamental.grad.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_distance_has_the_gradient_of_its_values(kind, scene) -> None:
    depth, intrinsics, pose = scene(2, batch=1, height=2, width=3)
    flow = (rigid_flow(depth, intrinsics, pose).flow + 0.7).requires_grad_()
    pose.requires_grad_()

    def distance(f: Tensor, t: Tensor) -> Tensor:
        return epipolar_distance(_grid_as(f), _grid_as(f) + f, fundamental_matrix(t, intrinsics), kind=kind)

    assert torch.autograd.gradcheck(distance, (flow, pose))


def test_rays_are_to_the_essential_matrix_what_pixels_are_to_the_fundamental(scene) -> None:
    depth, intrinsics, pose = scene(9)
    points = backprojected(depth, intrinsics)
    residual = torch.einsum("bihw,bij,bjhw->bhw", transformed(points, pose), essential_matrix(pose), points)
    assert residual.abs().max() < 1e-10
    inverse = inverse_intrinsics(intrinsics)
    expected = inverse.mT @ essential_matrix(pose) @ inverse
    torch.testing.assert_close(fundamental_matrix(pose, intrinsics), expected, rtol=0, atol=1e-13)


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_the_fit_to_a_rigid_flow_is_the_fundamental_matrix_of_its_pose(seed: int, scene) -> None:
    depth, intrinsics, pose = scene(seed, height=24, width=40)
    flow = rigid_flow(depth, intrinsics, pose).flow
    fitted = fundamental_from_flow(flow, torch.ones_like(depth))
    truth = _aligned(fundamental_matrix(pose, intrinsics))
    torch.testing.assert_close(_aligned(fitted), truth, rtol=0, atol=1e-7)
    assert epipolar_distance(_grid_as(flow), _grid_as(flow) + flow, fitted).mean() < 1e-6
    torch.testing.assert_close(torch.linalg.matrix_norm(fitted), torch.ones(2, dtype=torch.float64))


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_garbage_without_weight_does_not_touch_the_fit(seed: int, scene) -> None:
    depth, intrinsics, pose = scene(seed, height=24, width=40)
    flow = rigid_flow(depth, intrinsics, pose).flow
    generator = torch.Generator().manual_seed(seed)
    weights = (torch.rand(depth.shape, generator=generator, dtype=torch.float64) < 0.5).double()
    garbage = 1e4 * torch.randn(flow.shape, generator=generator, dtype=torch.float64)
    garbage[:, :, 0, 0] = math.nan
    garbage[:, :, 0, 1] = math.inf
    mixed = torch.where(weights > 0, flow, garbage)
    fitted = fundamental_from_flow(mixed, weights)
    torch.testing.assert_close(_aligned(fitted), _aligned(fundamental_matrix(pose, intrinsics)), rtol=0, atol=1e-6)
    assert torch.equal(fitted, fundamental_from_flow(flow, weights))


def test_a_small_weight_on_garbage_has_little_and_a_full_one_much_influence(scene) -> None:
    depth, intrinsics, pose = scene(3, height=24, width=40)
    flow = rigid_flow(depth, intrinsics, pose).flow
    corrupted = flow.clone()
    corrupted[:, :, :, :10] += torch.randn(2, 2, 24, 10, generator=torch.Generator().manual_seed(0)) * 5
    means = []
    for trust in (1e-6, 1.0):
        weights = torch.ones_like(depth)
        weights[..., :10] = trust
        fitted = fundamental_from_flow(corrupted, weights)
        means.append(epipolar_distance(_grid_as(flow), _grid_as(flow) + flow, fitted).mean().item())
    assert means[0] < 1e-2
    assert means[1] > 10 * means[0]


def test_pixels_of_infinite_or_missing_flow_or_weight_are_left_out_of_the_fit(scene) -> None:
    depth, intrinsics, pose = scene(3, height=24, width=40)
    flow = rigid_flow(depth, intrinsics, pose).flow
    weights = torch.ones_like(depth)
    excluded = weights.clone()
    excluded[:, :, 2, :5] = 0
    flow[:, 0, 2, 0] = math.nan
    flow[:, 1, 2, 1] = -math.inf
    weights[:, :, 2, 2] = math.nan
    weights[:, :, 2, 3] = math.inf
    weights[:, :, 2, 4] = -2
    assert torch.equal(fundamental_from_flow(flow, weights), fundamental_from_flow(flow.nan_to_num(), excluded))


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_the_fit_has_rank_two_even_to_a_flow_of_noise(seed: int) -> None:
    flow = 5 * torch.randn(2, 2, 12, 20, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    fitted = fundamental_from_flow(flow, torch.ones(2, 1, 12, 20, dtype=torch.float64))
    # Of a frame of 20 px the singular values span 1 to 1e-3; the third is rounding.
    assert (torch.linalg.svdvals(fitted)[:, 2] < 1e-15).all()
    assert (torch.linalg.svdvals(fitted)[:, 1] > 1e-6).all()


def _fitted_slowly(flow: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted eight-point fit from the singular vectors of its whole design matrix."""
    rows, columns = np.indices(weights.shape)
    target = np.stack((columns.ravel(), rows.ravel(), np.ones(weights.size)))
    source = target + np.concatenate((flow.reshape(2, -1), np.zeros((1, weights.size))))
    scalings = []
    for points in (target, source):
        mean = np.average(points[:2], axis=1, weights=weights.ravel())
        spread = np.average(((points[:2] - mean[:, None]) ** 2).sum(0), weights=weights.ravel())
        scale = np.sqrt(2 / spread)
        scalings.append(np.array([[scale, 0, -scale * mean[0]], [0, scale, -scale * mean[1]], [0, 0, 1]]))
    design = np.stack([np.kron(scalings[1] @ s, scalings[0] @ t) for s, t in zip(source.T, target.T, strict=True)])
    fundamental = np.linalg.svd(np.sqrt(weights.ravel())[:, None] * design)[2][-1].reshape(3, 3)
    left, values, right = np.linalg.svd(fundamental)
    return scalings[1].T @ left @ np.diag([values[0], values[1], 0]) @ right @ scalings[0]


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_the_fit_to_noisy_weighted_flow_is_the_one_of_the_whole_design_matrix(seed: int, scene) -> None:
    depth, intrinsics, pose = scene(seed, height=9, width=14)
    generator = torch.Generator().manual_seed(seed)
    noise = 0.3 * torch.randn(2, 2, 9, 14, generator=generator, dtype=torch.float64)
    flow = rigid_flow(depth, intrinsics, pose).flow + noise
    weights = torch.rand(depth.shape, generator=generator, dtype=torch.float64) ** 2
    expected = np.stack([_fitted_slowly(f.numpy(), w[0].numpy()) for f, w in zip(flow, weights, strict=True)])
    result = _aligned(fundamental_from_flow(flow, weights))
    torch.testing.assert_close(result, _aligned(torch.from_numpy(expected)), rtol=0, atol=1e-7)


def test_the_fit_agrees_with_kornia_on_noisy_flow(scene) -> None:
    depth, intrinsics, pose = scene(7, height=12, width=20)
    flow = rigid_flow(depth, intrinsics, pose).flow
    flow = flow + 0.05 * torch.randn(flow.shape, generator=torch.Generator().manual_seed(1), dtype=flow.dtype)
    target = _grid_as(flow).flatten(2).mT
    reference = kornia_epipolar.find_fundamental(target, target + flow.flatten(2).mT)
    ours = fundamental_from_flow(flow, torch.ones_like(depth))
    # The same but for the normalization: a mean square, not a mean distance, of 2 and sqrt(2).
    distances = [epipolar_distance(_grid_as(flow), _grid_as(flow) + flow, f).mean() for f in (ours, reference)]
    assert distances[0] == pytest.approx(distances[1].item(), rel=0.05)


def test_each_sample_of_a_batch_is_fitted_by_itself(scene) -> None:
    depth, intrinsics, pose = scene(4, batch=3, height=12, width=20)
    flow = rigid_flow(depth, intrinsics, pose).flow
    weights = torch.rand(depth.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    joint = fundamental_from_flow(flow, weights)
    for index in range(3):
        alone = fundamental_from_flow(flow[index : index + 1], weights[index : index + 1])
        torch.testing.assert_close(joint[index], alone[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [0, 1, FEWEST_PIXELS - 1])
def test_too_few_pixels_give_no_lines_and_so_no_distance(count: int, scene) -> None:
    depth, intrinsics, pose = scene(4)
    flow = rigid_flow(depth, intrinsics, pose).flow
    weights = torch.zeros_like(depth)
    weights[0, 0, 3, :count] = 1
    weights[1] = 1
    fitted = fundamental_from_flow(flow, weights)
    assert fitted[0].abs().max() == 0
    assert fitted[1].norm() == pytest.approx(1)
    distance = epipolar_distance(_grid_as(flow), _grid_as(flow) + flow, fitted)
    assert distance[0].abs().max() == 0


def test_a_flow_without_motion_is_at_no_distance_from_the_lines_fitted_to_it() -> None:
    flow = torch.zeros(1, 2, 12, 20)
    fitted = fundamental_from_flow(flow, torch.ones(1, 1, 12, 20))
    assert fitted.isfinite().all()
    assert epipolar_distance(_grid_as(flow), _grid_as(flow), fitted).mean() < 1e-3


def test_the_fit_sends_no_gradient_and_works_in_inference_mode(scene) -> None:
    depth, intrinsics, pose = scene(4)
    flow = rigid_flow(depth, intrinsics, pose).flow
    outside = fundamental_from_flow(flow.clone().requires_grad_(), torch.ones_like(depth))
    assert not outside.requires_grad
    with torch.inference_mode():
        inside = fundamental_from_flow(flow, torch.ones_like(depth))
    assert torch.equal(inside, outside)
