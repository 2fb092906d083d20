"""The camera's steps by more than two frames: each is read from some before it and some after it."""

from __future__ import annotations

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
FEWEST_POINTS = 50
SHORTEST_STEP = 1e-3  # to begin with, in the units of the depth


@dataclass(frozen=True)
class Surroundings:
    """A frame among the frames around it, as far as the motion from each to the next is known.

    Attributes:
        pairs: in a row.
        steps: next from frame, of each pair, in float64 and one unit.
        index: of the frame among those of the pairs, from 0 on; that after the last one is one of them.
    """

    pairs: tuple[MeasuredPair, ...] = ()
    steps: tuple[Float[Tensor, "4 4"], ...] = ()
    index: int = 0

    @property
    def length(self) -> float | None:
        """Of the step from the frame to the next, where it is known."""
        return self._length(self.index)

    @property
    def ratio(self) -> float | None:
        """Length of that step over that of the one before it, where both are known."""
        ahead, before = self._length(self.index), self._length(self.index - 1)
        return None if ahead is None or before is None else ahead / before

    def at_next(self) -> Surroundings:
        """Of the next frame, by the same pairs; nothing is known where the motion to it is not."""
        return Surroundings(self.pairs, self.steps, self.index + 1) if self.length is not None else Surroundings()

    def _length(self, index: int) -> float | None:
        return float(self.steps[index][:3, 3].norm()) if 0 <= index < len(self.steps) else None


def with_surroundings(
    pairs: Iterable[MeasuredPair], intrinsics: Float[Tensor, "3 3"]
) -> Iterator[tuple[MeasuredPair, Surroundings]]:
    """The pairs of a sequence, each with what its first frame has around it.

    Steps agree with the corners that are tracked through eight frames, where so many are in a row.
    A pair that tells no motion parts what is before it from what comes after.

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

    @property
    def waiting(self) -> int:
        """Pairs that were added and not given back."""
        return len(self._pairs) - self._given

    def add(self, pair: MeasuredPair, motion: Float[Tensor, "4 4"]) -> None:
        """The next pair; its step begins with the length that the networks say."""
        self._tracks.follow(pair.estimate.image, pair.estimate.following, pair.estimate.flow)
        step = motion.clone()
        step[:3, 3] *= max(float(pair.estimate.next_from_current[:3, 3].norm()), SHORTEST_STEP)
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
        index, agreed = self._given, self._adjust()
        self._given += 1
        chosen = slice(None) if agreed else slice(index, index + 1)
        around = Surroundings(tuple(self._pairs[chosen]), tuple(self._steps[chosen]), index if agreed else 0)
        return self._pairs[index], around

    def at_end(self) -> Surroundings:
        """Of the frame after the last pair."""
        return Surroundings(tuple(self._pairs), tuple(self._steps), len(self._pairs))

    def _adjust(self) -> bool:
        """Bring all steps that are kept into agreement with the corners; whether there are enough of these."""
        observations = self._tracks.observations(len(self._pairs) + 1)
        if len(observations.seen) < FEWEST_POINTS:
            return False
        cameras = [torch.eye(4, dtype=torch.float64)]
        for step in self._steps:
            cameras.append(step @ cameras[-1])
        start = Bundle(torch.stack(cameras), self._inverse_depths(observations))
        found = adjusted(start, observations, self._intrinsics).camera_from_first
        self._steps = list(found[1:] @ torch.linalg.inv(found[:-1]))
        return True

    def _inverse_depths(self, observations: Observations) -> Float[Tensor, " points"]:
        """Of each point, as the network says it in the first frame that sees it: never the last one."""
        first = observations.seen.int().argmax(dim=1)
        x, y = observations.pixels[torch.arange(len(first)), first].round().long().unbind(1)
        depths = torch.stack([pair.estimate.depth[0] for pair in self._pairs])
        return 1 / depths[first, y, x].double()
