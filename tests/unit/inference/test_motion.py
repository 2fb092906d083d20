"""What moves, and whether the camera moves."""

import torch

from triptych.geometry.pose import rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.inference.motion import camera_is_still, carried_motion, grown_motion, matched_better, moving_pixels

HEIGHT, WIDTH = 64, 192
K = torch.tensor([[110.0, 0, 95.5], [0, 110.0, 31.5], [0, 0, 1]])[None]


def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Depth of a road, a forward motion, and the flow of it all."""
    rows = torch.arange(HEIGHT).view(1, 1, -1, 1).expand(1, 1, HEIGHT, WIDTH)
    depth = 165.0 / (rows - 31.5).clamp_min(4.0)
    pose = rigid_transform(torch.tensor([[0.0, 0.01, 0.0]]), torch.tensor([[0.0, 0.0, -0.8]]))
    return depth, pose, rigid_flow(depth, K, pose).flow


def test_nothing_moves_in_a_static_scene() -> None:
    depth, pose, flow = scene()
    assert not moving_pixels(flow, depth, K, pose).any()


def test_a_crossing_object_is_marked_and_nothing_else() -> None:
    depth, pose, flow = scene()
    truth = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    truth[..., 28:44, 60:100] = True
    crossing = flow + torch.tensor([0.0, 8.0]).view(1, 2, 1, 1) * truth
    assert torch.equal(moving_pixels(crossing, depth, K, pose), truth)


def test_a_depth_error_of_a_fifth_is_no_motion() -> None:
    depth, pose, flow = scene()
    assert not moving_pixels(flow, depth * 1.2, K, pose).any()


def test_under_a_camera_at_rest_what_flows_moves() -> None:
    depth, _, _ = scene()
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    flow[:, 0, 20:30, 40:60] = 5.0
    moving = moving_pixels(flow, depth, K, torch.eye(4)[None])
    assert torch.equal(moving[:, 0], flow[:, 0] > 0)


def checkers() -> torch.Tensor:
    return (torch.arange(HEIGHT).view(-1, 1) // 4 + torch.arange(WIDTH) // 4).remainder(2).float().expand(1, 3, -1, -1)


def test_a_camera_stands_still_while_a_third_of_the_picture_moves() -> None:
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    flow[:, 0, :, : WIDTH // 3] = 12.0
    assert camera_is_still(flow, checkers()).tolist() == [True]


def test_a_camera_that_moves_does_not_stand_still() -> None:
    _, _, flow = scene()
    assert camera_is_still(flow, checkers()).tolist() == [False]


def test_smooth_regions_without_flow_do_not_make_a_camera_stand_still() -> None:
    image, flow = checkers().clone(), torch.full((1, 2, HEIGHT, WIDTH), 3.0)
    image[..., : HEIGHT // 2, :] = 0.5  # sky
    flow[..., : HEIGHT // 2, :] = 0.0
    assert camera_is_still(flow, image).tolist() == [False]


def sliding_images(shift: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A textured picture, and the same shifted to the right."""
    generator = torch.Generator().manual_seed(0)
    wide = torch.nn.functional.interpolate(torch.rand(1, 3, 16, 52, generator=generator), (HEIGHT, 208))
    return wide[..., 8 : 8 + WIDTH], wide[..., 8 - shift : 8 - shift + WIDTH]


def test_the_true_match_explains_the_next_frame_better_and_a_wrong_one_does_not() -> None:
    image, following = sliding_images(3)
    truth = torch.zeros(1, 2, HEIGHT, WIDTH)
    truth[:, 0] = 3.0
    wrong = truth + 2.0
    inner = (..., slice(8, -8), slice(8, -8))
    assert matched_better(image, following, truth, wrong)[inner].float().mean() > 0.99
    assert matched_better(image, following, wrong, truth)[inner].float().mean() < 0.01


def test_where_both_say_the_same_nothing_needs_to_move() -> None:
    image, following = sliding_images(3)
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    assert not matched_better(image, following, flow, flow).any()


def test_what_leaves_the_frame_is_not_said_to_move() -> None:
    depth, pose, flow = scene()
    flow = flow.clone()
    flow[:, 0, :, -20:] = 40.0
    assert not moving_pixels(flow, depth, K, pose)[..., -20:].any()


def test_what_moves_is_carried_on_by_its_flow_and_gone_where_it_leaves_the_frame() -> None:
    moving = torch.zeros(6, 8, dtype=torch.bool)
    moving[2, 1] = moving[3, 6] = True
    flow = torch.zeros(2, 6, 8)
    flow[:, 2, 1] = torch.tensor([2.6, -0.7])
    flow[:, 3, 6] = torch.tensor([1.6, 0.0])
    flow[:, 4, 4] = torch.tensor([-3.0, 0.0])  # stands still by itself
    carried = carried_motion(moving, flow)
    assert carried.nonzero().tolist() == [[1, 4]]
    assert grown_motion(carried).nonzero().tolist() == [[row, column] for row in (0, 1, 2) for column in (3, 4, 5)]
