"""Flow, visibility and masks of hand-built scenes, and of rendered worlds against the geometry folder."""

import math

import pytest
import torch

from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.cast import Grid, Scattered, first_hits, in_image
from triptych.data.synthetic.scene import Body, packed, pose_matrix, standing
from triptych.data.synthetic.solids import Look, box, half_space
from triptych.data.synthetic.street_materials import Rough
from triptych.data.synthetic.truth import FARTHEST_PX, flow_and_visibility
from triptych.data.synthetic.view import view
from triptych.geometry.camera import intrinsics_from_field_of_view
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.warp import warped

LOOK = Look(Rough(), (0.5, 0.5, 0.5))
HEIGHT, WIDTH = 24, 40
K = torch.tensor([[20.0, 0.0, 20.0], [0.0, 20.0, 12.0], [0.0, 0.0, 1.0]])
STILL = (0.0, 0.0, 0.0, 0.0, 0.0)
WALL = standing((box((-99.0, -99.0, 10.0), (99.0, 99.0, 11.0), LOOK),), STILL)


def _pair(bodies, camera_before=STILL, camera_after=STILL):
    """Flow and visibility, as maps, of one time step, and what the first view's rays meet."""
    scene, grid = packed(bodies), Grid(HEIGHT, WIDTH)
    before = view(scene, pose_matrix(camera_before), K, 0.0)
    after = view(scene, pose_matrix(camera_after), K, 1.0)
    hits = first_hits(before, grid)
    flow, visible = flow_and_visibility(before, after, hits, grid.pixels, height=HEIGHT, width=WIDTH)
    return flow.view(2, HEIGHT, WIDTH), visible.view(HEIGHT, WIDTH), hits


def _sliding(step):
    """A box of 2.2 x 2.2 m at 5 m, 8.8 px, that moves to the right by a step in one second."""
    solid = box((-1.1, -1.1, 5.0), (1.1, 1.1, 5.5), LOOK)
    return Body((solid,), lambda time: (step * time, 0.0, 0.0, 0.0, 0.0), moves=True)


def test_a_moving_box_has_the_flow_of_its_own_motion_and_the_wall_has_none():
    flow, _, hits = _pair([WALL, _sliding(1.0)])
    on_box = (hits.body == 1).view(HEIGHT, WIDTH)
    assert on_box.sum() == 9 * 9
    assert torch.allclose(flow[0][on_box], torch.tensor(4.0).double())  # 20 px * 1 m / 5 m
    assert flow[1][on_box].abs().max() < 1e-12
    assert flow[:, ~on_box].abs().max() < 1e-12


def test_exactly_what_the_box_moves_over_is_covered():
    _, visible, _ = _pair([WALL, _sliding(1.0)])
    expected = torch.ones((HEIGHT, WIDTH), dtype=torch.bool)
    expected[8:17, 25:29] = False  # the box covered columns 16 to 24, and now 20 to 28
    assert torch.equal(visible, expected)


def test_what_leaves_the_image_is_not_visible():
    flow, visible, _ = _pair([WALL], camera_after=(1.0, 0.0, 0.0, 0.0, 0.0))
    assert torch.allclose(flow[0], torch.tensor(-2.0).double())
    assert not visible[:, :2].any()
    assert visible[:, 2:].all()


def test_the_sky_moves_with_the_cameras_rotation_only():
    after = (3.0, -1.0, 2.0, 0.1, -0.05)
    flow, visible, hits = _pair([WALL_BEHIND], camera_after=after)
    assert (hits.body == -1).all()
    pixels = Grid(HEIGHT, WIDTH).pixels
    rays = torch.cat((pixels, torch.ones_like(pixels[:1])))
    turned = K.double() @ pose_matrix(after)[:3, :3].T @ torch.linalg.inv(K.double()) @ rays
    landed = turned[:2] / turned[2]
    assert torch.allclose(flow.flatten(1), landed - pixels, atol=1e-9)
    assert torch.equal(visible.flatten(), in_image(landed, height=HEIGHT, width=WIDTH))


WALL_BEHIND = standing((box((-9.0, -9.0, -5.0), (9.0, 9.0, -4.0), LOOK),), STILL)


def test_sky_that_a_body_moves_over_is_not_visible():
    flow, visible, hits = _pair([_sliding(1.0)])
    covered = (hits.body == -1).view(HEIGHT, WIDTH) & ~visible
    assert flow[:, covered].abs().max() < 1e-12
    assert covered.nonzero().unique(dim=0).tolist() == [[y, x] for y in range(8, 17) for x in range(25, 29)]


def test_what_moves_behind_the_camera_has_finite_flow_and_is_not_visible():
    flow, visible, _ = _pair([WALL], camera_after=(0.0, 0.0, 12.0, 0.0, 0.0))
    assert not visible.any()
    assert (flow == FARTHEST_PX).all()
    turned, seen, _ = _pair([WALL], camera_after=(0.0, 0.0, 0.0, math.pi / 2, 0.0))
    assert turned.isfinite().all()
    assert not seen[:, :20].any()


def test_a_turning_body_carries_its_points_around_its_axis():
    solid = box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0), LOOK)
    body = Body((solid,), lambda time: (0.0, 0.0, 6.0, 0.1 * time, 0.0), moves=True)
    flow, visible, _ = _pair([body])
    # The near face's middle (0, 0, -1) moves to (-sin, 0, -cos) from the center.
    assert flow[0, 12, 20].item() == pytest.approx(-20 * math.sin(0.1) / (6 - math.cos(0.1)), abs=1e-9)
    assert visible[12, 20]


