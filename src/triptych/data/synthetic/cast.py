"""The ray caster: which solid each ray meets first, and at what depth.

Rays have direction K^-1 (x, y, 1) in camera axes, so the ray parameter *is* the depth
along the optical axis. Everything is float64: an intersection is as exact as its formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from triptych.data.synthetic.scene import MAX_PLANES, Group, Scene, poses

NEAREST_M = 0.02
"""Surfaces nearer than this to the camera's center are not seen."""

SAME_FACE = 1e-9
"""Relative difference of depth below which a plane is the one that was met; rounding is 1e-13."""

QUADRIC_FACE = MAX_PLANES
"""Face number of the curved part of a solid."""


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
        return self.camera_to_world[:3, :3] @ torch.linalg.inv(self.intrinsics)

    def directions(self, pixels: Float[Tensor, "2 rays"]) -> Float[Tensor, "3 rays"]:
        """World directions of the rays through pixels, one unit deep."""
        across, down, middle = self.world_from_pixel.unbind(1)
        return across[:, None] * pixels[0] + down[:, None] * pixels[1] + middle[:, None]

    def projections(self, points: Float[Tensor, "3 points"]) -> Float[Tensor, "3 points"]:
        """Pixel x, pixel y and depth of world points; finite numbers where the depth is not positive."""
        rotation, position = self.camera_to_world[:3, :3], self.camera_to_world[:3, 3]
        camera = rotation.T @ (points - position[:, None])
        return torch.cat(((self.intrinsics[:2] @ camera) / _safe(camera[2]), camera[2:]))

    @cached_property
    def rectangles(self) -> Float[Tensor, "bodies 5"]:
        """Smallest x, smallest y, largest x, largest y (px) and smallest depth of each body.

        All of the plane for a body that reaches behind the camera, none of it (inf, -inf)
        for one that lies behind entirely.
        """
        corners = self.scene.corners @ self.body_to_world[:, :3, :3].mT + self.body_to_world[:, None, :3, 3]
        x, y, z = self.projections(corners.flatten(0, 1).T).unflatten(1, (-1, 8))
        low, high = torch.stack((x, y), -1).amin(1), torch.stack((x, y), -1).amax(1)
        crossing = (z.amin(1) < NEAREST_M)[:, None]
        behind = (z.amax(1) < NEAREST_M)[:, None]
        low = low.masked_fill(crossing, -torch.inf).masked_fill(behind, torch.inf)
        high = high.masked_fill(crossing, torch.inf).masked_fill(behind, -torch.inf)
        return torch.cat((low, high, z.amin(1, keepdim=True)), 1)


def view(
    scene: Scene, camera_to_world: Float[Tensor, "4 4"], intrinsics: Float[Tensor, "3 3"], time: float
) -> View:
    """The scene's bodies where they are at a time (s), before a camera."""
    return View(scene, camera_to_world.double(), intrinsics.double(), poses(scene, time))


@dataclass(frozen=True)
class Hits:
    """What a set of rays meets first.

    Attributes:
        depth: along the optical axis; inf where nothing is met.
        body: number of the body, -1 for none.
        solid: number of the solid, -1 for none.
    """

    depth: Float[Tensor, " rays"]
    body: Int[Tensor, " rays"]
    solid: Int[Tensor, " rays"]

    def chosen(self, index: Int[Tensor, " some"]) -> Hits:
        """Some of the hits."""
        return Hits(self.depth[index], self.body[index], self.solid[index])


@dataclass(frozen=True)
class Grid:
    """Rays through a regular grid of points: pixel centers, or several to a pixel.

    Attributes:
        height: of the image (px).
        width: of the image (px).
        samples: to a pixel along each axis.
    """

    height: int
    width: int
    samples: int = 1

    @cached_property
    def pixels(self) -> Float[Tensor, "2 rays"]:
        """Where the rays pass, row by row."""
        y, x = (
            (torch.arange(n * self.samples, dtype=torch.float64) + 0.5) / self.samples - 0.5
            for n in (self.height, self.width)
        )
        return torch.stack(torch.meshgrid(y, x, indexing="ij")).flip(0).flatten(1)

    def within(self, rectangle: tuple[float, float, float, float]) -> Int[Tensor, " some"]:
        """Numbers of the rays in a rectangle (px)."""
        (x0, x1), (y0, y1) = (
            self._range(rectangle[axis], rectangle[axis + 2], size)
            for axis, size in ((0, self.width), (1, self.height))
        )
        return (torch.arange(y0, y1)[:, None] * (self.width * self.samples) + torch.arange(x0, x1)).flatten()

    def _range(self, low: float, high: float, size: int) -> tuple[int, int]:
        """Half-open range of the grid lines between two coordinates, rounded outward."""
        low, high = max(low, -1.0), min(high, float(size))
        if high < low:
            return 0, 0
        first = max(0, int((low + 0.5) * self.samples - 0.5))
        return first, max(first, min(size * self.samples, int((high + 0.5) * self.samples + 1.5)))


@dataclass(frozen=True)
class Scattered:
    """Rays through any points of the image plane.

    Attributes:
        pixels: the points (px).
    """

    pixels: Float[Tensor, "2 rays"]

    def within(self, rectangle: tuple[float, float, float, float]) -> Int[Tensor, " some"]:
        """Numbers of the rays in a rectangle (px)."""
        x0, y0, x1, y1 = rectangle
        x, y = self.pixels
        margin = 1e-6  # px; the rectangle's edge is rounded like everything else
        inside = (x >= x0 - margin) & (x <= x1 + margin) & (y >= y0 - margin) & (y <= y1 + margin)
        return inside.nonzero().squeeze(1)


