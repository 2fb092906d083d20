"""Moving vehicles: one ahead, a stream that comes toward the camera, and some that cross."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from triptych.data.synthetic.cameras import Drive, swing, waves
from triptych.data.synthetic.scene import Body, Pose
from triptych.data.synthetic.solids import Solid
from triptych.data.synthetic.vehicles import car, truck, van
from triptych.types import Role

LANE_M = 1.75
"""Distance of a lane's middle from the center line."""

TOO_NEAR_M = 5.5
"""Distance below which two vehicles might touch."""

NEAR_CROSSING_S = 2.0
"""A vehicle that crosses is near the lanes for less than this before and after it passes the center line."""

SMALLEST_GAP_M = 17.0
"""Distance to the crossing at which the camera lets the last vehicle pass: enough to clear the lane."""

FARTHEST_MEETING_M = 60.0
"""Vehicles farther apart than this do not meet within `NEAR_CROSSING_S`: neither drives 27 m/s."""

Course = Callable[[float], Pose]


def traffic(
    seed: int,
    path: Drive,
    *,
    seconds: float,
    crossings: Sequence[float],
    count: int | None = None,
) -> list[Body]:
    """The vehicles that drive.

    Args:
        seed: of everything random.
        path: the camera's drive; the others are placed around it.
        seconds: how long the drive lasts.
        crossings: positions (z in m) of the roads that cross.
        count: at most how many vehicles; None for natural traffic.

    Returns:
        The vehicles, those nearest to the drive's beginning first; no two ever touch.
    """
    dice = random.Random(f"traffic/{seed}")
    alone = count is None and dice.random() < 0.15
    ahead = _ahead(dice, path)
    toward = _toward(dice, path, seconds)
    across: list[Course] = []
    for number, z in enumerate(crossings):
        others = [ahead, *toward]
        if course := _across(random.Random(f"crossing/{seed}/{number}"), path, z, others):
            across.append(course)
    courses = [*([] if alone else [ahead]), *_alternating(toward, across)][:count]
    looks = dict.fromkeys([ahead], f"ahead/{seed}")
    looks |= {course: f"toward/{seed}/{number}" for number, course in enumerate(toward)}
    looks |= {course: f"across/{seed}/{number}" for number, course in enumerate(across)}
    roles = {ahead: Role.LEADING} | dict.fromkeys(toward, Role.ONCOMING) | dict.fromkeys(across, Role.CROSSING)
    return [Body(_vehicle(random.Random(looks[course])), course, moves=True, role=roles[course]) for course in courses]


def _vehicle(dice: random.Random) -> tuple[Solid, ...]:
    """Mostly cars."""
    share = dice.random()
    build = car if share < 0.74 else van if share < 0.90 else truck
    return build(dice)


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


def _across(dice: random.Random, path: Drive, crossing: float, others: Sequence[Course]) -> Course | None:
    """A vehicle that passes the crossing while the camera comes near; None if no time is free."""
    side, speed = dice.choice((-1, 1)), dice.uniform(4.5, 8.0)
    gaps = [SMALLEST_GAP_M + 3.0 * step for step in range(8)]
    dice.shuffle(gaps)
    x0, z0, heading = path.line.beside(crossing, 0.0)
    cosine, sine = math.cos(heading), math.sin(heading)
    for gap in gaps:
        moment = path.time_at(crossing - gap)

        def course(time: float, moment: float = moment) -> Pose:
            aside, along = side * speed * (time - moment), side * LANE_M
            x, z = x0 + aside * cosine + along * sine, z0 - aside * sine + along * cosine
            return x, 0.0, z, heading + side * math.pi / 2, 0.0

        if all(_apart(course, other, moment) for other in others):
            return course
    return None


def _apart(one: Course, other: Course, moment: float) -> bool:
    """Whether two vehicles keep their distance around a moment."""
    if _distance(one(moment), other(moment)) > FARTHEST_MEETING_M:
        return True
    times = [moment - NEAR_CROSSING_S + 0.1 * step for step in range(round(20 * NEAR_CROSSING_S) + 1)]
    return all(_distance(one(time), other(time)) >= TOO_NEAR_M for time in times)


def _distance(one: Pose, other: Pose) -> float:
    """Distance of two vehicles' middles (m)."""
    return math.hypot(one[0] - other[0], one[2] - other[2])
