"""Snippets held out of a training, and those that stand in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from triptych.data.folder_snippets import folder_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.selected import SelectedSnippets, held_out, spread
from triptych.errors import InputError


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    share=st.floats(0.0, 0.9),
    stride=st.integers(1, 3),
)
def test_what_is_held_out_shares_no_frame_with_what_is_learned_from(
    lengths: list[int], share: float, stride: int
) -> None:
    drives = np.repeat(np.arange(len(lengths)), lengths)
    targets = np.concatenate([np.arange(stride, stride + length) for length in lengths])
    parts = held_out(drives, share=share, stride=stride)

    def frames(positions: np.ndarray) -> set[tuple[int, int]]:
        return {(int(drives[i]), int(targets[i]) + step) for i in positions for step in (-stride, 0, stride)}

    assert not frames(parts.learned) & frames(parts.held_out)
    assert set(drives[parts.learned]) == set(drives)  # every drive is learned from


def test_the_end_of_each_drive_is_held_out() -> None:
    parts = held_out(np.repeat([0, 1], 20), share=0.25)
    assert parts.held_out.tolist() == [15, 16, 17, 18, 19, 35, 36, 37, 38, 39]
    assert parts.learned.tolist() == [*range(13), *range(20, 33)]


def test_a_share_of_all_is_refused() -> None:
    with pytest.raises(InputError, match="held out 1"):
        held_out(np.zeros(4, dtype=np.int64), share=1.0)


def test_some_are_spread_evenly_over_all() -> None:
    assert spread(np.arange(100, 200), 4) == [112, 137, 162, 187]
    assert spread(np.arange(3), 10) == [0, 1, 2]


@pytest.fixture
def drive(tmp_path: Path) -> LazySnippetDataset:
    """Twelve frames, each of its own gray."""
    folder = tmp_path / "drives" / "one"
    folder.mkdir(parents=True)
    for index in range(12):
        Image.new("RGB", (20, 10), (20 * index,) * 3).save(folder / f"{index:06d}.png")
    return LazySnippetDataset(folder_snippets(folder.parent), height=10, width=20)


def test_a_selected_snippet_is_that_of_the_whole(drive: LazySnippetDataset) -> None:
    some = SelectedSnippets(drive, np.array([2, 7]))
    assert len(some) == 2
    assert some[3, 1].index == 7
    assert some[3, 1].frames[1, 0, 0, 0] == pytest.approx(8 * 20 / 255)


def test_none_but_the_selected_stands_in_for_a_damaged_snippet(drive: LazySnippetDataset) -> None:
    some = SelectedSnippets(drive, np.array([0, 1, 5]))
    drive.index.files(5).following.write_bytes(b"")
    assert [some[0, place].index for place in range(3)] == [0, 1, 0]
    assert some.damaged is drive.damaged
    assert len(drive.damaged) == 1


def test_nothing_selected_is_refused(drive: LazySnippetDataset) -> None:
    with pytest.raises(InputError, match="no snippet is left"):
        SelectedSnippets(drive, np.zeros(0, dtype=np.int64))
