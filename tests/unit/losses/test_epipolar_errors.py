from __future__ import annotations

from typing import Any

import pytest
import torch

from triptych.geometry.epipolar import epipolar_distance, fundamental_matrix
from triptych.geometry.grid import pixel_grid
from triptych.geometry.pose import inverse_transform, rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.losses.epipolar import EpipolarErrors, Poses, epipolar_errors, epipolar_gates, epipolar_means

HEIGHT, WIDTH = 12, 20


class Scene:
    """Two cameras that move past a bumpy surface, in float64."""

    def __init__(self, *, seed: int = 0, speed: float = 0.2) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.intrinsics = torch.tensor([[[15.0, 0.0, 9.5], [0.0, 15.0, 5.5], [0.0, 0.0, 1.0]]], dtype=torch.float64)
        self.depth = 1 + torch.rand(1, 1, HEIGHT, WIDTH, generator=generator, dtype=torch.float64)
        turn = 0.05 * torch.randn(1, 2, 3, generator=generator, dtype=torch.float64)
        shift = speed * torch.randn(1, 2, 3, generator=generator, dtype=torch.float64)
        self.poses = rigid_transform(turn, shift)
        self.rigid = torch.stack(
            [rigid_flow(self.depth, self.intrinsics, self.poses[:, s]).flow for s in range(2)], dim=1
        )
        self.mean_inverse_depth = (1 / self.depth).mean(dim=(1, 2, 3))

    def errors(self, flow: torch.Tensor, **settings: Any) -> EpipolarErrors:
        reverse = settings.pop("target_from_source", None)
        poses = Poses(settings.pop("poses", self.poses), reverse)
        return epipolar_errors(
            flow,
            self.rigid,
            self.intrinsics,
            poses,
            torch.ones_like(flow[:, :, :1]),
            mean_inverse_depth=self.mean_inverse_depth,
            **{"fundamental": "pose", "kind": "line", "minimum_motion_px": 0.1} | settings,
        )


def test_rigid_flow_has_no_distance_under_its_own_pose_so_the_literal_l_ed_is_dead() -> None:
    scene = Scene()
    grid = pixel_grid(HEIGHT, WIDTH, dtype=torch.float64)[None]
    fundamental = fundamental_matrix(scene.poses[:, 0], scene.intrinsics)
    assert epipolar_distance(grid, grid + scene.rigid[:, 0], fundamental).max() < 1e-12
    assert scene.errors(scene.rigid + 1, fundamental="pose").rigid.max() == 0


@pytest.mark.parametrize("kind", ["line", "sampson"])
def test_flow_that_is_the_rigid_flow_has_no_epipolar_error(kind: str) -> None:
    scene = Scene()
    assert scene.errors(scene.rigid, kind=kind).flow.max() < 1e-12


def test_the_distance_across_the_lines_of_a_sideways_camera_is_the_vertical_offset() -> None:
    scene = Scene()
    sideways = torch.eye(4, dtype=torch.float64).repeat(1, 2, 1, 1)
    sideways[..., 0, 3] = 0.3
    flow = torch.zeros(1, 2, 2, HEIGHT, WIDTH, dtype=torch.float64)
    flow[:, :, 0], flow[:, 0, 1], flow[:, 1, 1] = 4.0, 1.5, -2.5
    line = scene.errors(flow, poses=sideways).flow
    torch.testing.assert_close(line[:, :, 0], torch.full_like(line[:, :, 0], 1.5))
    torch.testing.assert_close(line[:, :, 1], torch.full_like(line[:, :, 1], 2.5))
    # Sampson shares the offset between both images: sqrt(2) less where both lines are level
    sampson = scene.errors(flow, poses=sideways, kind="sampson").flow
    torch.testing.assert_close(sampson, line / 2**0.5)


def test_the_reversed_pose_gives_l_ed_a_meaning_and_none_if_it_agrees() -> None:
    scene = Scene()
    agreeing = inverse_transform(scene.poses)
    assert scene.errors(scene.rigid, fundamental="inverse_pose", target_from_source=agreeing).rigid.max() < 1e-12
    other = Scene(seed=1).poses
    assert scene.errors(scene.rigid, fundamental="inverse_pose", target_from_source=other).rigid.mean() > 0.1


