"""The standard splits of KITTI, Cityscapes and Make3D, by rule or from the packaged lists.

docs/splits.md tells where each comes from, how many frames it has and how to check it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from triptych.data.frame_names import Kitti2015Pair, KittiFrame, OdometryFrame
from triptych.data.kitti_drives import (
    COLOR_CAMERAS,
    DATE_LENGTH,
    drive_lengths,
    eigen_test_scenes,
    frames_by_rule,
    kitti2015_scenes,
    static_frames,
)
from triptych.data.packaged_lists import numbers, records
from triptych.errors import InputError

__all__ = [
    "Kitti2015Pair",
    "KittiFrame",
    "OdometryFrame",
    "cityscapes_test_names",
    "eigen_test_scenes",
    "frames_by_rule",
    "kitti2015_pairs",
    "kitti2015_scenes",
    "kitti_frames",
    "make3d_test_names",
    "odometry_frames",
    "split_list",
    "split_names",
    "static_frames",
]

ANNOTATION_MARGIN = 5
"""Frames at either end of a drive without an annotated depth map, which gathers 5 before and 5 after."""

ODOMETRY_LENGTHS: Final = (4541, 1101, 4661, 801, 271, 2761, 1101, 1101, 4071, 1591, 1201)
"""Frames of the sequences 00 to 10, each with a line in KITTI's true poses."""

ODOMETRY_TRAINING: Final = range(9)
ODOMETRY_TEST: Final = (9, 10)

ODOMETRY_MARGIN = 2
"""Frames at either end of a sequence that are no targets: the list was made for five frames at once."""

KITTI2015_PAIRS = 200


def split_names() -> tuple[str, ...]:
    """All splits: those of KITTI raw, KITTI 2015, KITTI odometry, Cityscapes and Make3D."""
    return (*_RAW, "kitti2015", *_ODOMETRY, "cityscapes_test", "make3d_test")


def kitti_frames(split: str) -> tuple[KittiFrame, ...]:
    """The frames of a split of KITTI raw.

    Those of `eigen_test` and `eigen_improved` are in the order of the lists that results are
    stored in; all others by drive, camera and number.

    Args:
        split: eigen_test, eigen_improved, zhou_train, zhou_validation or stereo.

    Raises:
        InputError: there is no such split of KITTI raw.
    """
    if split not in _RAW:
        raise InputError(f"{split}: no split of KITTI raw; there are {', '.join(_RAW)}")
    return _RAW[split]()


def odometry_frames(split: str) -> tuple[OdometryFrame, ...]:
    """The frames of a split of KITTI odometry, by sequence, camera and number.

    Args:
        split: odometry_train, odometry_validation or odometry_test.

    Raises:
        InputError: there is no such split of KITTI odometry.
    """
    if split not in _ODOMETRY:
        raise InputError(f"{split}: no split of KITTI odometry; there are {', '.join(_ODOMETRY)}")
    return _ODOMETRY[split]()


@cache
def kitti2015_pairs() -> tuple[Kitti2015Pair, ...]:
    """The 200 training pairs of KITTI 2015, each with its place in KITTI raw where that is known."""
    raw = {}
    for drive, *words in records("kitti2015.txt"):
        for word in words:
            number, frame = word.split(":")
            raw[int(number)] = KittiFrame(drive[:DATE_LENGTH], drive, 2, int(frame))
    return tuple(Kitti2015Pair(number, raw.get(number)) for number in range(KITTI2015_PAIRS))


@cache
def cityscapes_test_names() -> tuple[str, ...]:
    """The 1,525 test images of Cityscapes, as in leftImg8bit/test/<city>/<name>_leftImg8bit.png, by city."""
    return tuple(
        f"{city}_{sequence:06d}_{frame:06d}"
        for city, sequences, *frames in records("cityscapes_test.txt")
        for sequence in numbers([sequences])
        for frame in numbers(frames)
    )


