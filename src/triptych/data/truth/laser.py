"""Laser scans seen by a camera: depth maps as the Eigen split of KITTI makes them.

Laser axes are x forward, y left, z up (m). Two maps come of one scan: depth along the
camera's optical axis, and the laser's own forward distance, which lies 0.27 m behind it
and is what most published tables were made with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from triptych.data.truth.kitti_calibration import calibration_matrix
from triptych.errors import InputError
from triptych.formats.content import file_content

BYTES_PER_POINT = 16
"""x, y, z and reflectance, float32 each."""

PUBLISHED_PIXEL_SHIFT = 1
"""The published maps take column round(u) - 1: the 1 of Matlab's indices, which the KITTI
development kit counts from, is taken off coordinates that count from 0. Points appear one
pixel up and left of where they are seen. Kept, because the tables are made this way."""


@dataclass(frozen=True)
class LaserCalibration:
    """The way from the laser scanner into the picture of one rectified camera.

    Attributes:
        image_from_laser: homogeneous pixels (times depth) of homogeneous laser points.
        height: of the rectified picture (px).
        width: of the rectified picture (px).
    """

    image_from_laser: Float64[Tensor, "3 4"]
    height: int
    width: int


@dataclass(frozen=True)
class ScanDepth:
    """One scan as two maps; 0 where no return falls.

    Attributes:
        depth_m: along the camera's optical axis.
        forward_m: along the laser's forward axis.
    """

    depth_m: Float32[Tensor, "height width"]
    forward_m: Float32[Tensor, "height width"]


def load_scan(path: Path) -> Float32[Tensor, "points 4"]:
    """Points (x, y, z in m) and reflectance of a KITTI scan (.bin).

    Raises:
        InputError: no such file, or not a whole number of points.
    """
    content = file_content(path)
    if not content or len(content) % BYTES_PER_POINT:
        raise InputError(
            f"{path} is damaged: a scan has {BYTES_PER_POINT} bytes a point, found {len(content)}; fetch it again"
        )
    values = np.frombuffer(content, dtype="<f4").astype(np.float32)
    return torch.from_numpy(values.reshape(-1, 4))


def load_laser_calibration(date: Path, *, camera: int = 2) -> LaserCalibration:
    """The calibration of a date's folder of KITTI raw, for one camera.

    image_from_laser = P_rect_0X R_rect_00 [R | T], from `calib_cam_to_cam.txt` and
    `calib_velo_to_cam.txt`. All cameras share R_rect_00: P_rect_0X starts at camera 0.

    Args:
        date: folder of the date, such as 2011_09_26.
        camera: its number.

    Raises:
        InputError: a file is missing, or lacks the camera.
    """
    cameras, laser = date / "calib_cam_to_cam.txt", date / "calib_velo_to_cam.txt"
    camera_from_laser, rectified_from_camera = torch.eye(4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)
    camera_from_laser[:3, :3] = calibration_matrix(laser, "R", rows=3, columns=3)
    camera_from_laser[:3, 3:] = calibration_matrix(laser, "T", rows=3, columns=1)
    rectified_from_camera[:3, :3] = calibration_matrix(cameras, "R_rect_00", rows=3, columns=3)
    projection = calibration_matrix(cameras, f"P_rect_{camera:02d}", rows=3, columns=4)
    width, height = calibration_matrix(cameras, f"S_rect_{camera:02d}", rows=1, columns=2)[0].tolist()
    return LaserCalibration(
        projection @ rectified_from_camera @ camera_from_laser, height=round(height), width=round(width)
    )


def scan_depth(
    scan: Float32[Tensor, "points 4"], image_from_laser: Float64[Tensor, "3 4"], *, height: int, width: int
) -> ScanDepth:
    """Depth maps of a scan, by the rule of the published Eigen tables.

    Points behind the scanner (x < 0) are dropped. A point at (u, v) falls on column
    round(u) - 1 and row round(v) - 1, with halves rounded to even as NumPy does; see
    `PUBLISHED_PIXEL_SHIFT`. Where several returns fall on one pixel, each map has its
    smallest value. Negative depth (points between scanner and camera) is set to 0.

    The published code also takes the last pixel of a row and the first of the next one
    for the same pixel; here they are two. Both lie outside of the crop that is scored.

    Args:
        scan: points and reflectance.
        image_from_laser: see `LaserCalibration`.
        height: of the picture (px).
        width: of the picture (px).
    """
    ahead = scan[scan[:, 0] >= 0, :3].double()
    image = ahead @ image_from_laser[:, :3].T + image_from_laser[:, 3]
    pixels = (image[:, :2] / image[:, 2:]).round() - PUBLISHED_PIXEL_SHIFT
    limit = pixels.new_tensor([width, height])
    inside = ((pixels >= 0) & (pixels < limit)).all(dim=1)  # False for NaN too
    columns, rows = pixels[inside].long().unbind(dim=1)
    places = rows * width + columns
    depth, forward = (
        _nearest(values[inside], places, pixels=height * width).reshape(height, width)
        for values in (image[:, 2], ahead[:, 0])
    )
    return ScanDepth(depth_m=depth, forward_m=forward)


def _nearest(
    values: Float64[Tensor, " returns"], places: Int64[Tensor, " returns"], *, pixels: int
) -> Float32[Tensor, " pixels"]:
    """The smallest value that falls on each pixel; 0 where there is none, or it is negative."""
    empty = values.new_full((pixels,), torch.inf)
    smallest = empty.scatter_reduce(0, places, values, "amin")
    return torch.where(smallest.isfinite(), smallest, 0.0).clamp(min=0.0).float()
