"""A works yard: stacks of containers, drums, crates, pallets, gantries, railings, and forklifts at work."""

from __future__ import annotations

import math
import random

from triptych.data.synthetic.cameras import Drive, RoadLine, waves
from triptych.data.synthetic.daylight import daylight
from triptych.data.synthetic.filming import DEGREE, Filming
from triptych.data.synthetic.movers import Company, movers
from triptych.data.synthetic.patterns import any_color, any_phase
from triptych.data.synthetic.patterns_held_out import Corrugated, Gravel, Scaled, Zigzag
from triptych.data.synthetic.props import crate, drum, fence, figure, pole
from triptych.data.synthetic.scene import Body, standing
from triptych.data.synthetic.solids import Look, Solid, box, cylinder, frustum, half_space
from triptych.data.synthetic.staging import AT_ORIGIN, GroundPlan, Prop, camera_discs, scattered
from triptych.data.synthetic.world import World, lit_world

AHEAD_M = 75.0
"""How far the yard is furnished beyond the camera's last position."""

AISLE_M = 4.5
"""From the line to where large things may stand."""

STEEL, HAZARD, GUARD, BARREL = Corrugated(), Zigzag(0.3), Corrugated(0.12), Scaled(0.22)


def yard(seed: int, *, seconds: float, moving_objects: int | None = None, filming: Filming | None = None) -> World:
    """A yard.

    Args:
        seed: of everything random.
        seconds: how long it is filmed.
        moving_objects: how many move, at most; None for 0 to 8.
        filming: how; None for straight ahead.
    """
    dice = random.Random(f"yard/{seed}")
    line = RoadLine(
        (
            (dice.uniform(1.0, 3.0), 2 * math.pi / dice.uniform(45, 80), dice.uniform(0, 6.3)),
            (dice.uniform(2.0, 6.0), 2 * math.pi / dice.uniform(110, 200), dice.uniform(0, 6.3)),
        )
    )
    drive = (filming or Filming()).drive(dice, _drive(dice, line))
    plan = GroundPlan()
    company = Company(_mover, (1.0, 6.0), (5.0, 20.0), 4.5, camera_m=1.1, reach_m=12.0, lanes_m=(-2.6, 2.6, 0.0, -0.2))
    moving = movers(dice, drive, company, plan, seconds=seconds, count=moving_objects)
    plan.take(camera_discs(drive, seconds, 1.6))
    gravel = Look(Gravel(dice.uniform(0.15, 0.4)), any_color(dice, 0.35, 0.6, strong=0.1), (0.30, 0.29, 0.27))
    bodies = [standing((half_space(gravel),), AT_ORIGIN)]
    bodies += _filled(dice, plan, line, drive.along(seconds))
    bodies += moving
    return lit_world(bodies, drive, daylight(dice, seed), seconds=seconds)


def _drive(dice: random.Random, line: RoadLine) -> Drive:
    """A cart's drive between the stacks."""
    return Drive(
        line=line,
        lane_m=dice.uniform(-0.6, 0.6),
        height_m=dice.uniform(1.0, 2.6),
        speed_m_s=5.0,
        pace=waves(dice, 0.9, (0.1, 0.25)),
        drift=waves(dice, 0.25, (0.12, 0.3)),
        bounce=waves(dice, 0.03, (0.9, 2.1)),
        yaw=waves(dice, 2.5 * DEGREE, (0.15, 0.5, 1.0)),
        pitch=waves(dice, 0.8 * DEGREE, (0.6, 1.4)),
        roll=waves(dice, 0.8 * DEGREE, (0.5, 1.2)),
        tilt=dice.uniform(-6, 1) * DEGREE,
    )


