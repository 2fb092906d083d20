"""Convex solids: what bodies are made of.

A solid is the set of points inside all of its half-spaces and, if it has one, its
quadric. That covers boxes, wedges, gable roofs, cylinders and ellipsoids with a single
intersection formula. Axes are those of the body: x right, y down, z forward, in meters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from triptych.data.synthetic.surface import Material

Vector = tuple[float, float, float]
Plane = tuple[float, float, float, float]
"""(nx, ny, nz, d): inside where n . x <= d, with n of unit length pointing out."""

MAX_PLANES = 6
"""Half-spaces of the largest solid; smaller ones are padded with one that contains everything."""


@dataclass(frozen=True)
class Solid:
    """A convex piece of one material.

    Attributes:
        planes: its half-spaces in body axes.
        material: what it looks like.
        color: main color given to the material.
        accent: second color given to the material.
        center: center of the quadric, and origin of the material's coordinates.
        inverse_radii: the quadric is sum((x - center) * inverse_radii)^2 <= 1, all 0 for
            none; a 0 along one axis makes a cylinder.
        low: lowest corner of the bounding box.
        high: highest corner of the bounding box.
        phase: offset of the texture (m), so that no two solids look the same.
        gloss: how much of a mirror it is, from 0 (matt) to 1.
    """

    planes: tuple[Plane, ...]
    material: Material
    color: Vector
    accent: Vector
    low: Vector
    high: Vector
    center: Vector = (0.0, 0.0, 0.0)
    inverse_radii: Vector = (0.0, 0.0, 0.0)
    phase: tuple[float, float] = (0.0, 0.0)
    gloss: float = 0.0


@dataclass(frozen=True)
class Look:
    """What a solid looks like: the part of a solid that is not its shape."""

    material: Material
    color: Vector
    accent: Vector = (0.1, 0.1, 0.1)
    phase: tuple[float, float] = (0.0, 0.0)
    gloss: float = 0.0


def hexahedron(bottom: Sequence[Vector], top: Sequence[Vector], look: Look) -> Solid:
    """A solid of six flat faces from its bottom and top corners, each in the same turning order."""
    corners = [*bottom, *top]
    faces = [(0, 1, 2), (4, 5, 6), *((i, (i + 1) % 4, (i + 1) % 4 + 4) for i in range(4))]
    middle = [sum(c[axis] for c in corners) / 8 for axis in range(3)]
    planes = tuple(_plane(corners[a], corners[b], corners[c], middle) for a, b, c in faces)
    low, high = bounding_box(corners)
    center = (middle[0], middle[1], middle[2])
    return Solid(planes, look.material, look.color, look.accent, low, high, center, phase=look.phase, gloss=look.gloss)


def box(low: Vector, high: Vector, look: Look) -> Solid:
    """An upright box between two corners."""
    return frustum(low, high, look)


def frustum(
    low: Vector, high: Vector, look: Look, *, front: float = 0.0, back: float = 0.0, side: float = 0.0
) -> Solid:
    """A box whose top is drawn in: at the front (+z), the back (-z) and both sides (m)."""
    (x0, y0, z0), (x1, y1, z1) = low, high  # y is down: y0 is the top
    bottom = [(x0, y1, z0), (x1, y1, z0), (x1, y1, z1), (x0, y1, z1)]
    top = [
        (x0 + side, y0, z0 + back),
        (x1 - side, y0, z0 + back),
        (x1 - side, y0, z1 - front),
        (x0 + side, y0, z1 - front),
    ]
    return hexahedron(bottom, top, look)


def gable(low: Vector, high: Vector, look: Look) -> Solid:
    """A roof with its ridge along z: a prism over the box's bottom rectangle."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    half, height = (x1 - x0) / 2, y1 - y0
    length = math.hypot(half, height)
    nx, ny = height / length, -half / length
    middle = (x0 + x1) / 2
    planes: tuple[Plane, ...] = (
        (0.0, 1.0, 0.0, y1),
        (0.0, 0.0, 1.0, z1),
        (0.0, 0.0, -1.0, -z0),
        (nx, ny, 0.0, nx * middle + ny * y0),
        (-nx, ny, 0.0, -nx * middle + ny * y0),
    )
    center = (middle, y1, (z0 + z1) / 2)
    return Solid(planes, look.material, look.color, look.accent, low, high, center, phase=look.phase, gloss=look.gloss)


def cylinder(center: Vector, radius: float, length: float, look: Look, *, axis: int = 1) -> Solid:
    """A capped cylinder along one of the body axes (0, 1, 2)."""
    half, inverse = [radius] * 3, [1 / radius] * 3
    half[axis], inverse[axis] = length / 2, 0.0
    unit = [1.0 if i == axis else 0.0 for i in range(3)]
    caps = tuple(
        (sign * unit[0], sign * unit[1], sign * unit[2], sign * center[axis] + length / 2) for sign in (1.0, -1.0)
    )
    low, high = _box_around(center, (half[0], half[1], half[2]))
    inverse_radii = (inverse[0], inverse[1], inverse[2])
    return Solid(caps, look.material, look.color, look.accent, low, high, center, inverse_radii, look.phase, look.gloss)


def ellipsoid(center: Vector, radii: Vector, look: Look) -> Solid:
    """An ellipsoid with its axes along the body's."""
    low, high = _box_around(center, radii)
    inverse = (1 / radii[0], 1 / radii[1], 1 / radii[2])
    return Solid((), look.material, look.color, look.accent, low, high, center, inverse, look.phase, look.gloss)


def half_space(look: Look) -> Solid:
    """Everything below y = 0: the ground."""
    far = 1e9
    plane: Plane = (0.0, -1.0, 0.0, 0.0)
    return Solid((plane,), look.material, look.color, look.accent, (-far, 0.0, -far), (far, far, far))


def _plane(a: Vector, b: Vector, c: Vector, inside: Sequence[float]) -> Plane:
    """The half-space bounded by three points that contains a fourth."""
    u, v = [b[i] - a[i] for i in range(3)], [c[i] - a[i] for i in range(3)]
    n = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    length = math.hypot(*n)
    offset = sum(n[i] * a[i] for i in range(3))
    sign = 1.0 if sum(n[i] * inside[i] for i in range(3)) <= offset else -1.0
    return (sign * n[0] / length, sign * n[1] / length, sign * n[2] / length, sign * offset / length)


def bounding_box(corners: Sequence[Vector]) -> tuple[Vector, Vector]:
    """Lowest and highest corner of a set of points."""
    xs, ys, zs = zip(*corners, strict=True)
    return (min(xs), min(ys), min(zs)), (max(xs), max(ys), max(zs))


def _box_around(center: Vector, half: Vector) -> tuple[Vector, Vector]:
    """Corners of the box with this center and these half sides."""
    (x, y, z), (a, b, c) = center, half
    return (x - a, y - b, z - c), (x + a, y + b, z + c)
