"""An avenue: curtain walls, a planted median, trams and buses, kiosks, arcades, benches and bollards."""

from __future__ import annotations

import math
import random

from triptych.data.synthetic.avenue_ground import AvenueGround
from triptych.data.synthetic.cameras import Drive, RoadLine, waves
from triptych.data.synthetic.daylight import daylight
from triptych.data.synthetic.filming import DEGREE, Filming
from triptych.data.synthetic.movers import Company, movers
from triptych.data.synthetic.patterns import any_color, any_phase
from triptych.data.synthetic.patterns_held_out import Mosaic, Paneled, Scaled, Terrazzo, Zigzag
from triptych.data.synthetic.props import fence, figure, leaves_look
from triptych.data.synthetic.scene import Body, standing
from triptych.data.synthetic.solids import Look, Solid, box, cylinder, ellipsoid, frustum, half_space
from triptych.data.synthetic.staging import AT_ORIGIN, GroundPlan, Prop, camera_discs, scattered
from triptych.data.synthetic.street_materials import Leaves
from triptych.data.synthetic.world import World, lit_world

AHEAD_M = 150.0
"""How far the avenue goes on beyond the camera's last position."""

MEDIAN_M, CURB_M, FRONT_M = 1.6, 8.6, 14.0
"""From the middle: edge of the planted strip, the curb, and the line of the houses."""

STONES = (Mosaic(0.45), Terrazzo(0.8), Scaled(0.6))
PANES = (Paneled(1.0, 3.0), Paneled(1.5, 3.4), Paneled(2.1, 3.9))
METAL, TILES, FOLIAGE = Zigzag(0.5), Terrazzo(0.3), Leaves(0.3)


def avenue(seed: int, *, seconds: float, moving_objects: int | None = None, filming: Filming | None = None) -> World:
    """An avenue.

    Args:
        seed: of everything random.
        seconds: how long it is filmed.
        moving_objects: how many move, at most; None for 0 to 8.
        filming: how; None for straight ahead.
    """
    dice = random.Random(f"avenue/{seed}")
    line = RoadLine(((dice.uniform(2.0, 9.0), 2 * math.pi / dice.uniform(240, 420), dice.uniform(0, 6.3)),))
    drive = (filming or Filming()).drive(dice, _drive(dice, line))
    plan = GroundPlan()
    company = Company(_mover, (3.0, 11.0), (7.0, 30.0), 7.0, camera_m=1.3, reach_m=13.0, lanes_m=(-6.6, -3.4, 3.4, 6.8))
    moving = movers(dice, drive, company, plan, seconds=seconds, count=moving_objects)
    plan.take(camera_discs(drive, seconds, 1.8))
    last = drive.along(seconds)
    ground = Look(AvenueGround(line, MEDIAN_M, CURB_M, FRONT_M), any_color(dice, 0.32, 0.5, strong=0.15))
    bodies = [standing((half_space(ground),), AT_ORIGIN)]
    bodies += _fronts(dice, line, last)
    bodies += _strip(dice, plan, line, last)
    along = (-40.0, last + AHEAD_M)
    bodies += scattered(dice, plan, line, _kiosk, count=14, along=along, aside=(10.5, 12))
    bodies += scattered(dice, plan, line, _bench, count=24, along=along, aside=(9.6, 11))
    bodies += scattered(dice, plan, line, _bollard, count=70, along=along, aside=(8.9, 9.3))
    bodies += scattered(dice, plan, line, _waiting, count=26, along=along, aside=(9.5, 13))
    bodies += scattered(dice, plan, line, _lantern, count=24, along=along, aside=(9.2, 9.8))
    bodies += moving
    return lit_world(bodies, drive, daylight(dice, seed), seconds=seconds)


def _drive(dice: random.Random, line: RoadLine) -> Drive:
    """A drive in one of the right lanes."""
    return Drive(
        line=line,
        lane_m=dice.choice((3.4, 6.6)),
        height_m=dice.uniform(1.2, 2.2),
        speed_m_s=9.0,
        pace=waves(dice, 1.5, (0.08, 0.19)),
        drift=waves(dice, 0.3, (0.1, 0.24)),
        bounce=waves(dice, 0.02, (1.0, 2.0)),
        yaw=waves(dice, 2.0 * DEGREE, (0.14, 0.35, 0.8)),
        pitch=waves(dice, 0.5 * DEGREE, (0.7, 1.6)),
        roll=waves(dice, 0.5 * DEGREE, (0.5, 1.3)),
        tilt=dice.uniform(-2, 3) * DEGREE,
    )


