"""Steps by the frames around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from tests.unit.inference.conftest import Street
from tests.unit.inference.said_pairs import said

from triptych.data.synthetic import synthetic_clip
from triptych.inference.pairs import MeasuredPair, measured_pair
from triptych.inference.window import PAIRS_AFTER, PAIRS_BEFORE, Surroundings, with_surroundings


@pytest.fixture(scope="module")
def drive() -> Street:
    return Street(synthetic_clip("street", seed=12, frames=10, height=96, width=320))


@pytest.fixture(scope="module")
def measured(drive: Street) -> list[MeasuredPair]:
    return [measured_pair(said(drive, index), drive.intrinsics) for index in range(9)]


def direction_off(motion: torch.Tensor, truth: torch.Tensor) -> float:
    """Angle between two translations (degrees)."""
    cosine = torch.nn.functional.cosine_similarity(motion[:3, 3].double(), truth[:3, 3].double(), dim=0)
    return float(cosine.clamp(-1, 1).arccos().rad2deg())


def test_each_pair_comes_once_in_order_with_what_is_around_it(drive: Street, measured: list[MeasuredPair]) -> None:
    given = list(with_surroundings(measured, drive.intrinsics))
    assert [id(pair) for pair, _ in given] == [id(pair) for pair in measured]
    for index, (pair, around) in enumerate(given):
        assert around.pairs[around.index] is pair
        assert around.index == min(index, PAIRS_BEFORE)
        assert len(around.pairs) == len(around.steps) == around.index + min(PAIRS_AFTER + 1, 9 - index)
        assert (around.ratio is None) == (index == 0)  # the street has enough parallax
    last = given[-1][1].at_next()
    assert last.index == len(last.pairs)
    assert last.length is None
    assert last.ratio is None


def test_no_more_pairs_are_taken_ahead_than_are_needed(drive: Street, measured: list[MeasuredPair]) -> None:
    taken = 0

    def counted() -> Iterator[MeasuredPair]:
        nonlocal taken
        for pair in measured:
            taken += 1
            yield pair

    for given, _ in enumerate(with_surroundings(counted(), drive.intrinsics), start=1):
        assert taken <= given + PAIRS_AFTER


def test_where_two_frames_tell_enough_many_tell_no_less(drive: Street, measured: list[MeasuredPair]) -> None:
    off, off_before = [], []
    for index, (pair, around) in enumerate(with_surroundings(measured, drive.intrinsics)):
        truth = drive.step(index)
        assert pair.motion is not None
        off_before.append(direction_off(pair.motion, truth))
        off.append(direction_off(around.steps[around.index], truth))
        if around.ratio is not None:
            right = float(truth[:3, 3].norm() / drive.step(index - 1)[:3, 3].norm())
            assert around.ratio == pytest.approx(right, rel=0.05)
    assert sum(off) / len(off) < 0.6  # degrees
    assert sum(off) < 1.2 * sum(off_before)


def test_a_pair_without_motion_parts_what_is_before_from_what_is_after(
    drive: Street, measured: list[MeasuredPair]
) -> None:
    resting = measured_pair(said(drive, 4, still=True), drive.intrinsics)
    pairs = [*measured[:4], resting, *measured[5:]]
    given = [around for _, around in with_surroundings(pairs, drive.intrinsics)]
    assert given[4].length is None
    assert given[4].pairs == tuple(measured[:4])
    assert given[4].index == 4
    assert given[4].at_next() == Surroundings()
    assert given[5].index == 0
    assert given[5].pairs[0] is measured[5]


def test_where_too_few_corners_are_followed_only_the_pair_itself_is_known(
    drive: Street, measured: list[MeasuredPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.inference.window.FEWEST_TRACKS", 10_000)
    resting = measured_pair(said(drive, 3, still=True), drive.intrinsics)
    *moving, (_, at_rest) = with_surroundings([*measured[:3], resting], drive.intrinsics)
    for pair, around in moving:
        check_by_itself(pair, around)
    assert at_rest.pairs == (measured[2],)
    assert at_rest.index == 1


def check_by_itself(pair: MeasuredPair, around: Surroundings) -> None:
    """Its motion is that of the two frames."""
    assert around.pairs == (pair,)
    assert around.ratio is None
    assert around.length is not None
    assert pair.motion is not None
    torch.testing.assert_close(around.steps[0][:3, 3] / around.length, pair.motion[:3, 3])


def test_two_frames_by_themselves_have_the_motion_of_two_frames(drive: Street, measured: list[MeasuredPair]) -> None:
    ((pair, around),) = with_surroundings(measured[:1], drive.intrinsics)
    check_by_itself(pair, around)


def test_steps_too_small_to_compare_have_no_ratio(
    drive: Street, measured: list[MeasuredPair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.inference.window.LEAST_SHIFT_PX", 100.0)
    for _, around in with_surroundings(measured[:3], drive.intrinsics):
        assert around.ratio is None
        assert len(around.pairs) > 1


def test_a_pose_that_is_no_number_does_not_begin_a_step(drive: Street, measured: list[MeasuredPair]) -> None:
    nan = torch.full((4, 4), torch.nan)
    spoiled = [replace(pair, estimate=replace(pair.estimate, next_from_current=nan)) for pair in measured[:3]]
    for _, around in with_surroundings(spoiled, drive.intrinsics):
        assert all(step.isfinite().all() for step in around.steps)
        assert around.length
