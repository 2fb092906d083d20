"""The flow that camera motion alone gives a static scene: eq. 4 of the paper."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.camera import NEAREST_DEPTH, inverse_intrinsics
from triptych.geometry.grid import in_frame
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
    x = torch.arange(width, dtype=depth.dtype, device=depth.device)
    y = torch.arange(height, dtype=depth.dtype, device=depth.device)[:, None]
    known = depth > NEAREST_DEPTH
    inverse_depth = torch.where(known, 1 / torch.where(known, depth, 1.0), 0.0)

    identity = torch.eye(3, dtype=depth.dtype, device=depth.device)
    turn = matrix_product(intrinsics, source_from_target[:, :3, :3] - identity)
    turn = matrix_product(turn, inverse_intrinsics(intrinsics))
    shift = matrix_product(intrinsics, source_from_target[:, :3, 3:])[..., None]
    of_x, of_y, of_1 = (column[..., None, None] for column in turn.unbind(-1))
    change = of_x * x + of_y * y + of_1 + shift * inverse_depth

    ratio = 1 + change[:, 2:3]
    nearest = (NEAREST_DEPTH * inverse_depth.detach()).clamp(min=NEAREST_RATIO)
    in_front = ratio > nearest
    divisor = torch.where(in_front, ratio, nearest)
    flow_x = (change[:, 0:1] - x * change[:, 2:3]) / divisor
    flow_y = (change[:, 1:2] - y * change[:, 2:3]) / divisor
    landing = torch.cat((x + flow_x, y + flow_y), dim=1).detach()
    return RigidFlow(
        flow=torch.cat((flow_x, flow_y), dim=1),
        depth_in_source=torch.where(known, depth, 0.0) * ratio,
        valid=known & in_front & in_frame(landing, height=height, width=width),
    )
