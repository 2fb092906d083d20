"""Cameras, poses and tracked points in COLMAP's text format, which many tools go on from.

Ours to COLMAP's: its pixel centers lie at halves, so (x + 0.5, y + 0.5) and cx + 0.5; its poses
map the world to the camera, with quaternions (w, x, y, z); its camera looks along +z with y
down, as ours. See https://colmap.github.io/format.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from triptych.formats.trajectories import quaternions

CENTER_OF_FIRST_PIXEL = 0.5
CAMERA_ID = 1  # one camera took all images


@dataclass(frozen=True)
class PointTracks:
    """Points of a scene, and where in which image each of them was seen.

    Attributes:
        positions: in the world.
        colors: RGB.
        errors: mean distance between a point's image and where it was seen (px).
        frame: of each observation: index of its image.
        point: of each observation: index of its point.
        pixel: of each observation: where, x then y (px, centers at whole numbers).
    """

    positions: Float[Tensor, "points 3"]
    colors: UInt8[Tensor, "points 3"]
    errors: Float[Tensor, " points"]
    frame: Int[Tensor, " observations"]
    point: Int[Tensor, " observations"]
    pixel: Float[Tensor, "observations 2"]


def write_colmap_text(
    folder: Path,
    *,
    size: tuple[int, int],
    intrinsics: Float[Tensor, "3 3"],
    camera_to_world: Float[Tensor, "frames 4 4"],
    names: Sequence[str],
    tracks: PointTracks,
) -> None:
    """Writes `cameras.txt`, `images.txt` and `points3D.txt` into a folder that is there.

    Images and points are numbered from 1, in order; the observations of an image in the order of
    `tracks`.

    Args:
        folder: where.
        size: rows and columns of all images.
        intrinsics: K at this size (px); its skew has no place in COLMAP's PINHOLE and is left out.
        camera_to_world: pose of each image.
        names: file name of each image.
        tracks: the points.

    Raises:
        ValueError: names and poses differ in number.
    """
    if len(names) != len(camera_to_world):
        raise ValueError(f"one name a pose is needed, got {len(names)} for {len(camera_to_world)}")
    place = _places(tracks, len(names))
    (folder / "cameras.txt").write_text(_camera_text(size, intrinsics), encoding="ascii")
    with (folder / "images.txt").open("w", encoding="utf-8") as stream:
        stream.writelines(_image_lines(camera_to_world, names, tracks))
    with (folder / "points3D.txt").open("w", encoding="ascii") as stream:
        stream.writelines(_point_lines(tracks, place))


def _camera_text(size: tuple[int, int], intrinsics: Float[Tensor, "3 3"]) -> str:
    k = intrinsics.double()
    center = [float(k[0, 2]) + CENTER_OF_FIRST_PIXEL, float(k[1, 2]) + CENTER_OF_FIRST_PIXEL]
    numbers = " ".join(repr(number) for number in (float(k[0, 0]), float(k[1, 1]), *center))
    return (
        "# CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[] (fx, fy, cx, cy)\n"
        f"{CAMERA_ID} PINHOLE {size[1]} {size[0]} {numbers}\n"
    )


def _image_lines(camera_to_world: Tensor, names: Sequence[str], tracks: PointTracks) -> Iterator[str]:
    yield "# IMAGE_ID, QW, QX, QY, QZ, TX, TY, TZ, CAMERA_ID, NAME\n# POINTS2D[] as (X, Y, POINT3D_ID)\n"
    poses = camera_to_world.double()
    turned = poses[:, :3, :3].mT
    shift = -(turned @ poses[:, :3, 3:])[..., 0]
    for index, (name, turn) in enumerate(zip(names, quaternions(turned).tolist(), strict=True)):
        x, y, z, w = turn
        numbers = " ".join(repr(number) for number in (w, x, y, z, *shift[index].tolist()))
        yield f"{index + 1} {numbers} {CAMERA_ID} {name}\n"
        here = tracks.frame == index
        seen = zip((tracks.pixel[here] + CENTER_OF_FIRST_PIXEL).tolist(), tracks.point[here].tolist(), strict=True)
        yield " ".join(f"{x:.4f} {y:.4f} {point + 1}" for (x, y), point in seen) + "\n"


def _point_lines(tracks: PointTracks, place: Int[Tensor, " observations"]) -> Iterator[str]:
    yield "# POINT3D_ID, X, Y, Z, R, G, B, ERROR, TRACK[] as (IMAGE_ID, POINT2D_IDX)\n"
    order = torch.argsort(tracks.point, stable=True)
    counts = torch.bincount(tracks.point, minlength=len(tracks.positions)).tolist()
    views = iter(zip(tracks.frame[order].tolist(), place[order].tolist(), strict=True))
    rows = zip(tracks.positions.tolist(), tracks.colors.tolist(), tracks.errors.tolist(), counts, strict=True)
    for index, (position, color, error, count) in enumerate(rows):
        track = " ".join(f"{frame + 1} {there}" for frame, there in (next(views) for _ in range(count)))
        numbers = [*(f"{number:.9g}" for number in position), *map(str, color), f"{error:.4f}"]
        yield f"{index + 1} {' '.join(numbers)} {track}\n"


def _places(tracks: PointTracks, frames: int) -> Int[Tensor, " observations"]:
    """Of each observation: its number among those of its image."""
    place = torch.empty_like(tracks.frame)
    for index in range(frames):
        here = (tracks.frame == index).nonzero()[:, 0]
        place[here] = torch.arange(len(here), dtype=place.dtype)
    return place
