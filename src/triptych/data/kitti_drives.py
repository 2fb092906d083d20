"""The drives of KITTI raw, and the rule by which training splits come from them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from triptych.data.frame_names import IMAGE_SUFFIXES, KittiFrame
from triptych.data.packaged_lists import numbers, records

COLOR_CAMERAS = (2, 3)
DATE_LENGTH = len("2011_09_26")


@dataclass(frozen=True)
class KittiDrive:
    """A drive of KITTI raw, in the categories city, residential and road.

    Attributes:
        name: its folder, such as "2011_09_26_drive_0001_sync".
        frames: how many each of its cameras has.
        eigen_test: whether the 697 test frames of Eigen et al. come from it, among others.
        kitti2015: whether pairs of KITTI 2015 come from it.
    """

    name: str
    frames: int
    eigen_test: bool
    kitti2015: bool


@cache
def kitti_drives() -> tuple[KittiDrive, ...]:
    """All 61 drives, in the order of their names."""
    return tuple(
        KittiDrive(
            name=name, frames=int(frames), eigen_test="eigen" in tests.split(","), kitti2015="kitti2015" in tests
        )
        for name, frames, tests in records("drives.txt")
    )


@cache
def drive_lengths() -> Mapping[str, int]:
    """The number of frames of each drive."""
    return MappingProxyType({drive.name: drive.frames for drive in kitti_drives()})


@cache
def eigen_test_scenes() -> frozenset[str]:
    """The 28 drives that the test frames of Eigen et al. come from."""
    return frozenset(drive.name for drive in kitti_drives() if drive.eigen_test)


@cache
def kitti2015_scenes() -> frozenset[str]:
    """The 29 drives that pairs of KITTI 2015 come from; 15 of them are not Eigen test scenes."""
    return frozenset(drive.name for drive in kitti_drives() if drive.kitti2015)


@cache
def static_frames() -> Mapping[str, frozenset[int]]:
    """The frames of each drive in which the camera stands still: 8,044, of other drives too."""
    return MappingProxyType({name: frozenset(numbers(words)) for name, *words in records("static_frames.txt")})


def frames_by_rule(
    present: Mapping[str, Collection[int]],
    *,
    left_out: Collection[str],
    static: Mapping[str, Collection[int]] | None = None,
    cameras: Collection[int] = COLOR_CAMERAS,
) -> tuple[KittiFrame, ...]:
    """The frames that training may take as targets, by drive, camera and number.

    A target is present with both its neighbors and is not static; its neighbors may be, as
    in the code that the static frames were published with. Over the whole of KITTI raw
    without the Eigen test scenes this yields 44,234 frames of 32 drives: exactly the
    39,810 and 4,424 of the Zhou list (drive 0060 of 2011_09_26 only stands still).

    Args:
        present: the frame numbers at hand of each drive: `range(length)` of a whole one, or
            what `frames_on_disk` finds.
        left_out: drives to leave out, by folder name, for tests come from them.
        static: frames to drop; `static_frames()` by default.
        cameras: of which each frame is taken.
    """
    dropped = static_frames() if static is None else static
    return tuple(
        KittiFrame(drive[:DATE_LENGTH], drive, camera, number)
        for drive in sorted(set(present) - set(left_out))
        for camera in sorted(cameras)
        for number in sorted(present[drive])
        if number - 1 in present[drive] and number + 1 in present[drive] and number not in dropped.get(drive, ())
    )


def frames_on_disk(root: Path, *, cameras: Collection[int] = COLOR_CAMERAS) -> dict[str, frozenset[int]]:
    """The frame numbers of each drive of which there is an image of every camera.

    Args:
        root: the folder of KITTI raw, which holds the folders of the dates.
        cameras: whose images are wanted.
    """
    found = {}
    for folder in sorted(root.glob("????_??_??/????_??_??_drive_????_sync")):
        seen = [_image_numbers(folder / f"image_{camera:02d}" / "data") for camera in cameras]
        found[folder.name] = frozenset[int].intersection(*seen)
    return found


def _image_numbers(folder: Path) -> frozenset[int]:
    files = folder.iterdir() if folder.is_dir() else ()
    return frozenset(
        int(file.stem) for file in files if file.suffix in IMAGE_SUFFIXES and re.fullmatch(r"\d{10}", file.stem)
    )
