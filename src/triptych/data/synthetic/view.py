"""A scene before a camera: where bodies can be seen, and their surfaces as its rays meet them.

Rays have direction K^-1 (x, y, 1) in camera axes, so the ray parameter *is* the depth
along the optical axis. Everything is float64: an intersection is as exact as its formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from triptych.data.synthetic.scene import Scene, poses
from triptych.data.synthetic.solids import MAX_PLANES

NEAREST_M = 0.02
"""Surfaces nearer than this to the camera's center are not seen."""

ON_PLANE_M = 1e-12
"""Distance given to a camera that lies exactly in a plane."""

BOX_EDGES = tuple(zip(*((i, i | bit) for i in range(8) for bit in (1, 2, 4) if not i & bit), strict=True))
"""Corners at the beginnings and the ends of a box's edges; each bit of a corner's number is one axis."""


@dataclass(frozen=True)
class View:
    """A scene at one time, seen by one camera.

    Attributes:
        scene: the scene.
        camera_to_world: the camera's pose.
        intrinsics: K (px).
        body_to_world: the bodies' poses.
    """

    scene: Scene
    camera_to_world: Float[Tensor, "4 4"]
    intrinsics: Float[Tensor, "3 3"]
    body_to_world: Float[Tensor, "bodies 4 4"]

    @cached_property
    def world_from_pixel(self) -> Float[Tensor, "3 3"]:
        """R K^-1: maps (x, y, 1) to the direction of its ray in the world."""
        matrix: Tensor = self.camera_to_world[:3, :3] @ torch.linalg.inv(self.intrinsics)
        return matrix

    def directions(self, pixels: Float[Tensor, "2 rays"]) -> Float[Tensor, "3 rays"]:
        """World directions of the rays through pixels, one unit deep."""
        across, down, middle = self.world_from_pixel.unbind(1)
        directions: Tensor = across[:, None] * pixels[0] + down[:, None] * pixels[1] + middle[:, None]
        return directions

    def projections(self, points: Float[Tensor, "3 points"]) -> Float[Tensor, "3 points"]:
        """Pixel x, pixel y and depth of world points; finite numbers where the depth is not positive."""
        rotation, position = self.camera_to_world[:3, :3], self.camera_to_world[:3, 3]
        camera = rotation.T @ (points - position[:, None])
        return torch.cat(((self.intrinsics[:2] @ camera) / _safe(camera[2]), camera[2:]))

    @cached_property
    def rectangles(self) -> Float[Tensor, "groups 5"]:
        """Smallest x, smallest y, largest x, largest y (px) and smallest depth of each group.

        The part behind the camera is cut off first; nothing (inf, -inf) is left of a group
        that lies behind entirely.
        """
        poses = self.body_to_world[self.scene.group_body]
        corners = self.scene.corners @ poses[:, :3, :3].mT + poses[:, None, :3, 3]
        rotation, position = self.camera_to_world[:3, :3], self.camera_to_world[:3, 3]
        corners = (corners - position) @ rotation
        begin, end = corners[:, BOX_EDGES[0]], corners[:, BOX_EDGES[1]]
        cut = ((NEAREST_M - begin[..., 2:]) / _safe(end[..., 2:] - begin[..., 2:])).clamp(0, 1)
        points = torch.cat((corners, begin + cut * (end - begin)), 1)
        behind = points[..., 2:] < NEAREST_M * (1 - 1e-6)
        pixels = (points / points[..., 2:].clamp_min(NEAREST_M)) @ self.intrinsics[:2].T
        low = torch.where(behind, torch.inf, pixels).amin(1)
        high = torch.where(behind, -torch.inf, pixels).amax(1)
        return torch.cat((low, high, corners[..., 2].amin(1, keepdim=True)), 1)

    @cached_property
    def bounds(self) -> Bounds:
        """The solids' half-spaces and quadrics as this camera sees them."""
        return _bounds(self)


def view(scene: Scene, camera_to_world: Float[Tensor, "4 4"], intrinsics: Float[Tensor, "3 3"], time: float) -> View:
    """The scene's bodies where they are at a time (s), before a camera."""
    return View(scene, camera_to_world.double(), intrinsics.double(), poses(scene, time))


