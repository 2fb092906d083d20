"""What materials are given, how surfaces are lit, and that outlines are smoothed."""

import dataclasses
import math

import pytest
import torch

from triptych.data.synthetic.cast import Grid, first_hits
from triptych.data.synthetic.scene import Body, packed, pose_matrix, standing
from triptych.data.synthetic.shade import Light, rendered
from triptych.data.synthetic.solids import Look, box, ellipsoid
from triptych.data.synthetic.textures import Lattice
from triptych.data.synthetic.view import view

HEIGHT, WIDTH = 12, 20
K = torch.tensor([[15.0, 0.0, 9.5], [0.0, 15.0, 5.5], [0.0, 0.0, 1.0]])
STILL = (0.0, 0.0, 0.0, 0.0, 0.0)
LIGHT = Light(
    direction=(0.0, -0.8, -0.6),
    ambient=0.0,
    haze_m=math.inf,
    sky=(0.2, 0.4, 0.8),
    horizon=(0.9, 0.9, 0.9),
    lattice=Lattice(0),
)


class Probe:
    """A white material that remembers the surfaces it was asked to color."""

    def __init__(self):
        self.surfaces = []

    def __call__(self, surface):
        self.surfaces.append(surface)
        return torch.ones_like(surface.color)


def _rendered(bodies, *, light=LIGHT, camera=STILL):
    seen = view(packed(bodies), pose_matrix(camera), K, 0.0)
    hits = first_hits(seen, Grid(HEIGHT, WIDTH))
    return rendered(seen, light, hits, height=HEIGHT, width=WIDTH)


def _wall(probe, **place):
    pose = {"x": 0.0, "y": 0.0, "z": 6.0, "yaw": 0.0, "pitch": 0.0} | place
    solid = box((-99.0, -99.0, 0.0), (99.0, 99.0, 1.0), Look(probe, (0.5, 0.5, 0.5), phase=(3.0, 4.0)))
    return standing((solid,), tuple(pose.values()))


@pytest.mark.parametrize("place", [{"yaw": 0.5}, {"pitch": -0.4, "yaw": -0.3}, {"pitch": 0.3}])
def test_the_extent_of_a_pixel_is_how_far_the_point_moves_to_the_next_pixel(place):
    probe = Probe()
    _rendered([_wall(probe, **place)])
    (surface,) = probe.surfaces
    points, across, down = (values.view(3, HEIGHT, WIDTH) for values in (surface.points, surface.across, surface.down))
    to_right, to_below = (points[..., 2:] - points[..., :-2]) / 2, (points[:, 2:] - points[:, :-2]) / 2
    assert torch.allclose(across[..., 1:-1], to_right, rtol=0.03, atol=1e-3)
    assert torch.allclose(down[:, 1:-1], to_below, rtol=0.03, atol=1e-3)


def test_surface_coordinates_measure_meters_on_the_wall_and_stay_on_it():
    probe = Probe()
    _rendered([_wall(probe, yaw=0.4)])
    _rendered([_wall(probe, yaw=0.4)], camera=(1.0, -0.5, 0.5, 0.1, 0.05))
    for surface in probe.surfaces:
        points = surface.points
        assert torch.allclose(surface.v - 4.0, points[1], atol=1e-4)
        assert torch.allclose((surface.u - 3.0).abs(), points[0].abs(), atol=1e-4)
        wide, tall = surface.footprint
        assert torch.allclose(wide, surface.extent(0), atol=1e-5)
        assert torch.allclose(tall, surface.extent(1), atol=1e-5)


def test_a_wall_is_lit_by_the_cosine_to_the_sun():
    for yaw, height in ((0.0, 0.6), (0.5, 0.6 * math.cos(0.5))):
        image = _rendered([_wall(Probe(), yaw=yaw)])
        assert torch.allclose(image, torch.tensor(height), atol=1e-4)


def test_a_side_that_faces_away_from_the_sun_gets_ambient_light_only():
    away = dataclasses.replace(LIGHT, direction=(0.0, 0.0, 1.0), ambient=0.5)
    image = _rendered([_wall(Probe())], light=away)
    assert torch.allclose(image, torch.tensor(0.5 * 0.85), atol=1e-4)


def test_the_inside_of_a_room_is_lit_from_inside():
    shell = box((-5.0, -5.0, -5.0), (5.0, 5.0, 6.0), Look(Probe(), (0.5, 0.5, 0.5)))
    body = Body((shell,), lambda _: STILL, inside_out=True)
    image = _rendered([body])  # the far wall's normal into the room is -z, toward the sun
    assert torch.allclose(image[:, 5, 9], torch.tensor(0.6), atol=1e-4)


def test_a_ball_is_brightest_where_it_faces_the_sun():
    toward = dataclasses.replace(LIGHT, direction=(0.0, 0.0, -1.0))
    ball = standing((ellipsoid((0.0, 0.0, 5.0), (2.0, 2.0, 2.0), Look(Probe(), (0.5, 0.5, 0.5))),), STILL)
    image = _rendered([ball], light=toward)[0]
    assert image[5, 9] > 0.98
    assert image[5, 5] < image[5, 7] < image[5, 9]


def test_haze_mixes_in_the_horizon_by_two_thirds_at_its_distance():
    hazy = dataclasses.replace(LIGHT, haze_m=6.0)
    image = _rendered([_wall(Probe())], light=hazy)
    assert torch.allclose(image, torch.tensor(0.9 + (0.6 - 0.9) * math.exp(-1)), atol=1e-4)


def test_an_outline_is_the_share_of_the_pixel_that_the_body_covers():
    dark = dataclasses.replace(LIGHT, direction=(0.0, 1.0, 0.0), sky=(1.0, 1.0, 1.0), horizon=(1.0, 1.0, 1.0))
    solid = box((-99.0, -99.0, 6.0), (0.2, 99.0, 7.0), Look(Probe(), (0.5, 0.5, 0.5)))
    image = _rendered([standing((solid,), STILL)], light=dark)[0]
    # The edge lies at 9.5 + 15 * 0.2 / 6 = 10.0: through the middle of column 10.
    assert image[5, 9] == 0
    assert image[5, 10].item() == pytest.approx(0.5, abs=0.02)
    assert image[5, 11] > 0.9
    solid = box((-99.0, 0.2, 6.0), (99.0, 99.0, 7.0), Look(Probe(), (0.5, 0.5, 0.5)))
    image = _rendered([standing((solid,), STILL)], light=dark)[0]
    assert image[5, 9] > 0.9
    assert image[6, 9].item() == pytest.approx(0.5, abs=0.02)
    assert image[7, 9] == 0