def _filled(dice: random.Random, plan: GroundPlan, line: RoadLine, last: float) -> list[Body]:
    """What stands in the yard, the largest first."""
    along, bodies = (-30.0, last + AHEAD_M), list[Body]()
    bodies += scattered(dice, plan, line, _gantry, count=dice.choice((0, 2, 4)), along=along, aside=(9, 14))
    bodies += scattered(dice, plan, line, _stack, count=60, along=along, aside=(AISLE_M + 4, 24))
    bodies += scattered(dice, plan, line, _stack, count=50, along=along, aside=(24, 60))
    bodies += scattered(dice, plan, line, _tank, count=12, along=along, aside=(AISLE_M + 3, 30))
    bodies += scattered(dice, plan, line, _railing, count=16, along=along, aside=(2.6, 7))
    bodies += scattered(dice, plan, line, _pallet, count=40, along=along, aside=(2.2, 9))
    bodies += scattered(dice, plan, line, _crate, count=50, along=along, aside=(2.0, 12))
    bodies += scattered(dice, plan, line, _drum, count=40, along=along, aside=(1.8, 9))
    return bodies + scattered(dice, plan, line, _pole, count=24, along=along, aside=(1.8, 9))


def _steel(dice: random.Random) -> Look:
    """Painted steel."""
    return Look(STEEL, any_color(dice, 0.1, 0.75, strong=0.8), (0.88, 0.86, 0.80), any_phase(dice))


def _hazard(dice: random.Random) -> Look:
    """Yellow or white with dark zigzag."""
    return Look(HAZARD, dice.choice(((0.85, 0.70, 0.10), (0.88, 0.87, 0.84))), (0.10, 0.10, 0.10), any_phase(dice))


def _stack(dice: random.Random) -> Prop:
    """One to three containers on top of each other."""
    half, high, long = 1.22, 2.6, dice.choice((1.5, 3.0, 3.0, 6.0))
    solids = [
        box((-half + slip, -high * (level + 1), -long), (half + slip, -high * level, long), _steel(dice))
        for level in range(dice.choice((1, 1, 2, 3)))
        for slip in (dice.uniform(-0.1, 0.1),)
    ]
    return Prop(tuple(solids), math.hypot(half, long))


def _tank(dice: random.Random) -> Prop:
    """A tank on two blocks, lying."""
    radius, long = dice.uniform(0.8, 1.5), dice.uniform(3.0, 6.0)
    shell = Look(STEEL, any_color(dice, 0.3, 0.8, strong=0.3), (0.3, 0.3, 0.32), any_phase(dice), 0.4)
    feet = [
        box((-0.8 * radius, -0.6, at - 0.2), (0.8 * radius, 0.0, at + 0.2), _hazard(dice))
        for at in (-long / 3, long / 3)
    ]
    return Prop((cylinder((0.0, -radius - 0.4, 0.0), radius, long, shell, axis=2), *feet), math.hypot(radius, long / 2))


def _gantry(dice: random.Random) -> Prop:
    """A crane over the aisle: two legs, a beam and a rope with its hook."""
    look, reach, high = _hazard(dice), dice.uniform(3.0, 7.0), dice.uniform(5.0, 8.0)
    at = dice.uniform(-0.8, 0.8) * reach
    return Prop(
        (
            box((-0.25, -high, -0.25), (0.25, 0.0, 0.25), look),
            box((-reach, -high - 0.4, -0.2), (reach, -high, 0.2), look),
            cylinder((at, -0.75 * high, 0.0), 0.02, 0.5 * high, look),
            box((at - 0.2, -0.5 * high - 0.2, -0.15), (at + 0.2, -0.5 * high + 0.2, 0.15), look),
        ),
        0.6,
    )


def _railing(dice: random.Random) -> Prop:
    """A railing with three thin bars."""
    look = Look(GUARD, dice.choice(((0.80, 0.65, 0.12), (0.6, 0.6, 0.62), (0.7, 0.2, 0.12))), (0.2, 0.2, 0.2))
    long = dice.uniform(2.0, 4.0)
    return Prop(fence(look, length=long, height=1.1, gap=1.0, rails=3), long)


