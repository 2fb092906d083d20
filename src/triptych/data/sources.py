"""From a path to the frames behind it."""

from __future__ import annotations

from pathlib import Path

from triptych.data.frame_source import FrameSource
from triptych.data.image_folder import IMAGE_SUFFIXES, open_image_folder
from triptych.data.kitti_sequence import kitti_cameras, open_kitti_sequence
from triptych.data.video import VideoSource
from triptych.errors import InputError

__all__ = ["FrameSource", "open_source"]


def open_source(path: Path, *, camera: str | None = None) -> FrameSource:
    """The frames of a video file, a folder of images, or a KITTI sequence folder.

    Args:
        path: what to read.
        camera: number of the camera in a KITTI folder; the left color one by default.

    Raises:
        InputError: there is nothing there, or nothing that can be read as frames.
    """
    if not path.exists():
        raise InputError(f"{path}: does not exist; give a video file or a folder of images")
    if path.is_dir() and kitti_cameras(path):
        return open_kitti_sequence(path, camera=camera)
    if camera is not None:
        raise InputError(f"{path}: is no KITTI folder, so camera {camera!r} has no meaning; leave it out")
    if path.is_dir():
        return open_image_folder(path)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise InputError(f"{path}: is a single image; give a video or the folder of all its frames")
    return VideoSource(path)
