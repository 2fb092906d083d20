"""The ray caster: which solid each ray meets first, and at what depth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from triptych.data.synthetic.scene import Group
from triptych.data.synthetic.solids import MAX_PLANES
from triptych.data.synthetic.view import NEAREST_M, Bounds, View, Ways

QUADRIC_FACE = MAX_PLANES
"""Face number of the curved part of a solid."""

ROUNDING_PX = 1e-6
"""Distance from an edge below which a point is on it; projections are rounded at 1e-13."""


@dataclass(frozen=True)
class Hits:
    """What a set of rays meets first.

    Attributes:
        depth: along the optical axis; inf where nothing is met.
        body: number of the body, -1 for none.
        solid: number of the solid, -1 for none.
        face: number of the half-space met, or QUADRIC_FACE.
    """

    depth: Float[Tensor, " rays"]
    body: Int[Tensor, " rays"]
    solid: Int[Tensor, " rays"]
    face: Int[Tensor, " rays"]

    def chosen(self, index: Int[Tensor, " some"]) -> Hits:
        """Some of the hits."""
        return Hits(self.depth[index], self.body[index], self.solid[index], self.face[index])


def joined(*parts: Hits) -> Hits:
    """The hits of several sets of rays, one after the other."""
    return Hits(
        torch.cat([part.depth for part in parts]),
        torch.cat([part.body for part in parts]),
        torch.cat([part.solid for part in parts]),
        torch.cat([part.face for part in parts]),
    )


@dataclass(frozen=True)
class Grid:
    """Rays through the centers of all pixels, row by row.

    Attributes:
        height: of the image (px).
        width: of the image (px).
    """

    height: int
    width: int

    @cached_property
    def pixels(self) -> Float[Tensor, "2 rays"]:
        """Where the rays pass."""
        y, x = (torch.arange(size, dtype=torch.float64) for size in (self.height, self.width))
        return torch.stack(torch.meshgrid(y, x, indexing="ij")).flip(0).flatten(1)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest and largest x, smallest and largest y."""
        return 0.0, self.width - 1.0, 0.0, self.height - 1.0

    def within(self, rectangle: tuple[float, float, float, float]) -> Int[Tensor, " some"]:
        """Numbers of the rays in a rectangle (px), widened to whole pixels."""
        x0, y0, x1, y1 = rectangle
        (left, right), (top, bottom) = _whole_range(x0, x1, self.width), _whole_range(y0, y1, self.height)
        return (torch.arange(top, bottom)[:, None] * self.width + torch.arange(left, right)).flatten()


def _whole_range(low: float, high: float, size: int) -> tuple[int, int]:
    """Half-open range of the whole numbers in [0, size) from below low to above high."""
    if not (low < size and high > -1):
        return 0, 0
    return max(0, math.floor(max(low, 0.0))), min(size, math.floor(min(high, float(size))) + 2)


