"""Open land: a track between fields and slopes, trees, bushes, rocks, bales, fences, poles with wires, barns."""

from __future__ import annotations

import math
import random

from triptych.data.synthetic.cameras import Drive, RoadLine, waves
from triptych.data.synthetic.country_materials import Crop, Hide, Land
from triptych.data.synthetic.daylight import daylight
from triptych.data.synthetic.filming import DEGREE, Filming
from triptych.data.synthetic.movers import Company, movers
from triptych.data.synthetic.patterns import any_phase
from triptych.data.synthetic.props import bush, conifer, fence, mast, rock, tree
from triptych.data.synthetic.scene import Body, standing
from triptych.data.synthetic.solids import Look, box, cylinder, ellipsoid, frustum, gable, half_space
from triptych.data.synthetic.staging import AT_ORIGIN, GroundPlan, Prop, camera_discs, scattered
from triptych.data.synthetic.street_materials import Banded, Leaves, Rough, Rows
from triptych.data.synthetic.vehicles import car, truck, van
from triptych.data.synthetic.world import World, lit_world

AHEAD_M = 110.0
"""How far the land is furnished beyond the camera's last position."""

VERGE_M = 3.4
"""From the track's middle to where things may stand."""

WOOD = Rough((2.5, 9.0), 1.1)


def country(seed: int, *, seconds: float, moving_objects: int | None = None, filming: Filming | None = None) -> World:
    """A track across open land.

    Args:
        seed: of everything random.
        seconds: how long it is filmed.
        moving_objects: how many move, at most; None for 0 to 8.
        filming: how; None for straight ahead.
    """
    dice = random.Random(f"country/{seed}")
    line = RoadLine(
        (
            (dice.uniform(1.0, 4.0), 2 * math.pi / dice.uniform(70, 130), dice.uniform(0, 6.3)),
            (dice.uniform(3.0, 10.0), 2 * math.pi / dice.uniform(200, 330), dice.uniform(0, 6.3)),
        )
    )
    drive = (filming or Filming()).drive(dice, _drive(dice, line))
    plan = GroundPlan()
    company = Company(
        _mover, (1.5, 9.0), (7.0, 28.0), 6.0, camera_m=1.4, reach_m=22.0, lanes_m=(-3.2, 0.0, 0.4, 3.2, 6.0)
    )
    moving = movers(dice, drive, company, plan, seconds=seconds, count=moving_objects)
    plan.take(camera_discs(drive, seconds, 2.0))
    land = Land(line, VERGE_M - 1.2, dice.uniform(18, 50), dice.uniform(25, 70))
    bodies = [standing((half_space(Look(land, (0.4, 0.36, 0.25))),), AT_ORIGIN)]
    bodies += _grown(dice, plan, line, drive.along(seconds))
    bodies += _boundaries(dice, plan, line, drive.along(seconds))
    bodies += _hills(dice, line, drive.along(seconds))
    bodies += moving
    return lit_world(bodies, drive, daylight(dice, seed), seconds=seconds)


def _drive(dice: random.Random, line: RoadLine) -> Drive:
    """A car's or a cart's drive on rough ground."""
    return Drive(
        line=line,
        lane_m=dice.uniform(-0.4, 0.4),
        height_m=dice.uniform(1.3, 2.4),
        speed_m_s=8.0,
        pace=waves(dice, 1.2, (0.09, 0.2)),
        drift=waves(dice, 0.3, (0.1, 0.25)),
        bounce=waves(dice, 0.05, (0.9, 1.7)),
        yaw=waves(dice, 2.5 * DEGREE, (0.15, 0.4, 0.9)),
        pitch=waves(dice, 1.0 * DEGREE, (0.7, 1.5)),
        roll=waves(dice, 1.2 * DEGREE, (0.4, 1.1)),
        tilt=dice.uniform(-6, 0) * DEGREE,
    )


def _grown(dice: random.Random, plan: GroundPlan, line: RoadLine, last: float) -> list[Body]:
    """Trees, bushes, rocks and bales in the fields, and crops that stand in blocks."""
    along = (-45.0, last + AHEAD_M)
    wood = dice.uniform(0.2, 1.0)
    bodies = scattered(dice, plan, line, _barn, count=dice.choice((0, 1, 2, 4)), along=along, aside=(14, 40))
    bodies += scattered(dice, plan, line, _plot, count=dice.randint(0, 5), along=along, aside=(10, 30))
    kinds = dice.choice(((tree,), (conifer,), (tree, conifer)))

    def plant(dice: random.Random) -> Prop:
        return dice.choice(kinds)(dice)

    bodies += scattered(dice, plan, line, plant, count=int(40 * wood), along=along, aside=(VERGE_M + 1.5, 16))
    bodies += scattered(dice, plan, line, plant, count=int(60 * wood), along=along, aside=(16, 55))
    bodies += scattered(dice, plan, line, bush, count=30, along=along, aside=(VERGE_M + 0.6, 14))
    bodies += scattered(dice, plan, line, rock, count=25, along=along, aside=(VERGE_M, 12))
    return bodies + scattered(dice, plan, line, _bale, count=dice.choice((0, 14)), along=along, aside=(5, 30))


