"""Errors of a camera's trajectory, all on positions, up to a chosen alignment.

Trajectories are camera_to_world (N, 4, 4). Both are first expressed in the coordinates
of their own first frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.precision import check_precision, matrix_product

Alignment = Literal["none", "scale", "6dof", "7dof"]

FEWEST_FRAMES = 2


@dataclass(frozen=True)
class Similarity:
    """x to scale * rotation x + translation."""

    scale: Float[Tensor, ""]
    rotation: Float[Tensor, "3 3"]
    translation: Float[Tensor, "3"]

    def moved(self, points: Float[Tensor, "points 3"]) -> Float[Tensor, "points 3"]:
        """The points after it."""
        return self.scale * matrix_product(points, self.rotation.mT) + self.translation


def snippet_trajectory_errors(
    predicted: Float[Tensor, "frames 4 4"], truth: Float[Tensor, "true_frames 4 4"], *, length: int
) -> Float[Tensor, " snippets"]:
    """Trajectory error of every run of `length` frames, one scale fitted to each.

    The protocol of SfMLearner: positions p and g in the coordinates of the snippet's
    first frame, `s = sum(g . p) / sum(p . p)`, error `sqrt(sum |s p - g|^2) / length`:
    not an RMSE, and of another size for another length.

    Args:
        predicted: camera_to_world, up to scale.
        truth: camera_to_world (m), of the same frames.
        length: frames of a snippet; 3 and 5 are usual.

    Returns:
        One error (m) for each first frame; their mean and population deviation are what
        is reported. A prediction that stands still is not scaled: its error is the
        length of the truth.

    Raises:
        TypeError: below float32.
        ValueError: fewer frames than one snippet; a length below 2; unequal lengths.
    """
    _check(predicted, truth, fewest=length)
    if length < FEWEST_FRAMES:
        msg = f"a snippet needs at least {FEWEST_FRAMES} frames, got length={length}"
        raise ValueError(msg)
    guess, goal = _snippet_positions(predicted, length), _snippet_positions(truth, length)
    return _scaled_errors(guess, goal)


def straight_motion_errors(truth: Float[Tensor, "frames 4 4"], *, length: int) -> Float[Tensor, " snippets"]:
    """What `snippet_trajectory_errors` gives to driving straight ahead at constant speed.

    The trivial baseline: a snippet is too short for a car to turn much.

    Args:
        truth: camera_to_world (m).
        length: frames of a snippet.
    """
    _check(truth, truth, fewest=length)
    goal = _snippet_positions(truth, length)
    ahead = goal.new_zeros(length, 3)
    ahead[:, 2] = torch.arange(length, dtype=goal.dtype, device=goal.device)
    return _scaled_errors(ahead.expand_as(goal), goal)


def absolute_trajectory_error(
    predicted: Float[Tensor, "frames 4 4"],
    truth: Float[Tensor, "true_frames 4 4"],
    *,
    alignment: Alignment = "7dof",
) -> Float[Tensor, ""]:
    """Root mean square distance of predicted to true positions after alignment (m).

    Args:
        predicted: camera_to_world.
        truth: camera_to_world (m), of the same frames.
        alignment: `none`; `scale`, least squares with the first frames kept together;
            `6dof` (rotation and translation) and `7dof` (and scale) after Umeyama 1991.

    Raises:
        TypeError: below float32.
        ValueError: another alignment; fewer than two frames; unequal lengths.
    """
    _check(predicted, truth, fewest=FEWEST_FRAMES)
    if alignment not in get_args(Alignment):
        msg = f"alignment is one of {', '.join(get_args(Alignment))}, got {alignment!r}"
        raise ValueError(msg)
    guess, goal = _positions(predicted), _positions(truth)
    if alignment == "scale":
        guess = guess * _least_squares_scale(guess, goal)
    elif alignment in ("6dof", "7dof"):
        guess = umeyama(guess, goal, with_scale=alignment == "7dof").moved(guess)
    return (guess - goal).square().sum(dim=-1).mean().sqrt()


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


def _check(predicted: Tensor, truth: Tensor, *, fewest: int) -> None:
    check_precision(predicted, truth)
    if len(predicted) != len(truth):
        msg = f"trajectories need to be of the same frames, got {len(predicted)} and {len(truth)}"
        raise ValueError(msg)
    if len(truth) < fewest:
        msg = f"at least {fewest} frames are needed, got {len(truth)}"
        raise ValueError(msg)


def _positions(camera_to_world: Float[Tensor, "*batch frames 4 4"]) -> Float[Tensor, "*batch frames 3"]:
    """Positions in the coordinates of the first frame.

    By the general inverse, as the common tools do: rotations printed to six digits are
    not quite orthonormal, and over a sequence the transpose would be off by millimeters.
    """
    first_from_world = torch.linalg.inv(camera_to_world[..., :1, :, :])
    return matrix_product(first_from_world, camera_to_world)[..., :3, 3]


def _snippet_positions(
    camera_to_world: Float[Tensor, "frames 4 4"], length: int
) -> Float[Tensor, "snippets {length} 3"]:
    return _positions(camera_to_world.unfold(0, length, 1).permute(0, 3, 1, 2))


def _least_squares_scale(
    guess: Float[Tensor, "*batch points 3"], goal: Float[Tensor, "*batch points 3"]
) -> Float[Tensor, "*batch 1 1"]:
    """sum(goal . guess) / sum(guess . guess); 1 where the guess is zero."""
    power = guess.square().sum(dim=(-2, -1), keepdim=True)
    ratio = (goal * guess).sum(dim=(-2, -1), keepdim=True) / torch.where(power > 0, power, 1.0)
    return torch.where(power > 0, ratio, 1.0)


def _scaled_errors(
    guess: Float[Tensor, "snippets frames 3"], goal: Float[Tensor, "snippets frames 3"]
) -> Float[Tensor, " snippets"]:
    residual = guess * _least_squares_scale(guess, goal) - goal
    return residual.square().sum(dim=(1, 2)).sqrt() / guess.shape[1]
