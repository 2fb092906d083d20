"""Epipolar errors of flow and rigid flow (eq. 6), their gates (eq. 5) and means.

Maps of pairs are (batch, 1, sources, 1, height, width): the axis of length 1 is that of
depth levels, of which epipolar errors use the finest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.epipolar import epipolar_distance, fundamental_from_flow, fundamental_matrix
from triptych.geometry.grid import pixel_grid
from triptych.geometry.pose import inverse_transform
from triptych.losses.means import MaskNormalization, masked_mean
from triptych.losses.weights import cross_gate, lowest

EpipolarKind = Literal["line", "sampson"]
FundamentalOrigin = Literal["pose", "inverse_pose", "flow"]
EpipolarRule = Literal["cross_weighted", "minimum", "none"]


@dataclass(frozen=True)
class Poses:
    """Poses predicted for (target, source), and for (source, target) if that was run."""

    source_from_target: Float[Tensor, "batch sources 4 4"]
    target_from_source: Float[Tensor, "batch sources 4 4"] | None = None


@dataclass(frozen=True)
class EpipolarErrors:
    """Distances to epipolar lines (px), eq. 6.

    Attributes:
        flow: L_Eo, of the optical flow under the predicted pose; gradient to both.
        rigid: L_Ed, of the rigid flow under a fundamental matrix from elsewhere.
        negligible_motion: True where the lines or the match say nothing, for want of
            camera translation or of flow.
    """

    flow: Float[Tensor, "batch 1 sources 1 height width"]
    rigid: Float[Tensor, "batch 1 sources 1 height width"]
    negligible_motion: Bool[Tensor, "batch 1 sources 1 height width"]


def epipolar_errors(
    flow: Float[Tensor, "batch sources 2 height width"],
    rigid: Float[Tensor, "batch sources 2 height width"],
    intrinsics: Float[Tensor, "batch 3 3"],
    poses: Poses,
    visibility: Float[Tensor, "batch sources 1 height width"],
    *,
    mean_inverse_depth: Float[Tensor, " batch"],
    fundamental: FundamentalOrigin,
    kind: EpipolarKind,
    minimum_motion_px: float,
) -> EpipolarErrors:
    """Epipolar distances of flow and rigid flow, eq. 6 in pixels.

    The rigid flow lies on the epipolar lines of its own pose for every depth, so with
    `fundamental="pose"`, the letter of the paper, L_Ed is identically zero and is
    returned as such; `inverse_pose` and `flow` give it a meaning.

    Args:
        flow: optical flow, target to source (px).
        rigid: flow of the static scene under depth and pose (px).
        intrinsics: K (px).
        poses: predicted; those of the pairs give the F of L_Eo, those of the reversed
            pairs are needed for `inverse_pose`.
        visibility: weights of the fit for `flow`, 1 where the target pixel is seen.
        mean_inverse_depth: mean of 1 / depth over the image.
        fundamental: where the F of L_Ed comes from.
        kind: distance to the line, or Sampson's.
        minimum_motion_px: flow, and mean motion of the image by the translation alone
            (`focal length * |t| * mean(1 / depth)`), below which motion is negligible.

    Raises:
        ValueError: `inverse_pose` without the reversed poses.
    """
    batch, sources, _, height, width = flow.shape
    grid = pixel_grid(height, width, dtype=flow.dtype, device=flow.device).expand(batch * sources, -1, -1, -1)
    camera = intrinsics.unsqueeze(1).expand(-1, sources, -1, -1).flatten(0, 1)
    own = fundamental_matrix(poses.source_from_target.flatten(0, 1), camera)
    flow_distance = epipolar_distance(grid, grid + flow.flatten(0, 1), own, kind=kind)
    if fundamental == "pose":
        rigid_distance = torch.zeros_like(flow_distance)
    else:
        if fundamental == "flow":
            other = fundamental_from_flow(flow.detach().flatten(0, 1), visibility.detach().flatten(0, 1))
        else:
            other = fundamental_matrix(_source_from_target_by_reversal(poses), camera)
        rigid_distance = epipolar_distance(grid, grid + rigid.flatten(0, 1), other, kind=kind)
    translation = poses.source_from_target.detach()[..., :3, 3].norm(dim=-1)
    parallax_px = intrinsics[:, :1, 0] * translation * mean_inverse_depth.detach().unsqueeze(1)
    still_camera = (parallax_px < minimum_motion_px).view(batch, sources, 1, 1, 1)
    still_pixel = flow.detach().square().sum(dim=2, keepdim=True) < minimum_motion_px**2
    shape = (batch, 1, sources, 1, height, width)
    return EpipolarErrors(
        flow_distance.view(shape), rigid_distance.view(shape), (still_camera | still_pixel).view(shape)
    )


def _source_from_target_by_reversal(poses: Poses) -> Float[Tensor, "joined 4 4"]:
    if poses.target_from_source is None:
        msg = "fundamental='inverse_pose' needs the poses of the reversed pairs: estimate target_from_source"
        raise ValueError(msg)
    return inverse_transform(poses.target_from_source.flatten(0, 1))


def epipolar_gates(
    errors: EpipolarErrors, *, tau: float
) -> tuple[
    Float[Tensor, "batch 1 sources 1 height width"],
    Float[Tensor, "batch 1 sources 1 height width"],
]:
    """The gates (w_Eo, w_Ed) of eq. 5 on epipolar distances; open where motion is negligible."""
    free = errors.negligible_motion
    of_flow = cross_gate(errors.flow, errors.rigid, tau=tau)
    of_rigid = cross_gate(errors.rigid, errors.flow, tau=tau)
    return of_flow.masked_fill(free, 1.0), of_rigid.masked_fill(free, 1.0)


def epipolar_means(
    errors: EpipolarErrors,
    *,
    weight_of_flow: Float[Tensor, "batch 1 sources 1 height width"],
    weight_of_rigid: Float[Tensor, "batch 1 sources 1 height width"],
    rule: EpipolarRule,
    normalization: MaskNormalization = "kept",
    source_choices: int = 1,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The means (of L_Eo, of L_Ed), not yet times their factors.

    `cross_weighted` follows eq. 7, where L_Eo stands in the gated bracket of depth and
    L_Ed in that of flow. `minimum` takes at each pixel the source with the lowest
    distance among those seen.

    Args:
        errors: the distances.
        weight_of_flow: of L_Eo: the depth side's (`cross_weighted`), or where flow is visible.
        weight_of_rigid: of L_Ed: the flow side's (`cross_weighted`), or where depth is valid.
        rule: `none` is answered by not calling this.
        normalization: by the weights, or by all pixels of all sources, of which `minimum`
            counts one, since it keeps one.
        source_choices: of how many sources the weight of L_Eo keeps one already.
    """
    choices = (source_choices, 1)
    if rule == "minimum":
        choices = (errors.flow.shape[2], errors.rigid.shape[2])
        weight_of_flow = weight_of_flow * lowest(errors.flow, weight_of_flow, dim=2)
        weight_of_rigid = weight_of_rigid * lowest(errors.rigid, weight_of_rigid, dim=2)
    return (
        masked_mean(errors.flow, weight_of_flow, normalization=normalization, choices=choices[0]),
        masked_mean(errors.rigid, weight_of_rigid, normalization=normalization, choices=choices[1]),
    )
