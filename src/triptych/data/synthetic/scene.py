"""Bodies, and a scene of bodies packed for the ray caster.

A body is a rigid set of solids with one pose at each time; bodies are what moves.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from triptych.data.synthetic.solids import MAX_PLANES, Plane, Solid, bounding_box
from triptych.data.synthetic.surface import Material
from triptych.types import Role

Pose = tuple[float, float, float, float, float]
"""(x, y, z, yaw, pitch) of a body in the world: meters, radians; yaw turns z toward x, pitch z upward."""

RolledPose = tuple[float, float, float, float, float, float]
"""The same and a turn about the body's own z axis before them, x toward y."""


def pose_matrix(pose: Pose | RolledPose) -> Float[Tensor, "4 4"]:
    """The matrix that maps body points to world points."""
    x, y, z, yaw, pitch = pose[:5]
    cos_yaw, sin_yaw, cos_pitch, sin_pitch = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    matrix = torch.tensor(
        [
            [cos_yaw, sin_yaw * sin_pitch, sin_yaw * cos_pitch, x],
            [0.0, cos_pitch, -sin_pitch, y],
            [-sin_yaw, cos_yaw * sin_pitch, cos_yaw * cos_pitch, z],
            [0.0, 0.0, 0.0, 1.0],
        ],
        dtype=torch.float64,
    )
    return matrix if len(pose) == 5 else matrix @ rolled(pose[5])


def rolled(angle: float) -> Float[Tensor, "4 4"]:
    """Rotation about z, x toward y (rad): a camera's roll."""
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[0, 0] = matrix[1, 1] = math.cos(angle)
    matrix[1, 0], matrix[0, 1] = math.sin(angle), -math.sin(angle)
    return matrix


@dataclass(frozen=True)
class Body:
    """A rigid set of solids.

    Attributes:
        solids: its pieces.
        pose: where it is at a time (s).
        moves: whether that changes with time.
        inside_out: seen from within: the walls of a room.
        role: how it moves, if it does.
    """

    solids: tuple[Solid, ...]
    pose: Callable[[float], Pose | RolledPose]
    moves: bool = False
    inside_out: bool = False
    role: Role = Role.OTHER


def standing(solids: Sequence[Solid], pose: Pose | RolledPose) -> Body:
    """A body that stays where it is."""
    return Body(tuple(solids), lambda _: pose)


@dataclass(frozen=True)
class Group:
    """The solids of one body that are cast together: those with a quadric, or those without.

    Attributes:
        body: number of the body.
        first: number of the group's first solid in the scene.
        end: number after its last.
        curved: whether they have a quadric.
        inside_out: whether rays are stopped on their way out.
    """

    body: int
    first: int
    end: int
    curved: bool
    inside_out: bool


@dataclass(frozen=True)
class Scene:
    """Bodies, packed: solids are numbered through, and their properties lie in tensors.

    Attributes:
        bodies: the bodies; their order is their number.
        groups: what is cast together.
        group_body: number of each group's body.
        corners: of each group's bounding box, in body axes.
        rest: pose of each body at time 0.
        planes: half-spaces of each solid, padded.
        centers: center of each solid.
        inverse_radii: the quadric of each solid, zeros for none.
        look: each solid's color, accent and texture phase.
        body: number of each solid's body.
        gloss: of each solid.
        material: number of each solid's material.
        materials: the materials by number.
    """

    bodies: tuple[Body, ...]
    groups: tuple[Group, ...]
    group_body: Int[Tensor, " groups"]
    corners: Float[Tensor, "groups 8 3"]
    rest: Float[Tensor, "bodies 4 4"]
    planes: Float[Tensor, "solids planes 4"]
    centers: Float[Tensor, "solids 3"]
    inverse_radii: Float[Tensor, "solids 3"]
    look: Float[Tensor, "solids 8"]
    body: Int[Tensor, " solids"]
    gloss: Float[Tensor, " solids"]
    material: Int[Tensor, " solids"]
    materials: tuple[Material, ...]


def packed(bodies: Sequence[Body]) -> Scene:
    """The scene of these bodies."""
    groups: list[Group] = []
    solids: list[Solid] = []
    corners = []
    for number, body in enumerate(bodies):
        for curved in (False, True):
            members = [s for s in body.solids if any(s.inverse_radii) == curved]
            if members:
                end = len(solids) + len(members)
                groups.append(Group(number, len(solids), end, curved, body.inside_out))
                solids += members
                low, _ = bounding_box([s.low for s in members])
                _, high = bounding_box([s.high for s in members])
                corners.append(list(itertools.product(*zip(low, high, strict=True))))
    materials = tuple(dict.fromkeys(s.material for s in solids))
    return Scene(
        bodies=tuple(bodies),
        groups=tuple(groups),
        group_body=torch.tensor([group.body for group in groups]),
        corners=_float64(corners),
        rest=torch.stack([pose_matrix(body.pose(0.0)) for body in bodies]),
        planes=_float64([_padded(s.planes) for s in solids]),
        centers=_float64([s.center for s in solids]),
        inverse_radii=_float64([s.inverse_radii for s in solids]),
        look=_float64([(*s.color, *s.accent, *s.phase) for s in solids]),
        body=torch.tensor([number for number, body in enumerate(bodies) for _ in body.solids]),
        gloss=torch.tensor([s.gloss for s in solids]),
        material=torch.tensor([materials.index(s.material) for s in solids]),
        materials=materials,
    )


def poses(scene: Scene, time: float) -> Float[Tensor, "bodies 4 4"]:
    """The pose of each body at a time (s)."""
    matrices = scene.rest.clone()
    for number, body in enumerate(scene.bodies):
        if body.moves:
            matrices[number] = pose_matrix(body.pose(time))
    return matrices


def _padded(planes: Sequence[Plane]) -> list[Plane]:
    """The planes followed by half-spaces without a boundary."""
    return [*planes, *[(0.0, 0.0, 0.0, 1.0)] * (MAX_PLANES - len(planes))]


def _float64(values: object) -> Tensor:
    """The nested sequences as a tensor."""
    return torch.tensor(values, dtype=torch.float64)
