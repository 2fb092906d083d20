"""From a source of frames to a sequence at the processing size, with a K that is true there."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Int, UInt8
from torch import Tensor

from triptych.data.calibration import Calibration, assumed_calibration, calibration_at_size
from triptych.data.frame_source import FrameSource
from triptych.data.selection import decimated
from triptych.errors import InputError
from triptych.geometry.camera import resized_intrinsics
from triptych.types import FrameSequence

# Between a phone's main camera (about 65 degrees) and KITTI's (81); a wrong angle scales
# depth against sideways motion, it does not break the training.
ASSUMED_FIELD_OF_VIEW_DEG = 80.0


def load_sequence(
    source: FrameSource,
    *,
    height: int,
    width: int,
    calibration: Calibration | None = None,
    assumed_fov_deg: float = ASSUMED_FIELD_OF_VIEW_DEG,
    bottom_crop: float = 0.0,
    stride: int = 1,
    rate: float | None = None,
    start: int = 0,
    limit: int | None = None,
    minimum_frames: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> FrameSequence:
    """The frames of a source, cut at the bottom, resized with antialiasing, and their K.

    One frame at full size is in memory at a time. The aspect ratio may change: K follows
    with a scale for each axis.

    Args:
        source: what is read.
        height: of the processing size (px).
        width: of the processing size (px).
        calibration: what to take in place of the source's own.
        assumed_fov_deg: horizontal field of view for a source without a calibration.
        bottom_crop: share of the rows that is cut off at the bottom, for a car bonnet.
        stride: every n-th frame is taken.
        rate: frames per second that are taken, instead of a stride.
        start: position in the source of the first frame.
        limit: how many frames of the source are looked at, from `start` on.
        minimum_frames: fewer than these are an error.
        progress: called with (frames read, frames to read).

    Raises:
        InputError: a setting, the calibration or a frame cannot be used, or too few
            frames are left.
    """
    _check_settings(height=height, width=width, bottom_crop=bottom_crop, start=start, limit=limit)
    if rate is not None and not source.timed:
        raise InputError(f"{source.path}: tells no times, so {rate:g} Hz cannot be picked; use a stride")
    stop = source.length if limit is None else min(start + limit, source.length)
    positions = start + decimated(source.timestamps[start:stop], stride=stride, rate=rate)
    if len(positions) < minimum_frames:
        raise InputError(
            f"{source.path}: {len(positions)} of {source.length} frames are left to use, at least "
            f"{minimum_frames} are needed; give a longer video or use more of its frames"
        )
    full_height, full_width = source.size
    rows = max(full_height - round(full_height * bottom_crop), 1)
    used = (
        calibration
        or source.intrinsics
        or assumed_calibration(height=full_height, width=full_width, horizontal_deg=assumed_fov_deg)
    )
    used = calibration_at_size(used, height=full_height, width=full_width)
    # Asked for all, a source that is cut off must say so: it is not told where to stop.
    end = None if limit is None else start + limit
    images = _resized_frames(source, positions, end=end, rows=rows, height=height, width=width, progress=progress)
    return FrameSequence(
        images=images,
        intrinsics=resized_intrinsics(used.intrinsics, scale_x=width / full_width, scale_y=height / rows),
        timestamps=source.timestamps[positions],
        source_indices=positions,
        source_length=source.length,
        intrinsics_origin=used.origin,
        name=source.name,
        assumed_intrinsics=used.assumed,
        frame_names=tuple(source.frame_names[position] for position in positions.tolist() if source.frame_names),
        numbered=source.numbered,
    )


def resized_image(
    image: UInt8[Tensor, "3 rows columns"], *, height: int, width: int
) -> UInt8[Tensor, "3 height width"]:
    """The image at another size, bilinear with antialiasing (px centers at whole numbers)."""
    if image.shape[1:] == (height, width):
        return image
    batch = image[None].contiguous(memory_format=torch.channels_last)
    return F.interpolate(batch, (height, width), mode="bilinear", antialias=True, align_corners=False)[0]


def _resized_frames(
    source: FrameSource,
    positions: Int[Tensor, " chosen"],
    *,
    end: int | None,
    rows: int,
    height: int,
    width: int,
    progress: Callable[[int, int], None] | None,
) -> UInt8[Tensor, "chosen 3 height width"]:
    """The frames at ascending positions of the source, at the processing size."""
    images = torch.empty(len(positions), 3, height, width, dtype=torch.uint8)
    wanted = positions.tolist()
    taken = 0
    for position, frame in enumerate(source.frames(wanted[0], end), start=wanted[0]):
        if position != wanted[taken]:
            continue
        images[taken] = resized_image(frame[:, :rows], height=height, width=width)
        taken += 1
        if progress is not None:
            progress(taken, len(wanted))
        if taken == len(wanted):
            break
    return images


def _check_settings(*, height: int, width: int, bottom_crop: float, start: int, limit: int | None) -> None:
    """Raise InputError where a setting has no meaning."""
    if height < 1 or width < 1:
        raise InputError(f"processing size {width}x{height}: both sides must be positive")
    if not 0.0 <= bottom_crop < 1.0:
        raise InputError(f"bottom crop {bottom_crop:g}: give the share of rows to cut, from 0 to below 1")
    if start < 0 or (limit is not None and limit < 1):
        raise InputError(f"frames from {start}, {limit} of them: start from 0 or later, and use 1 or more")
