"""Corners followed from frame to frame, for as long as they are found again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from triptych.inference.matches import CORNER_QUALITY, GrayImage, followed, gray_image

TRACKS_AT_MOST = 500
TRACK_DISTANCE_PX = 5  # of a new corner from the others
CORNER_BLOCK_PX = 3


@dataclass(frozen=True)
class Observations:
    """Where points are seen in frames, in a row.

    Attributes:
        pixels: of each point in each frame (px); 0 where it is not seen.
        seen: whether it is.
    """

    pixels: Float[Tensor, "points frames 2"]
    seen: Bool[Tensor, "points frames"]


@dataclass(frozen=True)
class _Corners:
    """The corners of one frame, by the numbers that they keep."""

    numbers: NDArray[np.int64]
    pixels: NDArray[np.float32]


@final
class CornerTracks:
    """Corners of frames in a row, of which the last ones are kept.

    Args:
        frames_at_most: how many.
    """

    def __init__(self, *, frames_at_most: int) -> None:
        self._frames: deque[_Corners] = deque(maxlen=frames_at_most)
        self._next_number = 0

    def follow(
        self,
        image: UInt8[Tensor, "3 height width"],
        following: UInt8[Tensor, "3 height width"],
        flow: Float[Tensor, "2 height width"],
    ) -> None:
        """Go on from the last frame to the next; corners that were lost are made up for by new ones.

        Args:
            image: the last frame, RGB.
            following: the next one.
            flow: from the one to the other (px), right to a few pixels.
        """
        before, after = gray_image(image), gray_image(following)
        begun = self._frames.pop() if self._frames else _Corners(np.empty(0, np.int64), np.empty((0, 2), np.float32))
        corners = self._filled_up(before, begun)
        pixels, found = followed(before, after, corners.pixels, flow)
        self._frames += [corners, _Corners(corners.numbers[found], pixels[found])]

    def observations(self, count: int) -> Observations:
        """Of the last frames, the points that two of them and more show.

        Args:
            count: of frames; at most those that are kept.
        """
        frames = list(self._frames)[-count:]
        numbers, times = np.unique(np.concatenate([frame.numbers for frame in frames]), return_counts=True)
        numbers = numbers[times > 1]
        pixels, seen = np.zeros((len(numbers), len(frames), 2)), np.zeros((len(numbers), len(frames)), dtype=bool)
        for index, frame in enumerate(frames):
            kept = np.isin(frame.numbers, numbers)
            places = np.searchsorted(numbers, frame.numbers[kept])
            pixels[places, index], seen[places, index] = frame.pixels[kept], True
        return Observations(torch.from_numpy(pixels), torch.from_numpy(seen))

    def _filled_up(self, image: GrayImage, corners: _Corners) -> _Corners:
        """With new corners away from those that there are."""
        lacking = TRACKS_AT_MOST - len(corners.numbers)
        if lacking <= 0:
            return corners
        strength = cv2.cornerMinEigenVal(image, CORNER_BLOCK_PX)  # by the strongest of all, not only of the new ones
        free = (255 * (strength > CORNER_QUALITY * strength.max())).astype(np.uint8)
        for x, y in corners.pixels.round().astype(int).tolist():
            cv2.circle(free, (x, y), TRACK_DISTANCE_PX, 0, thickness=-1)
        new = cv2.goodFeaturesToTrack(
            image, lacking, CORNER_QUALITY, TRACK_DISTANCE_PX, mask=free, blockSize=CORNER_BLOCK_PX
        )
        if new is None:
            return corners
        numbers = np.arange(self._next_number, self._next_number + len(new))
        self._next_number += len(new)
        return _Corners(np.concatenate((corners.numbers, numbers)), np.concatenate((corners.pixels, new[:, 0])))
