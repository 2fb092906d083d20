"""The camera's steps by more than two frames: each is read from some before it and some after it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.inference.bundle import Bundle, adjusted
from triptych.inference.pairs import MeasuredPair
from triptych.inference.tracks import CornerTracks, Observations

PAIRS_BEFORE, PAIRS_AFTER = 3, 3
FEWEST_TRACKS = 50  # that agree on anything
LEAST_SHIFT_PX = 1.0  # by a step, of half the points that tell its length
SHORTEST_STEP = 1e-3  # to begin with, in the units of the depth


@dataclass(frozen=True)
class Surroundings:
    """A frame among the frames around it, as far as the motion from each to the next is known.

    Attributes:
        pairs: in a row.
        steps: next from frame, of each pair, in float64 and one unit.
        index: of the frame among those of the pairs, from 0 on; that after the last one is one of them.
        ratio: length of the frame's step over that of the one before it; None where too few points tell it.
    """

    pairs: tuple[MeasuredPair, ...] = ()
    steps: tuple[Float[Tensor, "4 4"], ...] = ()
    index: int = 0
    ratio: float | None = None

    @property
    def length(self) -> float | None:
        """Of the step from the frame to the next, where it is known."""
        return _length(self.steps[self.index]) if self.index < len(self.steps) else None

    def at_next(self) -> Surroundings:
        """Of the next frame, by the same pairs; nothing is known where the motion to it is not."""
        return Surroundings(self.pairs, self.steps, self.index + 1) if self.length is not None else Surroundings()


def with_surroundings(
    pairs: Iterable[MeasuredPair], intrinsics: Float[Tensor, "3 3"]
) -> Iterator[tuple[MeasuredPair, Surroundings]]:
    """The pairs of a sequence, each with what its first frame has around it.

    Steps agree with the corners that are tracked through eight frames, fewer at the ends of a sequence.
    A pair that tells no motion parts what is before it from what comes after; where fewer than
    `FEWEST_TRACKS` corners are tracked, or there is no other pair, a pair is all that is around its frame.

    Args:
        pairs: in their order; no more than `PAIRS_AFTER` are taken ahead of what is given.
        intrinsics: K of all frames (px).
    """
    run = _Run(intrinsics)
    for pair in pairs:
        if pair.motion is None:
            yield from run.rest()
            yield pair, run.at_end()
            run = _Run(intrinsics)
        else:
            run.add(pair, pair.motion)
            if run.waiting > PAIRS_AFTER:
                yield run.next()
    yield from run.rest()


@final
class _Run:
    """Pairs in a row whose motions are known; those that are still needed."""

    def __init__(self, intrinsics: Float[Tensor, "3 3"]) -> None:
        self._intrinsics = intrinsics
        self._tracks = CornerTracks(frames_at_most=PAIRS_BEFORE + PAIRS_AFTER + 2)
        self._pairs: list[MeasuredPair] = []
        self._steps: list[Float[Tensor, "4 4"]] = []
        self._given = 0  # of these pairs
        self._agreed = False  # whether the steps have one unit

    @property
    def waiting(self) -> int:
        """Pairs that were added and not given back."""
        return len(self._pairs) - self._given

    def add(self, pair: MeasuredPair, motion: Float[Tensor, "4 4"]) -> None:
        """The next pair; its step begins with the length that the networks say."""
        self._tracks.follow(pair.estimate.image, pair.estimate.following, pair.estimate.flow)
        step, length = motion.clone(), _length(pair.estimate.next_from_current)
        step[:3, 3] *= length if math.isfinite(length) and length > SHORTEST_STEP else SHORTEST_STEP
        self._pairs.append(pair)
        self._steps.append(step)

    def rest(self) -> Iterator[tuple[MeasuredPair, Surroundings]]:
        """All that wait; nothing comes after them."""
        while self.waiting:
            yield self.next()

    def next(self) -> tuple[MeasuredPair, Surroundings]:
        """The first pair that waits, and all that there is around it."""
        passed = self._given - PAIRS_BEFORE
        if passed > 0:
            del self._pairs[:passed], self._steps[:passed]
            self._given = PAIRS_BEFORE
        ratio = self._adjusted_ratio()
        self._given += 1
        return self._pairs[self._given - 1], self._around(self._given - 1, 0, ratio=ratio)

    def at_end(self) -> Surroundings:
        """Of the frame after the last pair."""
        return self._around(len(self._pairs) - 1, 1) if self._pairs else Surroundings()

    def _around(self, pair: int, after: int, *, ratio: float | None = None) -> Surroundings:
        """Of the first frame of a pair, or of the one after; by that pair alone where the steps have no unit."""
        if self._agreed:
            return Surroundings(tuple(self._pairs), tuple(self._steps), pair + after, ratio)
        return Surroundings((self._pairs[pair],), (self._steps[pair],), after)

    def _adjusted_ratio(self) -> float | None:
        """Bring all steps that are kept into agreement with the corners; the ratio for the pair that is next."""
        observations = self._tracks.observations(len(self._pairs) + 1)
        self._agreed = len(self._pairs) > 1 and len(observations.seen) >= FEWEST_TRACKS
        if not self._agreed:
            return None
        cameras = [torch.eye(4, dtype=torch.float64)]
        for step in self._steps:
            cameras.append(step @ cameras[-1])
        start = Bundle(torch.stack(cameras), self._inverse_depths(observations))
        found = adjusted(start, observations, self._intrinsics)
        cameras_found = found.camera_from_first
        self._steps = list(cameras_found[1:] @ torch.linalg.inv(cameras_found[:-1]))
        return self._ratio(found.inverse_depth, observations) if self._given else None

    def _ratio(self, inverse_depth: Float[Tensor, " points"], observations: Observations) -> float | None:
        """Of the step of the next pair to the one before, by points that their three frames show."""
        index = self._given
        before, ahead = (_length(step) for step in self._steps[index - 1 : index + 1])
        shared = observations.seen[:, index - 1 : index + 2].all(dim=1)
        if int(shared.sum()) < FEWEST_TRACKS:
            return None
        shift = self._intrinsics[0, 0] * min(before, ahead) * inverse_depth[shared].abs().median()
        return ahead / before if shift > LEAST_SHIFT_PX else None

    def _inverse_depths(self, observations: Observations) -> Float[Tensor, " points"]:
        """Of each point, as the network says it in the first frame that sees it: never the last one."""
        first = observations.seen.int().argmax(dim=1)
        x, y = observations.pixels[torch.arange(len(first)), first].round().long().unbind(1)
        depths = torch.stack([pair.estimate.depth[0] for pair in self._pairs])
        return 1 / depths[first, y, x].double()


def _length(step: Float[Tensor, "4 4"]) -> float:
    return float(step[:3, 3].norm())
