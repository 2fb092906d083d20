"""The histogram counts every pixel that has a depth, once."""

from __future__ import annotations

import re

import pytest
import torch

from triptych.viewing.depth_histogram import BINS, depth_counts, depth_histogram


def test_each_pixel_with_a_depth_is_counted_once_in_the_bin_of_its_depth() -> None:
    depth = torch.tensor([[1.0, 1.0, 10.0], [0.0, -1.0, torch.nan], [torch.inf, 1e-9, 1e9]])
    counts = depth_counts(depth)
    assert int(counts.sum()) == 5
    places = counts.nonzero()[:, 0].tolist()
    assert [places[0], places[-1]] == [0, BINS - 1]  # what lies beyond the bins
    assert counts[places[1]] == 2
    assert (places[2] - places[1]) / BINS == pytest.approx(1 / 10)  # a decade of the ten


def test_bars_hold_their_share_of_the_pixels() -> None:
    depth = torch.full((10, 10), 2.0)
    depth[:, 5:] = 8.0
    drawing = depth_histogram(depth_counts(depth), near=2.0, far=8.0)
    heights = [float(height) for height in re.findall(r'class="bar"[^>]*height="([\d.]+)"', drawing)]
    seen = [number for number, height in enumerate(heights) if height > 0]
    assert len(seen) == 2
    assert heights[seen[0]] == pytest.approx(heights[seen[1]])
    assert "50 %" in drawing
    assert ">near 2<" in drawing
    assert ">far 8<" in drawing
    assert ">5<" in drawing  # a tick between


def test_an_even_spread_of_depths_gives_even_bars() -> None:
    depth = torch.logspace(0, 1, 100_000).reshape(100, 1000)
    drawing = depth_histogram(depth_counts(depth), near=1.1, far=9.0)
    heights = [float(height) for height in re.findall(r'class="bar"[^>]*height="([\d.]+)"', drawing)][2:-2]
    assert max(heights) < 1.06 * min(heights)


def test_without_any_depth_there_is_no_histogram() -> None:
    assert depth_histogram(depth_counts(torch.zeros(4, 4)), near=1.0, far=2.0) == ""
