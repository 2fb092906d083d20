"""A procedural street: curved road, houses, hedges, trees, lamps, parked cars and traffic."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from triptych.data.synthetic.cameras import Drive, RoadLine, waves
from triptych.data.synthetic.ground import Ground
from triptych.data.synthetic.scene import Body, Pose, packed, standing
from triptych.data.synthetic.shade import Light
from triptych.data.synthetic.solids import Look, Solid, Vector, box, cylinder, ellipsoid, gable, half_space
from triptych.data.synthetic.street_materials import Banded, Facade, Leaves, Rough, Rows
from triptych.data.synthetic.textures import Lattice
from triptych.data.synthetic.traffic import traffic
from triptych.data.synthetic.vehicles import car, van
from triptych.data.synthetic.world import World

LANE_M, CURB_M, PAVEMENT_M = 3.5, 5.7, 8.4
"""From the center line: edge of the lanes, curb behind the parking lane, outer edge of the pavement."""

BLOCK_M, CROSSING_M = 72.0, 4.0
"""Distance between crossings, and half the width of the roads that cross."""

AHEAD_M = 190.0
"""How far the street goes on beyond the camera's last position."""

WALLS: tuple[Vector, ...] = (
    (0.80, 0.74, 0.60), (0.78, 0.76, 0.72), (0.70, 0.56, 0.42), (0.60, 0.40, 0.32), (0.55, 0.33, 0.27),
    (0.74, 0.66, 0.46), (0.60, 0.62, 0.60), (0.80, 0.64, 0.54), (0.52, 0.50, 0.47), (0.66, 0.70, 0.66),
)  # fmt: skip
ROOFS: tuple[Vector, ...] = ((0.45, 0.22, 0.16), (0.38, 0.20, 0.15), (0.25, 0.25, 0.27), (0.33, 0.29, 0.26))
FRAMES: tuple[Vector, ...] = ((0.86, 0.86, 0.84), (0.35, 0.26, 0.20), (0.80, 0.80, 0.76), (0.25, 0.34, 0.30))
GREENS: tuple[Vector, ...] = ((0.20, 0.31, 0.11), (0.26, 0.36, 0.13), (0.17, 0.26, 0.11), (0.33, 0.37, 0.14))


def street(
    seed: int,
    *,
    seconds: float,
    moving_objects: int | None = None,
    redirect: Callable[[Drive], Drive] = lambda drive: drive,
) -> World:
    """A street for a drive of some seconds.

    Args:
        seed: of everything random.
        seconds: how long the drive lasts, from time 0.
        moving_objects: how many vehicles drive; None for natural traffic, two to four in
            view most of the time.
        redirect: changes the drive before the traffic is placed around it.

    Returns:
        The world; the camera looks along the road from 1.65 m above it.
    """
    dice = random.Random(f"street/{seed}")
    line = RoadLine(
        (
            (dice.uniform(2.0, 4.0), 2 * math.pi / dice.uniform(95, 140), dice.uniform(0, 2 * math.pi)),
            (dice.uniform(4.0, 10.0), 2 * math.pi / dice.uniform(210, 330), dice.uniform(0, 2 * math.pi)),
        )
    )
    path = redirect(_drive(dice, line))
    last = path.along(seconds) + AHEAD_M
    ground = Ground(line, LANE_M, CURB_M, PAVEMENT_M, BLOCK_M, CROSSING_M)
    bodies = [standing((half_space(Look(ground, (0.4, 0.4, 0.4))),), (0.0, 0.0, 0.0, 0.0, 0.0))]
    for block in range(-2, math.ceil(last / BLOCK_M)):
        bodies += _block(random.Random(f"street/{seed}/{block}"), line, block)
    bodies += _hills(dice, line, last)
    bodies += traffic(
        seed, path, seconds=seconds, count=moving_objects,
        crossings=[(block + 0.5) * BLOCK_M for block in range(math.ceil(last / BLOCK_M))],
    )  # fmt: skip
    azimuth, height = dice.uniform(0, 2 * math.pi), dice.uniform(0.6, 0.8)
    level = math.sqrt(1 - height * height)
    light = Light(
        direction=(level * math.cos(azimuth), -height, level * math.sin(azimuth)),
        ambient=dice.uniform(0.55, 0.68),
        haze_m=dice.uniform(350, 700),
        sky=(0.38, 0.55, 0.82),
        horizon=(0.80, 0.84, 0.88),
        lattice=Lattice(seed),
    )
    return World(packed(bodies), path, light)


