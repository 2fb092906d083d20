"""Learned flow brought to the last tenth of a pixel by the images themselves.

A flow network that learned for minutes is right to a pixel, and its errors lean one way
over whole surfaces. That is a good start for classical searches, which only look nearby.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

GrayImage = NDArray[np.uint8]

CORNERS_AT_MOST = 2000
CORNER_QUALITY = 0.002  # of the strongest corner: also the weak ones of a road surface
CORNER_DISTANCE_PX = 3
TRACKING_WINDOW_PX = 9
TRACKING_LEVELS = 1  # half size first: reaches some 8 px
TRACKING_ITERATIONS, TRACKING_STEP_PX = 30, 0.003
ROUND_TRIP_PX = 0.5

FIXED_POINT_ITERATIONS = 5  # of the variational refinement, OpenCV's default
WARPS = 5
SHRINKS = (2, 1)


@dataclass(frozen=True)
class Matches:
    """Points of a target and of a source that show the same.

    Attributes:
        target: homogeneous pixels in columns, in float64.
        source: the same.
    """

    target: Float[Tensor, "3 points"]
    source: Float[Tensor, "3 points"]


def gray_image(image: UInt8[Tensor, "3 height width"]) -> GrayImage:
    """The luma of an RGB image."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy()), cv2.COLOR_RGB2GRAY))


def tracked_matches(
    target: UInt8[Tensor, "3 height width"],
    source: UInt8[Tensor, "3 height width"],
    flow: Float[Tensor, "2 height width"],
) -> Matches:
    """The target's corners found in the source by Lucas and Kanade's search around where a flow leads.

    Args:
        target: RGB.
        source: RGB.
        flow: from target to source (px), right to a few pixels.

    Returns:
        The corners that come back to their place when tracked back, within the frame.
    """
    before, after = gray_image(target), gray_image(source)
    corners = cv2.goodFeaturesToTrack(before, CORNERS_AT_MOST, CORNER_QUALITY, CORNER_DISTANCE_PX)
    if corners is None:
        return Matches(torch.ones(3, 0).double(), torch.ones(3, 0).double())
    start = corners[:, 0]
    end, found = followed(before, after, start, flow)
    return Matches(_homogeneous(start[found]), _homogeneous(end[found]))


def followed(
    before: GrayImage, after: GrayImage, start: NDArray[np.float32], flow: Float[Tensor, "2 height width"]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where points of an image are found in the next by Lucas and Kanade's search around where a flow leads.

    Args:
        before: the image.
        after: the next.
        start: points within the image, a row each (px).
        flow: from the image to the next (px), right to a few pixels.

    Returns:
        The places (px), and whether a point is found: within the frame, and back at its place when tracked back.
    """
    if not len(start):
        return start, np.zeros(0, dtype=np.bool_)
    height, width = before.shape
    columns, rows = start.round().astype(int).T
    guess = start + flow.detach().cpu().float().numpy()[:, rows, columns].T
    end, found = _tracked(before, after, start, guess)
    back, found_back = _tracked(after, before, end, start)
    inside = (end >= 0).all(1) & (end <= (width - 1, height - 1)).all(1)
    kept: NDArray[np.bool_] = found & found_back & inside & (np.abs(back - start).max(1) < ROUND_TRIP_PX)
    return end, kept


def _tracked(
    target: GrayImage, source: GrayImage, start: NDArray[np.float32], guess: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    end, found, _ = cv2.calcOpticalFlowPyrLK(
        target,
        source,
        start,
        guess.astype(np.float32),
        winSize=(TRACKING_WINDOW_PX, TRACKING_WINDOW_PX),
        maxLevel=TRACKING_LEVELS,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, TRACKING_ITERATIONS, TRACKING_STEP_PX),
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return end, found[:, 0] > 0


def _homogeneous(points: NDArray[np.float32]) -> Float[Tensor, "3 points"]:
    pixels = torch.from_numpy(points.T.astype(np.float64))
    return torch.cat((pixels, torch.ones_like(pixels[:1])))


def variational_flow(
    target: UInt8[Tensor, "3 height width"],
    source: UInt8[Tensor, "3 height width"],
    flow: Float[Tensor, "2 height width"],
) -> Float[Tensor, "2 height width"]:
    """The flow of least variational energy near a flow (Brox et al. 2004; OpenCV's solver).

    Brightness and gradient constancy with a smoothness that lets go at edges. OpenCV
    linearizes the images once a call, so it is called `WARPS` times, on half-size images
    and then on the images themselves: errors of a few pixels are halved.

    Args:
        target: RGB.
        source: RGB.
        flow: from target to source (px).
    """
    refinement = cv2.VariationalRefinement.create()
    refinement.setFixedPointIterations(FIXED_POINT_ITERATIONS)
    height, width = target.shape[-2:]
    images = gray_image(target), gray_image(source)
    refined = np.ascontiguousarray(flow.detach().cpu().float().permute(1, 2, 0).numpy())
    for shrink in SHRINKS:
        size = (max(width // shrink, 1), max(height // shrink, 1))
        scale = np.array((size[0] / width, size[1] / height), dtype=np.float32)
        small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
        start = cv2.resize(refined, size, interpolation=cv2.INTER_AREA) * scale
        end = start.copy()
        for _ in range(WARPS):
            end = refinement.calc(small[0], small[1], end)
        # Only the change comes back, so that the flow's own detail stays.
        refined = refined + cv2.resize((end - start) / scale, (width, height), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(refined).permute(2, 0, 1).contiguous()
