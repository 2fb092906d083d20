"""The truth that a depth protocol asks for, found on the disk."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from triptych.data.splits import cityscapes_test_names, kitti_frames, make3d_test_names
from triptych.data.truth.cityscapes import cityscapes_truth
from triptych.data.truth.folders import depth_maps
from triptych.data.truth.kitti_depth import (
    drive_annotated_truth,
    drive_laser_truth,
    kitti_annotated_truth,
    kitti_laser_truth,
)
from triptych.data.truth.kitti_flow import kitti_disparity_truth
from triptych.data.truth.make3d import make3d_truth
from triptych.data.truth.source import DepthSource
from triptych.errors import InputError
from triptych.evaluation.depth_protocols import DepthProtocol
from triptych.formats.maps import DEPTH_SCALE

DRIVE_MARK = "_drive_"


def depth_truth(
    place: Path,
    protocol: DepthProtocol,
    *,
    png_scale: float = DEPTH_SCALE,
    leave_out: Collection[str] = (),
    calibration: Path | None = None,
) -> tuple[DepthSource, DepthProtocol]:
    """The truth of a protocol's images, and the protocol with the split that they are.

    The protocols of KITTI also take the folder of a single drive: its frames that have a
    truth are a split of their own, named after the drive.

    Args:
        place: the data set's folder; for `plain` a folder or file of depth maps, a KITTI
            drive with annotated maps, or KITTI 2015 with disparity.
        protocol: how depth is scored.
        png_scale: steps of a PNG per meter, for `plain` folders.
        leave_out: names of Make3D images that are damaged.
        calibration: calib_cam_to_cam.txt for KITTI 2015, where it has none beside it.

    Raises:
        InputError: files are missing.
    """
    if not place.exists():
        raise InputError(f"{place} does not exist; name the folder of the ground truth")
    if protocol.name == "plain" or (_is_drive(place) and protocol.name in ("eigen", "eigen_improved")):
        return _truth_of_place(place, protocol, png_scale=png_scale, calibration=calibration)
    if protocol.name in ("eigen", "eigen_improved"):
        return _kitti_truth(place, protocol), protocol
    if protocol.name == "cityscapes":
        return cityscapes_truth(place, names=cityscapes_test_names()), protocol
    named = replace(protocol, split=f"{protocol.split} without {', '.join(leave_out)}") if leave_out else protocol
    return make3d_truth(place, names=make3d_test_names(), leave_out=leave_out), named


def _kitti_truth(place: Path, protocol: DepthProtocol) -> DepthSource:
    """The truth of a split of KITTI; where files lack, the way to learn which."""
    frames = kitti_frames(protocol.split)
    try:
        return kitti_laser_truth(place, frames) if protocol.name == "eigen" else kitti_annotated_truth(place, frames)
    except InputError as error:
        raise InputError(
            f"{error}; `triptych prepare kitti {place} --split {protocol.split} --check` tells all that lacks, and "
            "where it is; the folder of one drive can be scored alone"
        ) from error


def _truth_of_place(
    place: Path, protocol: DepthProtocol, *, png_scale: float, calibration: Path | None
) -> tuple[DepthSource, DepthProtocol]:
    """The truth of all images that a drive or a folder has one for, under its own name."""
    named = replace(protocol, split=place.resolve().name)
    if _is_drive(place) and protocol.name == "eigen":
        return drive_laser_truth(place), named
    if protocol.name == "eigen_improved":
        return drive_annotated_truth(place), named
    if _is_drive(place) and (place / "proj_depth").is_dir():
        return drive_annotated_truth(place), replace(named, ground_truth="annotated maps")
    if any((folder / "disp_occ_0").is_dir() for folder in (place, place / "training")):
        source = kitti_disparity_truth(place, calibration=calibration)
        return source, replace(named, ground_truth="KITTI 2015 disparity")
    if calibration is not None:
        raise InputError(f"--calibration: turns disparity into depth, and {place} has no disp_occ_0")
    return depth_maps(place, png_scale=png_scale), named


def _is_drive(place: Path) -> bool:
    return place.is_dir() and DRIVE_MARK in place.resolve().name
