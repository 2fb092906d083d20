"""What moves by itself, and whether the camera moves at all, judged from flow.

Both answers rest on the optical flow: an object that moves by itself leaves the flow
that depth and camera motion predict for a static scene; a camera that stands still
leaves most of the picture where it was.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.epipolar import epipolar_distance, fundamental_matrix
from triptych.geometry.grid import in_frame, pixel_grid
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.warp import warped
from triptych.inference.matches import Matches
from triptych.losses.photometric import photometric_errors

# Thresholds are shares of the picture's width, so that they hold at any size; why these
# tests is told in docs/decisions/0005.
EPIPOLAR_SHARE = 0.005  # 1.6 px at 320
EPIPOLAR_OF_FLOW = 0.10
RESIDUAL_SHARE = 0.010  # 3.2 px at 320
RESIDUAL_OF_FLOW = 0.35
STILL_SHARE = 0.0012  # 0.4 px at 320
FEWEST_MATCHES = 50
COMPARED_PX = 5  # side of the window over which two explanations are compared
TEXTURED_QUANTILE = 0.6  # the share of pixels too smooth for their flow to be trusted


def camera_is_still(
    flow: Float[Tensor, "batch 2 height width"], image: Float[Tensor, "batch 3 height width"]
) -> Bool[Tensor, " batch"]:
    """Whether the camera stands still between two frames.

    True where the median length of the flow, over the pixels with the strongest image
    gradient, is below 0.12 % of the width: a camera in motion moves nearly all of the
    picture, a moving car only its own part of it.

    Args:
        flow: optical flow from the frame to the next (px).
        image: the frame, in [0, 1].
    """
    width = flow.shape[-1]
    gray = image.mean(1, keepdim=True)
    gradient = torch.zeros_like(gray)
    gradient[..., :, 1:] += (gray[..., :, 1:] - gray[..., :, :-1]).abs()
    gradient[..., 1:, :] += (gray[..., 1:, :] - gray[..., :-1, :]).abs()
    threshold = gradient.flatten(1).quantile(TEXTURED_QUANTILE, dim=1).view(-1, 1, 1, 1)
    textured = (gradient >= threshold) & (gradient > 0)
    length = flow.norm(dim=1, keepdim=True).masked_fill(~textured, torch.nan)
    still: Tensor = length.flatten(1).nanmedian(dim=1).values < STILL_SHARE * width
    return still


def matches_are_still(matches: Matches, *, width: int) -> bool:
    """Whether the camera stands still between two frames, by their matches.

    True where half of the matches or more move by less than 0.12 % of the width. A flow
    network that learned from a moving camera alone sees motion where there is none;
    tracked corners do not.

    Args:
        matches: those tracked.
        width: of the frames (px).
    """
    lengths = (matches.source - matches.target).norm(dim=0)
    return len(lengths) >= FEWEST_MATCHES and float(lengths.median()) < STILL_SHARE * width


def moving_pixels(
    flow: Float[Tensor, "batch 2 height width"],
    depth: Float[Tensor, "batch 1 height width"],
    intrinsics: Float[Tensor, "batch 3 3"],
    next_from_current: Float[Tensor, "batch 4 4"],
) -> Bool[Tensor, "batch 1 height width"]:
    """Pixels whose flow a static scene cannot explain.

    A pixel moves by itself where its match lies off the epipolar line of the camera's
    motion, which no depth can mend, or where it is far from the rigid flow, which a
    depth error of a third cannot mend. Under a camera that stands still (an identity
    pose) there are no epipolar lines and the rigid flow is zero: the second test alone
    decides. What leaves the frame has no match that could be off.

    Args:
        flow: optical flow from the frame to the next (px).
        depth: of the frame, in the units of the translation.
        intrinsics: K (px).
        next_from_current: camera motion to the next frame.
    """
    height, width = flow.shape[-2:]
    rigid = rigid_flow(depth, intrinsics, next_from_current)
    grid = pixel_grid(height, width, dtype=flow.dtype, device=flow.device).expand_as(flow)
    distance = epipolar_distance(grid, grid + flow, fundamental_matrix(next_from_current, intrinsics))
    length = flow.norm(dim=1, keepdim=True)
    off_line = distance > EPIPOLAR_SHARE * width + EPIPOLAR_OF_FLOW * length
    residual = (flow - rigid.flow).norm(dim=1, keepdim=True)
    longest = torch.maximum(length, rigid.flow.norm(dim=1, keepdim=True))
    off_rigid = residual > RESIDUAL_SHARE * width + RESIDUAL_OF_FLOW * longest
    landing = in_frame(grid + flow, height=height, width=width)
    moving: Tensor = (off_line | off_rigid) & landing
    return moving


def carried_motion(
    moving: Bool[Tensor, "height width"], flow: Float[Tensor, "2 height width"]
) -> Bool[Tensor, "height width"]:
    """Where the pixels that move by themselves stand in the next frame, each carried on by its flow.

    What comes nearer has gaps there, which `grown_motion` closes; what leaves the frame is gone.

    Args:
        moving: True where something moves by itself.
        flow: optical flow from the frame to the next (px).
    """
    height, width = moving.shape
    row, column = moving.nonzero().unbind(1)
    x = (column + flow[0, row, column]).round().long()
    y = (row + flow[1, row, column]).round().long()
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    landed = torch.zeros_like(moving)
    landed[y[inside], x[inside]] = True
    return landed


def grown_motion(moving: Bool[Tensor, "height width"]) -> Bool[Tensor, "height width"]:
    """A pixel wider all around: the rim of a moving thing belongs to it."""
    grown: Tensor = F.max_pool2d(moving.float()[None], 3, stride=1, padding=1)[0] > 0
    return grown


def matched_better(
    image: Float[Tensor, "batch 3 height width"],
    following: Float[Tensor, "batch 3 height width"],
    flow: Float[Tensor, "batch 2 height width"],
    rigid: Float[Tensor, "batch 2 height width"],
) -> Bool[Tensor, "batch 1 height width"]:
    """Where the next frame explains a frame better by its flow than by the static scene.

    What moves by itself is told from a match, and matches can be wrong: where the static
    scene explains the picture at least as well, nothing needs to move. The cross weights
    of eq. 5 compare the same two errors.

    Args:
        image: the frame, in [0, 1].
        following: the next.
        flow: the match (px).
        rigid: flow of the static scene (px).
    """
    pairs = torch.stack([warped(following, one, padding="border")[0] for one in (flow, rigid)], dim=1)
    errors = photometric_errors(image, pairs)
    size = 2 * (COMPARED_PX // 2) + 1
    near = F.avg_pool2d(errors.flatten(0, 1), size, stride=1, padding=size // 2, count_include_pad=False)
    of_flow, of_rigid = torch.unflatten(near, 0, errors.shape[:2]).unbind(1)
    better: Tensor = of_flow < of_rigid
    return better
