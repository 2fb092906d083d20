"""What a training learns from and is judged on, in short, so that a resume knows it again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from triptych.training.budget import TrainingState


@dataclass(frozen=True)
class DataIdentity:
    """Two sets of snippets, each by a checksum over the names of its frames in their order.

    Attributes:
        learned: checksum of those that are learned from; empty where nobody asked.
        learned_count: how many they are.
        judged: of those that are validated on; empty without.
        judged_count: how many they are.
    """

    learned: str = ""
    learned_count: int = 0
    judged: str = ""
    judged_count: int = 0

    def learns_as(self, other: DataIdentity) -> bool:
        """Whether what is learned from is the same; also where one of them does not tell."""
        return not self.learned or not other.learned or self.learned == other.learned

    def judges_as(self, other: DataIdentity) -> bool:
        """Whether what is validated on is the same; also where one of them tells nothing at all."""
        return not self.learned or not other.learned or self.judged == other.judged


def without_best(state: TrainingState) -> TrainingState:
    """The state with the best validation forgotten, as one on other snippets cannot be compared with it."""
    return replace(state, best_measure="", best_value=None)
