"""Solids, the bodies they make up, and a scene of bodies packed for the ray caster.

A solid is convex: the points inside all of its half-spaces and, if it has one, its
quadric. That covers boxes, wedges, gable roofs, cylinders and ellipsoids with a
single intersection formula. A body is a rigid set of solids with one pose at each
time; bodies are what moves. Body axes are x right, y down, z forward, in meters.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

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


@dataclass(frozen=True)
class Look:
    """What a solid looks like: the part of a solid that is not its shape."""

    material: Material
    color: Vector
    accent: Vector = (0.1, 0.1, 0.1)
    phase: tuple[float, float] = (0.0, 0.0)


def hexahedron(bottom: Sequence[Vector], top: Sequence[Vector], look: Look) -> Solid:
    """A solid of six flat faces from its bottom and top corners, each in the same turning order."""
    corners = [*bottom, *top]
    faces = [(0, 1, 2), (4, 5, 6), *((i, (i + 1) % 4, (i + 1) % 4 + 4) for i in range(4))]
    middle = [sum(c[axis] for c in corners) / 8 for axis in range(3)]
    planes = tuple(_plane(*(corners[i] for i in face), middle) for face in faces)
    low, high = _bounds(corners)
    center = (middle[0], middle[1], middle[2])
    return Solid(planes, look.material, look.color, look.accent, low, high, center, phase=look.phase)


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
    return Solid(planes, look.material, look.color, look.accent, low, high, center, phase=look.phase)


def cylinder(center: Vector, radius: float, length: float, look: Look, *, axis: int = 1) -> Solid:
    """A capped cylinder along one of the body axes (0, 1, 2)."""
    half, inverse = [radius] * 3, [1 / radius] * 3
    half[axis], inverse[axis] = length / 2, 0.0
    unit = [1.0 if i == axis else 0.0 for i in range(3)]
    caps = tuple(
        (sign * unit[0], sign * unit[1], sign * unit[2], sign * center[axis] + length / 2)
        for sign in (1.0, -1.0)
    )
    low, high = _box_around(center, (half[0], half[1], half[2]))
    inverse_radii = (inverse[0], inverse[1], inverse[2])
    return Solid(caps, look.material, look.color, look.accent, low, high, center, inverse_radii, look.phase)


def ellipsoid(center: Vector, radii: Vector, look: Look) -> Solid:
    """An ellipsoid with its axes along the body's."""
    low, high = _box_around(center, radii)
    inverse = (1 / radii[0], 1 / radii[1], 1 / radii[2])
    return Solid((), look.material, look.color, look.accent, low, high, center, inverse, look.phase)


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


def _bounds(corners: Sequence[Vector]) -> tuple[Vector, Vector]:
    """Lowest and highest corner of a set of points."""
    xs, ys, zs = zip(*corners, strict=True)
    return (min(xs), min(ys), min(zs)), (max(xs), max(ys), max(zs))


def _box_around(center: Vector, half: Vector) -> tuple[Vector, Vector]:
    """Corners of the box with this center and these half sides."""
    (x, y, z), (a, b, c) = center, half
    return (x - a, y - b, z - c), (x + a, y + b, z + c)


Pose = tuple[float, float, float, float, float]
"""(x, y, z, yaw, pitch) of a body in the world: meters, radians; yaw turns z toward x, pitch z upward."""


def pose_matrix(pose: Pose) -> Float[Tensor, "4 4"]:
    """The matrix that maps body points to world points."""
    x, y, z, yaw, pitch = pose
    cos_yaw, sin_yaw, cos_pitch, sin_pitch = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    return torch.tensor(
        [
            [cos_yaw, sin_yaw * sin_pitch, sin_yaw * cos_pitch, x],
            [0.0, cos_pitch, -sin_pitch, y],
            [-sin_yaw, cos_yaw * sin_pitch, cos_yaw * cos_pitch, z],
            [0.0, 0.0, 0.0, 1.0],
        ],
        dtype=torch.float64,
    )


@dataclass(frozen=True)
class Body:
    """A rigid set of solids.

    Attributes:
        solids: its pieces.
        pose: where it is at a time (s).
        moves: whether that changes with time.
        inside_out: seen from within: the walls of a room.
    """

    solids: tuple[Solid, ...]
    pose: Callable[[float], Pose]
    moves: bool = False
    inside_out: bool = False


