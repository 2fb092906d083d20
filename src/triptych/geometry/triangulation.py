"""How far static points are, from their flow and the camera's motion: eq. 4 solved for the depth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.camera import inverse_intrinsics
from triptych.geometry.precision import check_precision, matrix_product

# Squared length (px^2 per unit of inverse depth) added to the divisor: at the epipole and
# without translation no inverse depth changes the flow, and 0 is returned.
LEAST_SQUARED_PULL = 1e-12
NEAREST_RATIO = 1e-6


@dataclass(frozen=True)
class Triangulation:
    """Inverse depths that explain a flow best.

    Attributes:
        inverse_depth: 1 / depth, in 1 / units of the translation; negative where the flow
            runs against the camera's motion, which no static point's does.
        parallax: how far (px) the point's image moves per relative change of its depth, which
            is about how far the translation moves it; 0 at the epipole, and for what would
            be behind the source camera. An error of 1 px in
            the flow is a relative error of 1 / parallax in the depth.
    """

    inverse_depth: Float[Tensor, "batch 1 height width"]
    parallax: Float[Tensor, "batch 1 height width"]


def triangulated(
    flow: Float[Tensor, "batch 2 height width"],
    intrinsics: Float[Tensor, "batch 3 3"],
    source_from_target: Float[Tensor, "batch 4 4"],
) -> Triangulation:
    """Inverse depth of each target pixel under a flow and a camera motion.

    With h = K (R - I) K^-1 p and e = K t as in `rigid_flow`, a match o = p + flow asks
    `(e_xy - o e_z) / D = flow (1 + h_z) + p h_z - h_xy`: two equations for 1 / D, whose
    least squares weigh errors of the match in pixels. The part of the flow across the
    epipolar line is left over (`epipolar_distance` measures it).

    Args:
        flow: from target to source (px).
        intrinsics: K of both frames (px).
        source_from_target: pose.

    Returns:
        Inverse depth and parallax, finite everywhere.

    Raises:
        TypeError: below float32.
    """
    check_precision(flow, intrinsics, source_from_target)
    height, width = flow.shape[-2:]
    x = torch.arange(width, dtype=flow.dtype, device=flow.device)
    y = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None]
    identity = torch.eye(3, dtype=flow.dtype, device=flow.device)
    turn = matrix_product(intrinsics, source_from_target[:, :3, :3] - identity)
    turn = matrix_product(turn, inverse_intrinsics(intrinsics))
    shift_x, shift_y, shift_z = matrix_product(intrinsics, source_from_target[:, :3, 3:])[..., None].unbind(1)
    of_x, of_y, of_1 = (column[..., None, None] for column in turn.unbind(-1))
    turned = of_x * x + of_y * y + of_1
    flow_x, flow_y = flow[:, 0], flow[:, 1]
    ratio = 1 + turned[:, 2]
    wanted_x = flow_x * ratio + x * turned[:, 2] - turned[:, 0]
    wanted_y = flow_y * ratio + y * turned[:, 2] - turned[:, 1]
    pull_x, pull_y = shift_x - (x + flow_x) * shift_z, shift_y - (y + flow_y) * shift_z
    squared_pull = pull_x.square() + pull_y.square()
    inverse_depth = (wanted_x * pull_x + wanted_y * pull_y) / (squared_pull + LEAST_SQUARED_PULL)
    in_source = ratio + inverse_depth * shift_z
    in_front = in_source > NEAREST_RATIO
    parallax = inverse_depth.abs() * squared_pull.sqrt() / torch.where(in_front, in_source, 1.0)
    parallax = torch.where(in_front, parallax, 0.0)
    return Triangulation(inverse_depth.unsqueeze(1), parallax.unsqueeze(1))
