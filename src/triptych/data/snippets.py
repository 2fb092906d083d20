"""Snippets for training: previous, target and next frame of a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from triptych.data.augment import Augmentation
from triptych.data.augmented import augmented_frames
from triptych.data.teaching import Teacher, reframed_teaching, stacked_teachings
from triptych.errors import InputError
from triptych.types import FrameSequence, Snippet, Teaching

# Neighbors may be this many times as far apart in time as neighbors usually are.
INTERVAL_FACTOR = 2.0
FRAMES = 3
"""Of a snippet."""
INTERVAL_TOLERANCE = 1e-3  # of the interval: times are rounded to a file's ticks


@dataclass(frozen=True)
class SnippetTargets:
    """Which frames of a sequence make snippets.

    Attributes:
        positions: previous, target and next frame of each, as positions in the sequence.
        longest_interval_s: the longest time between neighbors that was allowed.
        skipped: targets left out because a neighbor is farther away in time.
    """

    positions: Int[Tensor, "snippets 3"]
    longest_interval_s: float
    skipped: int


@dataclass(frozen=True)
class SnippetSample:
    """One snippet without a batch axis; `SnippetDataset.collate` makes a `Snippet` of several.

    Attributes:
        frames: as filmed, resized, cropped and flipped.
        jittered: the same with the color jitter.
        intrinsics: K of these frames (px).
        index: position of the snippet in its data set.
        teaching: classical answers about these frames, if there is a teacher.
    """

    frames: Float[Tensor, "3 3 height width"]
    jittered: Float[Tensor, "3 3 height width"]
    intrinsics: Float[Tensor, "3 3"]
    index: int
    teaching: Teaching | None = None


def snippet_targets(
    sequence: FrameSequence,
    *,
    kept: Sequence[int] | None = None,
    longest_interval_s: float | None = None,
) -> SnippetTargets:
    """The snippets of neighboring kept frames, none of them across a gap in time.

    Args:
        sequence: the frames.
        kept: positions in the sequence of the frames to use, ascending; all by default.
        longest_interval_s: longest time between neighbors (s); by default twice the usual
            one, which is the median over the kept neighbors.

    Raises:
        InputError: fewer than three frames, or no three that are near enough.
    """
    positions = torch.tensor(range(len(sequence)) if kept is None else kept, dtype=torch.int64)
    if len(positions) < FRAMES:
        raise InputError(
            f"{sequence.name}: {len(positions)} of {len(sequence)} frames are left to learn from, three "
            "are the least; give a longer video, or allow frames with less motion"
        )
    intervals = sequence.timestamps[positions].diff()
    usual = float(intervals.median())
    allowed = INTERVAL_FACTOR * usual if longest_interval_s is None else longest_interval_s
    near = _near(intervals, allowed)
    if not near.any():
        raise InputError(
            f"{sequence.name}: no three frames follow each other within {allowed:.3g} s each ({usual:.3g} s "
            "is usual); give a recording without gaps, or allow a longer interval"
        )
    triples = torch.stack([positions[:-2], positions[1:-1], positions[2:]], dim=1)
    return SnippetTargets(positions=triples[near], longest_interval_s=allowed, skipped=int((~near).sum()))


def has_snippets(sequence: FrameSequence, *, kept: Sequence[int]) -> bool:
    """Whether three of the frames follow each other, as `snippet_targets` asks for.

    Args:
        sequence: the frames.
        kept: positions of the frames to use, ascending.
    """
    if len(kept) < FRAMES:
        return False
    intervals = sequence.timestamps[torch.tensor(kept)].diff()
    return bool(_near(intervals, INTERVAL_FACTOR * float(intervals.median())).any())


def _near(intervals: Float[Tensor, " pairs"], allowed: float) -> Bool[Tensor, " triples"]:
    """Of three neighbors each, whether no interval (s) is longer than allowed."""
    close = intervals <= allowed * (1.0 + INTERVAL_TOLERANCE)
    return close[:-1] & close[1:]


@final
class SnippetDataset(Dataset[SnippetSample]):
    """The snippets of a sequence, augmented anew in each epoch.

    What comes out depends on (seed, epoch, index) alone: not on the number of workers,
    the order, or what came before, so that a training resumes exactly.

    Args:
        sequence: the frames.
        kept: positions of the frames that may be used, ascending; all by default.
        augmentation: the random changes; none by default.
        seed: of the changes.
        longest_interval_s: longest time between the frames of a snippet; see `snippet_targets`.
        teacher: gives classical answers about each snippet; none by default.

    Attributes:
        targets: the frames of each snippet, and how many were left out.
        damaged: None: the frames are in memory, no file is read any more.

    Raises:
        InputError: fewer than three frames, or no three that are near enough.
    """

    damaged: None = None

    def __init__(
        self,
        sequence: FrameSequence,
        kept: Sequence[int] | None = None,
        *,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        longest_interval_s: float | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        self.sequence = sequence
        self.teacher = teacher
        self.targets = snippet_targets(sequence, kept=kept, longest_interval_s=longest_interval_s)
        self.augmentation = augmentation
        self.seed = seed

    def __len__(self) -> int:
        """Number of snippets."""
        return len(self.targets.positions)

    def __getitem__(self, key: int | tuple[int, int]) -> SnippetSample:
        """The snippet at an index, as augmented in an epoch.

        Args:
            key: (epoch, index), as `ResumableSampler` yields it, or an index in epoch 0.

        Raises:
            IndexError: there is no snippet at the index.
        """
        epoch, index = key if isinstance(key, tuple) else (0, key)
        if not 0 <= index < len(self):
            raise IndexError(f"snippet {index} of {len(self)}")
        positions = self.targets.positions[index]
        frames = self.sequence.images[positions].float().div_(255.0)
        intrinsics = self.sequence.intrinsics.float()
        teaching = None
        if self.teacher is not None:
            previous, target, following = positions.tolist()
            teaching = self.teacher.teaching((previous, target, following))
        changed = augmented_frames(frames, intrinsics, self.augmentation, key=(self.seed, epoch, index))
        if teaching is not None and changed.window is not None:
            teaching = reframed_teaching(teaching, changed.window)
        return SnippetSample(changed.frames, changed.jittered, changed.intrinsics, index, teaching)

    def name_of(self, index: int) -> str:
        """The target of a snippet, for a person: its sequence and its frame in the source, from 0."""
        target = int(self.targets.positions[index][1])
        return f"{self.sequence.name}, frame {int(self.sequence.source_indices[target])}"

    @staticmethod
    def collate(samples: Sequence[SnippetSample]) -> Snippet:
        """The batch of several snippets, for a DataLoader's `collate_fn`."""
        teachings = [sample.teaching for sample in samples if sample.teaching is not None]
        return Snippet(
            frames=torch.stack([sample.frames for sample in samples]),
            jittered=torch.stack([sample.jittered for sample in samples]),
            intrinsics=torch.stack([sample.intrinsics for sample in samples]),
            index=torch.tensor([sample.index for sample in samples]),
            teaching=stacked_teachings(teachings) if teachings else None,
        )
