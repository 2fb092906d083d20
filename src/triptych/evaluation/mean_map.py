"""The mean depth map: what an answer that never looks at the image gets right."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

GRID = (24, 80)
"""Rows and columns of cells that a picture is divided into, whatever its size."""


class MeanMap:
    """Mean depth of each cell of the picture over many truths, minus the one it is asked for.

    It has seen labels, which the method has not; that of an image itself is left out.
    Pictures may differ in size: cells are shares of height and width. The memory is that of
    one grid.
    """

    def __init__(self) -> None:
        cells = GRID[0] * GRID[1]
        self._sum = torch.zeros(cells, dtype=torch.float64)
        self._count = torch.zeros(cells, dtype=torch.float64)

    def add(self, depth_m: Float[Tensor, "height width"], known: Bool[Tensor, "height width"]) -> None:
        """Take in a truth."""
        total, count = _sums(depth_m, known)
        self._sum += total
        self._count += count

    def without(
        self, depth_m: Float[Tensor, "height width"], known: Bool[Tensor, "height width"]
    ) -> Float[Tensor, "height width"] | None:
        """The mean map of all truths but this one; None where there is no other.

        Cells without truth in any other image hold the mean of all cells.
        """
        total, count = _sums(depth_m, known)
        others_sum, others_count = self._sum - total, self._count - count
        if float(others_count.sum()) < 1:
            return None
        overall = others_sum.sum() / others_count.sum()
        mean = torch.where(others_count > 0, others_sum / others_count.clamp_min(1), overall)
        return mean[_cells(*depth_m.shape)]


def _sums(
    depth_m: Float[Tensor, "height width"], known: Bool[Tensor, "height width"]
) -> tuple[Float[Tensor, " cells"], Float[Tensor, " cells"]]:
    """Sum of depth and number of pixels of each cell."""
    cell = _cells(*depth_m.shape)[known]
    cells = GRID[0] * GRID[1]
    total = torch.zeros(cells, dtype=torch.float64).index_add_(0, cell, depth_m[known].double())
    return total, torch.bincount(cell, minlength=cells).double()


def _cells(height: int, width: int) -> Int[Tensor, "height width"]:
    """The cell of each pixel."""
    rows = torch.arange(height) * GRID[0] // height
    columns = torch.arange(width) * GRID[1] // width
    return rows[:, None] * GRID[1] + columns
