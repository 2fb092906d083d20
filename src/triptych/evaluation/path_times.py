"""Which frames of a true trajectory a predicted one is about, where both have times."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

SAME_TIME_S = 0.02
"""Poses of TUM files this far apart in time are taken to be of one frame (s)."""
LONGEST_STEP = 1.5
"""Matches further apart in time than this many usual steps have frames between them that are left out."""


def matched_by_time(
    times: Float[Tensor, " poses"], poses: Float[Tensor, "poses 4 4"], truth_times: Float[Tensor, " frames"]
) -> tuple[Int[Tensor, " kept"], Float[Tensor, "kept 4 4"]]:
    """Frames of the truth and the predicted pose at each, one to one, where their times are near enough.

    Args:
        times: of the predicted poses (s).
        poses: camera_to_world.
        truth_times: of the frames of the truth (s).

    Returns:
        Numbers of the frames, in ascending order, and a pose for each.
    """
    order = truth_times.argsort()
    ordered = truth_times[order].contiguous()
    after = torch.searchsorted(ordered, times.contiguous()).clamp(max=len(ordered) - 1)
    before = (after - 1).clamp_min(0)
    nearer = torch.where((ordered[before] - times).abs() <= (ordered[after] - times).abs(), before, after)
    gap = (ordered[nearer] - times).abs()
    best: dict[int, int] = {}
    for pose, (frame, away) in enumerate(zip(order[nearer].tolist(), gap.tolist(), strict=True)):
        if away <= SAME_TIME_S and (frame not in best or away < float(gap[best[frame]])):
            best[frame] = pose
    frames = torch.tensor(sorted(best), dtype=torch.int64)
    return frames, poses[[best[frame] for frame in frames.tolist()]]


def at_the_rate_of(
    found: Int[Tensor, " matched"], numbers: Int[Tensor, " frames"], times: Float[Tensor, " frames"]
) -> Int[Tensor, " kept"]:
    """The matched frames of a truth, with frames of it where the matches leave out some of their own rate.

    Args:
        found: matched frames, in order.
        numbers: the frames that may be taken.
        times: of all frames of the truth (s).

    Returns:
        Numbers of frames, in ascending order.
    """
    steps = times[found].diff()
    usual = float(steps.median()) if len(steps) else 0.0
    if usual <= 0:  # one match, or a truth with a time twice
        return found
    kept = [found]
    for index in (steps > LONGEST_STEP * usual).nonzero().flatten().tolist():
        begin, end = int(found[index]), int(found[index + 1])
        there = numbers[(numbers >= begin) & (numbers <= end)]
        missing = min(round(float(steps[index]) / usual) - 1, len(there) - 2)
        kept.append(there[torch.linspace(0, len(there) - 1, missing + 2).round().long()[1:-1]])
    return torch.cat(kept).sort().values
