"""Clutter: many solids of all shapes, sizes and patterns, standing, lying and afloat around the camera."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from triptych.data.synthetic.cameras import Drive, RoadLine, waves
from triptych.data.synthetic.daylight import daylight, lamplight
from triptych.data.synthetic.filming import DEGREE, Filming
from triptych.data.synthetic.movers import Company, movers
from triptych.data.synthetic.patterns import any_color, any_look, palette
from triptych.data.synthetic.props import bush, chair, pole, table
from triptych.data.synthetic.scene import Body, standing
from triptych.data.synthetic.solids import Look, Solid, box, cylinder, ellipsoid, frustum, gable, half_space
from triptych.data.synthetic.staging import AT_ORIGIN, GroundPlan, Prop, camera_discs, scattered
from triptych.data.synthetic.surface import Material
from triptych.data.synthetic.world import World, lit_world

FAR_M = 34.0
"""How far beyond the camera's way things are strewn, at scale 1."""


def clutter(seed: int, *, seconds: float, moving_objects: int | None = None, filming: Filming | None = None) -> World:
    """A heap of things under the sky or in a box.

    Args:
        seed: of everything random.
        seconds: how long it is filmed.
        moving_objects: how many move, at most; None for 0 to 8.
        filming: how; None for straight ahead.
    """
    dice = random.Random(f"clutter/{seed}")
    scale = math.exp(dice.uniform(math.log(0.5), math.log(2.0)))
    line = RoadLine(
        ((dice.uniform(0.5, 3.0) * scale, 2 * math.pi / dice.uniform(25, 60) / scale, dice.uniform(0, 6.3)),)
    )
    drive = (filming or Filming()).drive(dice, _drive(dice, line, scale))
    shapes = _Shapes(palette(dice, scale), scale)
    company = Company(
        shapes.tumbling, (0.8 * scale, 4.0 * scale), (2.5 * scale, 9 * scale), 3 * scale, 0.8 * scale, 9 * scale
    )
    plan = GroundPlan()
    moving = movers(dice, drive, company, plan, seconds=seconds, count=moving_objects)
    plan.take(camera_discs(drive, seconds, 0.9 * scale))
    last = drive.along(seconds)
    around: list[Body] = []
    for make, number, aside in (
        (shapes.standing, 150, 16), (shapes.floating, 30, 12), (shapes.thin, 30, 10), (shapes.near, 50, 5),
    ):  # fmt: skip
        around += scattered(
            dice, plan, line, make, count=number, along=(-12 * scale, last + FAR_M * scale), aside=(0, aside * scale)
        )
    floor = Look(dice.choice(palette(dice, 3 * scale)), any_color(dice, 0.25, 0.75, strong=0.2), any_color(dice))
    boxed = dice.random() < 0.35
    bodies = [standing((half_space(floor),), AT_ORIGIN), *around, *moving]
    if boxed:
        bodies.append(_shell(dice, shapes.patterns, scale, last))
    light = lamplight(dice, seed) if boxed else daylight(dice, seed)
    return lit_world(bodies, drive, light, seconds=seconds)


def _drive(dice: random.Random, line: RoadLine, scale: float) -> Drive:
    """Forward at a few meters a second, at the height of the eye."""
    return Drive(
        line=line,
        lane_m=0.0,
        height_m=dice.uniform(0.8, 2.2) * scale,
        speed_m_s=3.5 * scale,
        pace=waves(dice, 0.8 * scale, (0.2, 0.5)),
        drift=waves(dice, 0.15 * scale, (0.2, 0.5)),
        bounce=waves(dice, 0.04 * scale, (0.7, 1.6)),
        yaw=waves(dice, 3 * DEGREE, (0.2, 0.6)),
        pitch=waves(dice, 1.5 * DEGREE, (0.4, 1.1)),
        roll=waves(dice, 1.5 * DEGREE, (0.3, 0.9)),
        tilt=dice.uniform(-9, 1) * DEGREE,
    )


def _shell(dice: random.Random, patterns: tuple[Material, ...], scale: float, last: float) -> Body:
    """Walls and a ceiling around everything."""
    x, high = dice.uniform(10, 20) * scale, dice.uniform(5, 12) * scale
    look = any_look(dice, patterns, glossy=0.0)
    walls = box((-x, -high, -15 * scale), (x, 1.0, last + (FAR_M + 3) * scale), look)
    return Body((walls,), lambda _: AT_ORIGIN, inside_out=True)