def _boundaries(dice: random.Random, plan: GroundPlan, line: RoadLine, last: float) -> list[Body]:
    """Fences or hedges along the track and poles with wires."""
    bodies: list[Body] = []
    wood = Look(WOOD, dice.choice(((0.45, 0.36, 0.26), (0.60, 0.58, 0.54), (0.75, 0.74, 0.70))), phase=any_phase(dice))
    hedge = Look(Leaves(0.45), (0.20, 0.30, 0.11), (0.36, 0.40, 0.16), any_phase(dice))
    for side in (-1, 1):
        kind = dice.choice(("fence", "fence", "hedge", "none"))
        aside, height = side * dice.uniform(VERGE_M + 0.3, VERGE_M + 2.5), dice.uniform(0.9, 1.5)
        gap, rails = dice.uniform(1.8, 3.2), dice.choice((1, 2, 3))
        z = -40.0
        while kind != "none" and z < last + 70:
            x, at, yaw = line.beside(z, aside)
            if all(plan.free(*line.beside(z + step, aside)[:2], 0.3) for step in (0.0, 1.5, 3.0, 4.5, 6.0)):
                solids = (
                    fence(wood, length=6.0, height=height, gap=gap, rails=rails)
                    if kind == "fence"
                    else (box((-0.5, -height, 0.0), (0.5, 0.0, 6.0), hedge),)
                )
                bodies.append(standing(solids, (x, 0.0, at, yaw, 0.0)))
            z += 6.0
    if dice.random() < 0.6:
        bodies += _wires(dice, plan, line, last)
    return bodies


def _wires(dice: random.Random, plan: GroundPlan, line: RoadLine, last: float) -> list[Body]:
    """Masts on one side, with three wires from each to the next."""
    wood = Look(WOOD, (0.38, 0.31, 0.25), phase=any_phase(dice))
    wire = Look(Banded(1.0), (0.12, 0.12, 0.13), (0.2, 0.2, 0.2))
    aside, step = dice.choice((-1, 1)) * dice.uniform(5.0, 7.5), dice.uniform(18, 28)
    height, arm = dice.uniform(5.0, 7.5), dice.uniform(0.6, 1.1)
    bodies, z = [], -step
    while z < last + 90:
        (x, at, yaw), (x1, at1, _) = line.beside(z, aside), line.beside(z + step, aside)
        if plan.placed(x, at, 0.3):
            bodies.append(standing(mast(wood, height=height, arm=arm), (x, 0.0, at, yaw, 0.0)))
        length, heading = math.hypot(x1 - x, at1 - at), math.atan2(x1 - x, at1 - at)
        wires = tuple(
            box((place - 0.012, -height + 0.3, 0.0), (place + 0.012, -height + 0.33, length), wire)
            for place in (-arm, 0.0, arm)
        )
        bodies.append(standing(wires, (x, 0.0, at, heading, 0.0)))
        z += step
    return bodies


def _barn(dice: random.Random) -> Prop:
    """A barn of planks under a roof of tiles."""
    half, long, high = dice.uniform(2.5, 4.5), dice.uniform(3.5, 7.0), dice.uniform(2.5, 4.0)
    planks = Look(
        Rows(3.0, 0.22), dice.choice(((0.45, 0.20, 0.15), (0.42, 0.34, 0.26), (0.55, 0.54, 0.5))), phase=any_phase(dice)
    )
    roof = Look(Rows(), dice.choice(((0.40, 0.24, 0.18), (0.33, 0.32, 0.33))), phase=any_phase(dice))
    rise = dice.uniform(1.5, 2.8)
    return Prop(
        (
            box((-half, -high, -long), (half, 0.0, long), planks),
            gable((-half - 0.3, -high - rise, -long - 0.3), (half + 0.3, -high, long + 0.3), roof),
        ),
        math.hypot(half, long),
    )


