"""A market hall: columns, stalls under awnings, racks, tables and stools, banners, railings and people."""

from __future__ import annotations

import math
import random

from triptych.data.synthetic.cameras import Drive, RoadLine, waves
from triptych.data.synthetic.daylight import lamplight
from triptych.data.synthetic.filming import DEGREE, Filming
from triptych.data.synthetic.movers import Company, movers
from triptych.data.synthetic.patterns import any_color, any_phase
from triptych.data.synthetic.patterns_held_out import Gravel, Mosaic, Paneled, Scaled, Terrazzo, Zigzag
from triptych.data.synthetic.props import fence, figure
from triptych.data.synthetic.scene import Body, standing
from triptych.data.synthetic.solids import Look, Solid, box, cylinder, ellipsoid, frustum, gable, half_space
from triptych.data.synthetic.staging import AT_ORIGIN, GroundPlan, Prop, camera_discs, scattered
from triptych.data.synthetic.surface import Material
from triptych.data.synthetic.world import World, lit_world

FLOORS: tuple[Material, ...] = (Terrazzo(0.3), Mosaic(0.4), Gravel(0.12))
CLOTHS: tuple[Material, ...] = (Zigzag(0.15), Scaled(0.12), Mosaic(0.07), Terrazzo(0.12))
WALLS: tuple[Material, ...] = (Paneled(1.6, 2.4), Mosaic(0.5), Scaled(0.7))

BACK_M, AHEAD_M = 14.0, 40.0
"""How far the hall goes on behind the camera's first and beyond its last position."""


def hall(seed: int, *, seconds: float, moving_objects: int | None = None, filming: Filming | None = None) -> World:
    """A hall.

    Args:
        seed: of everything random.
        seconds: how long it is filmed.
        moving_objects: how many move, at most; None for 0 to 8.
        filming: how; None for straight ahead.
    """
    dice = random.Random(f"hall/{seed}")
    line = RoadLine(((dice.uniform(0.5, 2.5), 2 * math.pi / dice.uniform(35, 80), dice.uniform(0, 2 * math.pi)),))
    drive = (filming or Filming()).drive(dice, _drive(dice, line))
    plan = GroundPlan()
    company = Company(_mover, (0.6, 3.0), (2.5, 12.0), 3.0, camera_m=0.6, reach_m=7.0)
    moving = movers(dice, drive, company, plan, seconds=seconds, count=moving_objects)
    plan.take(camera_discs(drive, seconds, 0.8))
    last, half, high = drive.along(seconds), dice.uniform(9, 15), dice.uniform(5, 9)
    floor = Look(dice.choice(FLOORS), any_color(dice, 0.4, 0.7, strong=0.2), any_color(dice, 0.15, 0.4), gloss=0.35)
    wall = Look(dice.choice(WALLS), any_color(dice, 0.35, 0.7, strong=0.4), any_color(dice, 0.2, 0.8), any_phase(dice))
    shell = box((-half, -high, -BACK_M), (half, 1.0, last + AHEAD_M), wall)
    along = (-BACK_M + 1, last + AHEAD_M - 1)
    bodies = [
        standing((half_space(floor),), AT_ORIGIN),
        Body((shell,), lambda _: AT_ORIGIN, inside_out=True),
        *_columns(dice, plan, line, high, last),
    ]
    for make, number, aside in (
        (_stall, 50, (2.8, half - 1.5)), (_rack, 24, (2.5, half - 0.6)), (_railing, 12, (1.6, 5)),
        (_bar_table, 40, (1.2, half - 1)), (_stool, 50, (0.9, 6)), (_basket, 70, (0.8, 6)), (_stander, 14, (1, 7)),
    ):  # fmt: skip
        bodies += scattered(dice, plan, line, make, count=number, along=along, aside=aside)
    bodies += moving
    return lit_world(bodies, drive, lamplight(dice, seed), seconds=seconds)


