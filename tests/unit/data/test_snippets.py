"""Snippets: which frames, and the same from run to run."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from triptych.data.augment import Augmentation
from triptych.data.sampler import ResumableSampler
from triptych.data.snippets import SnippetDataset, SnippetSample, has_snippets, snippet_targets
from triptych.errors import InputError
from triptych.types import FrameSequence

STRONG = Augmentation(crop=1.3, flip=0.5, jitter=1.0)


def same(first: SnippetSample, second: SnippetSample) -> bool:
    return (
        torch.equal(first.frames, second.frames)
        and torch.equal(first.jittered, second.jittered)
        and torch.equal(first.intrinsics, second.intrinsics)
    )


def test_every_inner_frame_is_a_target_between_its_neighbors(
    plain_sequence: Callable[..., FrameSequence],
) -> None:
    targets = snippet_targets(plain_sequence(5))
    assert targets.positions.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert targets.skipped == 0


def test_neighbors_are_the_nearest_kept_frames(plain_sequence: Callable[..., FrameSequence]) -> None:
    targets = snippet_targets(plain_sequence(9), kept=[0, 2, 4, 5, 7])
    assert targets.positions.tolist() == [[0, 2, 4], [2, 4, 5], [4, 5, 7]]


def test_a_snippet_is_named_after_its_target(plain_sequence: Callable[..., FrameSequence]) -> None:
    assert SnippetDataset(plain_sequence(9), kept=[0, 2, 4, 5, 7]).name_of(1) == "plain, frame 4"


def test_no_snippet_spans_a_gap_in_time(plain_sequence: Callable[..., FrameSequence]) -> None:
    sequence = plain_sequence(7, timestamps=[0.0, 0.1, 0.2, 0.3, 0.8, 0.9, 1.0])
    targets = snippet_targets(sequence)
    assert targets.positions.tolist() == [[0, 1, 2], [1, 2, 3], [4, 5, 6]]
    assert targets.skipped == 2
    assert targets.longest_interval_s == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("kept", "some"), [(range(7), True), (range(2), False), ([2, 3, 5], True), ([0, 1, 2], False), ([], False)]
)
def test_whether_there_are_snippets_is_told_without_an_error(
    plain_sequence: Callable[..., FrameSequence], kept: Sequence[int], some: bool
) -> None:
    sequence = plain_sequence(7, timestamps=[0.0, 0.1, 0.8, 0.9, 1.0, 1.1, 1.2])
    assert has_snippets(sequence, kept=list(kept)) == some
    if some:
        assert len(snippet_targets(sequence, kept=list(kept)).positions)
    else:
        with pytest.raises(InputError):
            snippet_targets(sequence, kept=list(kept))


def test_no_snippet_spans_a_long_stop(plain_sequence: Callable[..., FrameSequence]) -> None:
    targets = snippet_targets(plain_sequence(40), kept=[0, 1, 2, 3, 33, 34, 35, 36])
    assert targets.positions.tolist() == [[0, 1, 2], [1, 2, 3], [33, 34, 35], [34, 35, 36]]


def test_the_longest_interval_can_be_given(plain_sequence: Callable[..., FrameSequence]) -> None:
    sequence = plain_sequence(5, timestamps=[0.0, 0.1, 0.2, 0.8, 0.9])
    assert len(snippet_targets(sequence, longest_interval_s=0.6).positions) == 3
    assert len(snippet_targets(sequence, longest_interval_s=0.1).positions) == 1


def test_fewer_than_three_frames_make_no_snippet(plain_sequence: Callable[..., FrameSequence]) -> None:
    with pytest.raises(InputError, match="plain: 2 of 6 frames are left to learn from, three"):
        snippet_targets(plain_sequence(6), kept=[0, 3])


def test_frames_that_are_all_too_far_apart_make_no_snippet(
    plain_sequence: Callable[..., FrameSequence],
) -> None:
    with pytest.raises(InputError, match=r"no three frames follow each other within 0\.05 s"):
        SnippetDataset(plain_sequence(6), longest_interval_s=0.05)


def test_a_snippet_holds_previous_target_and_next_frame(plain_sequence: Callable[..., FrameSequence]) -> None:
    sequence = plain_sequence(6)
    sample = SnippetDataset(sequence, [0, 2, 3, 5])[1]
    assert torch.equal(sample.frames * 255, sequence.images[[2, 3, 5]].float())
    assert torch.equal(sample.jittered, sample.frames)
    assert torch.equal(sample.intrinsics, sequence.intrinsics)
    assert sample.index == 1


def test_an_index_behind_the_end_is_refused(plain_sequence: Callable[..., FrameSequence]) -> None:
    dataset = SnippetDataset(plain_sequence(6))
    assert len(dataset) == 4
    for index in (4, -1):
        with pytest.raises(IndexError):
            dataset[index]


def test_a_snippet_depends_on_seed_epoch_and_index_alone(
    plain_sequence: Callable[..., FrameSequence],
) -> None:
    sequence = plain_sequence(8)
    first = SnippetDataset(sequence, augmentation=STRONG, seed=3)
    again = SnippetDataset(sequence, augmentation=STRONG, seed=3)
    for _ in range(3):
        again[0, 1]
    assert same(first[2, 4], again[2, 4])
    assert same(first[4], again[0, 4])
    assert not torch.equal(first[2, 4].frames, first[3, 4].frames)
    assert not torch.equal(first[2, 4].frames, SnippetDataset(sequence, augmentation=STRONG, seed=4)[2, 4].frames)


def test_neighboring_indices_draw_unrelated_numbers(plain_sequence: Callable[..., FrameSequence]) -> None:
    dataset = SnippetDataset(plain_sequence(60), augmentation=Augmentation(crop=1.0, flip=0.5))
    flips = [bool(float(dataset[epoch, index].intrinsics[0, 2]) != 18.0) for epoch in range(4) for index in range(58)]
    assert 0.4 < sum(flips) / len(flips) < 0.6
    changes = sum(one != other for one, other in pairwise(flips))
    assert 0.4 < changes / len(flips) < 0.6


def test_only_the_jittered_frames_change_color(plain_sequence: Callable[..., FrameSequence]) -> None:
    sequence = plain_sequence(6)
    colored = SnippetDataset(sequence, augmentation=Augmentation(crop=1.0, flip=0.0, jitter=1.0))[2]
    assert torch.equal(colored.frames * 255, sequence.images[2:5].float())
    assert not torch.equal(colored.jittered, colored.frames)


def test_collate_stacks_samples_into_a_snippet(plain_sequence: Callable[..., FrameSequence]) -> None:
    dataset = SnippetDataset(plain_sequence(6), augmentation=STRONG)
    snippet = SnippetDataset.collate([dataset[2, 3], dataset[2, 0]])
    assert snippet.frames.shape == snippet.jittered.shape == (2, 3, 3, 24, 40)
    assert snippet.index.tolist() == [3, 0]
    assert torch.equal(snippet.intrinsics[1], dataset[2, 0].intrinsics)
    assert torch.equal(snippet.jittered[0], dataset[2, 3].jittered)


def loaded(dataset: SnippetDataset, *, workers: int, epoch: int = 0, offset: int = 0) -> list[Tensor]:
    sampler = ResumableSampler(len(dataset), batch_size=2, seed=1, epoch=epoch, offset=offset)
    loader = DataLoader(dataset, batch_size=2, sampler=sampler, num_workers=workers, collate_fn=SnippetDataset.collate)
    return [batch.jittered for batch in loader]


# Forked workers under a process that has threads are what DataLoader does on Linux.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_batches_are_the_same_with_workers_and_after_a_resume(
    plain_sequence: Callable[..., FrameSequence],
) -> None:
    dataset = SnippetDataset(plain_sequence(9), augmentation=STRONG, seed=1)
    whole = loaded(dataset, workers=0, epoch=2)
    for other in (loaded(dataset, workers=2, epoch=2), loaded(dataset, workers=0, epoch=2)):
        assert all(torch.equal(a, b) for a, b in zip(whole, other, strict=True))
    resumed = loaded(dataset, workers=2, epoch=2, offset=2)
    assert all(torch.equal(a, b) for a, b in zip(whole[2:], resumed, strict=True))