@cache
def make3d_test_names() -> tuple[str, ...]:
    """The 134 test images of Make3D; the image of one is img-<name>.jpg, its depth depth_sph_corr-<name>.mat."""
    return tuple(f"{scene}-p-{view}" for scene, *views in records("make3d_test.txt") for view in views)


def split_list(split: str) -> tuple[str, ...]:
    """The names of a split's frames, under which predictions are found.

    Raises:
        InputError: there is no such split.
    """
    if split in _RAW:
        return tuple(frame.name for frame in kitti_frames(split))
    if split in _ODOMETRY:
        return tuple(frame.name for frame in odometry_frames(split))
    if split == "kitti2015":
        return tuple(pair.name for pair in kitti2015_pairs())
    if split == "cityscapes_test":
        return cityscapes_test_names()
    if split == "make3d_test":
        return make3d_test_names()
    raise InputError(f"{split}: no such split; there are {', '.join(split_names())}")


@cache
def _eigen_test() -> tuple[KittiFrame, ...]:
    return tuple(
        KittiFrame(drive[:DATE_LENGTH], drive, 2, number)
        for drive, *words in records("eigen_test.txt")
        for number in numbers(words)
    )


@cache
def _eigen_improved() -> tuple[KittiFrame, ...]:
    lengths = drive_lengths()
    return tuple(
        frame for frame in _eigen_test() if ANNOTATION_MARGIN <= frame.frame < lengths[frame.drive] - ANNOTATION_MARGIN
    )


@cache
def _zhou_validation() -> tuple[KittiFrame, ...]:
    return tuple(
        KittiFrame(drive[:DATE_LENGTH], drive, int(camera), number)
        for drive, camera, *words in records("zhou_validation.txt")
        for number in numbers(words)
    )


@cache
def _zhou_train() -> tuple[KittiFrame, ...]:
    validation = frozenset(_zhou_validation())
    return tuple(frame for frame in _whole_drives(eigen_test_scenes()) if frame not in validation)


@cache
def _stereo() -> tuple[KittiFrame, ...]:
    return _whole_drives(kitti2015_scenes())


def _whole_drives(left_out: frozenset[str]) -> tuple[KittiFrame, ...]:
    """The frames by rule where every drive is there from end to end."""
    present = {drive: range(length) for drive, length in drive_lengths().items()}
    return frames_by_rule(present, left_out=left_out)


@cache
def _odometry_validation() -> tuple[OdometryFrame, ...]:
    return tuple(
        OdometryFrame(int(sequence), int(camera), number)
        for sequence, camera, *words in records("odometry_validation.txt")
        for number in numbers(words)
    )


@cache
def _odometry_train() -> tuple[OdometryFrame, ...]:
    validation = frozenset(_odometry_validation())
    by_rule = (
        OdometryFrame(sequence, camera, number)
        for sequence in ODOMETRY_TRAINING
        for camera in COLOR_CAMERAS
        for number in range(ODOMETRY_MARGIN, ODOMETRY_LENGTHS[sequence] - ODOMETRY_MARGIN)
    )
    return tuple(frame for frame in by_rule if frame not in validation)


@cache
def _odometry_test() -> tuple[OdometryFrame, ...]:
    return tuple(
        OdometryFrame(sequence, 2, number) for sequence in ODOMETRY_TEST for number in range(ODOMETRY_LENGTHS[sequence])
    )


_RAW: Final[Mapping[str, Callable[[], tuple[KittiFrame, ...]]]] = MappingProxyType(
    {
        "eigen_test": _eigen_test,
        "eigen_improved": _eigen_improved,
        "zhou_train": _zhou_train,
        "zhou_validation": _zhou_validation,
        "stereo": _stereo,
    }
)
_ODOMETRY: Final[Mapping[str, Callable[[], tuple[OdometryFrame, ...]]]] = MappingProxyType(
    {
        "odometry_train": _odometry_train,
        "odometry_validation": _odometry_validation,
        "odometry_test": _odometry_test,
    }
)
