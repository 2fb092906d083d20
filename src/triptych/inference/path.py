"""The camera's path, chained from its steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.pose import trajectory
from triptych.types import CameraStep

# Assumed deviations of the logarithms: of a length by the depth of one image, and of a
# ratio by points that three frames share. Only their quotient matters: depth is averaged over some ten steps.
LENGTH_DEVIATION = 0.1
RATIO_DEVIATION = 0.01


def camera_path(steps: Sequence[CameraStep]) -> Float[Tensor, "frames 4 4"]:
    """camera_to_world of each frame, the first at the identity; one more than steps.

    Depth is judged in each frame alone, so the lengths of the steps waver with it; the
    ratios of successive lengths do not, but drift when multiplied. So the logarithms of
    the lengths are those of least weighted squared distance to both.
    """
    lengths = _lengths([_given_length(step) for step in steps], [step.ratio for step in steps])
    moves = []
    for step, length in zip(steps, lengths, strict=True):
        move = step.next_from_current.double().clone()
        given = _given_length(step)
        if given > 0:
            move[:3, 3] *= length / given
        moves.append(move)
    if not moves:
        return torch.eye(4)[None]
    return trajectory(torch.stack(moves)).float()


def _given_length(step: CameraStep) -> float:
    return float(step.next_from_current[:3, 3].norm())


def _lengths(given: Sequence[float], ratios: Sequence[float | None]) -> list[float]:
    """Lengths that agree with those given and with the ratios to the one before.

    A tridiagonal system, solved by elimination; steps of length 0 stay so and link nothing.
    """
    near, link = LENGTH_DEVIATION**-2, RATIO_DEVIATION**-2
    diagonal = [near] * len(given)
    goal = [near * math.log(length) if length > 0 else 0.0 for length in given]
    coupling = [0.0] * len(given)  # of a step with the one before
    for index, (before, after) in enumerate(pairwise(given), start=1):
        ratio = ratios[index]
        if ratio is None or before <= 0 or after <= 0:
            continue
        coupling[index] = -link
        for place, sign in ((index - 1, -1.0), (index, 1.0)):
            diagonal[place] += link
            goal[place] += sign * link * math.log(ratio)
    for index in range(1, len(given)):
        factor = coupling[index] / diagonal[index - 1]
        diagonal[index] -= factor * coupling[index]
        goal[index] -= factor * goal[index - 1]
    logarithms = [0.0] * len(given)
    for index in reversed(range(len(given))):
        following = coupling[index + 1] * logarithms[index + 1] if index + 1 < len(given) else 0.0
        logarithms[index] = (goal[index] - following) / diagonal[index]
    return [math.exp(logarithm) if length > 0 else 0.0 for logarithm, length in zip(logarithms, given, strict=True)]
