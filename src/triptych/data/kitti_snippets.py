"""Snippets of KITTI raw and KITTI odometry: those of a split, or all that lie below a folder."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from triptych.data.calibration import Calibration, calibration_from_file
from triptych.data.frame_names import GRAY_OF_COLOR, IMAGE_SUFFIXES
from triptych.data.kitti_drives import COLOR_CAMERAS, drive_lengths, static_frames
from triptych.data.kitti_sequence import KittiCamera, camera_calibration, kitti_cameras
from triptych.data.snippet_index import DriveSnippets, SnippetIndex, drive_frames, neighbor_positions, snippet_index
from triptych.data.splits import ODOMETRY_LENGTHS, kitti_frames, odometry_frames
from triptych.errors import InputError

RAW_TRAINING: Final = ("zhou_train", "zhou_validation", "stereo")
ODOMETRY_TRAINING: Final = ("odometry_train", "odometry_validation")


@dataclass(frozen=True)
class _Wanted:
    """The targets of a split in one camera of a drive or sequence.

    Attributes:
        name: of the drive and camera, the path of its images below the data set's folder.
        images: the folder of its images.
        targets: frame numbers, ascending.
        length: frames of the whole drive.
        calibrations: files of which the first that exists is its calibration.
        camera: its number.
    """

    name: str
    images: Path
    targets: tuple[int, ...]
    length: int
    calibrations: tuple[Path, ...]
    camera: int


@dataclass
class _Missing:
    """What of a split is not on the disk; collected, so that one error tells how much."""

    wanted: int = 0
    files: list[Path] = field(default_factory=list)


def kitti_raw_snippets(
    root: Path, split: str | None = None, *, stride: int = 1, left_out: Collection[str] = ()
) -> SnippetIndex:
    """The snippets of KITTI raw, in the order of the split, or by drive, camera and number.

    Without a split they come by the rule of the Zhou list: a target has both neighbors and
    is not among the packaged static frames. With a stride above 1, targets of a split so
    near the ends of their drive that a neighbor falls outside are left out.

    Args:
        root: the folder that holds the dates; without a split also a date, a drive, or the
            image folder of one camera in it.
        split: zhou_train, zhou_validation or stereo; None takes whatever is there.
        stride: frames from a target to its neighbors.
        left_out: drives not to take where there is no split, by folder name, such as
            `eigen_test_scenes()`.

    Raises:
        InputError: another split, no such folder, files of the split are missing, or
            nothing is there.
    """
    _check_folder(root)
    if split is None:
        cameras = [camera for camera in _cameras_below(root, raw=True) if camera.root.resolve().name not in left_out]
        return snippet_index(str(root), _parts_by_rule(cameras, stride=stride, static=static_frames()))
    _check_split(split, RAW_TRAINING, what="KITTI raw")
    targets: dict[tuple[str, str, int], list[int]] = {}
    for frame in kitti_frames(split):
        targets.setdefault((frame.date, frame.drive, frame.camera), []).append(frame.frame)
    wanted = [
        _Wanted(
            name=f"{date}/{drive}/image_{camera:02d}/data",
            images=root / date / drive / f"image_{camera:02d}" / "data",
            targets=tuple(numbers),
            length=drive_lengths()[drive],
            calibrations=(root / date / "calib_cam_to_cam.txt",),
            camera=camera,
        )
        for (date, drive, camera), numbers in targets.items()
    ]
    return _split_index(root, split, wanted, stride=stride)


def kitti_odometry_snippets(root: Path, split: str | None = None, *, stride: int = 1) -> SnippetIndex:
    """The snippets of KITTI odometry, by sequence, camera and number.

    The gray camera stands in where the folder of the color camera beside it is absent.

    Args:
        root: the folder that holds `sequences`; without a split also one sequence, or the
            image folder of one camera in it.
        split: odometry_train or odometry_validation; None takes whatever is there.
        stride: frames from a target to its neighbors.

    Raises:
        InputError: another split, no such folder, files of the split are missing, or
            nothing is there.
    """
    _check_folder(root)
    if split is None:
        return snippet_index(str(root), _parts_by_rule(_cameras_below(root, raw=False), stride=stride, static={}))
    _check_split(split, ODOMETRY_TRAINING, what="KITTI odometry")
    targets: dict[tuple[int, int], list[int]] = {}
    for frame in odometry_frames(split):
        targets.setdefault((frame.sequence, frame.camera), []).append(frame.frame)
    wanted = []
    for (sequence, color), numbers in targets.items():
        folder = root / "sequences" / f"{sequence:02d}"
        gray = GRAY_OF_COLOR[color]
        in_gray = (folder / f"image_{gray}").is_dir() and not (folder / f"image_{color}").is_dir()
        camera = gray if in_gray else color
        wanted.append(
            _Wanted(
                name=f"sequences/{sequence:02d}/image_{camera}",
                images=folder / f"image_{camera}",
                targets=tuple(numbers),
                length=ODOMETRY_LENGTHS[sequence],
                calibrations=(folder / "calib.txt", folder / "K.txt"),
                camera=camera,
            )
        )
    return _split_index(root, split, wanted, stride=stride)


def _split_index(root: Path, split: str, wanted: Iterable[_Wanted], *, stride: int) -> SnippetIndex:
    """The snippets of a split, all of whose files must be there."""
    missing = _Missing()
    parts = [part for one in wanted if (part := _split_part(one, missing, stride=stride)) is not None]
    if missing.files:
        raise InputError(
            f"{root}: lacks {len(missing.files)} of the {missing.wanted} files of {split}, the first is "
            f"{missing.files[0]}; `triptych prepare kitti {root} --split {split} --check` tells all that lacks, and "
            "where to get it; without a split (null in settings) what is there is taken"
        )
    return snippet_index(f"{split} of {root}", parts)


def _split_part(wanted: _Wanted, missing: _Missing, *, stride: int) -> DriveSnippets | None:
    """The snippets of one camera; None where files are missing, which are then noted."""
    targets = np.array([one for one in wanted.targets if stride <= one < wanted.length - stride], dtype=np.int64)
    if not len(targets):
        return None
    held = _numbered_images(wanted.images)
    needed = np.unique(targets[:, None] + np.array([-stride, 0, stride]))
    lacking = [wanted.images / f"{_digits(number, wanted)}.png" for number in needed.tolist() if number not in held]
    calibration = next((file for file in wanted.calibrations if file.is_file()), None)
    if calibration is None:
        lacking.append(wanted.calibrations[0])
    missing.wanted += len(needed) + 1
    missing.files += lacking
    if lacking or calibration is None:
        return None
    given = calibration_from_file(calibration, camera=str(wanted.camera))
    return _part(wanted.name, wanted.images, held, targets, given, stride=stride)


def _digits(number: int, wanted: _Wanted) -> str:
    """A frame number as file names have it: ten digits in raw, six in odometry."""
    return f"{number:010d}" if wanted.images.name == "data" else f"{number:06d}"


def _parts_by_rule(
    cameras: Iterable[KittiCamera], *, stride: int, static: Mapping[str, Collection[int]]
) -> list[DriveSnippets]:
    """The snippets of all frames of the cameras that have both neighbors and are not static."""
    parts = []
    for camera in cameras:
        held = _numbered_images(camera.images)
        if not held:
            continue
        drive = camera.root.resolve()
        still = static.get(drive.name, ())
        targets = np.array([number for number in sorted(held) if number not in still], dtype=np.int64)
        name = "/".join([drive.parent.name, drive.name, camera.images.relative_to(camera.root).as_posix()])
        parts.append(_part(name, camera.images, held, targets, camera_calibration(camera), stride=stride))
    return parts


def _part(
    name: str,
    images: Path,
    held: Mapping[int, str],
    targets: np.ndarray[tuple[int], np.dtype[np.int64]],
    calibration: Calibration | None,
    *,
    stride: int,
) -> DriveSnippets:
    """The snippets of the targets that have both neighbors among the numbered files."""
    numbers = np.array(sorted(held), dtype=np.int64)
    positions, found = neighbor_positions(numbers, targets, stride=stride)
    drive = drive_frames(name, images, [held[number] for number in numbers.tolist()], calibration)
    return DriveSnippets(drive, positions[found.all(axis=1)])


def _cameras_below(root: Path, *, raw: bool) -> list[KittiCamera]:
    """The cameras of the drives or sequences below a folder, in color where there is color.

    Where the folder is that of one camera, it is that camera.
    """
    own = [camera for camera in kitti_cameras(root) if camera.raw == raw]
    if own:
        return _in_color(own)
    places = (
        sorted({*root.glob("*"), *root.glob("*/*")}) if raw else sorted({*root.glob("*"), *root.glob("sequences/*")})
    )
    found = []
    for place in places:
        # A camera's folder would be found again by way of its drive; "extract" drives are not rectified.
        if place.is_dir() and not place.name.startswith((".", "image_")) and not place.name.endswith("_extract"):
            found += _in_color([camera for camera in kitti_cameras(place) if camera.raw == raw])
    return found


def _in_color(cameras: list[KittiCamera]) -> list[KittiCamera]:
    """The color cameras of a drive, left first; the gray ones where there is none in color."""
    color = [camera for camera in cameras if camera.number in COLOR_CAMERAS]
    return sorted(color or cameras, key=lambda camera: camera.number)


def _numbered_images(folder: Path) -> dict[int, str]:
    """The file name of each frame number in a folder; the .png where there is a .jpg too."""
    found: dict[int, str] = {}
    if folder.is_dir():
        for suffix in reversed(IMAGE_SUFFIXES):
            files = [file for file in folder.iterdir() if file.suffix == suffix and file.stem.isdecimal()]
            found |= {int(file.stem): file.name for file in files}
    return found


def _check_folder(root: Path) -> None:
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; name the folder of the data set")


def _check_split(split: str, known: tuple[str, ...], *, what: str) -> None:
    if split not in known:
        raise InputError(f"{split}: no split of {what} to train on; there are {', '.join(known)}")
