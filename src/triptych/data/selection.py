"""Which frames of a source are used: by rate, and, for training, by motion.

Nothing is learned from a pair of frames without motion: the pose is the identity and
every depth explains it. Such frames are left out of the training, and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from triptych.errors import InputError

GrayImage = np.ndarray[tuple[int, int], np.dtype[np.uint8]]

# Flow is measured on a gray copy of about this width: sub-pixel at 1/1000 of the width,
# and a few milliseconds a frame.
MEASURED_WIDTH = 320
# Share of the pixels, those of the strongest gradient, that the median is taken over:
# where nothing is drawn (sky) flow is a guess, and the guess is zero.
TEXTURED_SHARE = 0.4
STILL_KEPT_SHARE = 0.05  # a camera with fewer moving frames than this share stands still
SMALLEST_TRAINING = 3  # frames of one snippet
# Times are rounded (to milliseconds in some files): a last frame that comes this share of a
# tick too early is still taken for it, else the source's own rate would lose a frame.
TICK_TOLERANCE = 0.1


@dataclass(frozen=True)
class MotionSelection:
    """The frames that differ from the ones kept before them, and those that do not.

    Attributes:
        kept: positions of the frames to learn from, ascending.
        dropped: positions of the near-static ones, ascending.
        camera_still: True where so few frames move that the camera stands still.
        median_motion_px: median over the frames of the motion per frame (at the images' width).
    """

    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    camera_still: bool
    median_motion_px: float


def decimated(
    timestamps: Float[Tensor, " frames"], *, stride: int = 1, rate: float | None = None
) -> Int[Tensor, " chosen"]:
    """Positions of every stride-th frame, or of the frames nearest to the ticks of a rate.

    Args:
        timestamps: time of each frame (s), ascending.
        stride: 1 takes every frame.
        rate: frames per second; a rate above the source's takes every frame.

    Raises:
        InputError: a stride or rate that is not positive, or both at once.
    """
    if stride < 1:
        raise InputError(f"stride {stride}: must be 1 or more")
    if rate is None or len(timestamps) == 0:
        return torch.arange(0, len(timestamps), stride)
    if stride != 1:
        raise InputError(f"stride {stride} and rate {rate:g} Hz: give one of them, not both")
    if not 0.0 < rate < float("inf"):
        raise InputError(f"rate {rate:g} Hz: must be positive")
    times = timestamps.double() - timestamps[0].double()
    ticks = torch.arange(int(float(times[-1]) * rate + TICK_TOLERANCE) + 1, dtype=torch.float64) / rate
    after = torch.searchsorted(times, ticks).clamp(max=len(times) - 1)
    before = (after - 1).clamp(min=0)
    nearest = torch.where(ticks - times[before] <= times[after] - ticks, before, after)
    chosen: Tensor = torch.unique(nearest)
    return chosen


def moving_frames(
    images: UInt8[Tensor, "frames 3 height width"],
    *,
    minimum_motion: float = 0.001,
    progress: Callable[[int, int], None] | None = None,
) -> MotionSelection:
    """The frames whose picture has moved since the last one kept.

    Motion is the median length of OpenCV's DIS flow over the pixels of the strongest
    gradient, against the last frame *kept*, so that slow motion adds up until it counts.
    The median does not see a few moving objects before a camera that stands; it is fooled
    where they fill more than half of what is textured.

    Args:
        images: RGB frames, in order.
        minimum_motion: share of the width that counts as motion; 0 keeps every frame.
        progress: called with (frames done, all frames).

    Returns:
        The selection; the first frame is always kept.

    Raises:
        InputError: minimum_motion is negative.
    """
    if minimum_motion < 0:
        raise InputError(f"minimum motion {minimum_motion:g}: must be 0 or a share of the width")
    count, width = images.shape[0], images.shape[3]
    if count == 0:
        return MotionSelection(kept=(), dropped=(), camera_still=True, median_motion_px=0.0)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    kept, dropped = [0], []
    motions: list[float] = []
    reference = _small_gray(images[0])
    for position in range(1, count):
        gray = _small_gray(images[position])
        share = _median_displacement(flow, reference, gray) / gray.shape[1]
        motions.append(share * width / (position - kept[-1]))
        if share >= minimum_motion:
            kept.append(position)
            reference = gray
        else:
            dropped.append(position)
        if progress is not None:
            progress(position + 1, count)
    return MotionSelection(
        kept=tuple(kept),
        dropped=tuple(dropped),
        camera_still=len(kept) < max(SMALLEST_TRAINING, STILL_KEPT_SHARE * count),
        median_motion_px=float(np.median(motions)) if motions else 0.0,
    )


def _small_gray(image: UInt8[Tensor, "3 height width"]) -> GrayImage:
    """A gray copy of the measured width, or of the image's own where that is smaller."""
    gray = cv2.cvtColor(np.ascontiguousarray(image.permute(1, 2, 0).numpy()), cv2.COLOR_RGB2GRAY)
    height, width = gray.shape
    if width <= MEASURED_WIDTH:
        return np.asarray(gray, dtype=np.uint8)
    size = (MEASURED_WIDTH, max(round(height * MEASURED_WIDTH / width), 1))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _median_displacement(flow: cv2.DISOpticalFlow, before: GrayImage, after: GrayImage) -> float:
    """Median flow length (px) over the pixels of the strongest gradient; 0 on a blank picture."""
    slope_x = cv2.Sobel(before, cv2.CV_32F, 1, 0)
    slope_y = cv2.Sobel(before, cv2.CV_32F, 0, 1)
    strength = np.hypot(slope_x, slope_y)
    textured = strength > np.quantile(strength, 1.0 - TEXTURED_SHARE)
    if not textured.any():
        return 0.0
    field = flow.calc(before, after, None)
    return float(np.median(np.hypot(field[..., 0], field[..., 1])[textured]))
