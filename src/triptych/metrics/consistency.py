"""How well answers about several frames agree with each other: figures that need no truth."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.grid import pixel_grid, sample
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.round_trip import round_trip
from triptych.metrics.regions import region_mean


def flow_consistency(
    flow_target_to_source: Float[Tensor, "batch 2 height width"],
    flow_source_to_target: Float[Tensor, "batch 2 height width"],
) -> Float[Tensor, " batch"]:
    """Mean distance between each pixel and where the flow to the source and back leads it (px).

    Over the pixels whose match lies in the source's frame; what is hidden there counts too, and
    has no way back: of two networks the better one is at the smaller distance, but none is at 0.

    Args:
        flow_target_to_source: on the target grid (px).
        flow_source_to_target: on the source grid (px).

    Returns:
        Of each image; NaN where no match lies in the frame.

    Raises:
        TypeError: below float32.
    """
    trip = round_trip(flow_target_to_source, flow_source_to_target)
    return region_mean(trip.squared_gap.sqrt(), trip.inside)


def depth_consistency(
    depth_target: Float[Tensor, "batch 1 height width"],
    depth_source: Float[Tensor, "batch 1 height width"],
    intrinsics: Float[Tensor, "batch 3 3"],
    source_from_target: Float[Tensor, "batch 4 4"],
) -> Float[Tensor, " batch"]:
    """Mean relative difference of two frames' depths: |z - D_s| / (z + D_s), in [0, 1].

    z is the target's depth moved to the source's camera, D_s the source's depth where it
    lands (the geometric consistency of Bian et al., NeurIPS 2019). One scale for both: a scale
    that wavers between frames shows.

    Args:
        depth_target: on the target grid.
        depth_source: on the source grid, in the same unit.
        intrinsics: K of both (px).
        source_from_target: camera motion, in that unit.

    Returns:
        Of each image; NaN where nothing of the target lies in the source's frame.

    Raises:
        TypeError: below float32.
    """
    moved = rigid_flow(depth_target, intrinsics, source_from_target)
    height, width = depth_target.shape[-2:]
    grid = pixel_grid(height, width, dtype=depth_target.dtype, device=depth_target.device)
    seen = sample(depth_source, grid + moved.flow, padding="border")
    moved_depth = moved.depth_in_source
    difference = (moved_depth - seen).abs() / torch.where(moved.valid, moved_depth + seen, 1.0)
    return region_mean(difference, moved.valid)
