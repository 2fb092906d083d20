"""Depth truth of KITTI raw frames: laser scans, or the annotated maps of the depth benchmark.

Scans and calibration lie in the folders of KITTI raw. Annotated maps (the improved truth,
made of eleven scans each) lie beside them, or in the benchmark's folders train and val.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from triptych.data.frame_names import KittiFrame
from triptych.data.image_folder import image_size
from triptych.data.truth.laser import LaserCalibration, load_laser_calibration, load_scan, scan_depth
from triptych.data.truth.source import DepthSource, check_complete
from triptych.errors import InputError
from triptych.formats.maps import load_depth_png
from triptych.types import DepthTruth

CALIBRATION_FILES = ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt")
SIZE_TOLERANCE_PX = 2
"""How far a picture may differ from the calibrated size; more is another picture."""

_DATE = re.compile(r"\d{4}_\d\d_\d\d")


@dataclass(frozen=True)
class _Scan:
    """A scan and what belongs to it.

    Attributes:
        name: of the frame.
        file: of the scan.
        date: folder with the calibration.
        camera: that sees it.
        image: of the camera; it need not be there.
    """

    name: str
    file: Path
    date: Path
    camera: int
    image: Path


def kitti_laser_truth(root: Path, frames: Sequence[KittiFrame]) -> DepthSource:
    """Truth from one laser scan a frame, with `depth_m` and `forward_m`; see `laser.scan_depth`.

    The maps have the size of the picture where it is there, else the calibrated size.

    Args:
        root: folder of all dates of KITTI raw.
        frames: those to go through, in order.

    Raises:
        InputError: a scan or a calibration is missing or damaged, or a picture is not of
            the calibrated size (on reading).
    """
    return _laser_source(root, [_scan(root, frame, name=frame.name) for frame in frames])


def kitti_annotated_truth(root: Path, frames: Sequence[KittiFrame]) -> DepthSource:
    """Truth from the annotated maps of the depth benchmark.

    A map lies in `<root>/{train,val}/<drive>/proj_depth/groundtruth/image_0X` or in
    `<root>/<date>/<drive>/proj_depth/groundtruth/image_0X`.

    Args:
        root: folder of train and val, or of all dates.
        frames: those to go through, in order; 652 of the 697 of the Eigen split have a map.

    Raises:
        InputError: a map is missing; on reading, one is damaged.
    """
    return _annotated_source(root, frames, [frame.annotated_depth(root) for frame in frames], dates=root)


def drive_laser_truth(drive: Path, *, camera: int = 2) -> DepthSource:
    """Truth of all frames of a drive that have a laser scan; see `kitti_laser_truth`.

    Args:
        drive: its folder, in that of the date with the calibration.
        camera: number of the camera that sees the scans.

    Raises:
        InputError: there is no scan, or no calibration beside the drive.
    """
    whole = drive.resolve()
    scans = []
    for number in _numbers(whole / "velodyne_points" / "data", ".bin"):
        frame = KittiFrame(whole.parent.name, whole.name, camera, number)
        scans.append(_scan(whole.parent.parent, frame, name=_name(frame)))
    if not scans:
        raise InputError(f"{drive}: holds no velodyne_points/data/*.bin; unpack the scans of KITTI raw there")
    return _laser_source(drive, scans)


def drive_annotated_truth(drive: Path, *, camera: int = 2) -> DepthSource:
    """Truth of all frames of a drive that have an annotated map; see `kitti_annotated_truth`.

    Args:
        drive: its folder, among others of a date or of train or val.
        camera: number of the camera.

    Raises:
        InputError: there is no map.
    """
    whole = drive.resolve()
    folder = whole / "proj_depth" / "groundtruth" / f"image_{camera:02d}"
    frames = [KittiFrame(whole.parent.name, whole.name, camera, number) for number in _numbers(folder, ".png")]
    if not frames:
        raise InputError(f"{drive}: holds no proj_depth/groundtruth/image_{camera:02d}/*.png; unpack data_depth there")
    files = [folder / f"{frame.frame:010d}.png" for frame in frames]
    return _annotated_source(drive, frames, files, dates=whole.parent.parent)


def _numbers(folder: Path, suffix: str) -> list[int]:
    """Frame numbers of the files of a folder."""
    return sorted(int(file.stem) for file in folder.glob(f"*{suffix}") if file.stem.isdecimal())


def _name(frame: KittiFrame) -> str:
    """The name that lists have for a frame, also where its drive does not lie in its date's folder."""
    date = _DATE.match(frame.drive)
    return replace(frame, date=date[0]).name if date else frame.name


def _scan(root: Path, frame: KittiFrame, *, name: str) -> _Scan:
    return _Scan(name, frame.scan(root), root / frame.date, frame.camera, frame.image(root))


def _laser_source(place: Path, scans: list[_Scan]) -> DepthSource:
    check_complete([scan.file for scan in scans], what="laser scans")
    dates = sorted({scan.date for scan in scans})
    check_complete([date / file for date in dates for file in CALIBRATION_FILES], what="calibration files")
    calibrations = {
        (date, camera): load_laser_calibration(date, camera=camera)
        for date, camera in {(scan.date, scan.camera) for scan in scans}
    }

    def read(index: int) -> DepthTruth:
        scan = scans[index]
        calibration = calibrations[scan.date, scan.camera]
        height, width = _picture_size(scan.image, calibration)
        maps = scan_depth(load_scan(scan.file), calibration.image_from_laser, height=height, width=width)
        return DepthTruth(
            name=scan.name,
            depth_m=maps.depth_m,
            file=scan.file,
            forward_m=maps.forward_m,
            image=scan.image if scan.image.is_file() else None,
        )

    return DepthSource(names=tuple(scan.name for scan in scans), read=read, place=place)


def _annotated_source(place: Path, frames: Sequence[KittiFrame], files: list[Path], *, dates: Path) -> DepthSource:
    check_complete(files, what="annotated maps")
    names = tuple(_name(frame) for frame in frames)

    def read(index: int) -> DepthTruth:
        image = frames[index].image(dates)
        return DepthTruth(
            name=names[index],
            depth_m=load_depth_png(files[index]),
            file=files[index],
            image=image if image.is_file() else None,
        )

    return DepthSource(names=names, read=read, place=place)


def _picture_size(image: Path, calibration: LaserCalibration) -> tuple[int, int]:
    """Height and width of a picture; as calibrated where it is not there."""
    calibrated = (calibration.height, calibration.width)
    if not image.is_file():
        return calibrated
    size = image_size(image)
    if max(abs(one - other) for one, other in zip(size, calibrated, strict=True)) > SIZE_TOLERANCE_PX:
        raise InputError(
            f"{image} is {size[1]}x{size[0]}, its calibration is for {calibrated[1]}x{calibrated[0]}; "
            "put KITTI's own picture there, or none"
        )
    return size
