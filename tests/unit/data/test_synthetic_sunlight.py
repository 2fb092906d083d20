"""Cast shadows fall where geometry says, highlights and mirrored sky follow the eye, and matt worlds stay matt."""

import dataclasses
import math

import pytest
import torch

from triptych.data.synthetic.cast import Grid, first_hits
from triptych.data.synthetic.scene import Body, packed, pose_matrix, standing
from triptych.data.synthetic.shade import Light, rendered
from triptych.data.synthetic.solids import Look, box, half_space
from triptych.data.synthetic.sunlight import highlight, mirrored, shadow_casters, sun_view, sunlit
from triptych.data.synthetic.textures import Lattice
from triptych.data.synthetic.view import view

STILL = (0.0, 0.0, 0.0, 0.0, 0.0)
TOWARD = (0.6, -0.8, 0.0)
"""The sun stands to the right: shadows fall 0.75 m to the left for each meter of height."""


class White:
    """A white material."""

    def __call__(self, surface):
        return torch.ones_like(surface.color)


LOOK = Look(White(), (0.5, 0.5, 0.5))
GROUND = standing((half_space(LOOK),), STILL)
LIGHT = Light(TOWARD, 0.2, math.inf, (0.2, 0.4, 0.8), (0.9, 0.9, 0.9), Lattice(0), shadow=1.0)


class Standing:
    """A camera that stays 4 m above the ground and looks straight down."""

    def camera_to_world(self, time):
        return pose_matrix((0.0, -4.0, 0.0, 0.0, -math.pi / 2))


def _block(x=0.0, **changes):
    return standing((box((-0.5, -1.0, -0.5), (0.5, 0.0, 0.5), dataclasses.replace(LOOK, **changes)),), (x, *STILL[1:]))


def test_the_shadow_of_a_block_reaches_as_far_as_its_height_says():
    sun = sun_view(packed([_block()]), TOWARD, 0.0)
    x = torch.tensor([-1.3, -1.24, -0.6, 0.52, 2.0], dtype=torch.float64)
    shine = sunlit(sun, torch.stack((x, torch.zeros_like(x), torch.zeros_like(x))))
    assert shine.tolist() == [1, 0, 0, 1, 1]  # the left edge's shadow ends at -0.5 - 0.75


def test_a_block_does_not_shade_its_own_sunny_faces():
    sun = sun_view(packed([_block()]), TOWARD, 0.0)
    top = torch.tensor([[-0.3, 0.0, 0.4], [-1.0, -1.0, -1.0], [0.2, -0.4, 0.0]], dtype=torch.float64)
    assert sunlit(sun, top).tolist() == [1, 1, 1]
    side = torch.tensor([[0.5, 0.5], [-0.3, -0.8], [0.0, 0.4]], dtype=torch.float64)
    assert sunlit(sun, side).tolist() == [1, 1]


@pytest.mark.parametrize("direction", [(0.0, -1.0, 0.0), (0.0, -0.6, -0.8), (-0.48, -0.64, 0.6)])
def test_a_shadow_falls_away_from_any_sun(direction):
    sun = sun_view(packed([_block()]), direction, 0.0)
    middle = torch.tensor([0.0, -0.5, 0.0], dtype=torch.float64)
    toward = torch.tensor(direction, dtype=torch.float64)
    steps = torch.tensor([0.5 / 0.64, 3.0], dtype=torch.float64)
    before, beyond = (middle[:, None] + toward[:, None] * sign * steps for sign in (1, -1))
    assert sunlit(sun, before)[1] == 1
    assert sunlit(sun, beyond)[1] == 0


def test_moving_things_drag_their_shadows_along():
    body = Body(_block().solids, lambda time: (3 * time, 0.0, 0.0, 0.0, 0.0), moves=True)
    spot = torch.tensor([[-0.8], [0.0], [0.0]], dtype=torch.float64)
    assert sunlit(sun_view(packed([body]), TOWARD, 0.0), spot) == 0
    assert sunlit(sun_view(packed([body]), TOWARD, 1.0), spot) == 1
    assert sunlit(sun_view(packed([body]), TOWARD, 1.0), spot + torch.tensor([[3.0], [0.0], [0.0]])) == 0


