"""The resumable order of samples."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.data.sampler import ResumableSampler

lengths = st.integers(0, 60)
batch_sizes = st.integers(1, 9)
world_sizes = st.integers(1, 4)


@given(length=lengths, batch_size=batch_sizes, epoch=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_every_sample_comes_once_an_epoch(length: int, batch_size: int, epoch: int) -> None:
    sampler = ResumableSampler(length, batch_size=batch_size, seed=7, epoch=epoch)
    samples = list(sampler)
    assert sorted(index for _, index in samples) == list(range(length))
    assert {number for number, _ in samples} <= {epoch}
    assert len(sampler) == length


@given(length=lengths, batch_size=batch_sizes, world_size=world_sizes)
@settings(max_examples=60, deadline=None)
def test_ranks_share_the_samples_without_overlap_and_evenly(length: int, batch_size: int, world_size: int) -> None:
    parts = [
        list(ResumableSampler(length, batch_size=batch_size, seed=7, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    assert {len(part) for part in parts} == {length // world_size}
    together = [sample for part in parts for sample in part]
    assert len(set(together)) == len(together) == length - length % world_size


@given(length=lengths, batch_size=batch_sizes, world_size=world_sizes, offset=st.integers(0, 8))
@settings(max_examples=60, deadline=None)
def test_a_resume_goes_on_where_each_rank_stopped(length: int, batch_size: int, world_size: int, offset: int) -> None:
    for rank in range(world_size):
        common = {"batch_size": batch_size, "seed": 3, "rank": rank, "world_size": world_size, "epoch": 2}
        whole = list(ResumableSampler(length, **common))
        resumed = list(ResumableSampler(length, offset=offset, **common))
        assert resumed == whole[offset * batch_size :]


def test_after_a_resumed_epoch_the_next_one_is_whole() -> None:
    resumed = ResumableSampler(10, batch_size=2, seed=3, epoch=4, offset=3)
    assert len(list(resumed)) == 4
    assert list(resumed) == list(ResumableSampler(10, batch_size=2, seed=3, epoch=5))


def test_one_step_holds_the_same_samples_however_many_ranks_share_it() -> None:
    alone = [index for _, index in ResumableSampler(24, batch_size=6, seed=3)]
    pair = [list(ResumableSampler(24, batch_size=3, seed=3, rank=rank, world_size=2)) for rank in (0, 1)]
    for step in range(4):
        shared = {index for part in pair for _, index in part[3 * step : 3 * step + 3]}
        assert shared == set(alone[6 * step : 6 * step + 6])


def test_the_order_changes_with_the_epoch_and_the_seed() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [index for _, index in ResumableSampler(50, batch_size=4, seed=seed, epoch=epoch)]

    assert order(1, 0) == order(1, 0)
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4


def test_without_shuffling_the_order_is_that_of_the_data() -> None:
    sampler = ResumableSampler(5, batch_size=2, seed=1, shuffle=False, epoch=3)
    assert list(sampler) == [(3, 0), (3, 1), (3, 2), (3, 3), (3, 4)]


@pytest.mark.parametrize(
    "wrong",
    [{"length": -1}, {"batch_size": 0}, {"world_size": 0}, {"rank": 2, "world_size": 2}, {"offset": -1}],
)
def test_an_argument_out_of_its_range_is_refused(wrong: dict[str, int]) -> None:
    arguments = {"length": 5, "batch_size": 2, "seed": 1} | wrong
    length = arguments.pop("length")
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ResumableSampler(length, **arguments)
