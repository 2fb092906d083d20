"""Errors of a camera's positions: over snippets, and over a whole trajectory.

Trajectories are camera_to_world (N, 4, 4).
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.metrics.alignment import (
    Alignment,
    aligned_trajectories,
    check_trajectories,
    from_first_frame,
    least_squares_scale,
)
from triptych.metrics.arrays import FrameFlags, Poses, TruePoses, as_tensors

FEWEST_FRAMES = 2


def snippet_trajectory_errors(
    predicted: Poses, truth: TruePoses, *, length: int, present: FrameFlags | None = None
) -> Float[Tensor, " snippets"]:
    """Trajectory error of every run of `length` frames, one scale fitted to each.

    The protocol of SfMLearner: positions p and g in the coordinates of the snippet's
    first frame, `s = sum(g . p) / sum(p . p)`, error `sqrt(sum |s p - g|^2) / length`:
    not an RMSE, and of another size for another length.

    Args:
        predicted: (frames, 4, 4) camera_to_world, up to scale.
        truth: (frames, 4, 4) camera_to_world (m), of the same frames.
        length: frames of a snippet; 3 and 5 are usual.
        present: (frames,) bools, False for frames that the prediction leaves out: snippets
            that hold one are left out.

    Returns:
        One error (m) for each snippet; their mean and population deviation are what is
        reported. A prediction that stands still is not scaled: its error is the length of
        the truth.

    Raises:
        TypeError: below float32.
        ValueError: no whole snippet; a length below 2; unequal lengths.
    """
    if length < FEWEST_FRAMES:
        msg = f"a snippet needs at least {FEWEST_FRAMES} frames, got length={length}"
        raise ValueError(msg)
    guess, goal = as_tensors(predicted, truth)
    known = None if present is None else as_tensors(present)[0]
    check_trajectories(guess, goal, fewest=length, present=known)
    if known is not None:
        whole = known.unfold(0, length, 1).all(dim=1)
        if not whole.any():
            msg = f"no {length} frames in a row are there"
            raise ValueError(msg)
        return _scaled_errors(_snippet_positions(guess, length)[whole], _snippet_positions(goal, length)[whole])
    return _scaled_errors(_snippet_positions(guess, length), _snippet_positions(goal, length))


def straight_motion(truth: Poses) -> Float[Tensor, "frames 4 4"]:
    """Driving straight ahead at the true mean speed: the trivial answer for a trajectory.

    Args:
        truth: (frames, 4, 4) camera_to_world (m).

    Returns:
        camera_to_world (m), looking along z.
    """
    (goal,) = as_tensors(truth)
    speed = (goal[1:, :3, 3] - goal[:-1, :3, 3]).norm(dim=1).mean()
    straight = torch.eye(4, dtype=goal.dtype, device=goal.device).repeat(len(goal), 1, 1)
    straight[:, 2, 3] = speed * torch.arange(len(goal), dtype=goal.dtype, device=goal.device)
    return straight


def straight_motion_errors(
    truth: TruePoses, *, length: int, present: FrameFlags | None = None
) -> Float[Tensor, " snippets"]:
    """What `snippet_trajectory_errors` gives to driving straight ahead at constant speed.

    The trivial baseline: a snippet is too short for a car to turn much.

    Args:
        truth: (frames, 4, 4) camera_to_world (m).
        length: frames of a snippet.
        present: as there.
    """
    return snippet_trajectory_errors(straight_motion(truth), truth, length=length, present=present)


def absolute_trajectory_error(
    predicted: Poses, truth: TruePoses, *, alignment: Alignment = "7dof", present: FrameFlags | None = None
) -> Float[Tensor, ""]:
    """Root mean square distance of predicted to true positions after alignment (m).

    Args:
        predicted: (frames, 4, 4) camera_to_world.
        truth: (frames, 4, 4) camera_to_world (m), of the same frames.
        alignment: see `aligned_trajectories`.
        present: (frames,) bools, False for frames that the prediction leaves out.

    Raises:
        TypeError: below float32.
        ValueError: another alignment; fewer than two frames; unequal lengths.
    """
    guess, goal = as_tensors(predicted, truth)
    known = None if present is None else as_tensors(present)[0]
    check_trajectories(guess, goal, fewest=FEWEST_FRAMES, present=known)
    chosen: Bool[Tensor, " frames"] | slice = slice(None) if known is None else known
    moved, goal = aligned_trajectories(guess[chosen], goal[chosen], alignment=alignment)
    return (moved - goal)[:, :3, 3].square().sum(dim=-1).mean().sqrt()


def _snippet_positions(
    camera_to_world: Float[Tensor, "frames 4 4"], length: int
) -> Float[Tensor, "snippets {length} 3"]:
    return from_first_frame(camera_to_world.unfold(0, length, 1).permute(0, 3, 1, 2))[..., :3, 3]


def _scaled_errors(
    guess: Float[Tensor, "snippets frames 3"], goal: Float[Tensor, "snippets frames 3"]
) -> Float[Tensor, " snippets"]:
    residual = guess * least_squares_scale(guess, goal) - goal
    return residual.square().sum(dim=(1, 2)).sqrt() / guess.shape[1]
