"""Calibrations that lie beside the images of a folder, or above."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from triptych.data.calibration import Calibration, calibration_from_file

CALIBRATION_NAMES: Final = (
    "calib.txt",
    "K.txt",
    "calib_cam_to_cam.txt",
    *(f"{name}.{suffix}" for name in ("intrinsics", "calibration", "calib", "camera") for suffix in ("yaml", "yml")),
)
"""Files that are taken for the calibration of the images in their folder and below, the nearest first."""


def folder_calibration(folder: Path, root: Path) -> Calibration | None:
    """The calibration in the nearest folder, from that of the images up to the root; None without.

    Args:
        folder: of the images.
        root: the last folder that is looked in.

    Raises:
        InputError: it cannot be read.
    """
    places = [folder, *(place for place in folder.parents if place.is_relative_to(root))]
    file = next((place / name for place in places for name in CALIBRATION_NAMES if (place / name).is_file()), None)
    if file is None:
        return None
    # Files of KITTI hold four cameras; the images of each lie in a folder named by its number.
    camera = re.search(r"image_0?([0-3])(?:/data)?$", folder.resolve().as_posix())
    return calibration_from_file(file, camera=None if camera is None else camera[1])