def test_a_rendered_shadow_has_ambient_light_only_and_its_edge_is_smooth():
    bodies = [GROUND, _block()]
    intrinsics = torch.tensor([[40.0, 0.0, 39.5], [0.0, 40.0, 29.5], [0.0, 0.0, 1.0]])
    seen = view(packed(bodies), Standing().camera_to_world(0.0), intrinsics, 0.0)
    hits = first_hits(seen, Grid(60, 80))
    sun = sun_view(packed([_block()]), TOWARD, 0.0)
    row = rendered(seen, LIGHT, hits, height=60, width=80, sun=sun)[0, 29]
    plain = rendered(seen, LIGHT, hits, height=60, width=80)[0, 29]
    # 10 px for a meter of ground: the shadow covers x = -1.25 to the block, from column 27.0 on.
    assert row[:26].tolist() == pytest.approx(plain[:26].tolist())
    assert row[29:32].tolist() == pytest.approx([0.2] * 3, abs=1e-4)
    assert 0.2 < row[27] < plain[27]
    assert torch.equal(row[50:], plain[50:])


def test_what_is_huge_far_away_or_a_room_casts_no_shadow():
    shell = Body(_block().solids, lambda _: STILL, inside_out=True)
    assert shadow_casters([GROUND, shell, _block(x=99.0)], Standing(), 1.0) is None
    casters = shadow_casters([GROUND, shell, _block(), _block(x=99.0)], Standing(), 1.0)
    assert casters is not None
    assert len(casters.bodies) == 1


class Driving:
    """A camera that goes 100 m along z in each second, and notes when it was asked."""

    def __init__(self):
        self.times = []

    def camera_to_world(self, time):
        self.times.append(time)
        return pose_matrix((0.0, -4.0, 100 * time, 0.0, 0.0))


def test_what_stands_anywhere_along_a_long_way_casts_a_shadow():
    beside = [standing(_block().solids, (20.0, 0.0, float(z), 0.0, 0.0)) for z in range(0, 1001, 25)]
    away = [standing(_block().solids, (60.0, 0.0, float(z), 0.0, 0.0)) for z in range(0, 1001, 25)]
    casters = shadow_casters([*beside, *away], Driving(), 10.0)
    assert casters is not None
    assert list(casters.bodies) == beside


def test_a_short_way_is_judged_at_five_places():
    path = Driving()
    shadow_casters([_block()], path, 1.8)  # 180 m, neighbors at just 45
    assert path.times == [0.0, 0.45, 0.9, 1.35, 1.8]


def test_a_highlight_is_brightest_where_the_mirror_sees_the_sun():
    normal = torch.tensor([[0.0], [-1.0], [0.0]])
    toward_mirror = torch.tensor([[-0.6], [-0.8], [0.0]])
    aside = torch.tensor([[0.0], [-0.8], [0.6]])
    assert highlight(normal, toward_mirror, TOWARD).item() == pytest.approx(1.0, abs=1e-5)
    assert highlight(normal, aside, TOWARD) < 0.2


def test_a_mirror_sends_rays_out_at_the_angle_they_came_in_and_more_of_them_when_grazing():
    normal = torch.tensor([[0.0, 0.0], [-1.0, -1.0], [0.0, 0.0]])
    toward_eye = torch.tensor([[0.0, -0.9950], [-1.0, -0.0999], [0.0, 0.0]])
    direction, share = mirrored(normal, toward_eye)
    assert torch.allclose(direction, torch.tensor([[0.0, 0.9950], [-1.0, -0.0999], [0.0, 0.0]]), atol=1e-4)
    assert share[0].item() == pytest.approx(0.06)
    assert share[1] > 0.5


def test_gloss_needs_both_a_glossy_solid_and_a_light_that_shows_it():
    intrinsics = torch.tensor([[40.0, 0.0, 39.5], [0.0, 40.0, 29.5], [0.0, 0.0, 1.0]])

    def image(gloss, light):
        seen = view(packed([GROUND, _block(gloss=gloss)]), Standing().camera_to_world(0.0), intrinsics, 0.0)
        hits = first_hits(seen, Grid(60, 80))
        return rendered(seen, dataclasses.replace(LIGHT, gloss=light), hits, height=60, width=80)

    matt = image(0.0, 0.0)
    assert torch.equal(image(0.9, 0.0), matt)
    assert torch.equal(image(0.0, 1.0), matt)
    assert not torch.allclose(image(0.9, 1.0), matt, atol=1e-3)
