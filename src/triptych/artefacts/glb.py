"""A scene as a GLB file, which 3D programs and browsers open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from triptych.errors import InputError, installing
from triptych.formats.atomic import StrPath, atomic_path

GLTF_FROM_OURS = (1.0, -1.0, -1.0)
"""glTF's y is up and its z backward; ours are down and forward."""

CAMERA_COLOR = (64, 156, 255)


@dataclass(frozen=True)
class ColoredPoints:
    """Points of one kind.

    Attributes:
        positions: in the world (x right, y down, z forward of the first camera).
        colors: RGB.
    """

    positions: Float[Tensor, "points 3"]
    colors: UInt8[Tensor, "points 3"]


def save_glb(
    path: StrPath,
    points: Mapping[str, ColoredPoints],
    *,
    camera_to_world: Float[Tensor, "frames 4 4"],
    intrinsics: Float[Tensor, "3 3"],
    size: tuple[int, int],
    camera_depth: float,
) -> None:
    """Writes points, cameras and path.

    The nodes are named by the keys of `points`, `cameras` and `path`; the last two are lines. Colors
    are written in linear light, as glTF wants them.

    Args:
        path: the file.
        points: by name; sets without points are left out.
        camera_to_world: poses, one camera each.
        intrinsics: K (px).
        size: rows and columns of the frames.
        camera_depth: how long the drawn cameras are, in units of depth.

    Raises:
        InputError: the library for it is missing, or the place cannot be written to.
    """
    try:
        import trimesh  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(f"writing GLB needs trimesh: {installing('view')}") from error
    scene = trimesh.Scene()
    for name, some in points.items():
        if len(some.positions):
            cloud = trimesh.PointCloud(_gltf_axes(some.positions), colors=_linear(some.colors))
            scene.add_geometry(cloud, node_name=name, geom_name=name)
    corners = _camera_corners(camera_to_world, intrinsics, size, camera_depth)
    lines = {"cameras": [_gltf_axes(line) for camera in corners for line in _camera_lines(camera)]}
    if len(camera_to_world) > 1:
        lines["path"] = [_gltf_axes(camera_to_world[:, :3, 3])]
    for name, some_lines in lines.items():
        scene.add_geometry(_drawn(some_lines), node_name=name, geom_name=name)
    content = scene.export(file_type="glb")
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _drawn(lines: list[NDArray[np.float64]]) -> Any:
    """Polylines as one object of one color."""
    import trimesh  # noqa: PLC0415 - an extra

    ends = np.cumsum([len(line) for line in lines])
    entities = [
        trimesh.path.entities.Line(np.arange(end - len(line), end), color=_linear(torch.tensor(CAMERA_COLOR)))
        for line, end in zip(lines, ends, strict=True)
    ]
    return trimesh.path.Path3D(entities=entities, vertices=np.concatenate(lines), process=False)


def _camera_corners(
    camera_to_world: Float[Tensor, "frames 4 4"],
    intrinsics: Float[Tensor, "3 3"],
    size: tuple[int, int],
    depth: float,
) -> Float[Tensor, "frames 5 3"]:
    """The camera's place and the four corners of its picture, clockwise, in the world."""
    height, width = size
    k = intrinsics.double()
    left, right = ((edge - k[0, 2]) / k[0, 0] for edge in (-0.5, width - 0.5))
    top, bottom = ((edge - k[1, 2]) / k[1, 1] for edge in (-0.5, height - 0.5))
    one = torch.ones((), dtype=torch.float64)
    rays = [(0 * one, 0 * one, 0 * one), (left, top, one), (right, top, one), (right, bottom, one), (left, bottom, one)]
    in_camera = depth * torch.stack([torch.stack(ray) for ray in rays])
    poses = camera_to_world.double()
    return in_camera @ poses[:, :3, :3].mT + poses[:, None, :3, 3]


def _camera_lines(corners: Float[Tensor, "5 3"]) -> list[Tensor]:
    """The outline of the picture with two of the edges to it, and the other two."""
    return [corners[[0, 1, 2, 3, 4, 1]], corners[[2, 0, 3]], corners[[0, 4]]]


def _gltf_axes(positions: Float[Tensor, "points 3"]) -> NDArray[np.float64]:
    turned: NDArray[np.float64] = positions.double().numpy() * np.array(GLTF_FROM_OURS)
    return turned


def _linear(colors: Tensor) -> NDArray[np.uint8]:
    """Colors in linear light instead of sRGB (IEC 61966-2-1), with full opacity."""
    share = colors.double().numpy() / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    opaque = np.full((*light.shape[:-1], 1), 255.0)
    return np.concatenate((np.round(255 * light), opaque), axis=-1).astype(np.uint8)