def test_the_flow_gives_l_ed_a_meaning_and_none_if_it_agrees() -> None:
    scene = Scene()
    assert scene.errors(scene.rigid, fundamental="flow").rigid.max() < 1e-6
    assert scene.errors(Scene(seed=1).rigid, fundamental="flow").rigid.mean() > 0.1


def test_l_ed_is_measured_in_the_same_kind_of_distance_as_l_eo() -> None:
    scene = Scene()
    sideways = torch.eye(4, dtype=torch.float64).repeat(1, 2, 1, 1)
    sideways[..., 0, 3] = -0.3  # of the reversed pair
    line, sampson = (
        scene.errors(scene.rigid, fundamental="inverse_pose", target_from_source=sideways, kind=kind).rigid
        for kind in ("line", "sampson")
    )
    expected = scene.rigid[:, :, 1:].abs().reshape(line.shape)  # what leaves the level lines
    torch.testing.assert_close(line, expected)
    torch.testing.assert_close(sampson, line / 2**0.5)


def test_inverse_pose_without_reversed_poses_is_refused() -> None:
    scene = Scene()
    with pytest.raises(ValueError, match="target_from_source"):
        scene.errors(scene.rigid, fundamental="inverse_pose")


def test_l_eo_sends_gradient_to_flow_and_pose() -> None:
    scene = Scene()
    flow = (scene.rigid + 1).requires_grad_()
    poses = scene.poses.clone().requires_grad_()
    scene.errors(flow, poses=poses).flow.mean().backward()
    for leaf in (flow, poses):
        assert leaf.grad is not None
        assert leaf.grad.abs().max() > 0


def test_the_gradient_of_l_eo_is_that_of_finite_differences() -> None:
    scene = Scene()
    offset = torch.linspace(0.5, 2, HEIGHT * WIDTH, dtype=torch.float64).view(1, 1, 1, HEIGHT, WIDTH)
    flow = (scene.rigid + offset)[..., :3, :4].contiguous().requires_grad_()
    scene.rigid = scene.rigid[..., :3, :4]
    twist = torch.tensor([[[0.01, 0.02, 0.03], [0.03, 0.01, 0.02]]], dtype=torch.float64, requires_grad=True)

    def distance(field: torch.Tensor, rotation: torch.Tensor) -> torch.Tensor:
        return scene.errors(field, poses=rigid_transform(rotation, scene.poses[..., :3, 3])).flow

    assert torch.autograd.gradcheck(distance, (flow, twist))


def test_a_still_camera_closes_no_epipolar_gate_and_has_finite_gradients() -> None:
    scene = Scene()
    poses = torch.eye(4, dtype=torch.float64).repeat(1, 2, 1, 1).requires_grad_()
    flow = (scene.rigid * 0 + 7.0).requires_grad_()
    errors = scene.errors(flow, poses=poses)
    (errors.flow.sum() + errors.rigid.sum()).backward()
    assert all(g.min() == 1 for g in epipolar_gates(errors, tau=0.28))
    for leaf in (flow, poses):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()


def test_motion_is_negligible_below_the_minimum_in_pixels_of_parallax() -> None:
    scene = Scene()
    poses = torch.eye(4, dtype=torch.float64).repeat(1, 2, 1, 1)
    # focal length 15 px, mean of 1 / depth m: a translation of t moves the image by 15 t m
    poses[:, 0, 0, 3] = 0.9 / (15 * scene.mean_inverse_depth)
    poses[:, 1, 0, 3] = 1.1 / (15 * scene.mean_inverse_depth)
    negligible = scene.errors(scene.rigid * 0 + 7, poses=poses, minimum_motion_px=1.0).negligible_motion
    assert negligible[:, :, 0].all()
    assert not negligible[:, :, 1].any()