def _drive(dice: random.Random, line: RoadLine) -> Drive:
    """A walk between the stalls."""
    return Drive(
        line=line,
        lane_m=dice.uniform(-0.4, 0.4),
        height_m=dice.uniform(0.9, 1.9),
        speed_m_s=2.2,
        pace=waves(dice, 0.4, (0.2, 0.5)),
        drift=waves(dice, 0.15, (0.2, 0.45)),
        bounce=waves(dice, 0.03, (0.9, 1.8)),
        yaw=waves(dice, 3 * DEGREE, (0.2, 0.5)),
        pitch=waves(dice, 1.2 * DEGREE, (0.4, 1.0)),
        roll=waves(dice, 1.0 * DEGREE, (0.3, 0.9)),
        tilt=dice.uniform(-7, 2) * DEGREE,
    )


def _cloth(dice: random.Random) -> Look:
    """Anything printed or woven."""
    return Look(dice.choice(CLOTHS), any_color(dice, strong=0.8), any_color(dice, strong=0.8), any_phase(dice))


def _iron(dice: random.Random) -> Look:
    """Painted metal."""
    return Look(Zigzag(0.08), any_color(dice, 0.1, 0.6), any_color(dice, 0.1, 0.6), any_phase(dice), 0.4)


def _columns(dice: random.Random, plan: GroundPlan, line: RoadLine, high: float, last: float) -> list[Body]:
    """Two rows of columns with girders across and banners beneath."""
    look, step, aside = _cloth(dice), dice.uniform(5, 8), dice.uniform(2.6, 4.5)
    radius, bodies, z = dice.uniform(0.15, 0.4), list[Body](), -BACK_M + 2
    while z < last + AHEAD_M - 2:
        x, at, yaw = line.beside(z, 0.0)
        girder: list[Solid] = [box((-aside - 1, -high + 0.1, -0.12), (aside + 1, -high + 0.45, 0.12), look)]
        if dice.random() < 0.6:
            wide, low = dice.uniform(0.5, 1.2), high - dice.uniform(0.8, 2.0)
            banner = dice.uniform(-aside + wide, aside - wide)
            girder.append(box((banner - wide, -high + 0.2, -0.02), (banner + wide, -low, 0.02), _cloth(dice)))
        bodies.append(standing(girder, (x, 0.0, at, yaw, 0.0)))
        for side in (-1, 1):
            x, at, yaw = line.beside(z, side * aside)
            if plan.placed(x, at, radius):
                shaft = cylinder((0.0, -high / 2, 0.0), radius, high, look)
                base = box((-1.4 * radius, -0.4, -1.4 * radius), (1.4 * radius, 0.0, 1.4 * radius), look)
                bodies.append(standing((shaft, base), (x, 0.0, at, yaw, 0.0)))
        z += step
    return bodies


def _stall(dice: random.Random) -> Prop:
    """A counter with goods under an awning on four thin posts."""
    half, long, iron, cloth = dice.uniform(0.6, 0.9), dice.uniform(1.0, 1.7), _iron(dice), _cloth(dice)
    high = dice.uniform(2.0, 2.5)
    solids = [
        box((-half, -0.9, -long), (half, 0.0, long), _cloth(dice)),
        gable((-half - 0.3, -high - 0.5, -long - 0.2), (half + 0.3, -high, long + 0.2), cloth),
        *(box((x - 0.025, -high, -long), (x + 0.025, 0.0, -long + 0.05), iron) for x in (-half, half)),
        *(box((x - 0.025, -high, long - 0.05), (x + 0.025, 0.0, long), iron) for x in (-half, half)),
    ]
    for _ in range(dice.randint(2, 6)):
        x, z = dice.uniform(-half + 0.2, half - 0.2), dice.uniform(-long + 0.2, long - 0.2)
        size = dice.uniform(0.08, 0.2)
        solids.append(ellipsoid((x, -0.9 - 0.7 * size, z), (size, size, 1.3 * size), _cloth(dice)))
    return Prop(tuple(solids), math.hypot(half, long) + 0.2)


