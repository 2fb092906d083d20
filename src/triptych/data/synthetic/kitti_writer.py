"""Clips written as the folders of KITTI raw, KITTI odometry and KITTI flow 2015.

One camera is rendered; it is written as the left color camera (02) and the calibration
names all four, without distortion, the right ones `BASELINE_M` further right.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import cv2
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import StrPath, atomic_folder, atomic_path
from triptych.formats.maps import save_depth_png, save_kitti_flow
from triptych.formats.trajectories import save_kitti_trajectory
from triptych.types import SyntheticClip

BASELINE_M = 0.54
"""Distance between KITTI's left and right cameras."""

FARTHEST_DEPTH_M = 65535 / 256
"""Largest depth that a KITTI depth map can hold; what is farther is left out."""

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
CAMERA_FROM_LASER = (0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0)
"""The laser scanner's axes are x forward, y left, z up."""

ZERO = (0.0, 0.0, 0.0)


def write_kitti_raw(
    clip: SyntheticClip,
    root: StrPath,
    *,
    date: str = "2011_09_26",
    drive: int = 1,
    overwrite: bool = False,
) -> Path:
    """The folder of the drive, written as KITTI raw with depth-benchmark truth.

    `root/date/date_drive_NNNN_sync` holds image_02/data, image_02/timestamps.txt and
    proj_depth/groundtruth/image_02; `root/date` holds the calibration of its drives.

    Args:
        clip: what is written.
        root: folder of all dates.
        date: year, month and day.
        drive: number of the drive.
        overwrite: replace the drive if it exists.

    Raises:
        InputError: the place cannot be written to, the drive exists (without
            `overwrite`), or the date's calibration is that of another camera.
    """
    day = Path(root) / date
    folder = day / f"{date}_drive_{drive:04d}_sync"
    _write_shared(day / "calib_cam_to_cam.txt", _camera_calibration(clip))
    _write_shared(
        day / "calib_velo_to_cam.txt",
        _lines(
            [
                ("R", CAMERA_FROM_LASER),
                ("T", ZERO),
                ("delta_f", (0.0, 0.0)),
                ("delta_c", (0.0, 0.0)),
            ]
        ),
    )
    _write_shared(day / "calib_imu_to_velo.txt", _lines([("R", IDENTITY), ("T", ZERO)]))
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        images = temporary / "image_02" / "data"
        depths = temporary / "proj_depth" / "groundtruth" / "image_02"
        for index, (image, depth) in enumerate(zip(clip.images, clip.depth_m, strict=True)):
            _write_image(images / f"{index:010d}.png", image)
            save_depth_png(depths / f"{index:010d}.png", _storable(depth[0]))
        start = datetime.strptime(date, "%Y_%m_%d")
        times = (start + timedelta(hours=13, seconds=index / clip.frame_rate) for index in range(len(clip.images)))
        text = "".join(f"{time:%Y-%m-%d %H:%M:%S.%f}000\n" for time in times)
        (temporary / "image_02" / "timestamps.txt").write_text(text, encoding="ascii")
    return folder


def write_kitti_odometry(clip: SyntheticClip, root: StrPath, *, sequence: str = "00", overwrite: bool = False) -> Path:
    """The folder of the sequence, written as KITTI odometry.

    `root/sequences/NN` holds image_2, calib.txt and times.txt; the poses are
    `root/poses/NN.txt`.

    Args:
        clip: what is written.
        root: folder of all sequences.
        sequence: name of the sequence.
        overwrite: replace the sequence if it exists.

    Raises:
        InputError: the place cannot be written to, or the sequence exists (without `overwrite`).
    """
    folder = Path(root) / "sequences" / sequence
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        for index, image in enumerate(clip.images):
            _write_image(temporary / "image_2" / f"{index:06d}.png", image)
        projections = [(f"P{camera}", _projection(clip, camera)) for camera in range(4)]
        text = _lines([*projections, ("Tr", _rows34(CAMERA_FROM_LASER))], digits=12)
        (temporary / "calib.txt").write_text(text, encoding="ascii")
        times = "".join(f"{index / clip.frame_rate:.6e}\n" for index in range(len(clip.images)))
        (temporary / "times.txt").write_text(times, encoding="ascii")
    save_kitti_trajectory(Path(root) / "poses" / f"{sequence}.txt", clip.camera_to_world)
    return folder


