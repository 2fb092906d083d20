"""Where things may stand and go: places claimed along the camera's way, and props that fill what is left."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from triptych.data.synthetic.cameras import Drive, RoadLine
from triptych.data.synthetic.scene import Body, Pose, RolledPose, standing
from triptych.data.synthetic.solids import Solid

STEP_S = 0.1
"""Times at which the ways of camera and objects are looked at."""

Span = tuple[float | int, float | int]
"""Nearest and farthest (m)."""

AT_ORIGIN: Pose = (0.0, 0.0, 0.0, 0.0, 0.0)

Course = Callable[[float], RolledPose]
"""Where a moving object is at a time (s)."""


@dataclass(frozen=True)
class Prop:
    """A thing to place.

    Attributes:
        solids: its pieces.
        radius_m: of the disc that it needs on the ground plan, around its origin.
        lift_m: height of its origin above the ground: 0 for what stands.
        tumbles: whether it may turn about any axis.
    """

    solids: tuple[Solid, ...]
    radius_m: float
    lift_m: float = 0.0
    tumbles: bool = False


Maker = Callable[[random.Random], Prop]
"""What makes a prop of some kind."""


class GroundPlan:
    """Discs that are taken: what is placed takes its own, if it is free."""

    def __init__(self) -> None:
        self._discs = torch.empty((0, 3), dtype=torch.float64)

    def free(self, x: float, z: float, radius: float) -> bool:
        """Whether a disc touches no other."""
        away = torch.hypot(self._discs[:, 0] - x, self._discs[:, 1] - z)
        return bool((away > self._discs[:, 2] + radius).all())

    def take(self, discs: Sequence[tuple[float, float, float]]) -> None:
        """Takes discs (x, z, radius), free or not."""
        self._discs = torch.cat((self._discs, torch.tensor(discs, dtype=torch.float64)))

    def placed(self, x: float, z: float, radius: float) -> bool:
        """Takes a disc if it is free, and says whether it was."""
        if not self.free(x, z, radius):
            return False
        self.take([(x, z, radius)])
        return True


def moments(seconds: float) -> list[float]:
    """Times (s) at which ways are looked at, from just before the clip to just after."""
    return [STEP_S * step for step in range(-1, math.ceil(seconds / STEP_S) + 2)]


def camera_discs(drive: Drive, seconds: float, radius: float) -> list[tuple[float, float, float]]:
    """What the camera takes of the ground plan."""
    places = (drive.camera_to_world(time)[:3, 3].tolist() for time in moments(seconds))
    return [(x, z, radius) for x, _, z in places]


def course_discs(course: Course, seconds: float, radius: float) -> list[tuple[float, float, float]]:
    """What a moving object takes."""
    return [(pose[0], pose[2], radius) for pose in map(course, moments(seconds))]


def scattered(
    dice: random.Random,
    plan: GroundPlan,
    line: RoadLine,
    make: Maker,
    *,
    count: int,
    along: Span,
    aside: Span,
    height: Callable[[float, float], float] | None = None,
) -> list[Body]:
    """Props put at random on both sides of a line, where there is room.

    Args:
        dice: of everything random.
        plan: what is taken.
        line: the line.
        make: what makes a prop.
        count: how many are tried.
        along: nearest and farthest place along the line (m).
        aside: nearest and farthest distance from the line (m).
        height: of the ground at (x, z), upward; None for level ground.
    """
    bodies = []
    for _ in range(count):
        prop = make(dice)
        x, z, yaw = line.beside(dice.uniform(*along), dice.choice((-1, 1)) * dice.uniform(*aside))
        if not plan.placed(x, z, prop.radius_m):
            continue
        ground = height(x, z) if height else 0.0
        turn, pitch, roll = dice.uniform(0, 2 * math.pi), 0.0, 0.0
        if prop.tumbles:
            pitch, roll = dice.uniform(-1.2, 1.2), dice.uniform(-math.pi, math.pi)
        bodies.append(standing(prop.solids, (x, -ground - prop.lift_m, z, yaw + turn, pitch, roll)))
    return bodies