@dataclass(frozen=True)
class _Shapes:
    """What makes solids of random shape.

    Attributes:
        patterns: what they look like.
        scale: of everything.
    """

    patterns: tuple[Material, ...]
    scale: float

    def standing(self, dice: random.Random) -> Prop:
        """Something on the ground: one solid, or several on top of each other."""
        share = dice.random()
        if share < 0.12:
            return bush(dice)
        if share < 0.24:
            return (chair if dice.random() < 0.6 else table)(dice, self._look(dice))
        size = self._size(dice, 0.25, 1.8)
        height, wide, solids = 0.0, size, []
        for _ in range(dice.choice((1, 1, 2, 3))):
            tall = wide * dice.uniform(0.5, 2.4)
            solids.append(self._solid(dice, wide, tall, -height))
            height, wide = height + tall, wide * dice.uniform(0.5, 0.85)
        return Prop(tuple(solids), 1.42 * size)

    def near(self, dice: random.Random) -> Prop:
        """Something small on the ground."""
        size = self._size(dice, 0.1, 0.4)
        return Prop((self._solid(dice, size, size * dice.uniform(0.5, 2.0), 0.0),), 1.42 * size)

    def floating(self, dice: random.Random) -> Prop:
        """Something in the air, turned at random."""
        prop = self.tumbling(dice)
        return Prop(prop.solids, prop.radius_m, prop.radius_m + dice.uniform(0.8, 5.0) * self.scale, tumbles=True)

    def thin(self, dice: random.Random) -> Prop:
        """A pole, or a bar in the air."""
        if dice.random() < 0.6:
            return pole(dice, self._look(dice))
        half = self._size(dice, 0.8, 3.0)
        bar = box((-half, -0.03, -0.03), (half, 0.03, 0.03), self._look(dice))
        return Prop((bar,), 0.5 * half, half + dice.uniform(0.0, 2.5) * self.scale, tumbles=True)

    def tumbling(self, dice: random.Random) -> Prop:
        """A body of one to three solids around its middle."""
        size = self._size(dice, 0.25, 0.9)
        solids = [self._solid(dice, size, 2 * size * dice.uniform(0.5, 1.0), size * 0.7)]
        for _ in range(dice.choice((0, 1, 2))):
            radii = tuple(size * dice.uniform(0.2, 0.5) for _ in range(3))
            x, y, z = (size * dice.uniform(-0.7, 0.7) for _ in range(3))
            solids.append(ellipsoid((x, y, z), (radii[0], radii[1], radii[2]), self._look(dice)))
        return Prop(tuple(solids), 1.45 * size, 1.45 * size, tumbles=True)

    def _size(self, dice: random.Random, low: float, high: float) -> float:
        """Half a width (m): small ones are as frequent as large ones, by ratio."""
        return self.scale * math.exp(dice.uniform(math.log(low), math.log(high)))

    def _look(self, dice: random.Random) -> Look:
        return any_look(dice, self.patterns)

    def _solid(self, dice: random.Random, half: float, tall: float, base: float) -> Solid:
        """A convex solid of this half width and height, whose bottom is at y = base."""
        look, long = self._look(dice), half * dice.uniform(0.5, 1.0)
        low, high = (-half, base - tall, -long), (half, base, long)
        kind = dice.choice(("box", "frustum", "cylinder", "ellipsoid", "gable", "lying"))
        if kind == "frustum":
            return frustum(low, high, look, front=long * dice.random(), back=long * 0.5, side=0.6 * half)
        if kind == "cylinder":
            return cylinder((0.0, base - tall / 2, 0.0), long, tall, look)
        if kind == "ellipsoid":
            return ellipsoid((0.0, base - tall / 2, 0.0), (half, tall / 2, long), look)
        if kind == "gable":
            return gable(low, high, look)
        if kind == "lying":
            return cylinder((0.0, base - tall / 2, 0.0), tall / 2, 2 * half, look, axis=dice.choice((0, 2)))
        return box(low, high, look)