def _fronts(dice: random.Random, line: RoadLine, last: float) -> list[Body]:
    """Tall houses wall to wall: a plinth of stone, panes above, some set back, some on columns."""
    bodies = []
    for side in (-1, 1):
        z = -50.0
        while z < last + AHEAD_M + 60:
            long, deep = dice.uniform(14, 34), 14.0
            x, at, yaw = line.beside(z + long / 2, side * (FRONT_M + deep / 2 + dice.choice((0.0, 0.0, 1.5, 3.0))))
            bodies.append(standing(_tower(dice, long / 2, deep / 2), (x, 0.0, at, yaw, 0.0)))
            z += long + dice.choice((0.0, 0.3, 0.3, 9.0))
    high = Look(Paneled(2.2, 3.6), (0.4, 0.45, 0.5), (0.62, 0.62, 0.6), any_phase(dice))
    for turn in range(10):
        x, at, yaw = line.beside(last + AHEAD_M + 90 + 8 * dice.random(), (turn - 4.5) * 24)
        tower = box((-11.0, -dice.uniform(18, 60), -8.0), (11.0, 0.0, 8.0), high)
        bodies.append(standing((tower,), (x, 0.0, at, yaw, 0.0)))
    return bodies


def _tower(dice: random.Random, long: float, deep: float) -> tuple[Solid, ...]:
    """Plinth, panes and a cornice."""
    plinth, height = dice.uniform(3.2, 5.0), dice.uniform(12, 32)
    panes = Look(
        dice.choice(PANES), any_color(dice, 0.22, 0.55, strong=0.35),
        any_color(dice, 0.45, 0.85, strong=0.25), any_phase(dice), dice.choice((0.0, 0.5)),
    )  # fmt: skip
    stone = Look(
        dice.choice(STONES), any_color(dice, 0.4, 0.75, strong=0.25), any_color(dice, 0.15, 0.4), any_phase(dice)
    )
    return (
        box((-deep, -plinth, -long), (deep, 0.0, long), stone),
        box((-deep + 0.5, -height, -long + 0.2), (deep - 0.5, -plinth, long - 0.2), panes),
        box((-deep - 0.2, -height - 0.7, -long), (deep + 0.2, -height, long), stone),
    )


def _strip(dice: random.Random, plan: GroundPlan, line: RoadLine, last: float) -> list[Body]:
    """The median: a low railing, clipped trees in a row, and the trams' wires on portals."""
    bodies: list[Body] = []
    rail = Look(METAL, (0.30, 0.33, 0.32), (0.55, 0.55, 0.5), any_phase(dice))
    step, z = dice.uniform(7.0, 11.0), -30.0
    shape = dice.choice(("ball", "cube"))
    railed, wired = dice.random() < 0.6, dice.random() < 0.7
    while z < last + AHEAD_M:
        x, at, yaw = line.beside(z, 0.0)
        if plan.placed(x, at, 0.8):
            bodies.append(standing(_clipped(dice, shape), (x, 0.0, at, yaw, 0.0)))
        if railed and all(plan.free(*line.beside(z + part, 0.0)[:2], 0.2) for part in (1.5, 3.0, 4.5)):
            x, at, yaw = line.beside(z + 1.2, 0.0)
            bodies.append(
                standing(fence(rail, length=step - 2.4, height=0.9, gap=1.2, rails=3), (x, 0.0, at, yaw, 0.0))
            )
        if wired:
            x, at, yaw = line.beside(z, 0.0)
            wires = tuple(
                box((lane - 0.015, -5.83, -step / 2), (lane + 0.015, -5.8, step / 2), rail) for lane in (-3.4, 3.4)
            )
            span = box((-CURB_M - 0.4, -6.0, -0.03), (CURB_M + 0.4, -5.93, 0.03), rail)
            bodies.append(standing((*wires, span), (x, 0.0, at, yaw, 0.0)))
        z += step
    return bodies


def _clipped(dice: random.Random, shape: str) -> tuple[Solid, ...]:
    """A tree cut to a ball or a cube on a straight trunk."""
    stem = Look(Scaled(0.2), (0.34, 0.28, 0.22), (0.2, 0.17, 0.14), any_phase(dice))
    leaves = leaves_look(dice, FOLIAGE)
    size, trunk = dice.uniform(0.8, 1.2), dice.uniform(1.8, 2.4)
    crown = (
        ellipsoid((0.0, -trunk - size, 0.0), (size, 1.15 * size, size), leaves)
        if shape == "ball"
        else box((-size, -trunk - 1.7 * size, -size), (size, -trunk, size), leaves)
    )
    return (cylinder((0.0, -trunk / 2, 0.0), 0.11, trunk + 0.4, stem), crown)


def _kiosk(dice: random.Random) -> Prop:
    """A round or an eight-sided stand with an awning-like roof."""
    body = Look(TILES, any_color(dice, 0.2, 0.7, strong=0.7), any_color(dice, 0.5, 0.9), any_phase(dice))
    roof = Look(METAL, any_color(dice, 0.2, 0.8, strong=0.8), (0.9, 0.89, 0.85), any_phase(dice))
    radius = dice.uniform(0.6, 1.2)
    return Prop(
        (
            cylinder((0.0, -1.2, 0.0), radius, 2.4, body),
            ellipsoid((0.0, -2.4, 0.0), (1.35 * radius, 0.6, 1.35 * radius), roof),
        ),
        1.3 * radius,
    )