def _plot(dice: random.Random) -> Prop:
    """A block of standing crops: maize or vines."""
    half, long = dice.uniform(2.0, 5.0), dice.uniform(3.0, 8.0)
    crop = Look(Crop(dice.choice((0.5, 0.8))), (0.26, 0.36, 0.12), (0.55, 0.50, 0.22), any_phase(dice))
    return Prop((box((-half, -dice.uniform(0.7, 2.0), -long), (half, 0.0, long), crop),), math.hypot(half, long))


def _bale(dice: random.Random) -> Prop:
    """A round bale of straw."""
    radius = dice.uniform(0.55, 0.8)
    straw = Look(Rough((5.0, 1.5), 1.3), (0.66, 0.56, 0.32), (0.5, 0.4, 0.2), any_phase(dice))
    return Prop((cylinder((0.0, -radius, 0.0), radius, 1.3, straw, axis=0),), 1.0)


def _mover(dice: random.Random) -> Prop:
    """Mostly vehicles; now and then a cow or a tractor."""
    share = dice.random()
    if share < 0.3:
        return _cow(dice)
    if share < 0.45:
        return _tractor(dice)
    build = car if share < 0.75 else van if share < 0.88 else truck
    return Prop(build(dice), 2.6 if build is not truck else 3.7)


def _cow(dice: random.Random) -> Prop:
    """A cow, facing z."""
    hide = Look(Hide(), (0.85, 0.83, 0.78), dice.choice(((0.10, 0.09, 0.09), (0.42, 0.25, 0.15))), any_phase(dice))
    legs = tuple(
        box((x * 0.24 - 0.06, -0.75, z * 0.6 - 0.07), (x * 0.24 + 0.06, 0.0, z * 0.6 + 0.07), hide)
        for x in (-1, 1)
        for z in (-1, 1)
    )
    trunk = frustum((-0.35, -1.35, -0.85), (0.35, -0.65, 0.85), hide, side=0.06, front=0.08, back=0.05)
    head = ellipsoid((0.0, -1.35, 1.15), (0.17, 0.2, 0.35), hide)
    return Prop((trunk, head, *legs), 1.3)


def _tractor(dice: random.Random) -> Prop:
    """Hood, cab and two pairs of wheels."""
    paint = Look(Rough((2.0, 2.0), 0.8), dice.choice(((0.2, 0.45, 0.18), (0.65, 0.15, 0.1), (0.15, 0.3, 0.6))))
    glass = Look(Banded(0.8), (0.2, 0.24, 0.28), (0.65, 0.65, 0.6), gloss=0.7)
    tire = Look(Rough((6.0, 6.0), 1.2), (0.12, 0.11, 0.11), (0.3, 0.25, 0.2))
    return Prop(
        (
            box((-0.45, -1.5, -0.2), (0.45, -0.6, 1.7), paint),
            frustum((-0.7, -2.6, -1.5), (0.7, -1.0, -0.1), glass, front=0.15, side=0.1),
            cylinder((0.0, -0.8, -0.9), 0.8, 2.0, tire, axis=0),
            cylinder((0.0, -0.45, 1.3), 0.45, 1.7, tire, axis=0),
            cylinder((0.3, -1.9, 0.9), 0.05, 0.9, tire),
        ),
        2.2,
    )


def _hills(dice: random.Random, line: RoadLine, last: float) -> list[Body]:
    """Slopes near the track, of fields, and wooded hills far away all around."""
    bodies = []
    z = -160.0
    while z < last + 330:
        for side in (-1, 1):
            near = Look(Crop(dice.choice((1.5, 3.0, 6.0))), (0.30, 0.37, 0.16), (0.52, 0.48, 0.26), any_phase(dice))
            wide, high = dice.uniform(35, 90), dice.uniform(4, 18)
            x, at, yaw = line.beside(z, side * (wide + dice.uniform(25, 70)))
            if dice.random() < 0.6:
                hill = ellipsoid((0.0, 1.0, 0.0), (wide, high, wide * dice.uniform(0.8, 1.6)), near)
                bodies.append(standing((hill,), (x, 0.0, at, yaw, 0.0)))
        z += dice.uniform(50, 90)
    for turn in range(14):
        angle = 2 * math.pi * (turn + dice.uniform(-0.3, 0.3)) / 14
        far = Look(Leaves(dice.choice((8.0, 14.0))), (0.20, 0.27, 0.15), (0.30, 0.32, 0.18), any_phase(dice))
        hill = ellipsoid((0.0, 4.0, 0.0), (dice.uniform(90, 160), dice.uniform(14, 48), 90.0), far)
        x, at = 330 * math.sin(angle), last / 2 + 330 * math.cos(angle)
        bodies.append(standing((hill,), (x, 0.0, at, angle, 0.0)))
    return bodies