def test_flow_is_negligible_below_the_minimum_in_pixels() -> None:
    scene = Scene()
    flow = torch.zeros_like(scene.rigid)
    flow[:, :, 0, :, 3], flow[:, :, 1, :, 4] = 0.6, 0.9
    negligible = scene.errors(flow, minimum_motion_px=0.8).negligible_motion
    assert negligible[..., 3].all()
    assert not negligible[..., 4].any()


def errors_of(flow: float, rigid: float, *, negligible: bool = False) -> EpipolarErrors:
    def filled(value: float) -> torch.Tensor:
        return torch.full((1, 1, 1, 1, 2, 2), value)

    return EpipolarErrors(filled(flow), filled(rigid), filled(float(negligible)).bool())


def test_the_gates_compare_each_distance_with_the_other() -> None:
    for flow, rigid, expected in ((0.9, 0.0, (1, 1)), (1.0, 0.0, (0, 1)), (0.0, 1.0, (1, 0))):
        of_flow, of_rigid = epipolar_gates(errors_of(flow, rigid), tau=0.28)
        assert (of_flow.mean().item(), of_rigid.mean().item()) == expected


def test_a_gate_is_open_where_motion_is_negligible() -> None:
    of_flow, _ = epipolar_gates(errors_of(9.0, 0.0, negligible=True), tau=0.28)
    assert of_flow.min() == 1


def test_epipolar_means_are_over_the_weight_of_their_own_side() -> None:
    errors = errors_of(3.0, 5.0)
    left = torch.zeros(1, 1, 1, 1, 2, 2)
    left[..., 0] = 1
    errors.flow[..., 0], errors.rigid[..., 1] = 1.0, 2.0
    l_eo, l_ed = epipolar_means(errors, weight_of_flow=left, weight_of_rigid=1 - left, rule="cross_weighted")
    assert (l_eo.item(), l_ed.item()) == (1.0, 2.0)


def test_the_minimum_rule_takes_the_source_with_the_lowest_distance_among_the_visible() -> None:
    distance = torch.tensor([3.0, 1.0]).view(1, 1, 2, 1, 1, 1)
    errors = EpipolarErrors(distance, distance + 1, torch.zeros_like(distance, dtype=torch.bool))
    seen = torch.ones_like(distance)
    assert [m.item() for m in epipolar_means(errors, weight_of_flow=seen, weight_of_rigid=seen, rule="minimum")] == [
        1.0,
        2.0,
    ]
    hidden = torch.tensor([1.0, 0.0]).view(1, 1, 2, 1, 1, 1)
    assert [
        m.item() for m in epipolar_means(errors, weight_of_flow=hidden, weight_of_rigid=hidden, rule="minimum")
    ] == [3.0, 4.0]


def test_normalized_by_all_pixels_epipolar_means_count_each_source_unless_one_is_chosen() -> None:
    distance = torch.tensor([[3.0, 1.0, 8.0], [1.0, 2.0, 5.0]]).view(1, 1, 2, 1, 1, 3)
    errors = EpipolarErrors(distance, 10 * distance, torch.zeros_like(distance, dtype=torch.bool))
    seen = torch.tensor([[1.0, 1, 0], [1, 0, 0]]).view(1, 1, 2, 1, 1, 3)
    weights = {"weight_of_flow": seen, "weight_of_rigid": seen}
    l_eo, l_ed = epipolar_means(errors, **weights, rule="cross_weighted", normalization="all")
    assert (l_eo.item(), l_ed.item()) == pytest.approx(((3 + 1 + 1) / 6, 50 / 6))
    l_eo, l_ed = epipolar_means(errors, **weights, rule="minimum", normalization="all")
    assert (l_eo.item(), l_ed.item()) == pytest.approx(((1 + 1) / 3, 20 / 3))
    # The depth side has chosen its source already, the flow side has not.
    l_eo, l_ed = epipolar_means(errors, **weights, rule="cross_weighted", normalization="all", source_choices=2)
    assert (l_eo.item(), l_ed.item()) == pytest.approx((5 / 3, 50 / 6))
