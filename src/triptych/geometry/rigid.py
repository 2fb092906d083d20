"""The flow that camera motion alone gives a static scene: eq. 4 of the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from triptych.geometry.camera import NEAREST_DEPTH, inverse_intrinsics
from triptych.geometry.grid import in_frame, pixel_grid
from triptych.geometry.precision import check_precision, matrix_product

# Depth in the source / depth in the target, below which a point infinitely far off
# counts as behind the camera (a rotation by 90 degrees takes it there).
NEAREST_RATIO = 1e-6


@dataclass(frozen=True)
class RigidFlow:
    """Where static points of the target appear in the source.

    Attributes:
        flow: p' - p (px), on the target grid; finite everywhere, meant where valid.
        depth_in_source: z of the target's points along the source's optical axis, in
            units of the depth; negative behind the source camera.
        valid: in front of both cameras, and p' within the source frame.
    """

    flow: Float[Tensor, "batch 2 height width"]
    depth_in_source: Float[Tensor, "batch 1 height width"]
    valid: Bool[Tensor, "batch 1 height width"]


def rigid_flow(
    depth: Float[Tensor, "batch 1 height width"],
    intrinsics: Float[Tensor, "batch 3 3"],
    source_from_target: Float[Tensor, "batch 4 4"],
) -> RigidFlow:
    """The flow of a static scene under depth and camera motion.

    Eq. 4 is p' ~ K (R D K^-1 p + t). Divided by D and with p taken off it reads
    p' ~ p + h + e / D, h = K (R - I) K^-1 p, e = K t, and the flow is

        p' - p = (h_xy - p h_z + (e_xy - p e_z) / D) / (1 + h_z + e_z / D):

    exactly 0 for the identity, free of the cancellation of p' - p for small motions,
    and defined at infinite depth, where only the rotation is seen.

    Args:
        depth: along the optical axis of the target. Not above NEAREST_DEPTH, or NaN, is
            no depth: not valid, the flow that of infinity.
        intrinsics: K of both frames (px).
        source_from_target: pose, in units of the depth.

    Returns:
        Flow, depth in the source, and where they are valid. Values and gradients are
        finite everywhere: a point behind the source camera counts as NEAREST_DEPTH
        before it, which sends it far out of the frame.

    Raises:
        TypeError: below float32.
    """
    check_precision(depth, intrinsics, source_from_target)
    height, width = depth.shape[-2:]
    identity = torch.eye(3, dtype=depth.dtype, device=depth.device)
    turn = matrix_product(intrinsics, source_from_target[:, :3, :3] - identity)
    turn = matrix_product(turn, inverse_intrinsics(intrinsics))
    shift = matrix_product(intrinsics, source_from_target[:, :3, 3:])
    flow, ratio, in_front = _MovedPixels.apply(depth, turn, shift[..., 0])
    known = depth > NEAREST_DEPTH
    landing = flow.detach() + pixel_grid(height, width, dtype=depth.dtype, device=depth.device)
    return RigidFlow(
        flow=flow,
        depth_in_source=torch.where(known, depth, 0.0) * ratio,
        valid=known & in_front & in_frame(landing, height=height, width=width),
    )


class _MovedPixels(torch.autograd.Function):
    """Flow, depth ratio and whether that is in front, from depth, h = turn p and e = shift.

    The gradient is written out: left to autograd, this function alone keeps and passes
    over some thirty maps of the size of an image.
    """

    @staticmethod
    def forward(ctx: Any, depth: Tensor, turn: Tensor, shift: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, y = _rows_and_columns(depth)
        inverse_depth = torch.where(depth > NEAREST_DEPTH, 1 / depth, 0.0)
        of_x, of_y, of_1 = (column[..., None, None] for column in turn.unbind(-1))
        change = of_x * x + (of_y * y + of_1)
        change.addcmul_(shift[..., None, None], inverse_depth)
        ratio = 1 + change[:, 2:]
        nearest = (NEAREST_DEPTH * inverse_depth).clamp_(min=NEAREST_RATIO)
        in_front = ratio > nearest
        divisor = torch.where(in_front, ratio, nearest)
        flow = torch.cat((change[:, :1] - x * change[:, 2:], change[:, 1:2] - y * change[:, 2:]), dim=1).div_(divisor)
        ctx.mark_non_differentiable(in_front)
        ctx.save_for_backward(inverse_depth, shift, divisor, in_front, flow)
        return flow, ratio, in_front

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, of_flow: Tensor, of_ratio: Tensor, _: object
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        inverse_depth, shift, divisor, in_front, flow = ctx.saved_tensors
        x, y = _rows_and_columns(divisor)
        by_numerator = of_flow / divisor
        by_divisor = (by_numerator * flow).sum(1, keepdim=True).neg_()
        by_z = torch.where(in_front, by_divisor, 0.0).add_(of_ratio)
        by_z.addcmul_(by_numerator[:, :1], x, value=-1).addcmul_(by_numerator[:, 1:], y, value=-1)
        by_change = torch.cat((by_numerator, by_z), dim=1)
        of_depth = of_turn = of_shift = None
        if ctx.needs_input_grad[0]:
            by_inverse = (by_change * shift[..., None, None]).sum(1, keepdim=True)
            of_depth = by_inverse.mul_(inverse_depth).mul_(inverse_depth).neg_()
        if ctx.needs_input_grad[1]:
            of_columns, of_rows = by_change.sum(-2), by_change.sum(-1)
            by_x, by_y = (of_columns * x).sum(-1), (of_rows * y[:, 0]).sum(-1)
            of_turn = torch.stack((by_x, by_y, of_rows.sum(-1)), dim=-1)
        if ctx.needs_input_grad[2]:
            of_shift = (by_change * inverse_depth).sum((2, 3))
        return of_depth, of_turn, of_shift


def _rows_and_columns(image: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of the pixels, x (W) and y (H, 1)."""
    height, width = image.shape[-2:]
    x = torch.arange(width, dtype=image.dtype, device=image.device)
    return x, torch.arange(height, dtype=image.dtype, device=image.device)[:, None]
