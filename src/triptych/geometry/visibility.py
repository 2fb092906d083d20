"""Which target pixels are seen in the source, told from flow: eq. 1 of the paper.

Polarity: 1 or True where the pixel is visible, never the other way round.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.grid import pixel_grid
from triptych.geometry.precision import check_precision
from triptych.geometry.round_trip import round_trip

# Sundaram, Brox and Keutzer, "Dense point trajectories by GPU-accelerated large
# displacement optical flow", ECCV 2010: share of the squared lengths, and px^2.
CONSISTENCY_RELATIVE = 0.01
CONSISTENCY_ABSOLUTE = 0.5

GAP_PX = 3.0  # between a pixel and the end of its way to the source and back, at which it is as likely hidden as seen

MARGIN = 2  # px around the frame: a point beyond it touches two columns and two rows there


@torch.no_grad()
def range_map(
    flow_source_to_target: Float[Tensor, "batch 2 height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """How many source pixels land on each target pixel: eq. 1.

    Ones splatted along the flow with bilinear weights, onto a frame with a margin that
    takes what falls outside: no mask is needed, and whole displacements are exact, which
    the backward pass of `grid_sample` (the same sums, no faster) is not in float32.

    Args:
        flow_source_to_target: the backward flow, on the source grid (px). What leaves
            the frame, or is NaN, lands nowhere.

    Returns:
        R on the target grid, without gradient: 1 everywhere for zero flow; it sums to
        H W while every landing point stays in the frame.

    Raises:
        TypeError: below float32.
    """
    check_precision(flow_source_to_target)
    batch, _, height, width = flow_source_to_target.shape
    grid = pixel_grid(height, width, dtype=flow_source_to_target.dtype, device=flow_source_to_target.device)
    x, y = (grid + flow_source_to_target).nan_to_num(nan=-MARGIN).flatten(2).unbind(1)
    left, top = x.floor(), y.floor()
    x, y = x - left, y - top
    column = left.clamp(-MARGIN, width).long() + MARGIN
    row = top.clamp(-MARGIN, height).long() + MARGIN
    stride = width + 2 * MARGIN
    cell = row * stride + column
    counts = x.new_zeros((batch, (height + 2 * MARGIN) * stride))
    counts.scatter_add_(1, cell, (1 - x) * (1 - y))
    counts.scatter_add_(1, cell + 1, x * (1 - y))
    counts.scatter_add_(1, cell + stride, (1 - x) * y)
    counts.scatter_add_(1, cell + stride + 1, x * y)
    counts = counts.view(batch, 1, height + 2 * MARGIN, stride)
    return counts[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN].contiguous()


def range_visibility(
    flow_source_to_target: Float[Tensor, "batch 2 height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """Soft visibility of target pixels in the source: min(1, R), eq. 1.

    A target pixel on which no source pixel lands is occluded in the source, or out of
    its view.

    Args:
        flow_source_to_target: the backward flow, on the source grid (px).

    Returns:
        In [0, 1] on the target grid, 1 = visible, without gradient.

    Raises:
        TypeError: below float32.
    """
    return range_map(flow_source_to_target).clamp(max=1)


@torch.no_grad()
def forward_backward_visibility(
    flow_target_to_source: Float[Tensor, "batch 2 height width"],
    flow_source_to_target: Float[Tensor, "batch 2 height width"],
    *,
    relative: float = CONSISTENCY_RELATIVE,
    absolute: float = CONSISTENCY_ABSOLUTE,
) -> Bool[Tensor, "batch 1 height width"]:
    """True where going to the source and back returns to the same pixel.

    |f(p) + b(p + f(p))|^2 < relative (|f|^2 + |b|^2) + absolute, with p + f(p) in frame.

    Args:
        flow_target_to_source: f, on the target grid (px).
        flow_source_to_target: b, on the source grid (px).
        relative: share of the squared lengths that is allowed.
        absolute: allowed besides (px^2).

    Returns:
        Visibility on the target grid, without gradient; False out of frame and for NaN.

    Raises:
        TypeError: below float32.
    """
    check_precision(flow_target_to_source, flow_source_to_target)
    trip = round_trip(flow_target_to_source, flow_source_to_target)
    lengths = (flow_target_to_source.square() + trip.back.square()).sum(1, keepdim=True)
    return (trip.squared_gap < relative * lengths + absolute) & trip.inside


@torch.no_grad()
def two_way_visibility(
    flow_target_to_source: Float[Tensor, "batch 2 height width"],
    flow_source_to_target: Float[Tensor, "batch 2 height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """Soft visibility of target pixels in the source, by both flows.

    The least of min(1, R), eq. 1, and 2^-(g / 3 px)^2, where g is the distance between
    the pixel and the end of its way to the source and back; 0 where that leaves the
    frame. The range map alone takes a hidden pixel for seen where anything lands, such
    as a flow that was guessed for what only the source sees.

    Args:
        flow_target_to_source: f, on the target grid (px).
        flow_source_to_target: b, on the source grid (px).

    Returns:
        In [0, 1] on the target grid, 1 = visible, without gradient; 0 for NaN.

    Raises:
        TypeError: below float32.
    """
    trip = round_trip(flow_target_to_source, flow_source_to_target)
    returning = torch.exp2(-trip.squared_gap / GAP_PX**2).where(trip.inside, 0.0).nan_to_num(nan=0.0)
    return torch.minimum(range_visibility(flow_source_to_target), returning)