def write_kitti_flow2015(clip: SyntheticClip, root: StrPath, *, overwrite: bool = False) -> Path:
    """The training folder, written as KITTI flow 2015: one scene for each pair of neighbors.

    `root/training` holds image_2 (NNNNNN_10.png and _11.png), flow_occ, flow_noc,
    obj_map (1 on what moves by itself), disp_occ_0 (disparity to the right camera) and
    calib_cam_to_cam. As with the laser scanner, the sky has no truth; flow_occ has it also
    where the point is covered or leaves the image.

    Args:
        clip: what is written.
        root: folder of the data set.
        overwrite: replace the training folder if it exists.

    Raises:
        InputError: the place cannot be written to, or the folder exists (without `overwrite`).
    """
    folder = Path(root) / "training"
    calibration = _camera_calibration(clip)
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        for index, flow in enumerate(clip.flow_forward):
            name = f"{index:06d}_10.png"
            solid = clip.depth_m[index, 0].isfinite()
            _write_image(temporary / "image_2" / name, clip.images[index])
            _write_image(temporary / "image_2" / f"{index:06d}_11.png", clip.images[index + 1])
            save_kitti_flow(temporary / "flow_occ" / name, flow, solid)
            save_kitti_flow(temporary / "flow_noc" / name, flow, solid & clip.visible_forward[index, 0])
            _write_image(temporary / "obj_map" / name, clip.moving[index].to(torch.uint8))
            save_depth_png(temporary / "disp_occ_0" / name, _disparity(clip, index))
            _write_text(temporary / "calib_cam_to_cam" / f"{index:06d}.txt", calibration)
    return folder


def _storable(depth: Float[Tensor, "height width"]) -> Float[Tensor, "height width"]:
    """Depth with zeros (no truth) where it is too far for the format."""
    return torch.where(depth <= FARTHEST_DEPTH_M, depth, 0.0)


def _disparity(clip: SyntheticClip, index: int) -> Float[Tensor, "height width"]:
    """Columns that a point lies further left in the right camera (px); 0 (no truth) in the sky."""
    depth_m = clip.depth_m[index, 0]
    return torch.where(depth_m.isfinite(), clip.intrinsics[0, 0].to(depth_m) * BASELINE_M / depth_m, 0.0)


def _write_shared(path: Path, text: str) -> None:
    """Writes a file that several drives have in common; it must not change."""
    if not path.exists():
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="ascii")
    elif path.read_text(encoding="ascii") != text:
        raise InputError(f"{path} belongs to drives of another camera: choose another date or folder")


def _write_text(path: Path, text: str) -> None:
    """Writes a file and the folder that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")


def _write_image(path: Path, image: UInt8[Tensor, "channels height width"]) -> None:
    """Writes a color or gray image as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image.flip(0).permute(1, 2, 0).contiguous().numpy()):
        raise InputError(f"cannot write {path}: the disk may be full, or the folder closed to you")


def _projection(clip: SyntheticClip, camera: int) -> tuple[float, ...]:
    """P of a rectified camera, row by row; 1 and 3 are the right ones."""
    (fx, skew, cx), (_, fy, cy), _ = clip.intrinsics.tolist()
    shift = -fx * BASELINE_M if camera in (1, 3) else 0.0
    return (fx, skew, cx, shift, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0)


def _rows34(rotation: tuple[float, ...]) -> tuple[float, ...]:
    """A rotation with a column of zeros, row by row."""
    return (*rotation[:3], 0.0, *rotation[3:6], 0.0, *rotation[6:], 0.0)


def _camera_calibration(clip: SyntheticClip) -> str:
    """The text of calib_cam_to_cam.txt: four cameras without distortion."""
    height, width = clip.images.shape[-2:]
    size = (float(width), float(height))
    matrix = tuple(clip.intrinsics.flatten().tolist())
    entries: list[tuple[str, tuple[float, ...]]] = [("corner_dist", (0.0995,))]
    for camera in range(4):
        place = (-BASELINE_M, 0.0, 0.0) if camera in (1, 3) else ZERO
        entries += [
            (f"S_{camera:02d}", size),
            (f"K_{camera:02d}", matrix),
            (f"D_{camera:02d}", (0.0,) * 5),
            (f"R_{camera:02d}", IDENTITY),
            (f"T_{camera:02d}", place),
            (f"S_rect_{camera:02d}", size),
            (f"R_rect_{camera:02d}", IDENTITY),
            (f"P_rect_{camera:02d}", _projection(clip, camera)),
        ]
    return "calib_time: 09-Jan-2012 13:57:47\n" + _lines(entries)


def _lines(entries: list[tuple[str, tuple[float, ...]]], *, digits: int = 6) -> str:
    """One `name: numbers` a line, in KITTI's notation."""
    return "".join(f"{name}: {' '.join(f'{value:.{digits}e}' for value in values)}\n" for name, values in entries)
