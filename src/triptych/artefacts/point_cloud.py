"""Colored points of a scene, as a PLY file that any viewer opens."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO

import numpy as np
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from triptych.formats.atomic import StrPath, atomic_path
from triptych.geometry.camera import backprojected
from triptych.geometry.pose import transformed

_VERTEX = np.dtype([("position", "<f4", 3), ("color", "u1", 3)])


def colored_points(
    depth: Float[Tensor, "height width"],
    image: UInt8[Tensor, "3 height width"],
    intrinsics: Float[Tensor, "3 3"],
    camera_to_world: Float[Tensor, "4 4"],
    *,
    max_depth: float,
    keep: Bool[Tensor, "height width"] | None = None,
    stride: int = 1,
) -> tuple[Float[Tensor, "points 3"], UInt8[Tensor, "points 3"]]:
    """World positions and colors of the pixels of one frame.

    Args:
        depth: along the optical axis.
        image: RGB frame on the same grid.
        intrinsics: K at this size (px).
        camera_to_world: pose of the frame.
        max_depth: pixels farther than this, and those without finite positive depth,
            are left out.
        keep: pixels to keep, for instance those that do not move; None keeps all.
        stride: every n-th row and column is used.

    Returns:
        Positions in the units of depth, and RGB.
    """
    chosen = depth.isfinite() & (depth > 0) & (depth <= max_depth)
    if keep is not None:
        chosen = chosen & keep
    known = depth.where(chosen, 1.0)
    in_camera = backprojected(known[None, None], intrinsics.to(known)[None])
    in_world = transformed(in_camera, camera_to_world.to(known)[None])[0]
    in_world, image, chosen = (values[..., ::stride, ::stride] for values in (in_world, image, chosen))
    return in_world[:, chosen].T.contiguous(), image[:, chosen].T.contiguous()


def save_ply(path: StrPath, points: Float[Tensor, "points 3"], colors: UInt8[Tensor, "points 3"]) -> None:
    """Writes one set of colored points.

    Raises:
        InputError: the place cannot be written to.
    """
    with PointCloudWriter(path) as cloud:
        cloud.write(points, colors)


class PointCloudWriter:
    """A binary little-endian PLY file that takes points piece by piece.

    The header's count is written last, into space that was left for it. The file
    appears when it is complete; a cloud of no points is valid.
    """

    def __init__(self, path: StrPath) -> None:
        """Sets up a cloud at `path`."""
        self._path = path
        self._count = 0
        self._stack = ExitStack()
        self._stream: BinaryIO | None = None

    def __enter__(self) -> PointCloudWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self._path))
            self._stream = stack.enter_context(temporary.open("wb"))
            self._stream.write(_header(0))
            stack.push(self._finish)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def write(self, points: Float[Tensor, "points 3"], colors: UInt8[Tensor, "points 3"]) -> None:
        """Adds points and their RGB colors."""
        assert self._stream is not None
        vertices = np.empty(len(points), dtype=_VERTEX)
        vertices["position"] = points.detach().cpu().numpy()
        vertices["color"] = colors.cpu().numpy()
        self._stream.write(vertices.tobytes())
        self._count += len(points)

    def _finish(self, kind: type[BaseException] | None, _: object, __: object) -> None:
        """Puts the true count into the header, unless the cloud is given up."""
        if kind is None and self._stream is not None:
            self._stream.seek(0)
            self._stream.write(_header(self._count))


def _header(count: int) -> bytes:
    """The same number of bytes for every count: a comment takes up the slack."""
    properties = [f"property float {axis}" for axis in "xyz"]
    properties += [f"property uchar {color}" for color in ("red", "green", "blue")]
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment colored points by triptych {'.' * (20 - len(str(count)))}",
        f"element vertex {count}",
        *properties,
        "end_header",
    ]
    return "".join(f"{line}\n" for line in lines).encode("ascii")