def _pallet(dice: random.Random) -> Prop:
    """A stack of pallets: boards with gaps between."""
    look = Look(GUARD, (0.62, 0.48, 0.31), (0.45, 0.33, 0.2), any_phase(dice))
    solids: list[Solid] = []
    for level in range(dice.randint(1, 5)):
        low = -0.17 * level
        solids.append(box((-0.6, low - 0.17, -0.5), (0.6, low - 0.12, 0.5), look))
        solids += [box((x - 0.06, low - 0.12, -0.48), (x + 0.06, low, 0.48), look) for x in (-0.5, 0.0, 0.5)]
    return Prop(tuple(solids), 0.8)


def _crate(dice: random.Random) -> Prop:
    """A crate."""
    color, accent = any_color(dice, 0.3, 0.8, strong=0.3), any_color(dice, 0.1, 0.4)
    return crate(dice, Look(dice.choice((BARREL, HAZARD, GUARD)), color, accent, any_phase(dice)))


def _drum(dice: random.Random) -> Prop:
    """An oil drum."""
    look = Look(BARREL, any_color(dice, 0.1, 0.8, strong=0.9), (0.15, 0.14, 0.13), any_phase(dice), 0.3)
    return drum(dice, look)


def _pole(dice: random.Random) -> Prop:
    """A thin pole with warning colors."""
    return pole(dice, _hazard(dice))


def _mover(dice: random.Random) -> Prop:
    """A forklift, a worker, or a drum that swings from a rope out of sight."""
    share = dice.random()
    if share < 0.45:
        return _forklift(dice)
    if share < 0.8:
        clothes = Look(HAZARD, dice.choice(((0.9, 0.45, 0.08), (0.75, 0.85, 0.1))), (0.85, 0.85, 0.82), any_phase(dice))
        return figure(dice, clothes, Look(GUARD, (0.18, 0.2, 0.3), (0.1, 0.1, 0.14), any_phase(dice)))
    radius = dice.uniform(0.3, 0.6)
    look = Look(BARREL, any_color(dice, 0.1, 0.8, strong=0.9), (0.85, 0.83, 0.78), any_phase(dice), 0.3)
    return Prop((cylinder((0.0, 0.0, 0.0), radius, 2.6 * radius, look),), 1.7 * radius, 1.7 * radius, tumbles=True)


def _forklift(dice: random.Random) -> Prop:
    """Counterweight, mast, forks, cage and often a load."""
    paint = Look(BARREL, dice.choice(((0.85, 0.55, 0.08), (0.75, 0.15, 0.12), (0.2, 0.45, 0.6))), (0.15, 0.15, 0.15))
    dark = Look(GUARD, (0.16, 0.16, 0.17), (0.4, 0.4, 0.4))
    lift = dice.uniform(0.15, 1.0)
    solids = [
        frustum((-0.55, -1.1, -1.1), (0.55, -0.15, 0.7), paint, back=0.2, side=0.05),
        box((-0.5, -2.1, -0.7), (0.5, -2.02, 0.5), dark),
        *(
            box((x - 0.04, -2.05, z - 0.04), (x + 0.04, -1.1, z + 0.04), dark)
            for x in (-0.45, 0.45)
            for z in (-0.6, 0.4)
        ),
        *(box((x - 0.06, -2.4, 0.75), (x + 0.06, -0.1, 0.87), dark) for x in (-0.35, 0.35)),
        *(box((x - 0.07, -lift - 0.05, 0.87), (x + 0.07, -lift, 1.9), dark) for x in (-0.3, 0.3)),
        *(cylinder((0.0, -0.28, z), 0.28, 1.2, dark, axis=0) for z in (-0.65, 0.4)),
    ]
    if dice.random() < 0.6:
        load = Look(HAZARD, any_color(dice, 0.3, 0.8), any_color(dice, 0.1, 0.5), any_phase(dice))
        solids.append(box((-0.5, -lift - dice.uniform(0.5, 1.2), 0.95), (0.5, -lift - 0.05, 1.9), load))
    return Prop(tuple(solids), 1.9)
