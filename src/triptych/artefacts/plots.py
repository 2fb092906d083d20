"""Plots of camera paths and of ratios, as PNG.

Drawn through matplotlib's objects, never through pyplot: no state is shared and no
window is opened.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from triptych.formats.atomic import StrPath, atomic_path

LINES = ("#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00")
"""Okabe and Ito's colors, apart in every common color blindness; the first is for the truth."""

_STYLES = ("-", "--", "-.", ":")  # so that lines are told apart without color too
_MARK: dict[str, Any] = {"markersize": 9, "fillstyle": "none", "markeredgewidth": 1.8}
_DPI = 120
_LARGE = 13.0  # points
_SMALL = 8.5
BINS = 80
"""Of a histogram of ratios."""
MOST_TICKS = 9
_SMALLEST_SHARE = 1e-4  # that is told in percent with two digits


@dataclass(frozen=True)
class NamedPath:
    """A camera's path.

    Attributes:
        name: for the key.
        camera_to_world: poses; paths of one plot must have been aligned before.
    """

    name: str
    camera_to_world: Float[Tensor, "frames 4 4"]


def save_trajectory_plot(path: StrPath, paths: Sequence[NamedPath], *, title: str, protocol: str, unit: str) -> None:
    """Write camera paths seen from above: world x to the right, world z up, one scale for both.

    A ring marks each path's first place, a square its last.

    Args:
        path: of the PNG.
        paths: at most as many as `LINES`; the truth first.
        title: above the plot.
        protocol: how the paths were aligned and scored, in small print below it.
        unit: of the poses' translations.

    Raises:
        InputError: the place cannot be written to.
        ValueError: no path, too many, one without poses, or one that is not finite.
    """
    if not 1 <= len(paths) <= len(LINES):
        raise ValueError(f"1 to {len(LINES)} paths are needed, got {len(paths)}")
    places = [named.camera_to_world[:, (0, 2), 3].detach().double().cpu() for named in paths]
    together = torch.cat(places)
    if any(len(place) == 0 for place in places) or not together.isfinite().all():
        raise ValueError("paths need at least one pose and finite positions")
    width, height = (together.amax(0) - together.amin(0)).clamp(min=1e-9).tolist()
    figure = Figure(figsize=(7.5, 7.5 * min(max(height / width, 0.45), 1.15) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    for index, (named, place) in enumerate(zip(paths, places, strict=True)):
        color = LINES[index]
        style = _STYLES[index % len(_STYLES)]
        axes.plot(place[:, 0], place[:, 1], style, color=color, linewidth=1.8, label=named.name)
        for marker, end in (("o", place[0]), ("s", place[-1])):
            axes.plot(*end, marker, color=color, **_MARK)
    for marker, what in (("o", "start"), ("s", "end")):
        axes.plot([], [], marker, color="#777777", label=what, **_MARK)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.05)
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set(xlabel=f"x, to the right ({unit})", ylabel=f"z, forward ({unit})")
    for text in axes.legend(loc="best", framealpha=0.9).get_texts():
        text.set_parse_math(False)  # a dollar in a name is a dollar
    save_figure(path, figure, title=title, small=protocol)


def ratio_counts(
    ratios: Float[Tensor, " count"], *, reach: float = 4.0, middle: float | None = None
) -> tuple[Int[Tensor, " bins"], Float[Tensor, " edges"]]:
    """Counts of ratios in bins of equal factor around a middle, and the bins' edges.

    What lies beyond the bins is counted in the outermost ones, so that the counts' sum
    is the number of ratios.

    Args:
        ratios: what is not finite or not above 0 does not count.
        reach: the bins reach from the middle divided by it to the middle times it.
        middle: the median by default.

    Raises:
        ValueError: no ratio counts; a reach of 1 or less; a middle that is not above 0.
    """
    if not reach > 1:
        raise ValueError(f"a reach above 1 is needed, got {reach}")
    if middle is not None and not middle > 0:
        raise ValueError(f"a middle above 0 is needed, got {middle}")
    values = _counted(ratios)
    widest = math.log(reach)
    center = _quantile(values, 0.5) if middle is None else middle
    edges = center * torch.linspace(-widest, widest, BINS + 1, dtype=torch.float64).exp()
    inner = torch.bucketize(values, edges[1:-1], right=True)
    return torch.bincount(inner, minlength=BINS), edges


def save_ratio_histogram(
    path: StrPath,
    ratios: Float[Tensor, " count"],
    *,
    title: str,
    label: str = "predicted / true depth",
    what: str = "values",
    protocol: str = "",
    perfect: float | None = 1.0,
    reach: float = 4.0,
) -> None:
    """Write a histogram of ratios over a logarithmic axis, with their median and spread.

    Dashed lines bound the middle 68 % of the ratios. The axis is the same for all ratios
    that have a perfect value, unless they lie far from it: then it reaches further.

    Args:
        path: of the PNG.
        ratios: such as of depths, one a pixel, or scale factors, one an image.
        title: above the plot.
        label: what a ratio is, below the axis.
        what: what the ratios are of, after their number in small print.
        protocol: how they were made, in small print.
        perfect: what a ratio should be, drawn as a line in the axis's middle; None has
            the median there.
        reach: the axis reaches from its middle divided by it to its middle times it.

    Raises:
        InputError: the place cannot be written to.
        ValueError: no ratio is finite and above 0; a reach of 1 or less; a perfect ratio
            that is not above 0.
    """
    values = _counted(ratios)
    low, median, high = (_quantile(values, share) for share in (0.16, 0.5, 0.84))
    if perfect is not None and perfect > 0:
        # A factor of 2 beyond the spread, in whole factors of 2.
        farthest = max(high / perfect, perfect / low)
        reach = max(reach, 2.0 ** math.ceil(math.log2(2 * farthest)) if farthest > reach else 0.0)
    counts, edges = ratio_counts(values, reach=reach, middle=perfect)
    beyond = float(((values < edges[0]) | (values > edges[-1])).double().mean())
    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.stairs(counts.numpy() / len(values), edges.numpy(), fill=True, color="#56b4e9")
    if perfect is not None:
        axes.axvline(perfect, color=LINES[3], linewidth=1.4, linestyle="-.", label=f"perfect: {perfect:g}")
    axes.axvline(median, color="#000000", linewidth=1.8, label=f"median {_number(median)}")
    band = f"middle 68 %: {_number(low)} to {_number(high)}"
    axes.axvline(low, color=LINES[1], linewidth=1.4, linestyle="--", label=band)
    axes.axvline(high, color=LINES[1], linewidth=1.4, linestyle="--")
    axes.plot([], [], " ", label=f"half its width / median: {_number((high - low) / (2 * median))}")
    axes.set_xscale("log")
    ticks = _round_ticks(median, reach) if perfect is None else _doubled_ticks(perfect, reach)
    axes.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel=f"{label} (logarithmic)", ylabel="share of the values in a bin")
    axes.set_xlim(float(edges[0]), float(edges[-1]))
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", framealpha=0.9)
    outermost = ""
    if beyond:
        share = "under 0.01 %" if beyond < _SMALLEST_SHARE else f"{100 * beyond:.2f} %"
        outermost = f", {share} of them beyond the axis and in its outermost bins"
    save_figure(path, figure, title=title, small=f"{len(values):,} {what}{outermost}. {protocol}")


