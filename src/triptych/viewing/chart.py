"""Small drawings of numbers, as SVG that takes its colors from the page: lines over steps, and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

_WIDTH, _HEIGHT = 340.0, 150.0  # the drawing's own units: about the pixels that it is shown at
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 8.0, 10.0, 20.0
_BARS_WIDTH, _BARS_HEIGHT, _BARS_LEFT, _BARS_TOP, _BARS_BOTTOM = 720.0, 250.0, 78.0, 34.0, 34.0
_SPREAD = 1e-12  # least distance between the ends of an axis


@dataclass(frozen=True)
class Band:
    """A stretch of the horizontal axis.

    Attributes:
        begin: where it begins.
        end: where it ends.
        kind: number of its look in the style sheet.
    """

    begin: float
    end: float
    kind: int


@dataclass(frozen=True)
class Lines:
    """What a line chart shows.

    Attributes:
        label: what can be read off it, for those who cannot see it.
        parts: pieces of one line, each of (x, y) with finite numbers; one of a single point is a dot.
        bands: below the line.
        extent: least and greatest x of the axis.
        limits: least and greatest y of the axis; None takes those of the line.
    """

    label: str
    parts: Sequence[Sequence[tuple[float, float]]]
    bands: Sequence[Band]
    extent: tuple[float, float]
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Bars:
    """What a bar chart shows.

    Attributes:
        label: what can be read off it, for those who cannot see it.
        heights: of the bars, from the left; shares of a whole.
        ticks: places along the axis, in [0, 1], by what stands there.
        marks: places of upright lines, in [0, 1], by what stands at them.
    """

    label: str
    heights: Sequence[float]
    ticks: Mapping[str, float]
    marks: Mapping[str, float] = field(default_factory=dict)


def line_chart(lines: Lines) -> str:
    """SVG text of one line over bands, with numbers at the ends of both axes.

    Raises:
        ValueError: there is no point.
    """
    values = [y for part in lines.parts for _, y in part]
    if not values:
        raise ValueError("a line needs at least one point")
    low, high = lines.limits or (min(values), max(values))
    if high - low < max(_SPREAD, 1e-6 * abs(high)):
        low, high = low - max(0.05 * abs(low), _SPREAD), high + max(0.05 * abs(high), _SPREAD)
    begin, end = lines.extent
    across = max(end - begin, _SPREAD)

    def x_of(step: float) -> float:
        return _LEFT + (step - begin) / across * (_WIDTH - _LEFT - _RIGHT)

    def y_of(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    bands = [
        f'<rect class="band-{band.kind}" x="{x_of(band.begin):.1f}" y="{_TOP:g}" '
        f'width="{max(x_of(band.end) - x_of(band.begin), 0.5):.1f}" height="{_HEIGHT - _TOP - _BOTTOM:g}"/>'
        for band in lines.bands
    ]
    drawn = [_part([(x_of(x), y_of(y)) for x, y in part]) for part in lines.parts]
    bottom = _HEIGHT - _BOTTOM
    numbers = [
        _text(_LEFT - 5, _TOP + 8, number_text(high), "end"),
        _text(_LEFT - 5, bottom, number_text(low), "end"),
        _text(_LEFT, _HEIGHT - 4, f"step {begin:,.0f}", "start"),
        _text(_WIDTH - _RIGHT, _HEIGHT - 4, f"{end:,.0f}", "end"),
    ]
    return _drawing(lines.label, _WIDTH, _HEIGHT, [*bands, _axis(_LEFT, bottom, _WIDTH - _RIGHT), *drawn, *numbers])


def bar_chart(bars: Bars) -> str:
    """SVG text of bars over an axis, with upright marks."""
    highest = max(*bars.heights, _SPREAD)
    room = _BARS_WIDTH - _BARS_LEFT - _RIGHT
    bottom = _BARS_HEIGHT - _BARS_BOTTOM
    width = room / len(bars.heights)
    drawn = [
        f'<rect class="bar" x="{_BARS_LEFT + number * width + 0.5:.1f}" y="{bottom - high:.1f}" '
        f'width="{width - 1:.1f}" height="{high:.1f}"/>'
        for number, high in enumerate(height / highest * (bottom - _BARS_TOP) for height in bars.heights)
    ]
    ticks = [_text(_BARS_LEFT + place * room, bottom + 24, text, "middle") for text, place in bars.ticks.items()]
    marks = []
    for text, place in bars.marks.items():
        x = _BARS_LEFT + place * room
        marks.append(f'<line class="limit" x1="{x:.1f}" y1="{_BARS_TOP:g}" x2="{x:.1f}" y2="{bottom:g}"/>')
        marks.append(_text(x, _BARS_TOP - 8, text, "end" if place > 0.5 else "start"))
    numbers = [
        _text(_BARS_LEFT - 5, _BARS_TOP + 8, f"{100 * highest:.2g} %", "end"),
        _text(_BARS_LEFT - 5, bottom, "0", "end"),
    ]
    parts = [*drawn, _axis(_BARS_LEFT, bottom, _BARS_WIDTH - _RIGHT), *ticks, *marks, *numbers]
    return _drawing(bars.label, _BARS_WIDTH, _BARS_HEIGHT, parts)


def number_text(value: float) -> str:
    """A number of three digits, short enough to stand beside an axis."""
    size = abs(value)
    if value == 0 or 1e-3 <= size < 1e4:
        return f"{value:.3g}" if size < 1e3 else f"{value:.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _part(points: Sequence[tuple[float, float]]) -> str:
    if len(points) == 1:
        return f'<circle class="line" cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="2"/>'
    return f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def _axis(left: float, bottom: float, right: float) -> str:
    return f'<line class="axis" x1="{left:g}" y1="{bottom:g}" x2="{right:g}" y2="{bottom:g}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _drawing(label: str, width: float, height: float, parts: Sequence[str]) -> str:
    head = f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
    return "\n".join([head, *parts, "</svg>"])
