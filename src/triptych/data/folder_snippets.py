"""Snippets of folders of images: every folder below a root that holds images is a drive."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from jaxtyping import Float64, Int

from triptych.data.calibration import Calibration
from triptych.data.folder_calibration import folder_calibration
from triptych.data.image_folder import IMAGE_SUFFIXES, natural_key
from triptych.data.sequence import ASSUMED_FIELD_OF_VIEW_DEG
from triptych.data.snippet_index import DriveSnippets, SnippetIndex, drive_frames, listed, snippet_index
from triptych.data.snippets import INTERVAL_FACTOR, INTERVAL_TOLERANCE
from triptych.errors import InputError
from triptych.formats.counts import number_of

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv"})


def folder_snippets(
    root: Path,
    *,
    stride: int = 1,
    calibration: Calibration | None = None,
    assumed_fov_deg: float = ASSUMED_FIELD_OF_VIEW_DEG,
) -> SnippetIndex:
    """The snippets of all folders of images below a root, by folder and by the natural order of names.

    No snippet spans a gap in the numbers that files are named by: neighbors more than twice
    as far apart as usual. Frames without motion are not left out, as no picture is read;
    depth maps and masks must lie elsewhere, as they would be taken for frames.

    Args:
        root: folder of the drives, or of the images of one.
        stride: frames from a target to its neighbors.
        calibration: of all cameras, in place of the files (`folder_calibration.CALIBRATION_NAMES`) beside the
            images or in a folder above, up to the root.
        assumed_fov_deg: horizontal field of view of drives without a calibration; the
            index remarks which these are.

    Raises:
        InputError: no such folder, no three frames in a row, only videos, or a
            calibration that cannot be read or is of pictures of another shape.
    """
    held = folder_drives(root, stride=stride, calibration=calibration, assumed_fov_deg=assumed_fov_deg)
    remarks = list(held.remarks)
    if held.videos and not held.parts:
        raise InputError(
            f"{root}: holds {number_of(len(held.videos), 'video', 'videos')} "
            f"({listed([video.name for video in held.videos])}) and no three images in a row; make shards by "
            "`triptych prepare folders` first"
        )
    if held.videos:
        names = listed([video.relative_to(root).as_posix() for video in held.videos])
        left_out = number_of(len(held.videos), "video is", "videos are")
        remarks.append(f"{root}: {left_out} left out ({names}); `triptych prepare folders` makes shards of videos")
    return snippet_index(str(root), held.parts, remarks=remarks)


@dataclass(frozen=True, eq=False)
class FolderDrives:
    """What lies below a folder.

    Attributes:
        parts: the folders of images that have snippets.
        videos: the files of videos, in natural order.
        remarks: what a person should know.
    """

    parts: tuple[DriveSnippets, ...]
    videos: tuple[Path, ...]
    remarks: tuple[str, ...]


def folder_drives(
    root: Path,
    *,
    stride: int = 1,
    calibration: Calibration | None = None,
    assumed_fov_deg: float = ASSUMED_FIELD_OF_VIEW_DEG,
) -> FolderDrives:
    """The folders of images with snippets, and the videos, below a root; see `folder_snippets`.

    Raises:
        InputError: no such folder, or a calibration that cannot be read or is of pictures of
            another shape.
    """
    _refuse_known_layouts(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; name the folder of the drives")
    if stride < 1:
        raise InputError(f"stride {stride}: must be 1 or more")
    folders, videos = _contents(root)
    parts, short = [], []
    for folder, file_names in folders:
        name = folder.relative_to(root).as_posix() if folder != root else root.resolve().name
        triples = neighbor_triples(len(file_names), _times(file_names), stride=stride)
        if not len(triples):
            short.append(name)
            continue
        used = calibration or folder_calibration(folder, root)
        drive = drive_frames(name, folder, file_names, used, assumed_fov_deg=assumed_fov_deg)
        parts.append(DriveSnippets(drive, triples))
    remarks: tuple[str, ...] = ()
    if short:
        left_out = number_of(len(short), "folder without three frames in a row is", "folders without them are")
        remarks = (f"{root}: {left_out} left out ({listed(short)})",)
    return FolderDrives(tuple(parts), tuple(videos), remarks)


def neighbor_triples(
    count: int, times: Float64[np.ndarray, " frames"] | None, *, stride: int
) -> Int[np.ndarray, "snippets 3"]:
    """Positions of the frames of each snippet of a drive, none of them across a gap.

    Args:
        count: of the frames.
        times: of each, ascending, in any unit; None where nothing tells them.
        stride: frames from a target to its neighbors.
    """
    targets = np.arange(stride, max(count - stride, stride))
    triples: Int[np.ndarray, "snippets 3"] = targets[:, None] + np.array([-stride, 0, stride])
    if times is None or count < 2:
        return triples
    intervals = np.diff(times)
    allowed = INTERVAL_FACTOR * np.median(intervals) * (1.0 + INTERVAL_TOLERANCE)
    gaps_before = np.concatenate([[0], np.cumsum(intervals > allowed)])
    near: Int[np.ndarray, "snippets 3"] = triples[gaps_before[triples[:, 0]] == gaps_before[triples[:, 2]]]
    return near


def _contents(root: Path) -> tuple[list[tuple[Path, list[str]]], list[Path]]:
    """The folders with images and the names of these, and the videos, in natural order; hidden ones are not seen."""
    folders: list[tuple[Path, list[str]]] = []
    videos: list[Path] = []
    seen: set[Path] = set()
    for place, below, files in os.walk(root, followlinks=True):
        below[:] = sorted((one for one in below if not one.startswith(".")), key=lambda one: natural_key(PurePath(one)))
        if (real := Path(place).resolve()) in seen:  # by way of a link, which may lead round for ever
            below.clear()
            continue
        seen.add(real)
        visible = sorted((PurePath(one) for one in files if not one.startswith(".")), key=natural_key)
        images = [file.name for file in visible if file.suffix.lower() in IMAGE_SUFFIXES]
        if images:
            folders.append((Path(place), images))
        videos += [Path(place) / file for file in visible if file.suffix.lower() in VIDEO_SUFFIXES]
    return folders, videos


def _times(file_names: Sequence[str]) -> Float64[np.ndarray, " frames"] | None:
    """The numbers that files are named by, in any unit; None where names tell no ascending numbers.

    A name is a number as a whole, as in TUM's and EuRoC's sets, or ends in one behind what
    all have in common, as in frame_0012.
    """
    stems = [PurePath(file_name).stem for file_name in file_names]
    matches = [re.fullmatch(r"(?P<before>.*?)(?P<number>\d+(\.\d+)?)", stem) for stem in stems]
    found = [match for match in matches if match is not None]
    if len(found) < max(len(stems), 2) or len({match["before"] for match in found}) > 1:
        return None
    times = np.array([float(match["number"]) for match in found])
    return times if bool((np.diff(times) > 0).all()) else None


def _refuse_known_layouts(root: Path) -> None:
    """Refuse the root of a known data set, whose truth and masks would be taken for frames.

    Raises:
        InputError: it is one.
    """
    layouts = {
        "kitti_raw": next(root.glob("????_??_??/*_sync"), None),
        "kitti_odometry": next(root.glob("sequences/??/image_[0-3]"), None),
        "cityscapes": next(root.glob("leftImg8bit_sequence"), None),
    }
    for name, found in layouts.items():
        if found is not None:
            raise InputError(
                f"{root}: is laid out as {name} (it holds {found.relative_to(root)}); take it as that data set, or "
                "name a folder of images within it"
            )
