"""The frames of a prediction as colored pictures, small enough to stand in a page by the hundred."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from triptych.artefacts.colors import HIDDEN_COLOR, MOVING_COLOR, depth_colors, flow_colors
from triptych.artefacts.overview import OverviewRange
from triptych.evaluation.parallel import each
from triptych.inference.result import PredictionFolder
from triptych.viewing.depth_histogram import depth_counts
from triptych.viewing.pictures import MOVING_QUALITY, mask_text, webp_text

FRAMES_AT_MOST = 300
"""Frames that a page shows by default: of 192x640 pixels they make a page of 20 to 30 MB."""
LONGEST_SIDE = 768  # px; no panel is shown wider
_SAMPLES = 20  # frames that stand for the sequence where the colors' range is chosen
_THRESHOLD = 0.5  # of hidden


@dataclass(frozen=True)
class ShownFrame:
    """One frame's pictures, as base64 text; what the last frame lacks is empty.

    Attributes:
        frame: the frame itself, WebP.
        depth: colored, WebP.
        flow: to the next frame, colored, WebP.
        hidden: the color of what the next frame does not show, PNG with opacity.
        moving: the color of what moves by itself, PNG with opacity.
        hidden_share: share of the pixels that are hidden; None of the last frame.
        moving_share: share of the pixels that move.
    """

    frame: str
    depth: str
    flow: str = ""
    hidden: str = ""
    moving: str = ""
    hidden_share: float | None = None
    moving_share: float | None = None


@dataclass(frozen=True)
class ShownFrames:
    """The frames of a page's player.

    Attributes:
        positions: of the shown frames in the prediction, ascending.
        frames: one for each position.
        colors: one range for all.
        size: height and width of the pictures (px).
        depths: how many pixels have a depth in each bin of `depth_histogram`, over all shown frames.
    """

    positions: list[int]
    frames: list[ShownFrame]
    colors: OverviewRange
    size: tuple[int, int]
    depths: Int[Tensor, " bins"]


def shown_frames(
    prediction: PredictionFolder, *, at_most: int = FRAMES_AT_MOST, progress: Callable[[int, int], None] | None = None
) -> ShownFrames:
    """The pictures of a prediction, thinned evenly where it is long.

    Args:
        prediction: read frame by frame.
        at_most: how many frames are shown; of more, evenly spaced ones, the first and the last among them.
        progress: told (done, total) frames.

    Raises:
        InputError: a file is missing or damaged.
        ValueError: fewer than two frames are allowed.
    """
    positions = spaced(len(prediction), at_most=at_most)
    colors = OverviewRange.of(
        [(prediction.depth(index), prediction.flow(index)) for index in spaced(len(prediction), at_most=_SAMPLES)]
    )
    height, width = prediction.size
    factor = min(1.0, LONGEST_SIDE / max(height, width))
    size = (round(height * factor), round(width * factor))

    def work(number: int) -> tuple[ShownFrame, Int[Tensor, " bins"]]:
        index = positions[number]
        return _shown(prediction, index, colors=colors, size=size), depth_counts(prediction.depth(index))

    frames, counts = zip(*each(work, len(positions), progress=progress), strict=True)
    return ShownFrames(positions, list(frames), colors, size, torch.stack(counts).sum(0))


def spaced(count: int, *, at_most: int) -> list[int]:
    """Positions 0 to count - 1, or evenly spaced ones of them, both ends included.

    Raises:
        ValueError: fewer than two are allowed.
    """
    if at_most < 2:
        raise ValueError(f"two frames at least are needed, got {at_most}")
    if count <= at_most:
        return list(range(count))
    return [round(number * (count - 1) / (at_most - 1)) for number in range(at_most)]


def _shown(prediction: PredictionFolder, index: int, *, colors: OverviewRange, size: tuple[int, int]) -> ShownFrame:
    depth = depth_colors(prediction.depth(index), near=colors.near, far=colors.far)
    frame = _text(prediction.image(index), size)
    flow, visibility, motion = prediction.flow(index), prediction.visibility(index), prediction.motion(index)
    if flow is None or visibility is None or motion is None:
        return ShownFrame(frame, _text(depth, size))
    hidden = 1 - visibility
    return ShownFrame(
        frame,
        _text(depth, size),
        _text(flow_colors(flow, maximum=colors.flow), size),
        mask_text(_resized(hidden[None], size)[0], HIDDEN_COLOR),
        mask_text(_resized(motion.float()[None], size)[0], MOVING_COLOR),
        float((hidden > _THRESHOLD).float().mean()),
        float(motion.float().mean()),
    )


def _text(picture: UInt8[Tensor, "3 height width"], size: tuple[int, int]) -> str:
    resized = _resized(picture.float(), size).round().clamp(0, 255).to(torch.uint8)
    return webp_text(resized, quality=MOVING_QUALITY)


def _resized(
    maps: Float[Tensor, "channels height width"], size: tuple[int, int]
) -> Float[Tensor, "channels rows columns"]:
    if maps.shape[1:] == size:
        return maps
    return F.interpolate(maps[None], size, mode="bilinear", antialias=True, align_corners=False)[0]