def first_hits(seen: View, rays: Grid | Scattered) -> Hits:
    """What each ray meets first among all bodies of the view.

    Bodies are tried from near to far, each only on the rays through its rectangle that
    have met nothing nearer than its nearest corner.
    """
    directions = seen.directions(rays.pixels)
    count = directions.shape[1]
    depth = directions.new_full((count,), torch.inf)
    body, solid = torch.full((2, count), -1, dtype=torch.int64).unbind(0)
    origin = seen.camera_to_world[:3, 3]
    near_to_far = seen.rectangles[:, 4].argsort(stable=True).tolist()
    rectangles = seen.rectangles.tolist()
    for number in near_to_far:
        x0, y0, x1, y1, nearest = rectangles[number]
        index = rays.within((x0, y0, x1, y1))
        if not len(index):
            continue
        open_to_it = (depth[index] > nearest).nonzero().squeeze(1)
        if not len(open_to_it):
            continue
        index = index[open_to_it]
        pose = seen.body_to_world[number]
        some = directions.index_select(1, index)
        for group in seen.scene.groups[number]:
            found, part = _group_hits(group, pose, origin, some)
            nearer = (found < depth[index]).nonzero().squeeze(1)
            if len(nearer):
                where = index[nearer]
                depth[where] = found[nearer]
                solid[where] = part[nearer] + group.first
                body[where] = number
    return Hits(depth, body, solid)


def _group_hits(
    group: Group,
    pose: Float[Tensor, "4 4"],
    origin: Float[Tensor, "3"],
    directions: Float[Tensor, "3 rays"],
) -> tuple[Float[Tensor, " rays"], Int[Tensor, " rays"]]:
    """Depth (inf for none) and solid within the group where each ray meets the group.

    A convex solid is the intersection of its half-spaces and its quadric, and a ray cuts
    each of those in one interval: it enters at the last beginning and leaves at the first end.
    """
    rotation, start = pose[:3, :3], pose[:3, :3].T @ (origin - pose[:3, 3])
    normals = group.planes[..., :3]
    room = group.planes[..., 3] - normals @ start
    speed = _safe(((normals @ rotation.T).flatten(0, 1) @ directions).unflatten(0, room.shape))
    crossing = room[..., None] / speed
    entering = speed < 0
    near = torch.where(entering, crossing, -torch.inf).amax(1)
    far = torch.where(entering, torch.inf, crossing).amin(1)
    if group.inverse_radii is not None:
        near_quadric, far_quadric = _quadric_interval(group, rotation, start, directions)
        near, far = torch.maximum(near, near_quadric), torch.minimum(far, far_quadric)
    met = far if group.inside_out else near
    met = torch.where((near < far) & (met >= NEAREST_M), met, torch.inf)
    if met.shape[0] == 1:
        return met[0], torch.zeros_like(met[0], dtype=torch.int64)
    return met.min(0)


def _quadric_interval(
    group: Group,
    rotation: Float[Tensor, "3 3"],
    start: Float[Tensor, "3"],
    directions: Float[Tensor, "3 rays"],
) -> tuple[Float[Tensor, "solids rays"], Float[Tensor, "solids rays"]]:
    """Where each ray enters and leaves each quadric; an empty interval (inf, -inf) for a miss."""
    assert group.inverse_radii is not None
    factors = group.inverse_radii
    step = (factors[..., None] * rotation.T) @ directions
    begin = factors * (start - group.centers)
    a = step.square().sum(1).clamp_min(1e-300)
    b = (begin[..., None] * step).sum(1)
    c = begin.square().sum(1, keepdim=True) - 1
    square = b * b - a * c
    root = square.clamp_min(0).sqrt()
    miss = square < 0
    return (
        torch.where(miss, torch.inf, (-b - root) / a),
        torch.where(miss, -torch.inf, (root - b) / a),
    )


def faces(
    planes: Float[Tensor, "rays planes 4"],
    start: Float[Tensor, "3 rays"],
    ray: Float[Tensor, "3 rays"],
    depth: Float[Tensor, " rays"],
) -> Int[Tensor, " rays"]:
    """The face of its solid that each ray meets.

    Args:
        planes: the half-spaces of the solid that each ray meets.
        start: where each ray begins, in the axes of the body.
        ray: its direction.
        depth: how far along it meets the solid.

    Returns:
        Number of the half-space whose plane the ray crosses nearest to that depth, or
        QUADRIC_FACE where it crosses none of them there.
    """
    normals = planes[..., :3].permute(1, 2, 0)
    room = planes[..., 3].T - (normals * start).sum(1)
    miss = (room / _safe((normals * ray).sum(1)) - depth).abs()
    smallest, face = miss.min(0)
    return torch.where(smallest > SAME_FACE * depth, QUADRIC_FACE, face)


def _safe(divisor: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The divisor, exact zeros made tiny: a ray along a plane crosses it infinitely far away."""
    return torch.where(divisor == 0, 1e-300, divisor)


def in_image(pixels: Float[Tensor, "_ points"], *, height: int, width: int) -> Bool[Tensor, " points"]:
    """Where (x, y) lies between the centers of the outermost pixels."""
    x, y = pixels[0], pixels[1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