@dataclass(frozen=True)
class Bounds:
    """The solids' half-spaces and quadrics, prepared for rays that begin at the camera.

    A ray o + t d crosses the plane n . x = m at 1/t = (n / room) . d with
    room = m - n . o. Whether that is a way in or a way out does not depend on the ray:
    where the camera is outside the half-space (room < 0) only a way in can lie before it.
    So the ray is inside all half-spaces from the smallest of these 1/t of the planes in
    front down to the largest of those behind, and no ray needs a division or a case.

    Attributes:
        ways_in: the half-spaces that the camera is outside of.
        ways_out: those that it is inside of.
        conics: of each quadric, in world axes, the six coefficients of a square under the
            root (xx, yy, zz, xy, xz, yz) and a vector: its ways in and out are at
            1/t = vector . d +- sqrt(d^T square d).
        within_quadric: whether the camera is inside the quadric: the way in is behind it.
    """

    ways_in: Ways
    ways_out: Ways
    conics: Float[Tensor, "solids 9"]
    within_quadric: Bool[Tensor, " solids"]


@dataclass(frozen=True)
class Ways:
    """Planes through which rays come into a solid, or leave it.

    Attributes:
        planes: n / room in world axes; rows beyond the count repeat the first.
        numbers: which half-space of the solid each row is; -1 where there is none at all.
        counts: how many each solid has.
    """

    planes: Float[Tensor, "solids planes 3"]
    numbers: Int[Tensor, "solids planes"]
    counts: list[int]


def _bounds(seen: View) -> Bounds:
    """The half-spaces and quadrics of all solids, sorted into ways in and ways out."""
    scene = seen.scene
    poses = seen.body_to_world[scene.body]
    to_body = poses[:, :3, :3].mT
    start = (to_body @ (seen.camera_to_world[:3, 3] - poses[:, :3, 3])[..., None]).squeeze(2)
    normals = scene.planes[..., :3]
    room = scene.planes[..., 3] - (normals @ start[..., None]).squeeze(2)
    scaled = (normals @ to_body) / torch.where(room == 0, ON_PLANE_M, room)[..., None]
    conics, within = _conics(scene.inverse_radii[..., None] * to_body, scene.inverse_radii * (start - scene.centers))
    padding = (normals == 0).all(2)
    return Bounds(_ways(scaled, room < 0), _ways(scaled, (room >= 0) & ~padding), conics, within)


def _ways(planes: Float[Tensor, "solids planes 3"], chosen: Bool[Tensor, "solids planes"]) -> Ways:
    """The chosen planes of each solid; one of zeros (1/t = 0 for every ray) where none is chosen."""
    order = (~chosen).int().argsort(dim=1, stable=True)
    count = chosen.sum(1, keepdim=True)
    order = torch.where(torch.arange(MAX_PLANES) < count, order, order[:, :1])
    some = planes.gather(1, order[..., None].expand_as(planes))
    return Ways(
        planes=torch.where((count > 0)[..., None], some, 0.0),
        numbers=torch.where(count > 0, order, -1),
        counts=count[:, 0].tolist(),
    )


def _conics(
    spread: Float[Tensor, "solids 3 3"], begin: Float[Tensor, "solids 3"]
) -> tuple[Float[Tensor, "solids 9"], Bool[Tensor, " solids"]]:
    """Coefficients of the quadrics' ways in and out, and whether the camera is inside.

    With S the map of directions to the space where the quadric is the unit sphere and s the
    camera there, |s + t S d|^2 = 1 is c w^2 + 2 (g . d) w + |S d|^2 = 0 in w = 1/t, where
    g = S^T s and c = |s|^2 - 1. Its roots are w = -g . d / c +- sqrt((g . d)^2 - c |S d|^2) / |c|.
    """
    pull = (spread.mT @ begin[..., None]).squeeze(2)
    excess = begin.square().sum(1) - 1
    excess = torch.where(excess == 0, ON_PLANE_M, excess)[:, None]
    square = pull[:, :, None] * pull[:, None] - excess[..., None] * (spread.mT @ spread)
    square = square / excess[..., None].square()
    ones = square[:, (0, 1, 2), (0, 1, 2)]
    twos = 2 * square[:, (0, 0, 1), (1, 2, 2)]
    return torch.cat((ones, twos, -pull / excess), 1), excess[:, 0] < 0


def _safe(divisor: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The divisor, exact zeros made tiny: a ray along a plane crosses it infinitely far away."""
    return torch.where(divisor == 0, 1e-300, divisor)