@dataclass(frozen=True)
class Scattered:
    """Rays through any points of the image plane.

    Attributes:
        pixels: the points (px).
    """

    pixels: Float[Tensor, "2 rays"]

    @cached_property
    def _by_row(self) -> tuple[Float[Tensor, " rays"], Int[Tensor, " rays"], Float[Tensor, " rays"]]:
        """Rows in ascending order, the rays' numbers in that order, and their x."""
        y, order = self.pixels[1].sort()
        return y, order, self.pixels[0][order]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Smallest and largest x, smallest and largest y; nothing lies between those of no rays."""
        if not self.pixels.shape[1]:
            return math.inf, -math.inf, math.inf, -math.inf
        (x0, y0), (x1, y1) = self.pixels.amin(1).tolist(), self.pixels.amax(1).tolist()
        return x0, x1, y0, y1

    def within(self, rectangle: tuple[float, float, float, float]) -> Int[Tensor, " some"]:
        """Numbers of the rays in a rectangle (px)."""
        x0, y0, x1, y1 = rectangle
        y, order, x = self._by_row
        first, end = torch.searchsorted(y, y.new_tensor((y0 - ROUNDING_PX, y1 + ROUNDING_PX))).tolist()
        x = x[first:end]
        return order[first:end][(x >= x0 - ROUNDING_PX) & (x <= x1 + ROUNDING_PX)]


def first_hits(seen: View, rays: Grid | Scattered) -> Hits:
    """What each ray meets first among all bodies of the view.

    Groups are tried from near to far, each only on the rays through its rectangle that
    have met nothing nearer than its nearest corner.
    """
    directions = seen.directions(rays.pixels)
    inverse_depth = torch.zeros_like(directions[0])
    solid, face = torch.full((2, len(inverse_depth)), -1).unbind(0)
    rectangles = seen.rectangles.tolist()
    for number in _groups_in_sight(seen.rectangles, rays.bounds):
        x0, y0, x1, y1, nearest = rectangles[number]
        index = rays.within((x0, y0, x1, y1))
        known = inverse_depth[index]
        if nearest > 0:
            unhidden = known < 1 / nearest
            index, known = index[unhidden], known[unhidden]
        if not len(index):
            continue
        group = seen.scene.groups[number]
        found, part, side = _group_hits(group, seen.bounds, directions.index_select(1, index))
        nearer = (found > known).nonzero().squeeze(1)
        where = index[nearer]
        inverse_depth[where] = found[nearer]
        solid[where] = part[nearer] + group.first
        face[where] = side[nearer]
    body = torch.where(solid >= 0, seen.scene.body[solid], -1)
    return Hits(1 / inverse_depth, body, solid, face)


def _groups_in_sight(rectangles: Float[Tensor, "groups 5"], bounds: tuple[float, float, float, float]) -> list[int]:
    """Numbers of the groups that rays within some bounds may meet, from near to far."""
    left, right, top, bottom = bounds
    x0, y0, x1, y1, nearest = rectangles.unbind(1)
    meets = (x1 > left - 1) & (x0 < right + 1) & (y1 > top - 1) & (y0 < bottom + 1)
    order = nearest.argsort(stable=True)
    numbers: list[int] = order[meets[order]].tolist()
    return numbers


def _group_hits(
    group: Group, bounds: Bounds, directions: Float[Tensor, "3 rays"]
) -> tuple[Float[Tensor, " rays"], Int[Tensor, " rays"], Int[Tensor, " rays"]]:
    """1 / depth (0 for none), solid within the group and face where each ray meets the group."""
    members = slice(group.first, group.end)
    near, face = _extreme(bounds.ways_in, members, directions, last=True)
    far, far_face = _extreme(bounds.ways_out, members, directions, last=False)
    if group.curved:
        near_quadric, far_quadric = _quadric(bounds.conics[members], bounds.within_quadric[members], directions)
        face = torch.where(near_quadric < near, QUADRIC_FACE, face)
        near, far = torch.minimum(near, near_quadric), torch.maximum(far, far_quadric)
    if group.inside_out:
        near, face = far, far_face
    else:
        near = torch.where(near > far, near, 0.0)
    near = torch.where(near < 1 / NEAREST_M, near, 0.0)
    if len(near) == 1:
        return near[0], torch.zeros_like(face[0]), face[0]
    hits, solid = near.max(0)
    return hits, solid, face.gather(0, solid[None])[0]


def _extreme(
    ways: Ways, members: slice, directions: Float[Tensor, "3 rays"], *, last: bool
) -> tuple[Float[Tensor, "solids rays"], Int[Tensor, "solids rays"]]:
    """1/t of the last way in or the first way out of each solid, and which plane that is."""
    planes = ways.planes[members, : max(1, *ways.counts[members])]
    values = (planes.flatten(0, 1) @ directions).view(*planes.shape[:2], -1)
    value, position = values.min(1) if last else values.max(1)
    if last and not all(ways.counts[members]):  # inside all half-spaces, the way in is behind the camera
        value = torch.where(ways.numbers[members, :1] < 0, torch.inf, value)
    return value, ways.numbers[members].gather(1, position)


def _quadric(
    conics: Float[Tensor, "solids 9"], within: Bool[Tensor, " solids"], directions: Float[Tensor, "3 rays"]
) -> tuple[Float[Tensor, "solids rays"], Float[Tensor, "solids rays"]]:
    """1/t where each ray enters and leaves each quadric; NaN for a miss."""
    x, y, z = directions
    products = torch.stack((x * x, y * y, z * z, x * y, x * z, y * z))
    root = (conics[:, :6] @ products).sqrt()
    middle = conics[:, 6:] @ directions
    near, far = middle + root, middle - root
    if within.any():
        near, far = torch.where(within[:, None], torch.inf, near), torch.where(within[:, None], near, far)
    return near, far


def in_image(pixels: Float[Tensor, "_ points"], *, height: int, width: int) -> Bool[Tensor, " points"]:
    """Where (x, y) lies between the centers of the outermost pixels, or on them but for rounding."""
    x, y = pixels[0], pixels[1]
    low, right, bottom = -ROUNDING_PX, width - 1 + ROUNDING_PX, height - 1 + ROUNDING_PX
    return (x >= low) & (x <= right) & (y >= low) & (y <= bottom)
