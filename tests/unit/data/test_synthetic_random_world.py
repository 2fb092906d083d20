"""Random worlds: disjoint parts, exact truth, roles that mean what they say, texture to learn from."""

import dataclasses
import itertools
import math

import pytest
import torch

from triptych.data.synthetic.appearance import Appearance
from triptych.data.synthetic.families import FAMILIES, PARTS, SEEDS_PER_PART, world_seed
from triptych.data.synthetic.filming import CAMERA_KINDS, Filming
from triptych.data.synthetic.random_world import (
    filmed_clip,
    filmed_frames,
    random_recipe,
    random_world_clip,
    random_world_frames,
)
from triptych.data.synthetic.street_materials import Leaves, Rough
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.warp import warped
from triptych.types import Role

EVERY = [(part, family) for part in PARTS for family in FAMILIES[part]]
HEIGHT, WIDTH = 48, 144


def _recipe(part, family, **changes):
    recipe = random_recipe(part, 3, family=family)
    return dataclasses.replace(recipe, appearance=Appearance(), **changes)


@pytest.fixture(scope="module", params=EVERY, ids=[family for _, family in EVERY])
def clip(request):
    recipe = _recipe(*request.param, moving_objects=6, filming=Filming("forward", 75.0))
    return filmed_clip(recipe, frames=3, height=HEIGHT, width=WIDTH)


def test_parts_share_neither_families_nor_seeds():
    for one, other in itertools.combinations(PARTS, 2):
        assert not set(FAMILIES[one]) & set(FAMILIES[other])
    ranges = sorted((world_seed(part, 0), world_seed(part, SEEDS_PER_PART - 1)) for part in PARTS)
    assert all(low <= high for low, high in ranges)
    assert all(high < low for (_, high), (low, _) in itertools.pairwise(ranges))
    assert ranges[0][0] >= SEEDS_PER_PART  # seeds that people type are nobody's


def _patterns(part):
    worlds = (
        build(world_seed(part, seed), seconds=0.5, moving_objects=8)
        for build in FAMILIES[part].values()
        for seed in range(3)
    )
    return {type(material) for world in worlds for material in world.scene.materials}


def test_no_pattern_but_leaves_and_skin_is_both_learned_from_and_judged_on():
    learned = _patterns("train")
    assert learned & _patterns("validation") == {Rough}
    assert learned & _patterns("test") == {Rough, Leaves}


def test_what_is_not_of_a_part_is_refused():
    with pytest.raises(ValueError, match="seed -1 of the train part"):
        random_recipe("train", -1)
    with pytest.raises(ValueError, match="no family of the train part, which has street"):
        random_recipe("train", 0, family="avenue")
    with pytest.raises(ValueError, match="2 frames of 2x2 pixels at least"):
        random_world_frames("train", 0, frames=1, height=8, width=8)


def test_the_same_seed_gives_the_same_bytes_and_the_frames_alone_are_the_clips():
    size = {"frames": 3, "height": 32, "width": 96}
    one, other = random_world_clip("validation", 5, **size), random_world_clip("validation", 5, **size)
    for field in dataclasses.fields(one):
        first, second = getattr(one, field.name), getattr(other, field.name)
        same = torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second
        assert same, field.name
    alone = random_world_frames("validation", 5, **size)
    assert torch.equal(alone.images, one.images)
    assert torch.equal(alone.intrinsics, one.intrinsics)
    assert (alone.name, len(alone)) == (one.name, 3)
    assert not torch.equal(random_world_frames("validation", 6, **size).images, one.images)


def test_recipes_draw_every_family_camera_and_number_of_objects():
    recipes = [random_recipe("train", seed) for seed in range(300)]
    assert {recipe.family for recipe in recipes} == set(FAMILIES["train"])
    assert {recipe.filming.kind for recipe in recipes} == set(CAMERA_KINDS)
    assert {recipe.moving_objects for recipe in recipes} == set(range(9))
    fields = [recipe.filming.horizontal_fov_deg for recipe in recipes]
    assert 40 <= min(fields) < 45
    assert 95 < max(fields) <= 100


def test_still_pixels_flow_as_depth_and_pose_say(clip):
    next_from_frame = torch.linalg.inv(clip.camera_to_world[1:].double()) @ clip.camera_to_world[:-1].double()
    rigid = rigid_flow(clip.depth_m[:-1], clip.intrinsics.expand(2, 3, 3), next_from_frame.float())
    still = clip.depth_m[:-1].isfinite() & ~clip.moving[:-1] & (clip.flow_forward.abs().amax(1, keepdim=True) < 1e3)
    error = (rigid.flow - clip.flow_forward).norm(dim=1, keepdim=True)[still]
    assert error.max() < 0.02


def test_visible_points_flow_back_to_where_they_came_from(clip):
    back, _ = warped(clip.flow_backward, clip.flow_forward)
    miss = (back + clip.flow_forward).norm(dim=1, keepdim=True)[clip.visible_forward]
    assert miss.quantile(0.8) < 0.1


