"""Imitation of classical answers at the beginning of a stage.

The photometric error of eq. 2 tells an untrained network little: beyond a pixel or two
from the true match it is as good as random, and a short training never leaves that
plateau. Descent on epipolar distances (eq. 6) likewise ends in whatever motion lies
nearest. Classical solvers need no label either and have no such neighborhood. For the
beginning of a stage the networks imitate them, with a weight that fades to nothing;
then the equations alone decide. docs/decisions/0004 has the measurements.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.losses.means import masked_mean
from triptych.types import FlowEstimate

FLOW_WEIGHT = 0.05  # 1 / px: several times eq. 2's share until the flow is right to a few pixels
ROBUSTNESS_PX = 0.1
ROTATION_WEIGHT = 10.0  # 1 / rad: a hundredth of a radian counts as much as 26 degrees of direction
STANDSTILL = 1e-4  # translations shorter than this have no direction yet
DEPTH_WEIGHT = 0.5
LEAST_TRUST = 1e-6


def flow_imitation(
    estimate: FlowEstimate,
    teacher: Float[Tensor, "joined 2 height width"],
    trust: Float[Tensor, "joined 1 height width"],
) -> Float[Tensor, ""]:
    """Mean robust distance to the teacher over the flow and all levels of the pyramid.

    Args:
        estimate: of the flow network.
        teacher: flow to imitate (px).
        trust: weight of each of its pixels.

    Returns:
        A scalar without unit, `FLOW_WEIGHT` times the distance in full-size pixels.
    """
    height, width = teacher.shape[-2:]
    losses = []
    for level in (estimate.flow, *estimate.levels):
        rows, columns = level.shape[-2:]
        scale = level.new_tensor([width / columns, height / rows]).view(1, 2, 1, 1)
        weight = F.interpolate(trust, (rows, columns), mode="area")
        goal = F.interpolate(teacher * trust, (rows, columns), mode="area") / weight.clamp_min(LEAST_TRUST)
        squared = (level.float() * scale - goal).square().sum(1, keepdim=True)
        losses.append(masked_mean((squared + ROBUSTNESS_PX**2).sqrt(), weight))
    return FLOW_WEIGHT * torch.stack(losses).mean()


def pose_imitation(
    source_from_target: Float[Tensor, "joined 4 4"],
    teacher: Float[Tensor, "joined 4 4"],
    trust: Float[Tensor, " joined"],
) -> Float[Tensor, ""]:
    """Mean distance of rotations and of directions of translation, weighted by trust.

    Args:
        source_from_target: predicted poses.
        teacher: motions to imitate, with a translation of length 1; the predicted length stays free.
        trust: weight of each.

    Returns:
        `10 * angle (rad, chordal) + 1 - cos(angle between directions)`; 0 where nothing is trusted.
    """
    rotation, translation = source_from_target[:, :3, :3], source_from_target[:, :3, 3]
    # |R - R'|_F = 2 sqrt(2) sin(angle / 2)
    chord = (rotation - teacher[:, :3, :3]).square().sum(dim=(1, 2)).clamp_min(1e-12).sqrt() / 2**0.5
    length = translation.square().sum(dim=1).add(STANDSTILL**2).sqrt()
    cosine = (translation * teacher[:, :3, 3]).sum(dim=1) / length
    return masked_mean(ROTATION_WEIGHT * chord + 1 - cosine, trust)


def depth_imitation(
    depth: Float[Tensor, "batch 1 height width"],
    inverse_depth: Float[Tensor, "batch 1 height width"],
    trust: Float[Tensor, "batch 1 height width"],
) -> Float[Tensor, ""]:
    """Mean absolute difference of the logarithms of two depths, but for one factor an image.

    Args:
        depth: predicted.
        inverse_depth: to imitate; its scale is of no account.
        trust: weight of each pixel.

    Returns:
        A scalar without unit, `DEPTH_WEIGHT` times the mean; 0 where nothing is trusted. The
        factor that is taken out, without gradient, is the median over the pixels of some trust.
    """
    difference = depth.log() + inverse_depth.log()
    with torch.no_grad():
        known = torch.where(trust > 0, difference, torch.nan).flatten(1)
        factor = known.nanmedian(dim=1).values.nan_to_num().view(-1, 1, 1, 1)
    return DEPTH_WEIGHT * masked_mean((difference - factor).abs(), trust)