def _drive(dice: random.Random, line: RoadLine) -> Drive:
    """A drive in the right lane at 5 to 12 m/s: bends make the way longer than z by a sixth at most."""
    radians = math.pi / 180
    return Drive(
        line=line,
        lane_m=1.75,
        height_m=1.65,
        speed_m_s=dice.uniform(6.8, 9.0),
        pace=waves(dice, 1.5, (0.07, 0.16)),
        drift=waves(dice, 0.35, (0.09, 0.23)),
        bounce=waves(dice, 0.02, (1.1, 1.9)),
        yaw=waves(dice, 1.6 * radians, (0.13, 0.31, 0.9)),
        pitch=waves(dice, 0.45 * radians, (0.8, 1.5, 2.2)),
        roll=waves(dice, 0.5 * radians, (0.5, 1.2)),
    )


@dataclass(frozen=True)
class _Place:
    """A spot beside the road: what stands there is turned with it.

    Attributes:
        line: the road.
        side: 1 on the right, -1 on the left.
    """

    line: RoadLine
    side: int

    def pose(self, z: float, aside: float, *, turn: float = 0.0) -> Pose:
        """Pose of a body at a distance from the center line."""
        x, z, yaw = self.line.beside(z, self.side * aside)
        return x, 0.0, z, yaw + turn, 0.0


def _block(dice: random.Random, line: RoadLine, block: int) -> list[Body]:
    """Everything that stands between two crossings."""
    start, end = (block + 0.5) * BLOCK_M + CROSSING_M + 3.5, (block + 1.5) * BLOCK_M - CROSSING_M - 3.5
    bodies: list[Body] = []
    for side in (-1, 1):
        place = _Place(line, side)
        bodies += _houses(dice, place, start, end)
        bodies += _parked(dice, place, start + 3, end - 3)
        bodies += _furniture(dice, place, start, end)
    return bodies


def _houses(dice: random.Random, place: _Place, start: float, end: float) -> list[Body]:
    """A row of houses with gardens and hedges, and a second row behind."""
    bodies = []
    z = start
    while z < end - 7:
        length = min(dice.uniform(9, 17), end - z)
        setback = PAVEMENT_M + dice.choice((0.4, 0.6, 2.5, 4.5))
        depth = dice.uniform(8, 11)
        bodies.append(standing(_house(dice, length, depth), place.pose(z + length / 2, setback + depth / 2)))
        if setback > PAVEMENT_M + 2:
            bodies.append(_hedge(dice, place, z, length))
        z += length + dice.choice((0.1, 0.2, 2.5, 6.0))
    for _ in range(2):
        where = dice.uniform(start + 8, end - 8)
        big = _house(dice, dice.uniform(12, 20), 11.0, floors=dice.choice((4, 5, 6)))
        bodies.append(standing(big, place.pose(where, dice.uniform(30, 46))))
    return bodies