def test_the_next_frame_drawn_back_along_the_flow_is_this_frame_where_it_is_visible(clip):
    images = clip.images.float() / 255
    drawn, _ = warped(images[1:], clip.flow_forward)
    seen = clip.visible_forward[:, 0]
    error = (drawn - images[:-1]).abs().mean(1)[seen]
    unmoved = (images[1:] - images[:-1]).abs().mean(1)[seen]
    assert error.mean() < 0.5 * unmoved.mean()
    assert error.median() < 0.03


def test_most_of_what_is_no_sky_has_texture(clip):
    gray = clip.images.float().mean(1) / 255
    slope = (gray[:, :-1, 1:] - gray[:, :-1, :-1]).abs() + (gray[:, 1:, :-1] - gray[:, :-1, :-1]).abs()
    solid = clip.depth_m.isfinite()[:, 0, :-1, :-1]
    assert (slope[solid] > 0.01).float().mean() > 0.55


def test_no_frame_is_black_blinding_or_pressed_against_a_wall(clip):
    gray = clip.images.float().mean((1, 2, 3)) / 255
    assert gray.min() > 0.12
    assert gray.max() < 0.85
    assert clip.depth_m.min() > 0.15
    assert clip.depth_m.isinf().float().mean() < 0.75


def test_a_role_is_given_exactly_to_what_moves(clip):
    assert torch.equal(clip.role > 0, clip.moving)
    assert clip.role.max() <= max(Role)
    assert clip.moving[-1].any() or not clip.moving[-2].any()  # the last frame has no next, but what moves is known


def _movers(part, family, seed, kind):
    recipe = random_recipe(part, seed, family=family)
    build = FAMILIES[part][family]
    world = build(recipe.seed, seconds=1.2, moving_objects=8, filming=Filming(kind, 80.0))
    return world, [body for body in world.scene.bodies if body.moves]


def _velocity(place, step=0.05, time=0.6):
    """Mean motion on the ground around a time (m/s)."""
    (x0, z0), (x1, z1) = place(time - step), place(time + step)
    return (x1 - x0) / (2 * step), (z1 - z0) / (2 * step)


@pytest.mark.parametrize(("part", "family"), [entry for entry in EVERY if entry[1] not in {"street", "room"}])
def test_roles_are_ways_relative_to_the_cameras(part, family):
    found = set()
    for seed, kind in itertools.product(range(3), ("forward", "sideways")):
        world, bodies = _movers(part, family, seed, kind)
        camera = _velocity(lambda time, path=world.path: tuple(path.camera_to_world(time)[(0, 2), 3].tolist()))
        speed = math.hypot(*camera)
        for body in bodies:
            own = _velocity(lambda time, body=body: (body.pose(time)[0], body.pose(time)[2]))
            along = (own[0] * camera[0] + own[1] * camera[1]) / speed
            if body.role is Role.LEADING:
                assert along > 0.4 * speed
                assert math.hypot(own[0] - camera[0], own[1] - camera[1]) < 0.8 * speed + 0.5
            elif body.role is Role.ONCOMING:
                assert along < 0
            elif body.role is Role.CROSSING:
                assert abs(along) < 0.75 * math.hypot(*own) + 0.1
            found.add(body.role)
    assert found == {Role.LEADING, Role.ONCOMING, Role.CROSSING, Role.OTHER}


@pytest.mark.parametrize(("part", "family"), [entry for entry in EVERY if entry[1] not in {"street", "room"}])
def test_moving_things_keep_away_from_the_camera_and_there_are_at_most_as_many_as_asked(part, family):
    for kind in CAMERA_KINDS:
        world, bodies = _movers(part, family, 1, kind)
        assert 0 < len(bodies) <= 8
        for time in (0.0, 0.3, 0.6, 0.9, 1.2):
            x, z = world.path.camera_to_world(time)[(0, 2), 3].tolist()
            assert min(math.hypot(x - pose[0], z - pose[2]) for pose in (b.pose(time) for b in bodies)) > 0.3


def test_frames_without_truth_are_those_of_any_recipe():
    recipe = random_recipe("test", 2)
    clip = filmed_clip(recipe, frames=2, height=24, width=72)
    assert torch.equal(filmed_frames(recipe, frames=2, height=24, width=72).images, clip.images)


def test_some_leading_things_keep_exactly_the_cameras_pace_and_others_do_not():
    changes = []
    for seed in range(6):
        world, bodies = _movers("train", "country", seed, "forward")
        path = world.path
        for body in (body for body in bodies if body.role is Role.LEADING):
            places = torch.tensor([[body.pose(time)[0], body.pose(time)[2]] for time in (0.0, 1.0)]).double()
            along = path.line.coordinates(places[:, 0], places[:, 1])[1].tolist()
            changes.append(abs((along[1] - path.along(1.0)) - (along[0] - path.along(0.0))))
    assert min(changes) < 1e-3
    assert max(changes) > 0.1
