"""Moving vehicles: one ahead, a stream that comes toward the camera, and some that cross."""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Callable, Sequence

from triptych.data.synthetic.cameras import Drive, swing, waves
from triptych.data.synthetic.scene import Body, Pose
from triptych.data.synthetic.vehicles import car, truck, van

LANE_M = 1.75
"""Distance of a lane's middle from the center line."""

TOO_NEAR_M = 5.5
"""Distance below which two vehicles would touch."""

Course = Callable[[float], Pose]


def traffic(
    dice: random.Random,
    path: Drive,
    *,
    seconds: float,
    crossings: Sequence[float],
    count: int | None = None,
) -> list[Body]:
    """The vehicles that drive.

    Args:
        dice: the source of everything random.
        path: the camera's drive; the others are placed around it.
        seconds: how long the drive lasts.
        crossings: positions (z in m) of the roads that cross.
        count: how many vehicles; None for natural traffic.

    Returns:
        The vehicles, those nearest to the drive's beginning first; no two ever touch.
    """
    ahead = _ahead(dice, path)
    toward = _toward(dice, path, seconds)
    courses: list[Course] = [ahead, *toward]
    across = []
    for z in crossings:
        if course := _across(dice, path, z, courses, seconds):
            across.append(course)
            courses.append(course)
    ordered = [ahead, *_alternating(toward, across)]
    if count is None and dice.random() < 0.15:
        ordered = ordered[1:]
    chosen = ordered if count is None else ordered[:count]
    return [Body(_vehicle(dice), course, moves=True) for course in chosen]


def _vehicle(dice: random.Random) -> tuple:
    """Mostly cars."""
    return dice.choices((car, van, truck), (0.74, 0.16, 0.10))[0](dice)


def _alternating(first: Sequence[Course], second: Sequence[Course]) -> list[Course]:
    """One of each in turn, then what is left."""
    both = [course for pair in zip(first, second, strict=False) for course in pair]
    shorter = min(len(first), len(second))
    return [*both, *first[shorter:], *second[shorter:]]


def _ahead(dice: random.Random, path: Drive) -> Course:
    """The same way at another speed: the distance swings between about 9 and 24 m."""
    gap, change = dice.uniform(14.5, 18.0), waves(dice, 7.0, (0.11, 0.23))

    def course(time: float) -> Pose:
        x, z, yaw = path.line.beside(path.along(time) + gap + swing(change, time), LANE_M)
        return x, 0.0, z, yaw, 0.0

    return course


def _toward(dice: random.Random, path: Drive, seconds: float) -> list[Course]:
    """A stream in the other lane, all at one speed."""
    speed = dice.uniform(6.0, 9.0)
    courses: list[Course] = []
    start = dice.uniform(12, 30)
    while start < path.along(seconds) + speed * seconds + 60:

        def course(time: float, start: float = start) -> Pose:
            x, z, yaw = path.line.beside(start - speed * time, -LANE_M)
            return x, 0.0, z, yaw + math.pi, 0.0

        courses.append(course)
        start += dice.uniform(22, 55)
    return courses


def _across(
    dice: random.Random, path: Drive, z: float, others: Sequence[Course], seconds: float
) -> Course | None:
    """A vehicle that passes the crossing while the camera comes near; None if none fits between the others."""
    times = [0.2 * step for step in range(round((seconds + 30) / 0.2))]
    moments = [t for t in times if path.along(t) < z]
    side, speed = dice.choice((-1, 1)), dice.uniform(4.5, 8.0)
    gaps = [11.0 + 3.0 * step for step in range(9)]
    dice.shuffle(gaps)
    for gap in gaps:
        moment = times[bisect.bisect([path.along(t) for t in moments], z - gap)]

        def course(time: float, moment: float = moment) -> Pose:
            x = path.line.beside(z, 0.0)[0] + side * speed * (time - moment)
            return x, 0.0, z + side * LANE_M, side * math.pi / 2, 0.0

        if all(_apart(course, other, times) for other in others):
            return course
    return None


def _apart(one: Course, other: Course, times: Sequence[float]) -> bool:
    """Whether two vehicles keep their distance at all times."""
    for time in times:
        (x0, _, z0, _, _), (x1, _, z1, _, _) = one(time), other(time)
        if math.hypot(x1 - x0, z1 - z0) < TOO_NEAR_M:
            return False
    return True
