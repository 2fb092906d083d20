"""The ray caster against hand-worked hits and a slow march along the rays."""

import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.data.synthetic.cast import QUADRIC_FACE, Grid, Scattered, first_hits
from triptych.data.synthetic.scene import Body, packed, pose_matrix, standing
from triptych.data.synthetic.solids import (
    Look,
    box,
    cylinder,
    ellipsoid,
    frustum,
    gable,
    half_space,
)
from triptych.data.synthetic.street_materials import Rough
from triptych.data.synthetic.view import NEAREST_M, view

LOOK = Look(Rough(), (0.5, 0.5, 0.5))
K = torch.tensor([[10.0, 0.0, 8.0], [0.0, 10.0, 5.0], [0.0, 0.0, 1.0]])
AT_ORIGIN = torch.eye(4, dtype=torch.float64)
AHEAD = torch.tensor([[8.0], [5.0]], dtype=torch.float64)  # the principal point


def _hit(*solids, pose=(0.0, 0.0, 0.0, 0.0, 0.0), camera=AT_ORIGIN, pixel=AHEAD, inside_out=False):
    body = Body(tuple(solids), lambda _: pose, inside_out=inside_out)
    return first_hits(view(packed([body]), camera, K, 0.0), Scattered(pixel))


def test_a_box_is_met_at_its_near_face():
    hit = _hit(box((-1.0, -1.0, 4.0), (1.0, 1.0, 6.0), LOOK))
    assert hit.depth.item() == pytest.approx(4.0, abs=1e-12)
    assert hit.body.item() == 0
    assert hit.face.item() != QUADRIC_FACE


def test_a_turned_box_is_met_at_its_edge():
    hit = _hit(box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0), LOOK), pose=(0.0, 0.0, 7.0, math.pi / 4, 0.0))
    assert hit.depth.item() == pytest.approx(7 - math.sqrt(2), abs=1e-12)


def test_depth_is_along_the_optical_axis_and_not_along_the_ray():
    wall = box((-99.0, -99.0, 4.0), (99.0, 99.0, 5.0), LOOK)
    hit = _hit(wall, pixel=torch.tensor([[28.0], [-15.0]], dtype=torch.float64))
    assert hit.depth.item() == pytest.approx(4.0, abs=1e-12)


def test_an_ellipsoid_is_met_at_its_near_pole():
    hit = _hit(ellipsoid((0.0, 0.0, 10.0), (2.0, 1.0, 3.0), LOOK))
    assert hit.depth.item() == pytest.approx(7.0, abs=1e-12)
    assert hit.face.item() == QUADRIC_FACE


def test_a_cylinder_is_met_at_its_side_and_at_its_cap():
    upright = cylinder((0.0, 0.0, 5.0), 1.5, 2.0, LOOK)
    lying = cylinder((0.0, 0.0, 5.0), 1.5, 2.0, LOOK, axis=2)
    assert _hit(upright).depth.item() == pytest.approx(3.5, abs=1e-12)
    assert _hit(lying).depth.item() == pytest.approx(4.0, abs=1e-12)
    assert _hit(lying).face.item() != QUADRIC_FACE


def test_the_ground_is_met_below_the_horizon_only():
    camera = pose_matrix((0.0, -2.0, 0.0, 0.0, 0.0))
    pixels = torch.tensor([[8.0, 8.0, 8.0], [10.0, 5.0, 4.0]], dtype=torch.float64)
    hit = _hit(half_space(LOOK), camera=camera, pixel=pixels)
    assert hit.depth[0].item() == pytest.approx(4.0, abs=1e-12)  # 2 m down at a slope of 0.5
    assert hit.depth[1:].tolist() == [math.inf, math.inf]
    assert hit.solid.tolist() == [0, -1, -1]


def test_a_room_is_met_from_inside():
    shell = box((-3.0, -2.0, -4.0), (3.0, 1.0, 5.0), LOOK)
    assert _hit(shell, inside_out=True).depth.item() == pytest.approx(5.0, abs=1e-12)
    assert _hit(shell).depth.item() == math.inf


def test_what_lies_behind_the_camera_is_not_seen():
    assert _hit(box((-1.0, -1.0, -6.0), (1.0, 1.0, -4.0), LOOK)).depth.item() == math.inf
    assert _hit(ellipsoid((0.0, 0.0, -6.0), (1.0, 1.0, 1.0), LOOK)).depth.item() == math.inf


def test_the_nearer_of_two_bodies_is_met_whatever_their_order():
    near, far = (
        standing((box((-1.0, -1.0, z), (1.0, 1.0, z + 1), LOOK),), (0.0, 0.0, 0.0, 0.0, 0.0)) for z in (3.0, 6.0)
    )
    for bodies in ((near, far), (far, near)):
        hit = first_hits(view(packed(bodies), AT_ORIGIN, K, 0.0), Scattered(AHEAD))
        assert hit.depth.item() == pytest.approx(3.0, abs=1e-12)
        assert hit.body.item() == bodies.index(near)