def _rack(dice: random.Random) -> Prop:
    """Shelves one can see through, with goods."""
    iron, half, high = _iron(dice), dice.uniform(0.7, 1.3), dice.uniform(1.5, 2.2)
    levels = dice.choice((3, 4))
    solids = [box((x - 0.03, -high, -0.22), (x + 0.03, 0.0, 0.22), iron) for x in (-half, half)]
    for level in range(levels):
        low = 0.15 + level * (high - 0.25) / levels
        solids.append(box((-half, -low - 0.03, -0.22), (half, -low, 0.22), iron))
        x = -half + 0.05
        while x < half - 0.3:
            wide, tall = dice.uniform(0.12, 0.4), dice.uniform(0.12, 0.32)
            if dice.random() < 0.7:
                solids.append(box((x, -low - 0.03 - tall, -0.15), (x + wide, -low - 0.03, 0.18), _cloth(dice)))
            x += wide + 0.05
    return Prop(tuple(solids), half)


def _railing(dice: random.Random) -> Prop:
    """A railing of thin bars."""
    long = dice.uniform(1.2, 2.8)
    return Prop(fence(_iron(dice), length=long, height=1.0, gap=0.6, rails=3), long)


def _bar_table(dice: random.Random) -> Prop:
    """A round top on one leg."""
    high, radius = dice.uniform(0.7, 1.1), dice.uniform(0.3, 0.5)
    top = cylinder((0.0, -high, 0.0), radius, 0.05, _cloth(dice))
    return Prop((top, cylinder((0.0, -high / 2, 0.0), 0.04, high, _iron(dice))), radius)


def _stool(dice: random.Random) -> Prop:
    """A round seat on three legs."""
    iron, high = _iron(dice), dice.uniform(0.45, 0.75)
    legs = tuple(
        cylinder((0.14 * math.sin(turn), -high / 2, 0.14 * math.cos(turn)), 0.018, high, iron)
        for turn in (0.0, 2.1, 4.2)
    )
    return Prop((cylinder((0.0, -high, 0.0), 0.19, 0.06, _cloth(dice)), *legs), 0.2)


def _basket(dice: random.Random) -> Prop:
    """A basket, wider at its rim, with something round in it."""
    half, tall = dice.uniform(0.15, 0.4), dice.uniform(0.2, 0.5)
    basket = frustum((-half, -tall, -half), (half, 0.0, half), _cloth(dice), front=-0.08, back=-0.08, side=-0.08)
    fruit = ellipsoid((0.0, -tall, 0.0), (0.9 * half, 0.5 * half, 0.9 * half), _cloth(dice))
    return Prop((basket, fruit), 1.4 * half + 0.1)


def _stander(dice: random.Random) -> Prop:
    """Somebody who stands."""
    return figure(dice, _cloth(dice), _cloth(dice))


def _mover(dice: random.Random) -> Prop:
    """Somebody, a trolley, or a balloon."""
    share = dice.random()
    if share < 0.5:
        return _stander(dice)
    if share < 0.75:
        iron, half = _iron(dice), dice.uniform(0.28, 0.4)
        bars = fence(iron, length=1.0, height=0.95, gap=0.25, rails=3)
        load = box((0.05, -dice.uniform(0.5, 1.1), 0.1), (2 * half, -0.2, 0.9), _cloth(dice))
        wheels = tuple(cylinder((half, -0.1, at), 0.1, 2 * half, iron, axis=0) for at in (0.15, 0.85))
        return Prop((*bars, load, *wheels), 1.2)
    size = dice.uniform(0.2, 0.45)
    balloon = ellipsoid((0.0, 0.0, 0.0), (size, 1.25 * size, size), _cloth(dice))
    knot = box((-0.05, 1.1 * size, -0.05), (0.05, 1.4 * size, 0.05), _iron(dice))
    return Prop((balloon, knot), 1.4 * size, 1.4 * size, tumbles=True)
