"""The stages of a training as data: who learns, for what share of it, how fast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from triptych.errors import InputError

Learner = Literal["flow", "depth", "pose"]
Schedule = Literal["halving", "cosine"]

STAGE_LEARNERS: dict[str, frozenset[Learner]] = {
    "flow": frozenset({"flow"}),
    "depth": frozenset({"depth", "pose"}),
    "joint": frozenset({"flow", "depth", "pose"}),
}
"""What a stage trains by its name, where nothing else is told."""

WARM_UP = 0.02  # share of a stage over which a cosine schedule rises
HALVING_EPOCHS = 10  # the paper's


@dataclass(frozen=True)
class Stage:
    """One stretch of a training.

    Attributes:
        name: what logs and `--stages` call it.
        learns: the networks that are trained; the others are frozen, and no autograd
            graph is built for them.
        share: length, relative to the other stages.
        learning_rate: at the start of the stage.
        imitation: share of the stage over which those that learn also imitate classical
            answers, with a weight that falls from 1 to 0; 0 does without.
        imitation_alone: share of the stage, at its beginning, over which that weight is 1
            and the equations wait; so does pose, but where it is the only one to learn.
        terms: names of the loss terms that count; None takes all that apply.
        with_depth: whether depth and pose take part; None where one of them learns.
    """

    name: str
    learns: frozenset[Learner]
    share: float
    learning_rate: float
    imitation: float = 0.0
    imitation_alone: float = 0.0
    terms: frozenset[str] | None = None
    with_depth: bool | None = None

    def imitates_alone(self, fraction: float) -> bool:
        """Whether the equations still wait at a point of the stage."""
        return fraction < self.imitation_alone

    def imitation_weight(self, fraction: float) -> float:
        """Weight of the classical teachers at a point of the stage."""
        if self.imitates_alone(fraction):
            return 1.0
        if fraction >= self.imitation:
            return 0.0
        return (self.imitation - fraction) / (self.imitation - self.imitation_alone)

    @property
    def runs_depth(self) -> bool:
        """Whether depth and pose take part at all."""
        return bool(self.learns & {"depth", "pose"}) if self.with_depth is None else self.with_depth

    @property
    def pose_learns_alone(self) -> bool:
        """Whether no other network learns."""
        return self.learns == {"pose"}

    @property
    def trains_flow(self) -> bool:
        """Whether the flow network learns, or only guides."""
        return "flow" in self.learns


@dataclass(frozen=True)
class StagePosition:
    """Where a training stands: its stage, and how far through it, in [0, 1]."""

    index: int
    stage: Stage
    fraction: float


@dataclass(frozen=True)
class StagePlan:
    """The stages of a training in order, laid over its progress from 0 to 1."""

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        if not self.stages or any(stage.share <= 0 for stage in self.stages):
            raise InputError("a training needs one stage at least, each with a share above 0")

    def position(self, progress: float) -> StagePosition:
        """The stage at this progress; a boundary belongs to the stage that begins there."""
        total = sum(stage.share for stage in self.stages)
        begin = 0.0
        for index, stage in enumerate(self.stages):
            length = stage.share / total
            if progress < begin + length - 1e-12 or index == len(self.stages) - 1:
                fraction = min(max((progress - begin) / length, 0.0), 1.0)
                return StagePosition(index=index, stage=stage, fraction=fraction)
            begin += length
        raise AssertionError("unreachable: the last stage takes what is left")


def learning_rate(position: StagePosition, *, schedule: Schedule, epoch: int) -> float:
    """Learning rate at a point of a stage.

    `halving` is the paper's: the stage's rate, halved every 10 epochs of the whole
    training. `cosine` rises from a tenth of it over the first 2 % of the stage and falls,
    from 1.01 times it, to a hundredth at its end, which is what short trainings want.
    """
    rate = position.stage.learning_rate
    if schedule == "halving":
        return float(rate * 0.5 ** (epoch // HALVING_EPOCHS))
    if position.fraction < WARM_UP:
        return rate * (0.1 + 0.9 * position.fraction / WARM_UP)
    fall = (position.fraction - WARM_UP) / (1 - WARM_UP)
    return rate * (0.5 + 0.5 * math.cos(math.pi * fall)) + 0.01 * rate
