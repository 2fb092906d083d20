"""How often each depth occurs over a sequence, as a part of a page."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from triptych.viewing.chart import Bars, bar_chart

_DECADES = (-4, 6)  # powers of ten between which depth is counted; what lies beyond is in the outermost bins
_FINE = 2000  # bins a decade: many in each bar that is drawn
_BARS = 48  # that are drawn
_NARROWEST = 0.2  # decades to either side of the middle, at least
_TAIL = 0.002  # share of the pixels at either end that may lie beyond the drawing
_STEPS = (1, 2, 5)  # of the axis's numbers, times powers of ten

BINS = (_DECADES[1] - _DECADES[0]) * _FINE


def depth_counts(depth: Float[Tensor, "height width"]) -> Int[Tensor, " bins"]:
    """Pixels of each depth, in bins of one factor; those without finite positive depth do not count."""
    values = depth[depth.isfinite() & (depth > 0)].double()
    position = ((values.log10() - _DECADES[0]) * _FINE).floor().long().clamp(0, BINS - 1)
    return torch.bincount(position, minlength=BINS)


def depth_histogram(counts: Int[Tensor, " bins"], *, near: float, far: float) -> str:
    """A drawing of the counts over a logarithmic axis; empty where nothing was counted.

    Args:
        counts: of `depth_counts`, summed over the frames.
        near: depth of the brightest color of the panels.
        far: depth of their darkest color.
    """
    total = int(counts.sum())
    if total == 0:
        return ""
    share = counts.double().cumsum(0) / total
    first = int((share > _TAIL).int().argmax())
    last = int((share >= 1 - _TAIL).int().argmax())
    low, high = _decade(first), _decade(last + 1)
    low, high = min(low, math.log10(near)), max(high, math.log10(far))
    middle = (low + high) / 2
    half = max((high - low) / 2, _NARROWEST) * 1.02
    edges = torch.linspace(middle - half, middle + half, _BARS + 1, dtype=torch.float64)
    centers = _DECADES[0] + (torch.arange(BINS, dtype=torch.float64) + 0.5) / _FINE
    bars = torch.bucketize(centers, edges[1:-1], right=True)
    heights = torch.zeros(_BARS, dtype=torch.float64).index_add_(0, bars, counts.double() / total)
    return bar_chart(
        Bars(
            label=f"Histogram of depths: the middle one is {_decade_value(share):.3g}",
            heights=heights.tolist(),
            ticks=_ticks(float(edges[0]), float(edges[-1])),
            marks={
                f"near {near:.3g}": _place(near, edges),
                f"far {far:.3g}": _place(far, edges),
            },
        )
    )


def _decade(edge: int) -> float:
    """Where a bin begins, as a power of ten."""
    return _DECADES[0] + edge / _FINE


def _decade_value(share: Float[Tensor, " bins"]) -> float:
    """The median."""
    return float(10 ** _decade(int((share >= 0.5).int().argmax())))


def _place(depth: float, edges: Float[Tensor, " edges"]) -> float:
    """Place of a depth along the axis, in [0, 1]."""
    return float((math.log10(depth) - edges[0]) / (edges[-1] - edges[0]))


def _ticks(low: float, high: float) -> dict[str, float]:
    """Round depths and their places along the axis, the fewer the longer it is."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    steps = range(1, 10) if high - low < 1.5 else _STEPS if high - low < 3 else (1,)
    exponents = {f"{step * 10.0**decade:g}": decade + math.log10(step) for decade in decades for step in steps}
    return {text: (power - low) / (high - low) for text, power in exponents.items() if low <= power <= high}
