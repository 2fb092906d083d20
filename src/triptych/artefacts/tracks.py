"""Points followed through the frames by flow and held against depth and path, for structure-from-motion tools."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from triptych.artefacts.depth_agreement import bent
from triptych.formats.colmap import PointTracks
from triptych.geometry.camera import inverse_intrinsics
from triptych.geometry.grid import sample
from triptych.geometry.pose import inverse_transform

FARTHEST_SHARE = 0.005  # of the width: how far a point's image may lie from where it was followed to
TOLERANCE = 0.1  # share of depth by which a frame may differ from the point
FEWEST_VIEWS = 2


@dataclass(frozen=True)
class FrameMaps:
    """What points are followed by in one frame.

    Attributes:
        image: RGB.
        depth: along the optical axis.
        flow: to the next frame (px); None of the last one.
        visibility: 1 where a pixel is seen in the next frame; None of the last one.
        usable: True where points may lie: static and not too far.
    """

    image: UInt8[Tensor, "3 height width"]
    depth: Float[Tensor, "height width"]
    flow: Float[Tensor, "2 height width"] | None
    visibility: Float[Tensor, "height width"] | None
    usable: Bool[Tensor, "height width"]


@dataclass
class _Observations:
    """Lists with an entry a frame; `color` is that of the points that begin there."""

    frame: list[Tensor] = field(default_factory=list)
    point: list[Tensor] = field(default_factory=list)
    pixel: list[Tensor] = field(default_factory=list)
    color: list[Tensor] = field(default_factory=list)


def tracked_points(
    frames: Iterable[FrameMaps],
    intrinsics: Float[Tensor, "3 3"],
    camera_to_world: Float[Tensor, "frames 4 4"],
    *,
    spacing: int,
) -> PointTracks:
    """Points that two frames or more saw, and where.

    In each cell of `spacing` x `spacing` pixels that no point lies in, one begins at the pixel
    with the strongest gradient. Flow carries it from frame to frame, bilinear; it ends where
    it leaves the frame, is hidden, moves by itself, meets another depth than its own, or is
    carried elsewhere than depth and path say. Its position is the mean of what its frames say.

    Args:
        frames: their maps, in order; taken one at a time.
        intrinsics: K (px).
        camera_to_world: pose of each.
        spacing: side of the cells (px).

    Returns:
        The points; none where nothing was seen twice.
    """
    k, back = intrinsics.double(), inverse_intrinsics(intrinsics.double())
    poses = camera_to_world.double()
    seen = _Observations()
    pixel, point = torch.zeros((0, 2), dtype=torch.float64), torch.zeros(0, dtype=torch.long)
    total, count = torch.zeros((0, 3), dtype=torch.float64), torch.zeros(0, dtype=torch.float64)
    for index, maps in enumerate(frames):
        limit = FARTHEST_SHARE * maps.depth.shape[1]
        usable = maps.usable & maps.depth.isfinite() & (maps.depth > 0) & ~bent(maps.depth)
        image_of, z = _projected(total[point] / count[point, None], k, poses[index])
        depth, free = _nearest(maps.depth, pixel).double(), _nearest(usable, pixel)
        kept = free & (z > 0) & ((depth - z).abs() <= TOLERANCE * z) & ((image_of - pixel).norm(dim=1) <= limit)
        pixel, point = pixel[kept], point[kept]
        begun = _beginnings(maps.image, usable, pixel, spacing)
        fresh = torch.arange(len(total), len(total) + len(begun))
        pixel, point = torch.cat((pixel, begun)), torch.cat((point, fresh))
        total = torch.cat((total, torch.zeros((len(begun), 3), dtype=torch.float64)))
        count = torch.cat((count, torch.zeros(len(begun), dtype=torch.float64)))
        place = _in_world(pixel, _nearest(maps.depth, pixel).double(), back, poses[index])
        total[point] += place
        count[point] += 1
        seen.frame.append(torch.full_like(point, index))
        seen.point.append(point)
        seen.pixel.append(pixel)
        seen.color.append(_nearest(maps.image, begun).T)
        if maps.flow is None or maps.visibility is None:
            break
        seen_next = _nearest(maps.visibility, pixel) > 0.5
        carried = sample(maps.flow[None].double(), pixel.T[None, :, None])[0, :, 0].T
        pixel, point = (pixel + carried)[seen_next], point[seen_next]
        inside = _inside(pixel, maps.depth.shape)
        pixel, point = pixel[inside], point[inside]
    return _finished(seen, total / count[:, None].clamp(min=1), k, poses)


def _finished(
    seen: _Observations,
    positions: Float[Tensor, "points 3"],
    k: Float[Tensor, "3 3"],
    poses: Float[Tensor, "frames 4 4"],
) -> PointTracks:
    """The points that enough frames saw, numbered anew."""
    frame, point, pixel = torch.cat(seen.frame), torch.cat(seen.point), torch.cat(seen.pixel)
    views = torch.bincount(point, minlength=len(positions))
    number = torch.cumsum(views >= FEWEST_VIEWS, dim=0) - 1
    kept = views[point] >= FEWEST_VIEWS
    frame, point, pixel = frame[kept], point[kept], pixel[kept]
    error = torch.zeros(len(positions), dtype=torch.float64)
    for index in range(len(poses)):
        here = frame == index
        image_of, _ = _projected(positions[point[here]], k, poses[index])
        error.index_add_(0, point[here], (image_of - pixel[here]).norm(dim=1))
    enough = views >= FEWEST_VIEWS
    return PointTracks(
        positions=positions[enough],
        colors=torch.cat(seen.color)[enough],
        errors=error[enough] / views[enough],
        frame=frame,
        point=number[point],
        pixel=pixel,
    )


def _beginnings(
    image: UInt8[Tensor, "3 height width"],
    usable: Bool[Tensor, "height width"],
    taken: Float[Tensor, "points 2"],
    spacing: int,
) -> Float[Tensor, "begun 2"]:
    """The usable pixel with the strongest gradient of each cell that no point lies in."""
    height, width = usable.shape
    gray = image.float().mean(0)
    gradient = torch.zeros_like(gray)
    gradient[1:-1, 1:-1] = (gray[1:-1, 2:] - gray[1:-1, :-2]).abs() + (gray[2:, 1:-1] - gray[:-2, 1:-1]).abs()
    free = torch.ones((-(-height // spacing), -(-width // spacing)), dtype=torch.bool)
    column, row = taken.round().long().unbind(1)
    free[row // spacing, column // spacing] = False
    strength = (gradient + 1) * usable
    best, at = F.max_pool2d(strength[None], spacing, ceil_mode=True, return_indices=True)
    chosen = at[0][free & (best[0] > 0)]
    return torch.stack((chosen % width, chosen // width), dim=1).double()


def _projected(
    positions: Float[Tensor, "points 3"], k: Float[Tensor, "3 3"], camera_to_world: Float[Tensor, "4 4"]
) -> tuple[Float[Tensor, "points 2"], Float[Tensor, " points"]]:
    """Where points appear in a frame (px), and their depth there."""
    world_to_camera = inverse_transform(camera_to_world)
    x, y, z = (positions @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]).unbind(1)
    in_front = z.clamp(min=1e-9)
    return (torch.stack((x / in_front, y / in_front, torch.ones_like(z)), dim=1) @ k.T)[:, :2], z


def _in_world(
    pixel: Float[Tensor, "points 2"],
    depth: Float[Tensor, " points"],
    back: Float[Tensor, "3 3"],
    camera_to_world: Float[Tensor, "4 4"],
) -> Float[Tensor, "points 3"]:
    ray = torch.cat((pixel, torch.ones_like(pixel[:, :1])), dim=1) @ back.T
    return (ray * depth[:, None]) @ camera_to_world[:3, :3].T + camera_to_world[:3, 3]


def _nearest(values: Tensor, pixel: Float[Tensor, "points 2"]) -> Tensor:
    """A map, or several on its first axis, at the pixels nearest to some places within it."""
    column, row = pixel.round().long().unbind(1)
    return values[..., row, column]


def _inside(pixel: Float[Tensor, "points 2"], size: tuple[int, ...]) -> Bool[Tensor, " points"]:
    x, y = pixel.unbind(1)
    return (x >= 0) & (x <= size[1] - 1) & (y >= 0) & (y <= size[0] - 1)
