"""Errors of relative motion: over path segments of fixed lengths, and from frame to frame.

The measures of the KITTI odometry benchmark (Geiger et al. 2012) and of Sturm et al. 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.precision import matrix_product
from triptych.metrics.alignment import Alignment, aligned_trajectories, check_trajectories
from triptych.metrics.arrays import FrameFlags, Poses, TruePoses, as_tensors

SEGMENT_LENGTHS_M = (100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0)
SEGMENT_STEP = 10
"""A segment begins at every tenth frame."""


@dataclass(frozen=True)
class OdometryMetrics:
    """Errors of a whole trajectory after alignment.

    Attributes:
        t_rel: mean over segments of the drift in position over the length, in [0, inf); NaN
            where the path is shorter than the shortest segment.
        r_rel_rad_per_m: mean over segments of the drift in rotation over the length; NaN likewise.
        ate_m: root mean square distance of positions.
        rpe_translation_m: mean error of the translation from a frame to the next.
        rpe_rotation_rad: mean error of the rotation from a frame to the next.
        segments: how many were averaged.
    """

    t_rel: Float[Tensor, ""]
    r_rel_rad_per_m: Float[Tensor, ""]
    ate_m: Float[Tensor, ""]
    rpe_translation_m: Float[Tensor, ""]
    rpe_rotation_rad: Float[Tensor, ""]
    segments: int


def odometry_metrics(
    predicted: Poses,
    truth: TruePoses,
    *,
    alignment: Alignment = "7dof",
    present: FrameFlags | None = None,
    lengths_m: Sequence[float] = SEGMENT_LENGTHS_M,
    step: int = SEGMENT_STEP,
) -> OdometryMetrics:
    """All errors of a whole trajectory.

    Args:
        predicted: (frames, 4, 4) camera_to_world.
        truth: (frames, 4, 4) camera_to_world (m), of the same frames.
        alignment: see `aligned_trajectories`; fitted to the positions of all frames.
        present: (frames,) bools, False for frames that the prediction leaves out.
        lengths_m: of the segments, along the true path (m).
        step: frames from one segment's beginning to the next one's.

    Raises:
        TypeError: below float32.
        ValueError: another alignment; fewer than two frames; unequal lengths.
    """
    guess, goal = as_tensors(predicted, truth)
    known = torch.ones(len(goal), dtype=torch.bool) if present is None else as_tensors(present)[0].cpu()
    check_trajectories(guess, goal, fewest=2, present=known)
    kept = known.to(goal.device)
    moved, reference = guess.clone(), goal.clone()
    moved[kept], reference[kept] = aligned_trajectories(guess[kept], goal[kept], alignment=alignment)
    begin, end, length_m = _segments(goal, known, lengths_m=lengths_m, step=step)
    drift = _relative(_relative(moved[begin], moved[end]), _relative(reference[begin], reference[end]))
    pairs = (known[:-1] & known[1:]).nonzero().squeeze(1)
    slip = _relative(_relative(reference[pairs], reference[pairs + 1]), _relative(moved[pairs], moved[pairs + 1]))
    return OdometryMetrics(
        t_rel=(_distance(drift) / length_m).mean(),
        r_rel_rad_per_m=(rotation_angle(drift) / length_m).mean(),
        ate_m=(moved - reference)[kept][:, :3, 3].square().sum(dim=1).mean().sqrt(),
        rpe_translation_m=_distance(slip).mean(),
        rpe_rotation_rad=rotation_angle(slip).mean(),
        segments=len(begin),
    )


def rotation_angle(motion: Float[Tensor, "motions 4 4"]) -> Float[Tensor, " motions"]:
    """Angle of each rotation (rad), from its trace, in [0, pi].

    As the benchmark does, so that figures agree: for rotations printed to six digits the
    arc cosine reads a trace short of 3 as an angle. Against the angle of the skew part it is
    off by 0.0005 deg in the mean and 0.015 deg at most between frames of KITTI's 09 and 10.
    """
    trace = motion[:, :3, :3].diagonal(dim1=1, dim2=2).sum(dim=1)
    return ((trace - 1) / 2).clamp(-1, 1).arccos()


def _segments(
    truth: Float[Tensor, "frames 4 4"], known: Bool[Tensor, " frames"], *, lengths_m: Sequence[float], step: int
) -> tuple[Tensor, Tensor, Float[Tensor, " segments"]]:
    """First and last frame of each segment, and its length (m).

    The last frame is the first one that lies farther along the true path than the length.
    """
    steps = (truth[1:, :3, 3] - truth[:-1, :3, 3]).norm(dim=1)
    path = torch.cat((steps.new_zeros(1), steps.cumsum(0))).cpu()
    begin = torch.arange(0, len(path), step).repeat_interleave(len(lengths_m))
    length_m = torch.tensor(lengths_m, dtype=path.dtype).repeat(len(begin) // len(lengths_m))
    end = torch.searchsorted(path, path[begin] + length_m, right=True)
    whole = end < len(path)
    begin, end, length_m = begin[whole], end[whole], length_m[whole]
    whole = known[begin] & known[end]
    return begin[whole], end[whole], length_m[whole].to(truth.device)


def _relative(
    first: Float[Tensor, "motions 4 4"], second: Float[Tensor, "motions 4 4"]
) -> Float[Tensor, "motions 4 4"]:
    return matrix_product(torch.linalg.inv(first), second)


def _distance(motion: Float[Tensor, "motions 4 4"]) -> Float[Tensor, " motions"]:
    return motion[:, :3, 3].square().sum(dim=1).sqrt()
