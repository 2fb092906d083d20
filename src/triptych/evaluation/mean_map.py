"""The mean depth map: what an answer that never looks at the image gets right."""

from __future__ import annotations

import functools

import torch
from jaxtyping import Float64, Int
from torch import Tensor

from triptych.evaluation.counted import CountedTruth

GRID = (24, 80)
"""Rows and columns of cells that a picture is divided into, whatever its size."""
CELLS = GRID[0] * GRID[1]


class MeanMap:
    """Mean depth of each cell of the picture over many truths, minus the one it is asked for.

    It has seen labels, which the method has not; that of an image itself is left out.
    Pictures may differ in size: cells are shares of height and width. The memory is that of
    one grid.
    """

    def __init__(self) -> None:
        self._sum = torch.zeros(CELLS, dtype=torch.float64)
        self._count = torch.zeros(CELLS, dtype=torch.float64)

    def add(self, truth: CountedTruth) -> None:
        """Take in a truth."""
        cell = _cells(truth.size)[truth.place]
        self._sum.index_add_(0, cell, truth.depth_m)
        self._count += torch.bincount(cell, minlength=CELLS)

    def without(self, truth: CountedTruth) -> Float64[Tensor, " pixels"] | None:
        """The mean map of all truths but this one, at its pixels; None where there is no other.

        Cells without truth in any other image hold the mean of all pixels.
        """
        cell = _cells(truth.size)[truth.place]
        count = self._count - torch.bincount(cell, minlength=CELLS)
        if float(count.sum()) < 1:
            return None
        total = self._sum.index_add(0, cell, truth.depth_m, alpha=-1)
        mean = torch.where(count > 0, total / count.clamp_min(1), total.sum() / count.sum())
        return mean[cell]


@functools.lru_cache(maxsize=16)
def _cells(size: tuple[int, int]) -> Int[Tensor, " pixels"]:
    """The cell of each pixel of a flattened picture."""
    rows = torch.arange(size[0]) * GRID[0] // size[0]
    columns = torch.arange(size[1]) * GRID[1] // size[1]
    return (rows[:, None] * GRID[1] + columns).flatten()
