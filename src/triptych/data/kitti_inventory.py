"""What of a split of KITTI lies on a disk, and which archives hold the rest.

Nothing is read: a file counts as present when a file of its name is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from triptych.data.frame_names import IMAGE_SUFFIXES, Kitti2015Pair, KittiFrame, OdometryFrame, training_folder
from triptych.data.splits import kitti2015_pairs, kitti_frames, odometry_frames
from triptych.errors import InputError

RAW_SPLITS: Final = ("eigen_test", "eigen_improved", "zhou_train", "zhou_validation", "stereo")
ODOMETRY_SPLITS: Final = ("odometry_train", "odometry_validation", "odometry_test")
KITTI_SPLITS: Final = (*RAW_SPLITS, "kitti2015", *ODOMETRY_SPLITS)
TRAINING_SPLITS: Final = frozenset({"zhou_train", "zhou_validation", "stereo", "odometry_train", "odometry_validation"})
"""Splits whose frames are targets, so that both neighbors of each are needed as sources."""

DEPTH_ARCHIVE = "data_depth_annotated.zip"
FLOW_ARCHIVE = "data_scene_flow.zip"
FLOW_CALIBRATION_ARCHIVE = "data_scene_flow_calib.zip"
ODOMETRY_ARCHIVE = "data_odometry_color.zip or data_odometry_gray.zip"
ODOMETRY_CALIBRATION_ARCHIVE = "data_odometry_calib.zip"
ODOMETRY_POSES_ARCHIVE = "data_odometry_poses.zip"


@dataclass(frozen=True)
class WantedFile:
    """A file that a split needs.

    Attributes:
        group: the drive, date or sequence it belongs to.
        kind: what it is, such as "velodyne scans".
        archive: the archive of KITTI's download pages that holds it.
        places: the paths below the data set's folder (KITTI 2015: below `training`) at which it
            may lie, the usual one first.
    """

    group: str
    kind: str
    archive: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class FileCount:
    """The files of one kind of one drive, date or sequence.

    Attributes:
        group: the drive, date or sequence.
        kind: what the files are.
        archive: the archive that holds them.
        wanted: how many the split needs.
        missing: the paths of those that are not there, below the data set's folder (KITTI 2015:
            below `training`).
    """

    group: str
    kind: str
    archive: str
    wanted: int
    missing: tuple[str, ...]

    @property
    def present(self) -> int:
        """How many are there."""
        return self.wanted - len(self.missing)


@dataclass(frozen=True)
class Inventory:
    """What of a split lies on a disk.

    Attributes:
        split: its name.
        root: the data set's folder.
        counts: by group and kind, the groups in the order of their names.
    """

    split: str
    root: Path
    counts: tuple[FileCount, ...]

    @property
    def wanted(self) -> int:
        """How many files the split needs."""
        return sum(count.wanted for count in self.counts)

    @property
    def present(self) -> int:
        """How many of them are there."""
        return sum(count.present for count in self.counts)

    @property
    def complete(self) -> bool:
        """Whether all of them are."""
        return self.present == self.wanted

    @property
    def groups(self) -> tuple[str, ...]:
        """The drives, dates and sequences it looked for."""
        return tuple(dict.fromkeys(count.group for count in self.counts))

    @property
    def incomplete_groups(self) -> tuple[str, ...]:
        """Those of which something is missing."""
        return tuple(dict.fromkeys(count.group for count in self.counts if count.missing))

    @property
    def archives(self) -> tuple[str, ...]:
        """The archives that hold what is missing, each once."""
        return tuple(dict.fromkeys(count.archive for count in self.counts if count.missing))


def kitti_inventory(root: Path, split: str) -> Inventory:
    """What of a split lies in a folder.

    Args:
        root: the folder that holds the dates (KITTI raw), or `training` (KITTI 2015; or that
            itself), or `sequences` and `poses` (odometry).
        split: one of `KITTI_SPLITS`.

    Raises:
        InputError: there is no such split, no such folder, or the folder is one level too
            high or too low.
    """
    if split not in KITTI_SPLITS:
        raise InputError(f"{split}: no split of KITTI; there are {', '.join(KITTI_SPLITS)}")
    if not root.is_dir():
        raise InputError(f"{root}: {'is no folder' if root.exists() else 'no such folder'}")
    _refuse_neighboring_level(root, split)
    disk = _Disk(training_folder(root) if split == "kitti2015" else root)
    wanted: dict[tuple[str, str, str], int] = {}
    missing: dict[tuple[str, str, str], list[str]] = {}
    for file in wanted_files(split):
        key = (file.group, file.kind, file.archive)
        wanted[key] = wanted.get(key, 0) + 1
        if not any(disk.holds(place) for place in file.places):
            missing.setdefault(key, []).append(file.places[0])
    counts = (FileCount(*key, wanted=number, missing=tuple(missing.get(key, ()))) for key, number in wanted.items())
    return Inventory(split=split, root=root, counts=tuple(sorted(counts, key=lambda count: count.group)))


def wanted_files(split: str) -> Iterator[WantedFile]:
    """The files that a split of KITTI needs, each once.

    Images of the targets, and of both neighbors where the split is for training; calibration;
    and what the protocol of a test compares with: scans, annotated maps, flow or poses.
    """
    if split in RAW_SPLITS:
        yield from _raw_files(split)
    elif split in ODOMETRY_SPLITS:
        yield from _odometry_files(split)
    else:
        for pair in kitti2015_pairs():
            yield from _pair_files(pair)


def _raw_files(split: str) -> Iterator[WantedFile]:
    frames = kitti_frames(split)
    calibration = ["calib_cam_to_cam.txt", *(["calib_velo_to_cam.txt"] if split == "eigen_test" else [])]
    for date in sorted({frame.date for frame in frames}):
        for name in calibration:
            yield WantedFile(date, "calibration files", f"{date}_calib.zip", (f"{date}/{name}",))
    for frame in sorted(_with_neighbors(frames) if split in TRAINING_SPLITS else frames):
        archive = f"{frame.drive}.zip"
        yield WantedFile(frame.drive, "images", archive, _images(frame.name))
        if split == "eigen_test":
            yield WantedFile(frame.drive, "velodyne scans", archive, (frame.scan_name,))
        if split == "eigen_improved":
            yield WantedFile(frame.drive, "annotated depth maps", DEPTH_ARCHIVE, frame.annotation_names)


def _with_neighbors(frames: tuple[KittiFrame, ...]) -> set[KittiFrame]:
    return {
        KittiFrame(frame.date, frame.drive, frame.camera, frame.frame + step) for frame in frames for step in (-1, 0, 1)
    }


def _odometry_files(split: str) -> Iterator[WantedFile]:
    frames = odometry_frames(split)
    steps = (-1, 0, 1) if split in TRAINING_SPLITS else (0,)
    shown = {OdometryFrame(one.sequence, one.camera, one.frame + step) for one in frames for step in steps}
    for frame in sorted(shown):
        images = (*_images(frame.name), *_images(frame.gray_name))
        yield WantedFile(_sequence(frame.sequence), "images", ODOMETRY_ARCHIVE, images)
    for sequence in sorted({frame.sequence for frame in frames}):
        folder = _sequence(sequence)
        calibration = (f"{folder}/calib.txt", f"{folder}/K.txt")
        yield WantedFile(folder, "calibration files", ODOMETRY_CALIBRATION_ARCHIVE, calibration)
        if split == "odometry_test":
            yield WantedFile(folder, "pose files", ODOMETRY_POSES_ARCHIVE, (f"poses/{sequence:02d}.txt",))


def _sequence(number: int) -> str:
    return f"sequences/{number:02d}"


def _pair_files(pair: Kitti2015Pair) -> Iterator[WantedFile]:
    for moment in ("10", "11"):
        yield WantedFile("training", "images", FLOW_ARCHIVE, _images(f"image_2/{pair.number:06d}_{moment}"))
    for kind, folder in (("flow_occ maps", "flow_occ"), ("flow_noc maps", "flow_noc"), ("object maps", "obj_map")):
        yield WantedFile("training", kind, FLOW_ARCHIVE, (f"{folder}/{pair.name}.png",))
    calibration = f"calib_cam_to_cam/{pair.number:06d}.txt"
    yield WantedFile("training", "calibration files", FLOW_CALIBRATION_ARCHIVE, (calibration,))


def _images(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{suffix}" for suffix in IMAGE_SUFFIXES)


def _refuse_neighboring_level(root: Path, split: str) -> None:
    """An error where the data lie one folder below or above the one that was named."""
    if split in RAW_SPLITS and re.match(r"\d{4}_\d\d_\d\d", root.resolve().name):
        raise InputError(f"{root}: is one date or drive; name the folder that holds the dates")
    if split in ODOMETRY_SPLITS:
        if (root / "dataset" / "sequences").is_dir():
            raise InputError(f"{root}: the sequences are in {root / 'dataset'}; name that folder")
        if root.resolve().name == "sequences":
            raise InputError(f"{root}: name the folder that holds sequences and poses, {root.resolve().parent}")


class _Disk:
    """The files below a folder; each folder is listed once, when first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[str, frozenset[str]] = {}

    def holds(self, place: str) -> bool:
        folder, _, name = place.rpartition("/")
        if folder not in self._listed:
            path = self._root / folder
            self._listed[folder] = frozenset(file.name for file in path.iterdir()) if path.is_dir() else frozenset()
        return name in self._listed[folder]