def test_a_face_that_turns_away_is_not_visible():
    solid = box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0), LOOK)
    body = Body((solid,), lambda time: (0.0, 0.0, 6.0, math.pi / 2 * time, 0.0), moves=True)
    _, visible, hits = _pair([body])
    assert not visible.flatten()[hits.body == 0].any()


@pytest.fixture(scope="module", params=["street", "room"])
def clip(request):
    return synthetic_clip(request.param, seed=3, frames=4, height=72, width=240, start_time=2.0, noise=0.0)


def _next_from_frame(clip):
    return torch.linalg.inv(clip.camera_to_world[1:].double()) @ clip.camera_to_world[:-1].double()


def test_flow_of_what_stands_still_is_the_rigid_flow_of_depth_and_pose(clip):
    pairs = len(clip.flow_forward)
    intrinsics = clip.intrinsics.double().expand(pairs, 3, 3)
    next_from_frame = _next_from_frame(clip)
    for depth, pose, flow, moving in (
        (clip.depth_m[:-1], next_from_frame, clip.flow_forward, clip.moving[:-1]),
        (clip.depth_m[1:], torch.linalg.inv(next_from_frame), clip.flow_backward, clip.moving[1:]),
    ):
        rigid = rigid_flow(depth.double(), intrinsics, pose)
        still = rigid.valid & ~moving & depth.isfinite()
        assert still.float().mean() > 0.5
        error = (rigid.flow - flow).norm(dim=1, keepdim=True)
        assert error[still].max() < 1e-3


def test_something_moves_and_its_flow_is_not_the_rigid_flow(clip):
    pairs = len(clip.flow_forward)
    rigid = rigid_flow(clip.depth_m[:-1], clip.intrinsics.expand(pairs, 3, 3), _next_from_frame(clip).float())
    moving = clip.moving[:-1] & rigid.valid
    assert moving.sum() > 100
    assert (rigid.flow - clip.flow_forward).norm(dim=1, keepdim=True)[moving].median() > 0.5


def test_the_next_frame_warped_by_the_flow_is_the_frame_where_visible(clip):
    frames = clip.images.float() / 255
    for target, source, flow, visible, moving in (
        (frames[:-1], frames[1:], clip.flow_forward, clip.visible_forward, clip.moving[:-1]),
        (frames[1:], frames[:-1], clip.flow_backward, clip.visible_backward, clip.moving[1:]),
    ):
        brought, _ = warped(source, flow)
        error = (brought - target).abs().mean(1, keepdim=True)
        unmoved = (source - target).abs().mean(1, keepdim=True)
        assert error[visible].mean() < 0.02
        assert error[visible].mean() < 0.5 * unmoved[visible].mean()
        assert error[visible].mean() < 0.5 * error[~visible].mean()
        assert error[moving & visible].mean() < 0.05


def test_visible_points_flow_back_to_where_they_came_from(clip):
    # Where both frames see a point, the flows are each other's inverse; bilinear reading of
    # the backward flow is off near outlines, hence the quantile.
    back, in_frame = warped(clip.flow_backward, clip.flow_forward)
    miss = (back + clip.flow_forward).norm(dim=1, keepdim=True)
    assert miss[clip.visible_forward].quantile(0.9) < 0.05
    assert miss[in_frame & ~clip.visible_forward].median() > 0.5


def test_visible_points_land_on_pixels_of_nearly_their_depth(clip):
    rigid = rigid_flow(
        clip.depth_m[:-1], clip.intrinsics.expand(len(clip.flow_forward), 3, 3), _next_from_frame(clip).float()
    )
    found, _ = warped(clip.depth_m[1:].nan_to_num(posinf=1e4), clip.flow_forward)
    still = clip.visible_forward & ~clip.moving[:-1] & clip.depth_m[:-1].isfinite()
    ratio = (found / rigid.depth_in_source)[still]
    assert ((ratio - 1).abs() < 0.02).float().mean() > 0.9


def test_visibility_is_asked_of_the_exact_sub_pixel_ray():
    # A post of 1 mm stands between two pixel centers: only a ray through the very spot meets it.
    post = Body(
        (box((-0.0005, -9.0, 5.0), (0.0005, 9.0, 5.1), LOOK),),
        lambda time: (0.125 if time else 9.0, 0.0, 0.0, 0.0, 0.0),
        moves=True,
    )
    flow, visible, _ = _pair([WALL, post], camera_after=(-0.25, 0.0, 0.0, 0.0, 0.0))
    assert torch.allclose(flow[0, 12], torch.tensor(0.5).double())
    after = view(packed([WALL, post]), pose_matrix((-0.25, 0.0, 0.0, 0.0, 0.0)), K, 1.0)
    where = (20 + 20 * 0.375 / 5) - 0.5  # the post's column, and the pixel whose point lands there
    assert where == 21.0
    assert not visible[12, 21]
    assert visible[12, :21].all()
    assert (first_hits(after, Grid(HEIGHT, WIDTH)).body == 0).all()
    spot = torch.tensor([[21.5], [12.0]], dtype=torch.float64)
    assert first_hits(after, Scattered(spot)).body.item() == 1


def test_ground_up_to_the_horizon_is_exact_in_the_rectangle_of_its_half_space():
    intrinsics = intrinsics_from_field_of_view(WIDTH, HEIGHT, horizontal_deg=80.0)
    seen = view(
        packed([standing((half_space(LOOK),), STILL)]), pose_matrix((0.0, -1.65, 0.0, 0.2, 0.03)), intrinsics, 0.0
    )
    grid = Grid(HEIGHT, WIDTH)
    depth = first_hits(seen, grid).depth
    down = seen.directions(grid.pixels)[1]
    assert torch.equal(depth.isfinite(), down > 0)
    assert torch.allclose(depth[down > 0] * down[down > 0], torch.tensor(1.65).double())
