"""Moving objects in roles: leading, oncoming, crossing, and others that circle, hover and tumble in view."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from triptych.data.synthetic.cameras import Drive, Wave, swing, waves
from triptych.data.synthetic.scene import Body, RolledPose
from triptych.data.synthetic.staging import Course, GroundPlan, Maker, Prop, course_discs, moments
from triptych.types import Role

ROLES = {Role.CROSSING: 0.35, Role.LEADING: 0.27, Role.ONCOMING: 0.23, Role.OTHER: 0.15}
"""How often each role is played."""

MOST = 8
"""Objects where no number is asked for: none up to so many."""

TRIES = 15
"""How often a place is sought for an object before it is left out."""

STEADY_SHARE = 0.4
"""Share of the leading objects that go at exactly the camera's speed."""

SWAY_S = 0.25
"""Swing of the others' distance, in camera speed: they are slower or faster by four tenths at most."""

FASTEST_SPIN = 1.6
"""Of tumbling objects, about each axis (rad/s)."""


@dataclass(frozen=True)
class Company:
    """What moves in a family's worlds.

    Attributes:
        make: what makes an object.
        speed_m_s: slowest and fastest.
        distance_m: nearest and farthest from the camera in the middle of the clip.
        spread_m: how far from the middle of the view.
        camera_m: radius kept free around the camera.
        reach_m: how far from the line objects may be.
        lanes_m: distances from the line at which those that follow it go; empty for anywhere.
    """

    make: Maker
    speed_m_s: tuple[float, float]
    distance_m: tuple[float, float]
    spread_m: float
    camera_m: float
    reach_m: float
    lanes_m: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Place:
    """A place in the line's coordinates (m)."""

    along: float
    aside: float


def movers(
    dice: random.Random, drive: Drive, company: Company, plan: GroundPlan, *, seconds: float, count: int | None
) -> list[Body]:
    """Objects that move in the camera's view; their ways are taken of the plan.

    The circles that they take on the ground never touch each other or the camera's; corners of a few reach out.

    Args:
        dice: of everything random.
        drive: the camera's way.
        company: what moves.
        plan: what is taken: what stands is placed after what moves.
        seconds: how long the clip lasts.
        count: how many at most, for those for which no place is found are left out; None for 0 to `MOST`.
    """
    most = dice.randint(0, MOST) if count is None else count
    times = moments(seconds)
    camera = [tuple(drive.camera_to_world(time)[(0, 2), 3].tolist()) for time in times]
    ways: list[tuple[list[tuple[float, ...]], float]] = [(camera, company.camera_m)]
    bodies: list[Body] = []
    for _ in range(most):
        role = dice.choices(list(ROLES), weights=list(ROLES.values()))[0]
        prop = company.make(dice)
        for _ in range(TRIES):
            course = _course(dice, role, drive, company=company, prop=prop, seconds=seconds)
            way = [(pose[0], pose[2]) for pose in map(course, times)]
            if all(_apart(way, other, prop.radius_m + radius) for other, radius in ways):
                bodies.append(Body(prop.solids, course, moves=True, role=role))
                ways.append((list(way), prop.radius_m))
                plan.take(course_discs(course, seconds, prop.radius_m))
                break
    return bodies


def _apart(way: list[tuple[float, float]], other: list[tuple[float, ...]], distance: float) -> bool:
    """Whether two ways keep their distance at all times."""
    return all(math.hypot(a[0] - b[0], a[1] - b[1]) > distance for a, b in zip(way, other, strict=True))


def _course(dice: random.Random, role: Role, drive: Drive, *, company: Company, prop: Prop, seconds: float) -> Course:
    """A way in a role that comes into view in the middle of the clip."""
    where = _way(dice, role, drive, company=company, prop=prop, seconds=seconds)
    high = max(prop.lift_m, dice.uniform(0.5, 1.4) * drive.height_m) if prop.tumbles else prop.lift_m
    rates, first = ([dice.uniform(-1, 1) * most for _ in range(3)] for most in (FASTEST_SPIN, math.pi))
    hop = waves(dice, 0.5 * (high - prop.lift_m), (dice.uniform(0.2, 0.8),))

    def course(time: float) -> RolledPose:
        place, turn = where(time)
        x, z, heading = drive.line.beside(place.along, place.aside)
        if not prop.tumbles:
            return x, -prop.lift_m, z, heading + turn, 0.0, 0.0
        yaw, pitch, roll = (angle + rate * time for angle, rate in zip(first, rates, strict=True))
        return x, -high - swing(hop, time), z, yaw, pitch, roll

    return course


