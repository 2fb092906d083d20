"""Camera trajectories on disk, in the KITTI and the TUM format.

Both hold camera-to-world poses: they map a camera's points to the world's.
KITTI: the upper three rows of the matrix, 12 numbers a line, row by row; some tools
put the frame index before them. TUM: `timestamp tx ty tz qx qy qz qw`.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import StrPath, atomic_path

_ROTATION_TOLERANCE = 1e-3
"""How far R^T R may be from the identity: files carry as few as 4 digits."""


def save_kitti_trajectory(path: StrPath, camera_to_world: Float[Tensor, "frames 4 4"]) -> None:
    """Writes 12 numbers a line: the upper three rows of each pose.

    Raises:
        InputError: the place cannot be written to.
    """
    _write_rows(path, camera_to_world.detach().double()[:, :3].flatten(1))


def load_kitti_trajectory(path: StrPath) -> Float[Tensor, "frames 4 4"]:
    """Camera-to-world poses, float64, in the order of the lines.

    A frame index at the start of the lines is skipped; `load_indexed_kitti_trajectory`
    returns it.

    Raises:
        InputError: no such file, or lines that are not poses.
    """
    return load_indexed_kitti_trajectory(path)[1]


def load_indexed_kitti_trajectory(
    path: StrPath,
) -> tuple[Int[Tensor, " frames"], Float[Tensor, "frames 4 4"]]:
    """Frame indices and camera-to-world poses, float64.

    Lines of 13 numbers begin with the frame index; of 12, the line number counts from 0.

    Raises:
        InputError: no such file, lines that are not poses, or an index that is not a
            whole number or occurs twice.
    """
    indices, poses = load_numbered_kitti_trajectory(path)
    return torch.arange(len(poses)) if indices is None else indices, poses


def load_numbered_kitti_trajectory(
    path: StrPath,
) -> tuple[Int[Tensor, " frames"] | None, Float[Tensor, "frames 4 4"]]:
    """Frame indices, None where the lines have none, and camera-to-world poses, float64.

    Raises:
        InputError: as `load_indexed_kitti_trajectory`.
    """
    rows, lines = _rows(path, widths=(12, 13))
    indices = None
    if rows.shape[1] == 13:
        indices = rows[:, 0].round().long()
        seen: set[int] = set()
        for position, (index, number) in enumerate(zip(indices.tolist(), rows[:, 0].tolist(), strict=True)):
            if index != number or index in seen:
                raise InputError(
                    f"{path}, line {lines[position]}: lines of 13 numbers must begin with distinct frame indices"
                )
            seen.add(index)
    upper = rows[:, -12:].reshape(-1, 3, 4)
    _check_rotations(path, upper[:, :, :3], lines)
    return indices, _homogeneous(upper[:, :, :3], upper[:, :, 3])


def save_tum_trajectory(
    path: StrPath, camera_to_world: Float[Tensor, "frames 4 4"], timestamps: Shaped[Tensor, " frames"]
) -> None:
    """Writes `timestamp tx ty tz qx qy qz qw` a line; the quaternion has qw >= 0.

    Args:
        path: the file to write.
        camera_to_world: poses.
        timestamps: time of each frame (s).

    Raises:
        InputError: the place cannot be written to.
    """
    poses = camera_to_world.detach().double()
    times = timestamps.detach().to(poses)[:, None]
    _write_rows(path, torch.cat((times, poses[:, :3, 3], quaternions(poses[:, :3, :3])), dim=1))


def load_tum_trajectory(
    path: StrPath,
) -> tuple[Float[Tensor, " frames"], Float[Tensor, "frames 4 4"]]:
    """Timestamps (s) and camera-to-world poses, float64; lines that begin with # are skipped.

    Raises:
        InputError: no such file, lines that are not poses, or a quaternion whose length is not 1
            to within a thousandth.
    """
    rows, lines = _rows(path, widths=(8,))
    lengths = rows[:, 4:].norm(dim=1)
    if ((lengths - 1).abs() > _ROTATION_TOLERANCE).any():
        worst = int((lengths - 1).abs().argmax())
        raise InputError(f"{path}, line {lines[worst]}: the quaternion must have length 1, not {lengths[worst]:.4g}")
    return rows[:, 0], _homogeneous(rotations(rows[:, 4:]), rows[:, 1:4])


def quaternions(rotation: Float[Tensor, "frames 3 3"]) -> Float[Tensor, "frames 4"]:
    """Unit quaternions (x, y, z, w) of rotation matrices, with w >= 0.

    The 4x4 matrix of all products 4 q_i q_j is linear in R; its row of largest
    diagonal entry, normalized, is q up to sign, well conditioned for every angle
    (half turns included; there the sign is that of the largest entry).
    """
    r = rotation.flatten(1).unbind(1)
    xx, xy, xz, yx, yy, yz, zx, zy, zz = r
    products = torch.stack(
        [
            *(1 + xx - yy - zz, xy + yx, xz + zx, zy - yz),
            *(xy + yx, 1 - xx + yy - zz, yz + zy, xz - zx),
            *(xz + zx, yz + zy, 1 - xx - yy + zz, yx - xy),
            *(zy - yz, xz - zx, yx - xy, 1 + xx + yy + zz),
        ],
        dim=1,
    ).reshape(-1, 4, 4)
    largest = products.diagonal(dim1=1, dim2=2).argmax(dim=1)
    row = products[torch.arange(len(products), device=products.device), largest]
    unit = row / row.norm(dim=1, keepdim=True)
    return torch.where(unit[:, 3:] < 0, -unit, unit)


def rotations(quaternion: Float[Tensor, "frames 4"]) -> Float[Tensor, "frames 3 3"]:
    """Rotation matrices of quaternions (x, y, z, w), which are normalized first."""
    x, y, z, w = (quaternion / quaternion.norm(dim=1, keepdim=True)).unbind(1)
    return torch.stack(
        [
            *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
            *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
        ],
        dim=1,
    ).reshape(-1, 3, 3)


def _homogeneous(
    rotation: Float[Tensor, "frames 3 3"], translation: Float[Tensor, "frames 3"]
) -> Float[Tensor, "frames 4 4"]:
    poses = torch.eye(4, dtype=rotation.dtype).repeat(len(rotation), 1, 1)
    poses[:, :3, :3] = rotation
    poses[:, :3, 3] = translation
    return poses


def _check_rotations(path: StrPath, rotation: Float[Tensor, "frames 3 3"], lines: list[int]) -> None:
    identity = torch.eye(3, dtype=rotation.dtype)
    error = (rotation.transpose(1, 2) @ rotation - identity).abs().amax(dim=(1, 2))
    bad = (error > _ROTATION_TOLERANCE) | (torch.linalg.det(rotation) < 0)
    if bad.any():
        line = lines[int(bad.int().argmax())]
        raise InputError(f"{path}, line {line}: is not a rotation and a translation")


def _write_rows(path: StrPath, rows: Float[Tensor, "lines numbers"]) -> None:
    # repr of a float is the shortest text that reads back as the same float.
    lines = [" ".join(repr(number) for number in row) + "\n" for row in rows.tolist()]
    with atomic_path(path) as temporary:
        temporary.write_text("".join(lines), encoding="ascii")


def _rows(path: StrPath, *, widths: tuple[int, ...]) -> tuple[Float[Tensor, "lines numbers"], list[int]]:
    """The numbers of each line, and which line it is; blank ones and those that begin with # are skipped."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a trajectory: it is not text") from error
    rows: list[list[float]] = []
    lines: list[int] = []
    needed = " or ".join(map(str, widths))
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            row = [float(word) for word in line.split()]
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {needed} numbers are needed") from error
        if len(row) not in widths or len(row) != len(rows[0] if rows else row):
            raise InputError(f"{path}, line {number}: {needed} numbers are needed, found {len(row)}")
        if not all(map(math.isfinite, row)):
            raise InputError(f"{path}, line {number}: a number is not finite")
        rows.append(row)
        lines.append(number)
    if not rows:
        raise InputError(f"{path} holds no pose")
    return torch.tensor(rows, dtype=torch.float64), lines