def _house(dice: random.Random, length: float, depth: float, *, floors: int | None = None) -> tuple[Solid, ...]:
    """Walls, a gable or a flat roof, sometimes a chimney."""
    floors = floors or dice.choice((2, 2, 3, 3, 4))
    floor_m = dice.choice((2.8, 3.0, 3.3))
    phase = (dice.uniform(0, 500), dice.uniform(0, 500))
    facade = Facade(
        brick=dice.random() < 0.5,
        window_m=dice.choice((2.0, 2.6, 3.4)),
        floor_m=floor_m,
        opening=(dice.choice((0.38, 0.5, 0.6)), dice.choice((0.42, 0.52))),
    )
    walls = Look(facade, dice.choice(WALLS), dice.choice(FRAMES), phase)
    height, x, z = floors * floor_m + 0.3, depth / 2, length / 2
    solids = [box((-x, -height, -z), (x, 0.0, z), walls)]
    roof = Look(Rows(), dice.choice(ROOFS), phase=phase)
    if dice.random() < 0.75:
        rise = dice.uniform(2.2, 4.0)
        solids.append(gable((-x - 0.4, -height - rise, -z - 0.15), (x + 0.4, -height, z + 0.15), roof))
        if dice.random() < 0.6:
            at = dice.uniform(-z + 1, z - 1)
            solids.append(
                box((-1.6, -height - rise - 0.6, at - 0.35), (-0.9, -height - 0.5, at + 0.35),
                    Look(Rows(0.12, 0.25), (0.5, 0.3, 0.25), phase=phase))
            )  # fmt: skip
    else:
        rim = Look(Rough(), (0.6, 0.6, 0.58), (0.4, 0.4, 0.4), phase)
        solids.append(box((-x - 0.2, -height - 0.4, -z), (x + 0.2, -height, z), rim))
    return tuple(solids)


def _hedge(dice: random.Random, place: _Place, z: float, length: float) -> Body:
    """A hedge, a wall or a fence between garden and pavement."""
    height = dice.uniform(0.8, 1.7)
    phase = (dice.uniform(0, 500), dice.uniform(0, 500))
    look = dice.choice(
        (
            Look(Leaves(0.45), dice.choice(GREENS), (0.34, 0.38, 0.16), phase),
            Look(Leaves(0.45), dice.choice(GREENS), (0.20, 0.30, 0.12), phase),
            Look(Rows(0.2, 0.4), (0.58, 0.54, 0.48), phase=phase),
            Look(Rows(2.5, 0.16), (0.50, 0.38, 0.26), phase=phase),
        )
    )
    half = length / 2 - 0.6
    return standing(
        (box((-0.3, -height, -half), (0.3, 0.0, half), look),), place.pose(z + length / 2, PAVEMENT_M + 0.5)
    )


def _parked(dice: random.Random, place: _Place, start: float, end: float) -> list[Body]:
    """Cars along the curb, nearly parallel to it."""
    bodies, z = [], start + dice.uniform(0, 4)
    while z < end:
        if dice.random() < 0.68:
            solids = car(dice) if dice.random() < 0.85 else van(dice)
            turn = dice.gauss(0, 0.015) + (math.pi if place.side < 0 else 0.0)
            bodies.append(standing(solids, place.pose(z, CURB_M - 1.05 + dice.gauss(0, 0.06), turn=turn)))
        z += dice.uniform(6.2, 8.5)
    return bodies


def _furniture(dice: random.Random, place: _Place, start: float, end: float) -> list[Body]:
    """Trees, lamps and signs along the pavement, more trees in the gardens."""
    bodies = [standing(_lamp(dice, place.side), place.pose(start + 6 + dice.uniform(0, 8), CURB_M + 0.5))]
    bodies.append(standing(_lamp(dice, place.side), place.pose(end - 14 + dice.uniform(0, 8), CURB_M + 0.5)))
    if place.side > 0:
        bodies.append(standing(_sign(dice), place.pose(end - 1.5, CURB_M + 0.6)))
    else:
        bodies.append(standing(_sign(dice), place.pose(start + dice.uniform(8, 30), CURB_M + 0.6)))
    z = start + dice.uniform(2, 10)
    while z < end:
        if dice.random() < 0.6:
            bodies.append(standing(_tree(dice), place.pose(z, CURB_M + dice.uniform(1.0, 1.7))))
        z += dice.uniform(8, 15)
    for _ in range(3):
        where = dice.uniform(start, end)
        bodies.append(standing(_tree(dice, large=True), place.pose(where, dice.uniform(22, 34))))
    return bodies


