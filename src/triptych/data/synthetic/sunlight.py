"""What light does beyond a matt surface: cast shadows, highlights and mirrored sky.

A shadow is asked of the world as visibility is: a ray is cast from the sun to the very
point. The sun is a camera so far away that its rays are parallel to a ten-thousandth.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.cameras import CameraPath
from triptych.data.synthetic.cast import Scattered, first_hits
from triptych.data.synthetic.scene import Body, Scene, packed
from triptych.data.synthetic.view import View, view

SUN_M = 1e5
"""Distance of the sun: far enough for parallel shadows, near enough for float64."""

LIFT_M = 0.02
"""How far above a surface another must be to shade it; rounding at the sun's distance is 1e-8 m."""

LARGEST_CASTER_M = 30.0
"""Bodies larger than this (the ground, hills) only receive shadows."""

CASTING_M = 45.0
"""What stands farther from the camera's way casts no shadow: it would be small, and as slow to draw as a near one.

Judged at places of the way, which are no farther from each other than this.
"""

SHININESS = 40.0
"""Exponent of the highlight (Blinn and Phong)."""

FRESNEL_FLOOR = 0.06
"""Share of light that a glossy surface mirrors when seen head-on."""


def shadow_casters(bodies: Sequence[Body], path: CameraPath, seconds: float) -> Scene | None:
    """The scene of what casts shadows near a camera's way in some seconds; None where nothing does."""
    places = _places(path, seconds)

    def casts(body: Body) -> bool:
        if body.inside_out or _extent(body) > LARGEST_CASTER_M:
            return False
        at = body.pose(seconds / 2)
        return body.moves or min(math.hypot(at[0] - x, at[2] - z) for x, z in places) < CASTING_M

    casters = [body for body in bodies if casts(body)]
    return packed(casters) if casters else None


def _places(path: CameraPath, seconds: float) -> list[list[float]]:
    """Where a way is at even times, (x, z) in m: five places, or as many more as bring neighbors within `CASTING_M`."""
    parts = 4
    while True:
        places = [path.camera_to_world(seconds * part / parts)[(0, 2), 3].tolist() for part in range(parts + 1)]
        if all(math.dist(*neighbors) <= CASTING_M for neighbors in itertools.pairwise(places)):
            return places
        parts *= 2


def _extent(body: Body) -> float:
    """Longest side of a body's bounding box (m)."""
    return max(max(s.high[axis] for s in body.solids) - min(s.low[axis] for s in body.solids) for axis in range(3))


def sun_view(casters: Scene, direction: tuple[float, float, float], time: float) -> View:
    """What casts shadows, seen from the sun at a time (s); one pixel is about one meter.

    Args:
        casters: what casts shadows.
        direction: unit vector toward the sun, in world axes (y down).
        time: of the moving bodies.
    """
    x, y, z = direction
    level = math.hypot(x, z)
    forward = torch.tensor((-x, -y, -z), dtype=torch.float64)
    right = torch.tensor((-z / level, 0.0, x / level) if level > 1e-6 else (1.0, 0.0, 0.0), dtype=torch.float64)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = torch.stack((right, torch.linalg.cross(forward, right), forward), 1)
    pose[:3, 3] = -SUN_M * forward
    focal = torch.diag(torch.tensor((SUN_M, SUN_M, 1.0), dtype=torch.float64))
    return view(casters, pose, focal, time)


def sunlit(sun: View, points: Float[Tensor, "3 rays"]) -> Float[Tensor, " rays"]:
    """1 where the sun sees a world point, 0 where something casts its shadow there."""
    x, y, depth = sun.projections(points)
    first = first_hits(sun, Scattered(torch.stack((x, y)))).depth
    shine: Tensor = (first >= depth - LIFT_M).float()
    return shine


def highlight(
    normal: Float[Tensor, "3 rays"], toward_eye: Float[Tensor, "3 rays"], direction: tuple[float, float, float]
) -> Float[Tensor, " rays"]:
    """Strength of the sun's highlight, (n . h)^s with h halfway between eye and sun; unit vectors in."""
    half = toward_eye + toward_eye.new_tensor(direction)[:, None]
    half = half / half.square().sum(0).sqrt().clamp_min(1e-6)
    strength: Tensor = (normal * half).sum(0).clamp_min(0) ** SHININESS
    return strength


def mirrored(
    normal: Float[Tensor, "3 rays"], toward_eye: Float[Tensor, "3 rays"]
) -> tuple[Float[Tensor, "3 rays"], Float[Tensor, " rays"]]:
    """Direction in which a mirror would see, and the share that it mirrors (Schlick); unit vectors in."""
    cosine = (normal * toward_eye).sum(0).clamp(0, 1)
    share = FRESNEL_FLOOR + (1 - FRESNEL_FLOOR) * (1 - cosine) ** 5
    return 2 * cosine * normal - toward_eye, share
