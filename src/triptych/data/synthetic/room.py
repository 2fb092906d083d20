"""A furnished room with moving boxes, filmed by hand: no road, no sky, no horizon."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from triptych.data.synthetic.cameras import Handheld, Wave, swing, waves
from triptych.data.synthetic.room_materials import Ball, Books, Cloth, Printed, Shell, Wood
from triptych.data.synthetic.scene import Body, Pose, packed, standing
from triptych.data.synthetic.shade import Light
from triptych.data.synthetic.solids import Look, Solid, Vector, box, cylinder, ellipsoid, frustum
from triptych.data.synthetic.street_materials import Leaves, Rough
from triptych.data.synthetic.textures import Lattice
from triptych.data.synthetic.world import World
from triptych.types import Role

WIDTH_M, DEPTH_M, HEIGHT_M = 6.4, 7.0, 2.7
"""Of the room."""

NEAREST_LANE_M, LANE_STEP_M, LANES = -0.5, 0.8, 4
"""Boxes move in lanes across the room, each its own; large ones that turn may graze those of the next lane."""

Place = tuple[float, float, float]
"""(x, z, yaw) on the floor."""


def room(seed: int, *, seconds: float, moving_objects: int | None = None) -> World:
    """A room.

    Args:
        seed: of everything random.
        seconds: how long it is filmed; the room does not depend on it.
        moving_objects: how many boxes and balls move; None for two to four.

    Returns:
        The world; the camera looks along z from the height of the eye.

    Raises:
        ValueError: for more moving objects than there are lanes, on the floor and in the air.
    """
    del seconds
    if (moving_objects or 0) > 2 * LANES:
        raise ValueError(f"the room has lanes for {2 * LANES} moving objects, not for {moving_objects}")
    dice = random.Random(f"room/{seed}")
    shell = Look(Shell(dice.uniform(0.3, 0.6)), _color(dice, 0.5, 0.8), _color(dice, 0.35, 0.8), _phase(dice))
    x, z = WIDTH_M / 2, DEPTH_M / 2
    walls = Body((box((-x, -HEIGHT_M, -z), (x, 0.0, z), shell),), _at(0.0, 0.0, 0.0), inside_out=True)
    count = dice.choice((2, 3, 3, 4)) if moving_objects is None else moving_objects
    bodies = [walls, *_furniture(dice), *_posters(dice), *(_moving(dice, lane) for lane in range(count))]
    azimuth, height = dice.uniform(0, 2 * math.pi), 0.75
    level = math.sqrt(1 - height * height)
    light = Light(
        direction=(level * math.cos(azimuth), -height, level * math.sin(azimuth)),
        ambient=0.62,
        haze_m=math.inf,
        sky=(0.5, 0.6, 0.8),
        horizon=(0.8, 0.8, 0.8),
        lattice=Lattice(seed),
    )
    return World(packed(bodies), _hand(dice), light)


def _hand(dice: random.Random) -> Handheld:
    """A hand that sways sideways by a step and looks around by some twenty degrees."""
    radians = math.pi / 180
    return Handheld(
        x=waves(dice, 0.9, (0.10, 0.27)),
        y=waves(dice, 0.16, (0.2, 0.8)),
        z=waves(dice, 0.45, (0.08, 0.21)),
        yaw=waves(dice, 26 * radians, (0.09, 0.23, 0.6)),
        pitch=waves(dice, 5 * radians, (0.13, 0.7)),
        roll=waves(dice, 3 * radians, (0.2, 0.9)),
        start=(0.0, -1.25, -2.3),
        tilt=-11 * radians,
    )


def _moving(dice: random.Random, lane: int) -> Body:
    """A box or a ball that goes to and fro across the room and turns; every fourth one floats higher."""
    size = dice.uniform(0.26, 0.38)
    depth = NEAREST_LANE_M + LANE_STEP_M * (lane % LANES)
    lift = 1.0 * (lane // LANES)
    across = waves(dice, dice.uniform(1.0, 1.6), (0.07, 0.17))
    turn = dice.uniform(-0.9, 0.9)
    first = dice.uniform(0, 2 * math.pi)
    hop: tuple[Wave, ...] = ()
    colors = (_vivid(dice), _vivid(dice))
    if lane % LANES == 2:
        radius = size * 0.8
        look = Look(Ball(), *colors, _phase(dice))
        solid = ellipsoid((0.0, -radius, 0.0), (radius, radius, radius), look)
        hop = ((0.25, 0.5, dice.uniform(0, 6.0)),)
    else:
        look = Look(Printed(size * 1.1), *colors, _phase(dice))
        tall = size * dice.uniform(1.2, 2.6)
        solid = box((-size, -tall, -size), (size, 0.0, size * 0.7), look)

    def pose(time: float) -> Pose:
        height = lift + abs(swing(hop, time))
        return swing(across, time), -height, depth, first + turn * time, 0.0

    return Body((solid,), pose, moves=True, role=Role.CROSSING)


def _furniture(dice: random.Random) -> list[Body]:
    """Shelves, a cupboard, a sofa, a table, a plant, a lamp and a rug, along the walls."""
    x, z = WIDTH_M / 2, DEPTH_M / 2
    pieces: list[tuple[tuple[Solid, ...], float]] = [
        (_shelf(dice), 0.18),
        (_cupboard(dice), 0.28),
        (_sofa(dice), 0.45),
        (_table(dice), 0.45),
        (_shelf(dice), 0.18),
    ]
    dice.shuffle(pieces)
    spots = [
        (-1.6, z, math.pi),
        (1.5, z, math.pi),
        (-x, 0.9, math.pi / 2),
        (x, 1.0, -math.pi / 2),
        (-x, -1.6, math.pi / 2),
    ]
    bodies = []
    for (solids, half_depth), (px, pz, yaw) in zip(pieces, spots, strict=True):
        away = half_depth + 0.02
        bodies.append(standing(solids, (px + away * math.sin(yaw), 0.0, pz + away * math.cos(yaw), yaw, 0.0)))
    rug = Look(Printed(0.4), _color(dice, 0.3, 0.7), _color(dice, 0.2, 0.7), _phase(dice))
    bodies.append(standing((box((-1.5, -0.012, -0.9), (1.5, 0.02, 1.0), rug),), (0.0, 0.0, 0.4, 0.1, 0.0)))
    bodies.append(standing(_plant(dice), (x - 0.4, 0.0, z - 0.4, 0.0, 0.0)))
    bodies.append(standing(_lamp(dice), (-x + 0.35, 0.0, z - 0.35, 0.0, 0.0)))
    return bodies


def _shelf(dice: random.Random) -> tuple[Solid, ...]:
    """A bookcase."""
    half, height = dice.uniform(0.6, 0.9), dice.choice((1.45, 1.81, 2.17))
    look = Look(Books(), (0.35, 0.30, 0.26), (0.4, 0.3, 0.2), (_phase(dice)[0], 0.0))
    return (box((-half, -height, -0.18), (half, 0.0, 0.18), look),)


def _cupboard(dice: random.Random) -> tuple[Solid, ...]:
    """A cupboard with doors, and something on top."""
    look = Look(
        Wood(0.55),
        dice.choice(((0.62, 0.45, 0.28), (0.75, 0.72, 0.66), (0.40, 0.26, 0.17))),
        phase=_phase(dice),
    )
    top = Look(Printed(0.12), _color(dice, 0.3, 0.8), _color(dice, 0.2, 0.6), _phase(dice))
    return (
        box((-0.7, -1.1, -0.28), (0.7, 0.0, 0.28), look),
        box((-0.5, -1.42, -0.15), (0.0, -1.1, 0.15), top),
    )


def _sofa(dice: random.Random) -> tuple[Solid, ...]:
    """A sofa with its back to the wall (facing z)."""
    cloth = Look(Cloth(dice.uniform(0.15, 0.3)), _color(dice, 0.25, 0.6), _color(dice, 0.3, 0.8), _phase(dice))
    pillow = Look(Cloth(0.1), _color(dice, 0.4, 0.9), _color(dice, 0.3, 0.8), _phase(dice))
    return (
        box((-0.95, -0.42, -0.45), (0.95, 0.0, 0.45), cloth),
        frustum((-0.95, -0.88, -0.45), (0.95, -0.42, -0.2), cloth, front=0.1),
        box((-0.95, -0.62, -0.45), (-0.75, -0.42, 0.45), cloth),
        box((0.75, -0.62, -0.45), (0.95, -0.42, 0.45), cloth),
        ellipsoid((-0.4, -0.58, -0.08), (0.25, 0.2, 0.13), pillow),
    )


def _table(dice: random.Random) -> tuple[Solid, ...]:
    """A table with things on it."""
    wood = Look(Wood(), dice.choice(((0.60, 0.42, 0.25), (0.42, 0.28, 0.18))), phase=_phase(dice))
    legs = [
        box((sx * 0.6 - 0.04, -0.72, sz * 0.35 - 0.04), (sx * 0.6 + 0.04, 0.0, sz * 0.35 + 0.04), wood)
        for sx in (-1, 1)
        for sz in (-1, 1)
    ]
    things = [
        cylinder(
            (dice.uniform(-0.5, 0.5), -0.88, dice.uniform(-0.25, 0.25)), dice.uniform(0.05, 0.1), 0.24,
            Look(Printed(0.08), _color(dice, 0.3, 0.9), _color(dice, 0.2, 0.6), _phase(dice)),
        )
        for _ in range(2)
    ]  # fmt: skip
    return (box((-0.7, -0.76, -0.45), (0.7, -0.72, 0.45), wood), *legs, *things)


def _plant(dice: random.Random) -> tuple[Solid, ...]:
    """A pot with a bush."""
    pot = Look(Rough((4.0, 4.0), 0.5), (0.58, 0.32, 0.22), (0.45, 0.25, 0.18), _phase(dice))
    leaves = Look(Leaves(0.22), (0.22, 0.36, 0.14), (0.40, 0.46, 0.18), _phase(dice))
    return (
        cylinder((0.0, -0.2, 0.0), 0.2, 0.4, pot),
        ellipsoid((0.0, -0.8, 0.0), (0.33, 0.4, 0.33), leaves),
        ellipsoid((0.1, -1.15, 0.0), (0.25, 0.3, 0.25), leaves),
    )


def _lamp(dice: random.Random) -> tuple[Solid, ...]:
    """A standing lamp."""
    metal = Look(Rough(contrast=0.6), (0.35, 0.34, 0.32), (0.2, 0.2, 0.2), _phase(dice))
    shade = Look(Cloth(0.09), (0.85, 0.75, 0.5), _color(dice, 0.5, 0.9), _phase(dice))
    return (
        cylinder((0.0, -0.8, 0.0), 0.025, 1.6, metal),
        cylinder((0.0, -1.65, 0.0), 0.22, 0.34, shade),
    )


def _posters(dice: random.Random) -> list[Body]:
    """Pictures on the walls in front and at the sides."""
    x, z = WIDTH_M / 2, DEPTH_M / 2
    bodies = []
    places: list[Place] = [(-0.3, z, math.pi), (0.7, z, math.pi), (2.4, z, math.pi)]
    places += [(side * x, at, -side * math.pi / 2) for side in (-1, 1) for at in (-0.5, 2.2)]
    for px, pz, yaw in places:
        half, tall, low = dice.uniform(0.22, 0.42), dice.uniform(0.4, 0.8), dice.uniform(1.35, 1.6)
        look = Look(Printed(dice.uniform(0.12, 0.3)), _color(dice, 0.2, 0.9), _color(dice, 0.1, 0.7), _phase(dice))
        picture = box((-half, -low - tall, -0.03), (half, -low, 0.02), look)
        bodies.append(standing((picture,), (px, 0.0, pz, yaw, 0.0)))
    return bodies


def _at(x: float, z: float, yaw: float) -> Callable[[float], Pose]:
    """A pose that stays."""
    return lambda _: (x, 0.0, z, yaw, 0.0)


def _color(dice: random.Random, low: float, high: float) -> Vector:
    """A subdued color between two brightnesses: each part half its own, half the common gray."""
    gray, *parts = (dice.uniform(low, high) for _ in range(4))
    red, green, blue = (0.5 * (gray + part) for part in parts)
    return red, green, blue


def _vivid(dice: random.Random) -> Vector:
    """A strong color, as of toys: one part high, one low, one between."""
    parts = [dice.uniform(0.7, 0.95), dice.uniform(0.05, 0.25), dice.uniform(0.2, 0.8)]
    dice.shuffle(parts)
    red, green, blue = parts
    return red, green, blue


def _phase(dice: random.Random) -> tuple[float, float]:
    """A texture phase (m)."""
    return dice.uniform(0, 50), dice.uniform(0, 50)