def _random_bodies(dice):
    """Solids of every kind, anywhere in front of, beside and behind the camera."""
    bodies = []
    for _ in range(12):
        center = (dice.uniform(-4, 4), dice.uniform(-3, 3), dice.uniform(-3, 12))
        half = [dice.uniform(0.2, 2.0) for _ in range(3)]
        low, high = tuple(-h for h in half), tuple(half)
        kinds = [
            box(low, high, LOOK),
            frustum(low, high, LOOK, front=0.1, back=0.15, side=0.12),
            gable(low, high, LOOK),
            ellipsoid((0.1, 0.0, -0.2), tuple(half), LOOK),
            cylinder((0.0, 0.1, 0.0), half[0], half[1], LOOK, axis=dice.choice((0, 1, 2))),
        ]
        solids = tuple(dice.sample(kinds, 2))
        bodies.append(standing(solids, (*center, dice.uniform(-3, 3), dice.uniform(-0.5, 0.5))))
    return bodies


def _contains(scene, points, *, slack):
    """For world points: whether each lies inside each solid, or less than the slack outside."""
    poses = torch.stack([pose_matrix(body.pose(0.0)) for body in scene.bodies])[scene.body]
    local = (points - poses[:, None, :3, 3]) @ poses[:, :3, :3]
    flat = scene.planes[..., :3] @ local.mT <= scene.planes[..., 3:] + slack
    radius = ((local - scene.centers[:, None]) * scene.inverse_radii[:, None]).norm(dim=2)
    return flat.all(1) & (radius <= 1 + slack)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_way_to_the_hit_is_free_and_the_hit_lies_on_its_solid(seed):
    scene = packed(_random_bodies(random.Random(seed)))
    camera = pose_matrix((0.1, 0.2, -0.3, 0.2, -0.1))
    seen = view(scene, camera, K, 0.0)
    pixels = torch.rand((2, 30), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    pixels = pixels * torch.tensor([[17.0], [11.0]])
    hits = first_hits(seen, Scattered(pixels))
    directions, origin = seen.directions(pixels), camera[:3, 3:]
    # The camera sees nothing of what it is inside of, nor of what begins nearer than it sees.
    around = _contains(scene, origin.T, slack=2 * NEAREST_M)[:, 0]
    for ray in range(pixels.shape[1]):
        reach = min(hits.depth[ray].item(), 30.0)
        way = torch.linspace(0.03, reach, 200, dtype=torch.float64)
        inside = _contains(scene, (origin + directions[:, ray, None] * way).T, slack=-1e-6)
        assert not inside[~around].any()
        if math.isfinite(hits.depth[ray]):
            point = (origin + directions[:, ray, None] * hits.depth[ray]).T
            assert _contains(scene, point, slack=1e-6)[hits.solid[ray], 0]


def test_grid_and_scattered_rays_meet_the_same():
    dice = random.Random(5)
    seen = view(packed(_random_bodies(dice)), AT_ORIGIN, K, 0.0)
    grid = Grid(11, 17)
    one, other = first_hits(seen, grid), first_hits(seen, Scattered(grid.pixels))
    assert torch.equal(one.solid, other.solid)
    assert torch.equal(one.depth, other.depth)
    assert (one.solid >= 0).sum() > 30


def test_rectangles_leave_out_no_ray_that_meets_the_body():
    for seed in range(3):
        bodies = _random_bodies(random.Random(seed))
        pixels = Grid(22, 34).pixels * 0.5
        hits = first_hits(view(packed(bodies), AT_ORIGIN, K, 0.0), Scattered(pixels))
        # Without rectangles: every solid alone, its rectangle widened by a solid that is everywhere.
        best = torch.full((pixels.shape[1],), math.inf, dtype=torch.float64)
        for body in bodies:
            alone = packed([body])
            seen = view(alone, AT_ORIGIN, K, 0.0)
            everywhere = torch.tensor([[-math.inf, -math.inf, math.inf, math.inf, -1.0]]).double()
            seen.__dict__["rectangles"] = everywhere.expand(len(alone.groups), 5)
            best = torch.minimum(best, first_hits(seen, Scattered(pixels)).depth)
        assert torch.equal(best, hits.depth)


def test_a_body_moves_with_its_time():
    solid = box((-1.0, -1.0, 0.0), (1.0, 1.0, 1.0), LOOK)
    body = Body((solid,), lambda time: (0.0, 0.0, 3.0 + 2 * time, 0.0, 0.0), moves=True)
    scene = packed([body])
    for time, depth in ((0.0, 3.0), (1.5, 6.0)):
        hit = first_hits(view(scene, AT_ORIGIN, K, time), Scattered(AHEAD))
        assert hit.depth.item() == pytest.approx(depth, abs=1e-12)


def test_yaw_turns_forward_to_the_right_and_pitch_turns_it_up():
    forward = torch.tensor([0.0, 0.0, 1.0, 0.0]).double()
    assert (pose_matrix((0.0, 0.0, 0.0, 0.3, 0.0)) @ forward)[0].item() == pytest.approx(math.sin(0.3))
    assert (pose_matrix((0.0, 0.0, 0.0, 0.0, 0.3)) @ forward)[1].item() == pytest.approx(-math.sin(0.3))