def _doubled_ticks(middle: float, reach: float) -> list[float]:
    """The middle times powers of 2 within reach: of every power, or of every other and so on."""
    most = math.floor(math.log2(reach) + 1e-9)
    step = max(1, math.ceil((2 * most + 1) / MOST_TICKS))
    return [middle * 2.0**power for power in range(-(most // step) * step, most + 1, step)]


def _round_ticks(middle: float, reach: float) -> list[float]:
    """Five places at equal factors around the middle, rounded to two digits; the outer ones inward."""
    return [
        _two_digits(middle / reach, up=True),
        *(float(f"{middle * reach**power:.2g}") for power in (-0.5, 0.0, 0.5)),
        _two_digits(middle * reach, up=False),
    ]


def _two_digits(value: float, *, up: bool) -> float:
    """A number above 0 rounded up or down to two digits."""
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    whole = math.ceil(value / step - 1e-9) if up else math.floor(value / step + 1e-9)
    return float(f"{whole * step:.2g}")


def save_figure(path: StrPath, figure: Figure, *, title: str, small: str) -> None:
    """Write a figure as PNG with a title above it and small print below it, wrapped to its width.

    Raises:
        InputError: the place cannot be written to.
    """
    width = figure.get_figwidth()
    figure.suptitle(_wrapped(title, width, _LARGE), fontsize=_LARGE, x=0.01, ha="left", parse_math=False)
    if small:
        figure.supxlabel(
            _wrapped(small, width, _SMALL), fontsize=_SMALL, x=0.01, ha="left", color="#444444", parse_math=False
        )
    FigureCanvasAgg(figure)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, format="png")


def title_inches(title: str, width: float) -> float:
    """Height that a title takes on a figure of a width (both in inches)."""
    lines = _wrapped(title, width, _LARGE).count("\n") + 1
    return 0.2 + lines * 1.25 * _LARGE / 72


def small_print_inches(small: str, width: float) -> float:
    """Height that small print takes on a figure of a width (both in inches)."""
    lines = _wrapped(small, width, _SMALL).count("\n") + 1 if small else 0
    return 0.1 + lines * 1.25 * _SMALL / 72


def _wrapped(text: str, inches: float, points: float) -> str:
    """The text in lines that fit; a letter is 0.55 of the size wide on average, and 72 points an inch."""
    return textwrap.fill(text, max(20, int(inches * 72 / (0.55 * points))))


def _counted(ratios: Float[Tensor, " count"]) -> Float[Tensor, " counted"]:
    values = ratios.detach().double().cpu()
    values = values[values.isfinite() & (values > 0)]
    if len(values) == 0:
        raise ValueError("a histogram needs at least one finite ratio above 0")
    return values


def _number(value: float) -> str:
    """Three digits, kept where they are zeros."""
    return f"{value:#.3g}".removesuffix(".")


def _quantile(values: Float[Tensor, " count"], share: float) -> float:
    """Quantile by sorting, for torch.quantile refuses more than 16 million values."""
    ordered = values.sort().values
    position = share * (len(ordered) - 1)
    before = int(position)
    after = min(before + 1, len(ordered) - 1)
    return float(ordered[before] + (position - before) * (ordered[after] - ordered[before]))
