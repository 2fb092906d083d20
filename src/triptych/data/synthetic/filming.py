"""Kinds of camera motion: how a family's drive is changed into turning, walking, sideways or mixed filming."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Literal

from triptych.data.synthetic.cameras import Drive, waves

CameraKind = Literal["forward", "turning", "handheld", "sideways", "mixed"]

CAMERA_KINDS: tuple[CameraKind, ...] = ("forward", "turning", "handheld", "sideways", "mixed")

USUAL_FIELD_OF_VIEW_DEG = 80.0
"""At which the kinds' speeds are meant; narrower views move slower, for the same speed in pixels."""

DEGREE = math.pi / 180


@dataclass(frozen=True)
class Filming:
    """How a world is filmed.

    Attributes:
        kind: of motion.
        horizontal_fov_deg: angle between the image's left and right edge.
    """

    kind: CameraKind = "forward"
    horizontal_fov_deg: float = USUAL_FIELD_OF_VIEW_DEG

    def drive(self, dice: random.Random, usual: Drive) -> Drive:
        """The family's usual drive, changed to this kind at a random speed."""
        calm = min(1.0, math.tan(self.horizontal_fov_deg * DEGREE / 2) / math.tan(USUAL_FIELD_OF_VIEW_DEG * DEGREE / 2))
        change = {
            "forward": _forward,
            "turning": _turning,
            "handheld": _handheld,
            "sideways": _sideways,
            "mixed": _mixed,
        }[self.kind]
        return change(dice, usual, calm)


def _slowed(usual: Drive, factor: float) -> Drive:
    """The drive at another speed."""
    pace = tuple((amplitude * factor, frequency, phase) for amplitude, frequency, phase in usual.pace)
    return replace(usual, speed_m_s=usual.speed_m_s * factor, pace=pace)


def _forward(dice: random.Random, usual: Drive, calm: float) -> Drive:
    """Along the line, looking ahead."""
    return _slowed(usual, dice.uniform(0.6, 1.5) * (0.5 + 0.5 * calm))


def _turning(dice: random.Random, usual: Drive, calm: float) -> Drive:
    """Slower, with sharp turns to both sides: 10 to 30 degrees in a second."""
    most = dice.uniform(20, 50) * DEGREE
    rate = dice.uniform(10, 30) * DEGREE * calm
    slow = _slowed(usual, dice.uniform(0.3, 0.8) * calm)
    return replace(slow, yaw=waves(dice, most, (rate / most / (2 * math.pi),)), gaze=dice.uniform(-20, 20) * DEGREE)


def _handheld(dice: random.Random, usual: Drive, calm: float) -> Drive:
    """A walk that sways in all six degrees of freedom."""
    slow = _slowed(usual, dice.uniform(0.15, 0.4) * calm)
    sway = usual.height_m * calm
    return replace(
        slow,
        drift=(*slow.drift, *waves(dice, 0.12 * sway, (0.4, 0.9))),
        bounce=waves(dice, 0.06 * sway, (0.5, 1.7)),
        yaw=waves(dice, 22 * DEGREE * calm, (0.11, 0.29, 0.7)),
        pitch=waves(dice, 8 * DEGREE * calm, (0.2, 0.7)),
        roll=waves(dice, 6 * DEGREE, (0.23, 0.8)),
        gaze=dice.uniform(-40, 40) * DEGREE,
        tilt=dice.uniform(-8, 4) * DEGREE,
    )


def _sideways(dice: random.Random, usual: Drive, calm: float) -> Drive:
    """Past what stands beside the line, looking at it."""
    slow = _slowed(usual, dice.uniform(0.12, 0.4) * calm)
    return replace(slow, gaze=dice.choice((-1, 1)) * dice.uniform(50, 95) * DEGREE)


def _mixed(dice: random.Random, usual: Drive, calm: float) -> Drive:
    """Anything: ahead, aslant or backward, from any height, turning and swaying."""
    backward = math.pi if dice.random() < 0.2 else 0.0
    slow = _slowed(usual, dice.uniform(0.3, 0.9) * calm)
    height = usual.height_m * dice.uniform(0.7, 1.6)
    return replace(
        slow,
        height_m=height,
        bounce=waves(dice, 0.08 * height * calm, (0.2, 0.6)),
        yaw=waves(dice, 14 * DEGREE * calm, (0.1, 0.25, 0.6)),
        pitch=waves(dice, 5 * DEGREE * calm, (0.15, 0.5)),
        roll=waves(dice, 4 * DEGREE * calm, (0.2, 0.7)),
        gaze=backward + dice.uniform(-45, 45) * DEGREE,
        tilt=dice.uniform(-10, 3) * DEGREE,
    )
