"""Trajectories brought together before they are compared.

Trajectories are camera_to_world (N, 4, 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.precision import check_precision, matrix_product

Alignment = Literal["none", "scale", "6dof", "7dof"]


@dataclass(frozen=True)
class Similarity:
    """x to scale * rotation x + translation."""

    scale: Float[Tensor, ""]
    rotation: Float[Tensor, "3 3"]
    translation: Float[Tensor, "3"]

    def moved(self, points: Float[Tensor, "points 3"]) -> Float[Tensor, "points 3"]:
        """The points after it."""
        return self.scale * matrix_product(points, self.rotation.mT) + self.translation


def umeyama(source: Float[Tensor, "points 3"], target: Float[Tensor, "points 3"], *, with_scale: bool) -> Similarity:
    """The similarity that moves points onto others best, in the least squares sense.

    Umeyama 1991, eqs. 40 to 42; never a reflection.

    Args:
        source: points to be moved.
        target: where each should go.
        with_scale: False keeps the scale at 1.

    Returns:
        The similarity; scale 1 where all the source points coincide. Points on one line
        leave a rotation about it open: one of those that fit.

    Raises:
        TypeError: below float32.
    """
    check_precision(source, target)
    source_mean, target_mean = source.mean(0), target.mean(0)
    centered = source - source_mean
    covariance = matrix_product((target - target_mean).mT, centered) / source.shape[0]
    left, spread, right = torch.linalg.svd(covariance)
    signs = torch.ones_like(spread)
    signs[2] = torch.where(torch.linalg.det(left) * torch.linalg.det(right) < 0, -1.0, 1.0)
    rotation = matrix_product(left * signs, right)
    variance = centered.square().sum(dim=1).mean()
    ratio = (spread * signs).sum() / torch.where(variance > 0, variance, 1.0)
    scale = torch.where(variance > 0, ratio, 1.0) if with_scale else torch.ones_like(variance)
    moved_mean = matrix_product(rotation, source_mean.unsqueeze(-1)).squeeze(-1)
    return Similarity(scale, rotation, target_mean - scale * moved_mean)


def from_first_frame(camera_to_world: Float[Tensor, "*batch frames 4 4"]) -> Float[Tensor, "*batch frames 4 4"]:
    """The poses in the coordinates of their own first frame.

    By the general inverse, as the common tools do: rotations printed to six digits are
    not quite orthonormal, and over a sequence the transpose would be off by millimeters.
    """
    return matrix_product(torch.linalg.inv(camera_to_world[..., :1, :, :]), camera_to_world)


def aligned_trajectories(
    predicted: Float[Tensor, "frames 4 4"], truth: Float[Tensor, "frames 4 4"], *, alignment: Alignment
) -> tuple[Float[Tensor, "frames 4 4"], Float[Tensor, "frames 4 4"]]:
    """The predicted poses brought to the true ones, and the true ones that they are compared with.

    Args:
        predicted: camera_to_world.
        truth: camera_to_world (m), of the same frames.
        alignment: `none`, both in the coordinates of their own first frame; `scale`, so and
            with the least squares factor on positions; `6dof` (rotation and translation) and
            `7dof` (and scale) after Umeyama 1991, onto the true poses as they are.

    Raises:
        TypeError: below float32.
        ValueError: another alignment.
    """
    check_precision(predicted, truth)
    if alignment not in get_args(Alignment):
        msg = f"alignment is one of {', '.join(get_args(Alignment))}, got {alignment!r}"
        raise ValueError(msg)
    if alignment in ("none", "scale"):
        moved, goal = from_first_frame(predicted), from_first_frame(truth)
        if alignment == "scale":
            moved[:, :3, 3] *= least_squares_scale(moved[:, :3, 3], goal[:, :3, 3])
        return moved, goal
    similarity = umeyama(predicted[:, :3, 3], truth[:, :3, 3], with_scale=alignment == "7dof")
    moved = predicted.clone()
    moved[:, :3, :3] = matrix_product(similarity.rotation.expand(len(moved), 3, 3), predicted[:, :3, :3])
    moved[:, :3, 3] = similarity.moved(predicted[:, :3, 3])
    return moved, truth


def least_squares_scale(
    guess: Float[Tensor, "*batch points 3"], goal: Float[Tensor, "*batch points 3"]
) -> Float[Tensor, "*batch 1 1"]:
    """sum(goal . guess) / sum(guess . guess); 1 where the guess is zero."""
    power = guess.square().sum(dim=(-2, -1), keepdim=True)
    ratio = (goal * guess).sum(dim=(-2, -1), keepdim=True) / torch.where(power > 0, power, 1.0)
    return torch.where(power > 0, ratio, 1.0)


def check_trajectories(predicted: Tensor, truth: Tensor, *, fewest: int, present: Bool[Tensor, " _"] | None) -> None:
    """Refuse trajectories that cannot be compared.

    Raises:
        TypeError: below float32.
        ValueError: unequal lengths, or fewer poses than needed.
    """
    for name, poses in (("predicted", predicted), ("truth", truth)):
        if poses.ndim != 3 or poses.shape[1:] != (4, 4):
            raise ValueError(f"{name} must be (frames, 4, 4), one trajectory, got {tuple(poses.shape)}")
    check_precision(predicted, truth)
    if len(predicted) != len(truth) or (present is not None and len(present) != len(truth)):
        msg = f"trajectories need to be of the same frames, got {len(predicted)} and {len(truth)}"
        raise ValueError(msg)
    count = len(truth) if present is None else int(present.sum())
    if count < fewest:
        msg = f"at least {fewest} frames are needed, got {count}"
        raise ValueError(msg)