def _anchor(dice: random.Random, role: Role, drive: Drive, *, company: Company, prop: Prop, time: float) -> _Place:
    """A place before the camera at a time, in a lane for those that follow the line."""
    away, beside = dice.uniform(*company.distance_m), dice.uniform(-1, 1) * company.spread_m
    along = away * math.cos(drive.gaze) - beside * math.sin(drive.gaze)
    aside = drive.lane_m + away * math.sin(drive.gaze) + beside * math.cos(drive.gaze)
    most = max(company.reach_m - prop.radius_m, 0.0)
    if company.lanes_m and role in (Role.LEADING, Role.ONCOMING):
        lanes = [lane for lane in company.lanes_m if (lane > 0) == (role is Role.LEADING)]
        aside = dice.choice(lanes or list(company.lanes_m))
    return _Place(drive.along(time) + along, min(max(aside, -most), most))


@dataclass(frozen=True)
class _Along:
    """With the camera (share 1) or on one's own (share 0), at a speed along the line (m/s).

    Attributes:
        drive: the camera's way.
        anchor: where it is at the moment.
        moment: a time (s).
        share: of the camera's motion that it shares.
        speed: its own, negative for oncoming.
        change: swing of its place (m).
    """

    drive: Drive
    anchor: _Place
    moment: float
    share: float
    speed: float
    change: tuple[Wave, ...] = ()

    def __call__(self, time: float) -> tuple[_Place, float]:
        """Its place, and its turn from the line's heading."""
        along = self.anchor.along + self.share * (self.drive.along(time) - self.drive.along(self.moment))
        along += self.speed * (time - self.moment) + swing(self.change, time)
        return _Place(along, self.anchor.aside), math.pi if self.speed < 0 else 0.0


@dataclass(frozen=True)
class _Across:
    """To and fro across the line, around the anchor.

    Attributes:
        anchor: its middle.
        moment: when it passes the middle (s).
        speed: there, signed (m/s).
        reach: how far from the middle it comes (m).
    """

    anchor: _Place
    moment: float
    speed: float
    reach: float

    def __call__(self, time: float) -> tuple[_Place, float]:
        """Its place, and its turn from the line's heading."""
        phase = self.speed * (time - self.moment) / self.reach
        turn = math.copysign(math.pi / 2, self.speed * math.cos(phase))
        return _Place(self.anchor.along, self.anchor.aside + self.reach * math.sin(phase)), turn


@dataclass(frozen=True)
class _Circle:
    """Around the anchor.

    Attributes:
        anchor: its middle.
        radius: of the circle (m).
        rate: of turning (rad/s).
        first: angle at time 0 (rad).
    """

    anchor: _Place
    radius: float
    rate: float
    first: float

    def __call__(self, time: float) -> tuple[_Place, float]:
        """Its place, and its turn from the line's heading."""
        angle = self.first + self.rate * time
        place = _Place(
            self.anchor.along + self.radius * math.sin(angle), self.anchor.aside + self.radius * math.cos(angle)
        )
        return place, -angle + (math.pi if self.rate < 0 else 0.0)


def _way(
    dice: random.Random, role: Role, drive: Drive, *, company: Company, prop: Prop, seconds: float
) -> Callable[[float], tuple[_Place, float]]:
    """A way in a role that comes into view in the middle of the clip."""
    anchor = _anchor(dice, role, drive, company=company, prop=prop, time=seconds / 2)
    moment, speed = seconds / 2, dice.uniform(*company.speed_m_s)
    if role is Role.LEADING:
        change = () if dice.random() < STEADY_SHARE else waves(dice, SWAY_S * drive.speed_m_s, (0.12, 0.31))
        return _Along(drive, anchor, moment, 1.0, 0.0, change)
    if role is Role.ONCOMING:
        return _Along(drive, anchor, moment, 0.0, -speed)
    most = max(company.reach_m - prop.radius_m, 0.1)
    if role is Role.CROSSING:
        middle = _Place(anchor.along, 0.5 * anchor.aside)
        reach = max(most - abs(middle.aside), 0.1)
        return _Across(middle, seconds * dice.uniform(0.2, 0.8), dice.choice((-1, 1)) * speed, reach)
    radius = min(max(0.3, (0.3 if prop.tumbles else 1.5) * prop.radius_m), most)
    middle = _Place(anchor.along, min(max(anchor.aside, radius - most), most - radius))
    rate = dice.choice((-1, 1)) * min(speed / radius, 0.9)
    return _Circle(middle, radius, rate, dice.uniform(0, 2 * math.pi))