def _lamp(dice: random.Random, side: int) -> tuple[Solid, ...]:
    """A lamp post with its arm over the road."""
    metal = Look(Banded(2.2), (0.40, 0.42, 0.43), (0.30, 0.31, 0.32), (dice.uniform(0, 9), 0.0))
    height = dice.uniform(5.5, 7.5)
    near, far = sorted((0.05 * side, -1.5 * side))
    return (
        cylinder((0.0, -height / 2, 0.0), 0.10, height, metal),
        box((near, -height - 0.05, -0.06), (far, -height + 0.06, 0.06), metal),
    )


def _sign(dice: random.Random) -> tuple[Solid, ...]:
    """A road sign on a thin pole."""
    pole = Look(Banded(0.9), (0.62, 0.63, 0.64), (0.50, 0.51, 0.52))
    face = Look(
        Banded(0.44),
        dice.choice(((0.75, 0.10, 0.10), (0.12, 0.25, 0.60), (0.80, 0.65, 0.10))),
        (0.9, 0.9, 0.9),
    )
    disc = cylinder((0.0, -2.35, -0.06), 0.34, 0.03, face, axis=2)
    return cylinder((0.0, -1.3, 0.0), 0.045, 2.6, pole), disc


def _tree(dice: random.Random, *, large: bool = False) -> tuple[Solid, ...]:
    """A trunk and a few overlapping ellipsoids of leaves."""
    size = dice.uniform(1.3, 1.8) if large else dice.uniform(0.75, 1.15)
    trunk = dice.uniform(2.0, 3.0) * size
    phase = (dice.uniform(0, 500), dice.uniform(0, 500))
    bark = Look(Rough((6.0, 1.2), 0.8), (0.30, 0.25, 0.20), (0.22, 0.20, 0.15), phase)
    leaves = Look(Leaves(0.7), dice.choice(GREENS), (0.38, 0.42, 0.16), phase)
    solids = [cylinder((0.0, -trunk / 2, 0.0), 0.13 * size, trunk, bark)]
    for _ in range(dice.choice((3, 4, 5))):
        center = (
            dice.uniform(-0.9, 0.9) * size,
            -trunk - dice.uniform(0.3, 2.6) * size,
            dice.uniform(-0.9, 0.9) * size,
        )
        radius = dice.uniform(0.9, 1.45) * size
        solids.append(ellipsoid(center, (radius, radius * dice.uniform(0.75, 1.0), radius), leaves))
    return tuple(solids)


def _hills(dice: random.Random, line: RoadLine, last: float) -> list[Body]:
    """Wooded hills around everything, so that the street does not end in the void."""
    bodies = []
    z = -100.0
    while z < last + 320:
        for side in (-1, 1):
            wide, high = dice.uniform(60, 110), dice.uniform(12, 30)
            look = Look(
                Leaves(9.0),
                (0.22, 0.29, 0.15),
                (0.30, 0.33, 0.18),
                (dice.uniform(0, 999), dice.uniform(0, 999)),
            )
            hill = ellipsoid((0.0, 2.0, 0.0), (wide, high, wide), look)
            bodies.append(standing((hill,), _Place(line, side).pose(z, dice.uniform(190, 260))))
        z += dice.uniform(60, 100)
    for x in (-80.0, 0.0, 80.0):
        look = Look(Leaves(9.0), (0.22, 0.29, 0.15), (0.30, 0.33, 0.18), (dice.uniform(0, 999), 0.0))
        hill = ellipsoid((0.0, 2.0, 0.0), (110.0, dice.uniform(16, 30), 60.0), look)
        bodies.append(standing((hill,), (x, 0.0, last + 140, 0.0, 0.0)))
    return bodies