def standing(solids: Sequence[Solid], pose: Pose) -> Body:
    """A body that stays where it is."""
    return Body(tuple(solids), lambda _: pose)


@dataclass(frozen=True)
class Group:
    """The solids of one body that are cast together: those with a quadric, or those without.

    Attributes:
        first: number of the group's first solid in the scene.
        planes: half-spaces, padded to the same count.
        inverse_radii: the quadrics' factors; None for a group without.
        centers: the quadrics' centers.
        inside_out: whether rays are stopped on their way out.
    """

    first: int
    planes: Float[Tensor, "solids planes 4"]
    inverse_radii: Float[Tensor, "solids 3"] | None
    centers: Float[Tensor, "solids 3"]
    inside_out: bool


@dataclass(frozen=True)
class Scene:
    """Bodies, packed: what is gathered for many rays at once lies in tensors by solid number.

    Attributes:
        bodies: the bodies; their order is their number.
        groups: the groups of each body.
        corners: of each body's bounding box, in body axes.
        rest: pose of each body at time 0.
        planes: half-spaces of each solid, padded.
        centers: center of each solid.
        inverse_radii: the quadric of each solid, zeros for none.
        look: each solid's color, accent and texture phase.
        material: number of each solid's material.
        materials: the materials by number.
    """

    bodies: tuple[Body, ...]
    groups: tuple[tuple[Group, ...], ...] = field(repr=False)
    corners: Float[Tensor, "bodies 8 3"]
    rest: Float[Tensor, "bodies 4 4"]
    planes: Float[Tensor, "solids planes 4"]
    centers: Float[Tensor, "solids 3"]
    inverse_radii: Float[Tensor, "solids 3"]
    look: Float[Tensor, "solids 8"]
    material: Int[Tensor, " solids"]
    materials: tuple[Material, ...]


def poses(scene: Scene, time: float) -> Float[Tensor, "bodies 4 4"]:
    """The pose of each body at a time (s)."""
    matrices = scene.rest.clone()
    for number, body in enumerate(scene.bodies):
        if body.moves:
            matrices[number] = pose_matrix(body.pose(time))
    return matrices


def packed(bodies: Sequence[Body]) -> Scene:
    """The scene of these bodies."""
    groups: list[tuple[Group, ...]] = []
    solids: list[Solid] = []
    corners = []
    for body in bodies:
        parts = []
        for curved in (False, True):
            members = [s for s in body.solids if any(s.inverse_radii) == curved]
            if members:
                parts.append(_group(members, len(solids), inside_out=body.inside_out))
                solids += members
        groups.append(tuple(parts))
        low, _ = _bounds([s.low for s in body.solids])
        _, high = _bounds([s.high for s in body.solids])
        corners.append(list(itertools.product(*zip(low, high, strict=True))))
    materials = tuple(dict.fromkeys(s.material for s in solids))
    return Scene(
        bodies=tuple(bodies),
        groups=tuple(groups),
        corners=_float64(corners),
        rest=torch.stack([pose_matrix(body.pose(0.0)) for body in bodies]),
        planes=_float64([_padded(s.planes, MAX_PLANES) for s in solids]),
        centers=_float64([s.center for s in solids]),
        inverse_radii=_float64([s.inverse_radii for s in solids]),
        look=_float64([(*s.color, *s.accent, *s.phase) for s in solids]),
        material=torch.tensor([materials.index(s.material) for s in solids]),
        materials=materials,
    )


def _group(members: Sequence[Solid], first: int, *, inside_out: bool) -> Group:
    """The members packed."""
    count = max(1, max(len(s.planes) for s in members))
    curved = any(members[0].inverse_radii)
    return Group(
        first=first,
        planes=_float64([_padded(s.planes, count) for s in members]),
        inverse_radii=_float64([s.inverse_radii for s in members]) if curved else None,
        centers=_float64([s.center for s in members]),
        inside_out=inside_out,
    )


def _padded(planes: Sequence[Plane], count: int) -> list[Plane]:
    """The planes followed by half-spaces without a boundary."""
    return [*planes, *[(0.0, 0.0, 0.0, 1.0)] * (count - len(planes))]


def _float64(values: object) -> Tensor:
    """The nested sequences as a tensor."""
    return torch.tensor(values, dtype=torch.float64)
