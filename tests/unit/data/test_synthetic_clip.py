"""Whole clips: shapes, seeds, settings, and worlds in which nothing collides."""

import dataclasses
import itertools
import math
import random

import pytest
import torch

from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.cameras import Drive, RoadLine
from triptych.data.synthetic.street import street

FAMILIES = ("street", "room")


def _small(family="street", **changes):
    settings = {"seed": 1, "frames": 2, "height": 24, "width": 60} | changes
    return synthetic_clip(family, **settings)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_bytes(family):
    one, other = _small(family, exposure_change=0.1), _small(family, exposure_change=0.1)
    for field in dataclasses.fields(one):
        first, second = getattr(one, field.name), getattr(other, field.name)
        if isinstance(first, torch.Tensor):
            assert first.numpy().tobytes() == second.numpy().tobytes(), field.name
        else:
            assert first == second


@pytest.mark.parametrize("family", FAMILIES)
def test_another_seed_gives_another_world(family):
    one, other = _small(family), _small(family, seed=2)
    assert (one.images.float() - other.images.float()).abs().mean() > 10
    assert not torch.allclose(one.camera_to_world, other.camera_to_world, atol=1e-3)
    assert one.name == f"{family}-1"
    assert other.name == f"{family}-2"


@pytest.mark.parametrize("family", FAMILIES)
def test_any_size_and_field_of_view_is_rendered(family):
    clip = _small(family, frames=3, height=37, width=21, horizontal_fov_deg=40)
    assert clip.images.shape == (3, 3, 37, 21)
    assert clip.depth_m.shape == clip.moving.shape == (3, 1, 37, 21)
    assert clip.flow_forward.shape == clip.flow_backward.shape == (2, 2, 37, 21)
    assert clip.visible_forward.shape == clip.visible_backward.shape == (2, 1, 37, 21)
    fx, cx, cy = clip.intrinsics[0, 0].item(), clip.intrinsics[0, 2].item(), clip.intrinsics[1, 2].item()
    assert math.degrees(2 * math.atan(21 / 2 / fx)) == pytest.approx(40, abs=1e-4)
    assert (cx, cy) == (10.0, 18.0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_finer_picture_shows_the_same_depth(family):
    coarse, fine = _small(family, height=21, width=63), _small(family, height=63, width=189)
    # Pixel centers of the coarse picture are those of every third fine pixel.
    assert torch.allclose(coarse.depth_m, fine.depth_m[..., 1::3, 1::3], rtol=1e-5)
    assert torch.allclose(coarse.flow_forward * 3, fine.flow_forward[..., 1::3, 1::3], atol=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_truth_is_finite_and_positive(family):
    clip = _small(family, frames=3)
    assert not clip.depth_m.isnan().any()
    assert (clip.depth_m > 0).all()
    assert clip.flow_forward.isfinite().all()
    assert clip.flow_backward.isfinite().all()
    assert torch.allclose(clip.camera_to_world[0], torch.eye(4), atol=1e-9)
    rotation = clip.camera_to_world[:, :3, :3]
    assert torch.allclose(rotation @ rotation.mT, torch.eye(3).expand(3, 3, 3), atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_world_without_moving_objects_is_still(family):
    clip = _small(family, moving_objects=0)
    assert not clip.moving.any()
    assert clip.flow_forward.abs().max() > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_start_time_goes_on_where_the_earlier_clip_was(family):
    whole = _small(family, frames=4, moving_objects=3, noise=0.0)
    rest = _small(family, frames=2, moving_objects=3, noise=0.0, start_time=0.2)
    assert torch.equal(whole.images[2:], rest.images)
    assert torch.equal(whole.flow_forward[2:], rest.flow_forward)


def test_the_frame_rate_sets_how_far_the_camera_moves():
    slow, fast = _small(frame_rate=20), _small(frame_rate=5)
    ratio = fast.camera_to_world[1, :3, 3].norm() / slow.camera_to_world[1, :3, 3].norm()
    assert ratio.item() == pytest.approx(4, rel=0.05)
    assert fast.frame_rate == 5


def test_noise_and_exposure_change_the_pictures_by_what_was_asked():
    plain = _small(noise=0.0).images.float()
    noisy = _small(noise=0.02).images.float()
    assert (noisy - plain).std().item() / 255 == pytest.approx(0.02, rel=0.1)
    first, second = (noisy - plain).flatten(1).unbind(0)
    assert abs(torch.corrcoef(torch.stack((first, second)))[0, 1]) < 0.1  # of its own in each frame
    exposed = _small(noise=0.0, exposure_change=0.2).images.float()
    assert torch.equal(exposed[0], plain[0])
    bright = (plain[1] > 40) & (plain[1] < 200)
    ratio = exposed[1][bright] / plain[1][bright]
    assert ratio.mean().item() == pytest.approx(1 + 0.2 * math.sin(0.21), rel=0.01)


def test_the_street_is_driven_like_a_street():
    clip = synthetic_clip("street", seed=4, frames=6, height=32, width=96)
    steps = clip.camera_to_world[1:, :3, 3] - clip.camera_to_world[:-1, :3, 3]
    speed = steps.norm(dim=1) * clip.frame_rate
    assert (speed > 4).all()
    assert (speed < 13).all()
    assert clip.depth_m[:, :, -1].median().item() == pytest.approx(1.65 * 0.58 * 96 / 15.5, rel=0.15)
    assert clip.depth_m.isinf().any()  # some sky
    assert clip.moving.any()
    assert clip.images.float().std() > 30


def _outline(body, time):
    """The four corners of a vehicle's footprint."""
    x, _, z, yaw, _ = body.pose(time)
    lows, highs = [s.low for s in body.solids], [s.high for s in body.solids]
    corners = [
        (pick_x(c[0] for c in ends_x), pick_z(c[2] for c in ends_z))
        for ends_x, pick_x in ((lows, min), (highs, max))
        for ends_z, pick_z in ((lows, min), (highs, max))
    ]
    right, ahead = (math.cos(yaw), -math.sin(yaw)), (math.sin(yaw), math.cos(yaw))
    return [(x + u * right[0] + w * ahead[0], z + u * right[1] + w * ahead[1]) for u, w in corners], (right, ahead)


def _overlap(one, other):
    """Whether two rectangles overlap: no side of either separates them."""
    (corners, axes), (others, other_axes) = one, other
    for axis in (*axes, *other_axes):
        a = [axis[0] * x + axis[1] * z for x, z in corners]
        b = [axis[0] * x + axis[1] * z for x, z in others]
        if max(a) < min(b) or max(b) < min(a):
            return False
    return True


def test_vehicles_never_touch_each_other():
    for seed in range(8):
        bodies = [body for body in street(seed, seconds=12.0).scene.bodies if body.moves]
        assert len(bodies) >= 4
        for time in torch.arange(0, 12, 0.25).tolist():
            outlines = [_outline(body, time) for body in bodies]
            assert not any(_overlap(*pair) for pair in itertools.combinations(outlines, 2))


def test_the_camera_never_meets_a_vehicle():
    for seed in range(4):
        world = street(seed, seconds=12.0)
        bodies = [body for body in world.scene.bodies if body.moves]
        for time in torch.arange(0, 12, 0.1).tolist():
            x, z = world.path.camera_to_world(time)[(0, 2), 3].tolist()
            assert min(math.hypot(x - pose[0], z - pose[2]) for pose in (b.pose(time) for b in bodies)) > 2.8


def test_at_most_the_asked_number_of_things_moves():
    for count in (0, 1, 3):
        world = street(5, seconds=3.0, moving_objects=count)
        assert sum(body.moves for body in world.scene.bodies) == count
    with pytest.raises(ValueError, match="lanes for 8 moving objects, not for 9"):
        _small("room", moving_objects=9)


def test_road_coordinates_undo_the_place_beside_the_road():
    line = RoadLine(((4.0, 2 * math.pi / 95, 0.4), (10.0, 2 * math.pi / 210, 2.0)))
    dice = random.Random(1)
    places = [(dice.uniform(-50, 300), dice.uniform(-20, 20)) for _ in range(200)]
    x, z, yaw = torch.tensor([line.beside(*place) for place in places]).double().unbind(1)
    aside, along, slope = line.coordinates(x, z)
    expected = torch.tensor(places).double()
    assert torch.allclose(along, expected[:, 0], atol=1e-4)
    assert torch.allclose(aside, expected[:, 1], atol=1e-4)
    assert torch.allclose(slope.atan(), yaw, atol=1e-3)


def test_time_at_is_the_inverse_of_along():
    path = street(6, seconds=1.0).path
    assert isinstance(path, Drive)
    for time in (0.0, 0.7, 31.0):
        assert path.time_at(path.along(time)) == pytest.approx(time, abs=1e-5)
    assert path.time_at(-5.0) == 0


def test_what_cannot_be_rendered_is_refused():
    with pytest.raises(ValueError, match="2 frames of 2x2 pixels at least, not 1 of 24x60"):
        _small(frames=1)
    with pytest.raises(ValueError, match="not 2 of 1x60"):
        _small(height=1)
