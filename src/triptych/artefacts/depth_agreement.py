"""Which pixels' depth is told alike by another frame, or by their own neighborhood."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.grid import pixel_grid, sample
from triptych.geometry.rigid import rigid_flow

BEND_AT_MOST = 0.05
"""Second difference of inverse depth, as a share of it: nought on a plane, the step's height at an edge."""


def seen_alike(
    depth: Float[Tensor, "height width"],
    other_depth: Float[Tensor, "height width"],
    intrinsics: Float[Tensor, "3 3"],
    other_from_this: Float[Tensor, "4 4"],
    *,
    tolerance: float,
) -> tuple[Bool[Tensor, "height width"], Bool[Tensor, "height width"]]:
    """Which pixels another frame has in view, and which of them it gives the same depth.

    Args:
        depth: of this frame, along the optical axis.
        other_depth: of the other frame, in the same unit.
        intrinsics: K of both (px).
        other_from_this: maps points of this camera to the other.
        tolerance: how far the two may be apart, as a share of the depth.

    Returns:
        (in view, alike): a point behind what the other frame sees is in view and not alike.
    """
    moved = rigid_flow(depth[None, None], intrinsics[None], other_from_this.to(depth)[None])
    height, width = depth.shape
    landing = pixel_grid(height, width, dtype=depth.dtype) + moved.flow
    there = sample(other_depth[None, None], landing, padding="border")
    near = (there - moved.depth_in_source).abs() <= tolerance * moved.depth_in_source
    return moved.valid[0, 0], (moved.valid & near)[0, 0]


def bent(depth: Float[Tensor, "height width"]) -> Bool[Tensor, "height width"]:
    """True at the edges of things, where a depth map has pixels that hang between front and back.

    There inverse depth bends along a row or a column by more than `BEND_AT_MOST` of itself;
    on a plane, however steep, it does not.
    """
    inverse = 1 / depth.clamp(min=torch.finfo(depth.dtype).tiny)
    bend = torch.zeros_like(depth)
    bend[:, 1:-1] = (inverse[:, :-2] - 2 * inverse[:, 1:-1] + inverse[:, 2:]).abs()
    down = (inverse[:-2] - 2 * inverse[1:-1] + inverse[2:]).abs()
    bend[1:-1] = torch.maximum(bend[1:-1], down)
    return bend > BEND_AT_MOST * inverse
