"""Camera paths: a car that drives along a road and shakes, a hand that sweeps a room."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.scene import pose_matrix, rolled

Wave = tuple[float, float, float]
"""(amplitude, frequency in Hz, phase in radians)."""


ROADSIDE_M = 30.0
"""Distance (along x) from a road within which its coordinates are exact; less than its sharpest bend's radius."""


@runtime_checkable
class CameraPath(Protocol):
    """Where the camera is at each time."""

    def camera_to_world(self, time: float) -> Float[Tensor, "4 4"]:
        """Pose of the camera at a time (s)."""
        ...


def swing(waves: tuple[Wave, ...], time: float) -> float:
    """Sum of sine waves at a time (s)."""
    return math.fsum(a * math.sin(2 * math.pi * f * time + phase) for a, f, phase in waves)


def swing_integral(waves: tuple[Wave, ...], time: float) -> float:
    """Integral of the sum of sine waves from 0 to a time (s)."""
    return math.fsum(
        a * (math.cos(phase) - math.cos(2 * math.pi * f * time + phase)) / (2 * math.pi * f) for a, f, phase in waves
    )


def waves(dice: random.Random, amplitude: float, frequencies: tuple[float, ...]) -> tuple[Wave, ...]:
    """Waves near the given frequencies (Hz) with random phases that add up to the amplitude at most."""
    share = amplitude / len(frequencies)
    return tuple(
        (share * dice.uniform(0.6, 1.0), f * dice.uniform(0.85, 1.15), dice.uniform(0, 2 * math.pi))
        for f in frequencies
    )


@dataclass(frozen=True)
class RoadLine:
    """The road's center line: x as a sum of sine waves over z.

    Attributes:
        bends: amplitude (m), wave number (rad/m) and phase of each wave.
    """

    bends: tuple[Wave, ...]

    def x(self, z: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Position of the center line (m)."""
        return torch.stack([a * torch.sin(k * z + p) for a, k, p in self.bends]).sum(0)

    def slope(self, z: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """dx/dz."""
        return torch.stack([a * k * torch.cos(k * z + p) for a, k, p in self.bends]).sum(0)

    def _bend(self, z: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Second derivative of x (1/m)."""
        return torch.stack([-a * k * k * torch.sin(k * z + p) for a, k, p in self.bends]).sum(0)

    def coordinates(
        self, x: Float[Tensor, "*shape"], z: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        """Distance (m) to the right of the center line, z of its nearest point, and the slope there.

        The inverse of `beside`, by Newton steps toward the foot of the perpendicular; farther
        than `ROADSIDE_M` from the road, where feet need not be unique, a smooth continuation.
        """
        foot = z
        for _ in range(3):
            slope = self.slope(foot)
            away = (x - self.x(foot)).clamp(-ROADSIDE_M, ROADSIDE_M)
            foot = foot + (away * slope + z - foot) / (1 + slope * slope - away * self._bend(foot))
        slope = self.slope(foot)
        cosine = torch.rsqrt(1 + slope * slope)
        return (x - self.x(foot) - slope * (z - foot)) * cosine, foot, slope

    def heading(self, z: float) -> float:
        """Yaw of the road (rad)."""
        return math.atan(sum(a * k * math.cos(k * z + p) for a, k, p in self.bends))

    def beside(self, z: float, aside: float) -> tuple[float, float, float]:
        """(x, z, yaw) of the place a distance (m) to the right of the center line at z."""
        yaw = self.heading(z)
        x = sum(a * math.sin(k * z + p) for a, k, p in self.bends)
        return x + aside * math.cos(yaw), z - aside * math.sin(yaw), yaw


@dataclass(frozen=True)
class Drive:
    """A car's camera on a road.

    Attributes:
        line: the road.
        lane_m: distance of the path to the right of the center line.
        height_m: of the camera above the ground.
        speed_m_s: mean speed.
        pace: changes of speed (m/s).
        drift: sideways in the lane (m).
        bounce: up and down (m).
        yaw: shake (rad), as the next two.
        pitch: shake.
        roll: shake.
        gaze: mean yaw from the road's heading (rad): a half pi looks aside, to the right.
        tilt: mean pitch (rad), negative looks down.
    """

    line: RoadLine
    lane_m: float
    height_m: float
    speed_m_s: float
    pace: tuple[Wave, ...]
    drift: tuple[Wave, ...]
    bounce: tuple[Wave, ...]
    yaw: tuple[Wave, ...]
    pitch: tuple[Wave, ...]
    roll: tuple[Wave, ...]
    gaze: float = 0.0
    tilt: float = 0.0

    def along(self, time: float) -> float:
        """How far along the road (z in m) the camera is."""
        return self.speed_m_s * time + swing_integral(self.pace, time)

    def time_at(self, z: float) -> float:
        """When the camera is at z (m), which only grows; by bisection, to a microsecond."""
        low, high = 0.0, 1.0
        while self.along(high) < z:
            high *= 2
        while high - low > 1e-6:
            middle = (low + high) / 2
            low, high = (middle, high) if self.along(middle) < z else (low, middle)
        return low

    def camera_to_world(self, time: float) -> Float[Tensor, "4 4"]:
        """Pose of the camera at a time (s)."""
        x, z, heading = self.line.beside(self.along(time), self.lane_m + swing(self.drift, time))
        y = -self.height_m + swing(self.bounce, time)
        pose = (x, y, z, heading + swing(self.yaw, time) + self.gaze, swing(self.pitch, time) + self.tilt)
        return pose_matrix(pose) @ rolled(swing(self.roll, time))


@dataclass(frozen=True)
class Handheld:
    """A hand-held camera that moves sideways, forward and back, and looks around.

    Attributes:
        x: sideways (m).
        y: down (m), about the height of the eye.
        z: forward (m).
        yaw: looking around (rad), as the next two.
        pitch: up and down.
        roll: tilt.
        start: mean position (m).
        tilt: mean pitch (rad), negative looks down.
    """

    x: tuple[Wave, ...]
    y: tuple[Wave, ...]
    z: tuple[Wave, ...]
    yaw: tuple[Wave, ...]
    pitch: tuple[Wave, ...]
    roll: tuple[Wave, ...]
    start: tuple[float, float, float]
    tilt: float = 0.0

    def camera_to_world(self, time: float) -> Float[Tensor, "4 4"]:
        """Pose of the camera at a time (s)."""
        x, y, z = (mean + swing(wave, time) for mean, wave in zip(self.start, (self.x, self.y, self.z), strict=True))
        pose = (x, y, z, swing(self.yaw, time), self.tilt + swing(self.pitch, time))
        return pose_matrix(pose) @ rolled(swing(self.roll, time))
