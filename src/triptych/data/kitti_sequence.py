"""Frames in the folders of KITTI: a raw drive, or an odometry sequence.

Raw: `<date>/<drive>_sync/image_02/data/*` with `<date>/calib_cam_to_cam.txt`, and times in
`image_02/timestamps.txt`. Odometry: `<sequence>/image_0/*` with `calib.txt` (or `K.txt`)
and `times.txt`. The path may also be that of one camera's folder of images.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import torch
from jaxtyping import Float64
from torch import Tensor

from triptych.data.calibration import Calibration, calibration_from_file, camera_number
from triptych.data.image_folder import ImageFolder, image_files
from triptych.errors import InputError

FRAME_RATE_HZ = 10.0  # of the whole of KITTI, where no list of times is at hand
CAMERA_ORDER = (2, 3, 0, 1)  # color before gray, left before right


@dataclass(frozen=True)
class KittiCamera:
    """One camera of a KITTI folder.

    Attributes:
        number: 0 and 1 are gray, 2 and 3 color.
        images: the folder of its images.
        root: the drive's or sequence's folder.
        raw: True for a raw drive, False for an odometry sequence.
    """

    number: int
    images: Path
    root: Path
    raw: bool


def kitti_cameras(path: Path) -> list[KittiCamera]:
    """The cameras of a KITTI folder, color and left first; none where it is another folder.

    Args:
        path: a raw drive, an odometry sequence, or the image folder of a camera in either.
    """
    for folder, pattern, raw in (
        (path.parent if path.name == "data" else path, r"image_0([0-3])", True),
        (path, r"image_([0-3])", False),
    ):
        match = re.fullmatch(pattern, folder.resolve().name)
        if match is None:
            continue
        root = folder.resolve().parent
        found = [camera for camera in _cameras_of_root(root) if camera.number == int(match.group(1))]
        return [camera for camera in found if camera.raw == raw]
    return _cameras_of_root(path)


def open_kitti_sequence(path: Path, *, camera: str | None = None) -> ImageFolder:
    """The frames of one camera of a KITTI folder, with its times and calibration.

    Args:
        path: see `kitti_cameras`.
        camera: its number; the first of 2, 3, 0, 1 that exists by default.

    Raises:
        InputError: there is no such camera, or its calibration or times cannot be read.
    """
    cameras = kitti_cameras(path)
    wanted = None if camera is None else camera_number(camera)
    chosen = next((one for one in cameras if wanted is None or one.number == wanted), None)
    if chosen is None:
        held = ", ".join(str(one.number) for one in cameras) or "none"
        raise InputError(f"{path}: has no camera {camera!r}; it has {held}")
    files = image_files(chosen.images)
    return ImageFolder(
        files,
        name=chosen.root.resolve().name,
        timestamps=_times(chosen, files),
        intrinsics=camera_calibration(chosen),
        numbered=_numbered(files),
    )


def _cameras_of_root(root: Path) -> list[KittiCamera]:
    """The cameras whose image folders lie in a drive's or sequence's folder."""
    cameras = []
    for number in CAMERA_ORDER:
        for images, raw in (
            (root / f"image_{number:02d}" / "data", True),
            (root / f"image_{number}", False),
        ):
            if images.is_dir():
                cameras.append(KittiCamera(number=number, images=images, root=root, raw=raw))
    return cameras


def camera_calibration(camera: KittiCamera) -> Calibration | None:
    """The calibration beside the frames; None where no file of it is there."""
    if camera.raw:
        candidates = [camera.root.resolve().parent / "calib_cam_to_cam.txt"]
    else:
        candidates = [camera.root / "calib.txt", camera.root / "K.txt"]
    file = next((file for file in candidates if file.is_file()), None)
    return None if file is None else calibration_from_file(file, camera=str(camera.number))


def _times(camera: KittiCamera, files: list[Path]) -> Float64[Tensor, " frames"]:
    """Time of each frame (s): the listed one at its number, or KITTI's rate where there is no list.

    Files are named by frame number, so that a frame that is missing leaves a gap in time.
    """
    numbers = [int(file.stem) for file in files] if _numbered(files) else list(range(len(files)))
    file = camera.images.parent / "timestamps.txt" if camera.raw else camera.root / "times.txt"
    if not file.is_file():
        return torch.tensor(numbers, dtype=torch.float64) / FRAME_RATE_HZ
    text = file.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) <= max(numbers):
        raise InputError(
            f"{file}: lists {len(lines)} times, the frames go up to number {max(numbers)}; complete or remove the file"
        )
    try:
        times = [_seconds_of_date(lines[n]) if camera.raw else float(lines[n]) for n in numbers]
    except ValueError as error:
        raise InputError(f"{file}: {error}; correct or remove the file") from None
    if not all(map(math.isfinite, times)):
        raise InputError(f"{file}: a time is not finite; correct or remove the file")
    return torch.tensor(times, dtype=torch.float64)


def _numbered(files: list[Path]) -> bool:
    return all(file.stem.isdecimal() for file in files)


def _seconds_of_date(line: str) -> float:
    """Seconds of a line such as "2011-09-26 13:02:25.964389445", to the microsecond."""
    date, _, fraction = line.partition(".")
    moment = datetime.strptime(date, "%Y-%m-%d %H:%M:%S")
    return (moment - datetime(2000, 1, 1)).total_seconds() + float(f"0.{fraction or 0}")
