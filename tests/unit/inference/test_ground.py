"""The ground, and what keeps the camera's pace above it."""

import torch

from triptych.geometry.pose import rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.inference.ground import (
    ground_inverse_depth,
    seen_below_ground,
    standing_inverse_depth,
    without_specks,
)
from triptych.inference.three_view import SourceView, StaticPoints, joint_points, static_points

HEIGHT, WIDTH = 64, 128
K = torch.tensor([[80.0, 0, 63.5], [0, 80.0, 24.5], [0, 0, 1]])
AHEAD = rigid_transform(torch.zeros(3), torch.tensor([0.0, 0.0, -1.0]))
CAR = (slice(None), slice(30, 44), slice(54, 76))  # stands on row 43: (43 - 24.5) / 80 of the height over z


def road(*, camera_height: float = 1.65) -> torch.Tensor:
    """Inverse depth of a level road, of the step's length, up to a wall at depth 40."""
    rows = torch.arange(HEIGHT).view(1, -1, 1).expand(1, HEIGHT, WIDTH).float()
    return ((rows - 24.5) / (80.0 * camera_height)).clamp_min(1 / 40)


def flow_of(inverse_depth: torch.Tensor) -> torch.Tensor:
    return rigid_flow(1 / inverse_depth[None], K[None], AHEAD[None]).flow[0]


def points_of(flow: torch.Tensor) -> StaticPoints:
    return static_points(SourceView(flow, torch.ones(1, HEIGHT, WIDTH, dtype=torch.bool), AHEAD), K)


def test_a_level_road_is_found_to_a_hundredth() -> None:
    points = points_of(flow_of(road()))
    ground = ground_inverse_depth(joint_points(points, points, None), K, AHEAD)
    assert ground is not None
    torch.testing.assert_close(ground[:, 40:].float(), road()[:, 40:], rtol=0.01, atol=0)
    assert (ground[:, :20] < 0).all()


def test_a_third_of_the_lower_picture_off_the_road_does_not_tilt_it() -> None:
    inverse_depth = road()
    inverse_depth[:, :, 90:] = 0.6  # a lorry beside
    points = points_of(flow_of(inverse_depth))
    ground = ground_inverse_depth(joint_points(points, points, None), K, AHEAD)
    assert ground is not None
    torch.testing.assert_close(ground[:, 40:].float(), road()[:, 40:], rtol=0.02, atol=0)


def test_a_plane_that_the_camera_would_run_into_is_no_ground() -> None:
    rows = torch.arange(HEIGHT).view(1, -1, 1).expand(1, HEIGHT, WIDTH).float()
    ramp = 0.1 + rows / 400  # nearer toward the bottom, but with its horizon far above the picture
    points = points_of(flow_of(ramp))
    assert ground_inverse_depth(joint_points(points, points, None), K, AHEAD) is None


def test_where_no_plane_rules_there_is_no_ground() -> None:
    generator = torch.Generator().manual_seed(0)
    rough = 0.05 + 0.4 * torch.rand(1, HEIGHT, WIDTH, generator=generator)
    points = points_of(flow_of(rough))
    assert ground_inverse_depth(joint_points(points, points, None), K, AHEAD) is None


def test_a_car_that_keeps_the_camera_s_pace_is_seen_below_the_ground_and_nothing_else() -> None:
    flow = flow_of(road())
    flow[CAR] = 0.0
    points = points_of(flow)
    ground = ground_inverse_depth(joint_points(points, points, None), K, AHEAD)
    assert ground is not None
    below = seen_below_ground(points, ground, K, AHEAD)
    rows = torch.arange(HEIGHT).view(1, -1, 1)
    inside = torch.zeros_like(below)
    inside[CAR] = True
    assert not below[~inside].any()
    assert below[inside & (rows > 36)].all()  # nearer the horizon the road itself hardly moves


def test_it_is_as_far_as_the_ground_where_it_stands() -> None:
    below = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.bool)
    below[CAR] = True
    ground = road()
    standing = standing_inverse_depth(below, ground)
    assert (standing[CAR] == ground[0, 43, 0]).all()
    assert torch.equal(standing[~below], ground[~below])


def test_specks_go_and_squares_stay() -> None:
    mask = torch.zeros(1, 16, 16, dtype=torch.bool)
    mask[0, 2, 2] = mask[0, 4, 8] = mask[0, 4, 9] = True
    square = torch.zeros_like(mask)
    square[0, 9:13, 9:13] = True
    assert torch.equal(without_specks(mask | square), square)
