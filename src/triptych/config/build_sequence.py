"""Frames from settings. Apart from `build`, which brings what trains: a prediction needs none of that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from triptych.config.load import size_of
from triptych.config.schema import FitSettings
from triptych.data.calibration import Calibration, given_calibration
from triptych.data.sequence import load_sequence
from triptych.data.sources import open_source
from triptych.types import FrameSequence


def build_sequence(
    settings: FitSettings, source: Path, *, progress: Callable[[int, int], None] | None = None
) -> FrameSequence:
    """The frames of a source at the processing size, (3, height, width) each, with their intrinsics (px).

    Args:
        settings: of the fit, or of what is to be predicted: size, frames and calibration.
        source: a video, a folder of images, or a drive of KITTI.
        progress: called with (frames read, frames to read).

    Raises:
        InputError: the source, its calibration or the choice of frames cannot be used.
    """
    height, width = size_of(settings.size)
    frames = settings.frames
    return load_sequence(
        open_source(source, camera=frames.camera),
        height=height,
        width=width,
        calibration=_calibration(settings),
        assumed_fov_deg=frames.assumed_fov_deg,
        bottom_crop=frames.bottom_crop,
        stride=frames.stride,
        rate=frames.rate,
        start=frames.start,
        limit=frames.limit,
        progress=progress,
    )


def _calibration(settings: FitSettings) -> Calibration | None:
    if settings.intrinsics is None:
        return None
    return given_calibration(settings.intrinsics, camera=settings.frames.camera)
