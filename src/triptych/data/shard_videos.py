"""Videos as drives, to be made into shards: a frame is named by its number."""

from __future__ import annotations

from pathlib import Path

from triptych.data.calibration import Calibration, calibration_from_file
from triptych.data.folder_calibration import folder_calibration
from triptych.data.folder_snippets import folder_drives, neighbor_triples
from triptych.data.sequence import ASSUMED_FIELD_OF_VIEW_DEG
from triptych.data.snippet_index import DriveSnippets, SnippetIndex, drive_frames, snippet_index
from triptych.data.video import VideoSource
from triptych.errors import InputError

CALIBRATION_SUFFIXES = (".yaml", ".yml", ".txt")
"""Of a file named as the video, for cameras whose videos lie in one folder."""


def folder_and_video_snippets(
    root: Path,
    *,
    stride: int = 1,
    calibration: Calibration | None = None,
    assumed_fov_deg: float = ASSUMED_FIELD_OF_VIEW_DEG,
) -> SnippetIndex:
    """The snippets of all folders of images and of all videos below a root, folders first.

    A drive whose `folder` is a file is a video. Only the making of shards can read it:
    frames in the middle of a video cannot be had at once.

    Args:
        root: folder of the drives.
        stride: frames from a target to its neighbors.
        calibration: of all cameras, in place of the files beside images and videos.
        assumed_fov_deg: horizontal field of view of drives without a calibration.

    Raises:
        InputError: no such folder, no three frames in a row, or a calibration that cannot
            be read or is of pictures of another shape.
    """
    held = folder_drives(root, stride=stride, calibration=calibration, assumed_fov_deg=assumed_fov_deg)
    parts, remarks = list(held.parts), list(held.remarks)
    for video in held.videos:
        try:
            source = VideoSource(video)
        except InputError as error:
            remarks.append(f"left out: {error}")
            continue
        used = calibration or _calibration(video, root)
        parts.append(_video_drive(source, video.relative_to(root).as_posix(), used, stride, assumed_fov_deg))
        if not len(parts[-1].frames):
            remarks.append(f"{video}: has no three frames in a row and is left out")
        elif source.fault is not None:
            remarks.append(f"{video}: {source.fault}; the frames before are used")
    return snippet_index(str(root), parts, remarks=remarks)


def _video_drive(
    source: VideoSource, name: str, calibration: Calibration | None, stride: int, assumed_fov_deg: float
) -> DriveSnippets:
    """The frames of a video, and the snippets in it, none across a gap in time."""
    names = [f"{number:06d}" for number in range(source.length)]
    drive = drive_frames(name, source.path, names, calibration, size=source.size, assumed_fov_deg=assumed_fov_deg)
    times = source.timestamps.numpy() if source.timed else None
    return DriveSnippets(drive, neighbor_triples(source.length, times, stride=stride))


def _calibration(video: Path, root: Path) -> Calibration | None:
    """The calibration named as the video, or of its folder or one above."""
    own = next((file for suffix in CALIBRATION_SUFFIXES if (file := video.with_suffix(suffix)).is_file()), None)
    return calibration_from_file(own) if own is not None else folder_calibration(video.parent, root)