def _bench(dice: random.Random) -> Prop:
    """A bench of slats on two feet."""
    wood = Look(METAL, (0.5, 0.36, 0.22), (0.38, 0.26, 0.16), any_phase(dice))
    iron = Look(TILES, (0.2, 0.2, 0.2), (0.35, 0.35, 0.35))
    return Prop(
        (
            box((-0.25, -0.48, -0.8), (0.25, -0.43, 0.8), wood),
            box((-0.25, -0.9, -0.8), (-0.2, -0.55, 0.8), wood),
            *(box((-0.25, -0.85, at - 0.03), (0.2, 0.0, at + 0.03), iron) for at in (-0.65, 0.65)),
        ),
        0.9,
    )


def _bollard(dice: random.Random) -> Prop:
    """A thin bollard."""
    look = Look(METAL, (0.75, 0.73, 0.7), (0.15, 0.15, 0.16), any_phase(dice))
    return Prop((cylinder((0.0, -0.45, 0.0), dice.uniform(0.06, 0.1), 0.9, look),), 0.15)


def _lantern(dice: random.Random) -> Prop:
    """A lantern on a slim post."""
    iron, glass = Look(METAL, (0.2, 0.23, 0.22), (0.3, 0.3, 0.3)), Look(TILES, (0.9, 0.88, 0.75), (0.7, 0.65, 0.5))
    high = dice.uniform(3.2, 4.5)
    head = frustum((-0.22, -high - 0.5, -0.22), (0.22, -high, 0.22), glass, front=-0.08, back=-0.08, side=-0.08)
    return Prop((cylinder((0.0, -high / 2, 0.0), 0.06, high, iron), head), 0.3)


def _waiting(dice: random.Random) -> Prop:
    """Somebody on the pavement."""
    clothes = Look(dice.choice((METAL, TILES)), any_color(dice, 0.1, 0.8, strong=0.8), any_color(dice), any_phase(dice))
    return figure(dice, clothes, Look(TILES, any_color(dice, 0.1, 0.4), any_color(dice, 0.1, 0.4), any_phase(dice)))


def _mover(dice: random.Random) -> Prop:
    """A tram, a bus, a microcar, a cyclist or somebody on foot."""
    share = dice.random()
    if share < 0.25:
        return _waiting(dice)
    if share < 0.45:
        return _cyclist(dice)
    if share < 0.75:
        return _microcar(dice)
    return _bus(dice, long=dice.uniform(3.2, 4.6))


def _bus(dice: random.Random, *, long: float) -> Prop:
    """A bus or a tram: a skirt, a band of glass, a roof and skirted wheels."""
    paint = Look(TILES, any_color(dice, 0.2, 0.85, strong=0.9), any_color(dice, 0.3, 0.9), any_phase(dice), 0.3)
    glass = Look(Paneled(1.1, 9.0), (0.22, 0.26, 0.30), (0.12, 0.12, 0.13), any_phase(dice), 0.8)
    dark = Look(METAL, (0.10, 0.10, 0.11), (0.3, 0.3, 0.3))
    return Prop(
        (
            box((-1.2, -1.25, -long), (1.2, -0.3, long), paint),
            box((-1.17, -2.5, -long + 0.05), (1.17, -1.25, long - 0.05), glass),
            box((-1.2, -2.95, -long), (1.2, -2.5, long), paint),
            *(cylinder((0.0, -0.45, at), 0.45, 2.44, dark, axis=0) for at in (-0.65 * long, 0.62 * long)),
        ),
        long + 0.2,
    )


def _microcar(dice: random.Random) -> Prop:
    """A small round car: an egg of paint, a dome of glass, four wheels."""
    paint = Look(Scaled(0.5), any_color(dice, 0.15, 0.85, strong=0.9), any_color(dice, 0.3, 0.9), any_phase(dice), 0.6)
    glass, dark = Look(TILES, (0.2, 0.24, 0.27), (0.12, 0.13, 0.15), gloss=0.9), Look(METAL, (0.09,) * 3, (0.3,) * 3)
    half = dice.uniform(1.3, 1.9)
    return Prop(
        (
            frustum((-0.8, -0.95, -half), (0.8, -0.25, half), paint, front=0.25, back=0.2, side=0.1),
            ellipsoid((0.0, -0.9, -0.1 * half), (0.66, 0.62, 0.66 * half), glass),
            *(cylinder((0.0, -0.3, at), 0.3, 1.64, dark, axis=0) for at in (-0.62 * half, 0.62 * half)),
        ),
        half + 0.3,
    )


def _cyclist(dice: random.Random) -> Prop:
    """A rider on two thin wheels."""
    rider = _waiting(dice)
    iron = Look(METAL, any_color(dice, 0.1, 0.7, strong=0.9), (0.1, 0.1, 0.1))
    wheels = tuple(cylinder((0.0, -0.34, at), 0.34, 0.05, iron, axis=0) for at in (-0.55, 0.55))
    frame = box((-0.02, -0.72, -0.5), (0.02, -0.66, 0.5), iron)
    bar = box((-0.3, -1.0, 0.45), (0.3, -0.95, 0.5), iron)
    return Prop((*rider.solids, *wheels, frame, bar), 1.0)
