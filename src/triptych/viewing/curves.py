"""The curves of a training as a part of a page: one small chart a curve, its stages as bands."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import groupby

from triptych.viewing.chart import Band, Lines, line_chart, number_text
from triptych.viewing.page import Section, definitions
from triptych.viewing.run_log import RunLog, Series

KINDS = 4
"""Looks of bands in the style sheet."""
_POINTS = 160  # of a curve; more are drawn as the means of neighbors
_WARNINGS = 10  # that are told


def curves_section(log: RunLog) -> Section:
    """Losses, shares of gates and masks, signs of life and validations; empty where there are none."""
    everything = {**log.losses, **log.validations}
    if not everything:
        return Section("training", "Training", "")
    steps = [step for series in everything.values() for step, _, _ in series]
    extent = (float(min(steps)), float(max(steps)))
    names = list(dict.fromkeys(stage for stage, _, _ in log.stages))
    bands = [
        Band(float(first), min(last + 1.0, extent[1]), names.index(stage) % KINDS) for stage, first, last in log.stages
    ]

    def grid(title: str, curves: Mapping[str, Series], limits: tuple[float, float] | None = None) -> str:
        charts = "\n".join(_chart(name, series, bands, extent, limits) for name, series in curves.items())
        return f'<h3>{escape(title)}</h3>\n<div class="charts">\n{charts}\n</div>' if charts else ""

    parts = [
        _stages(log, names),
        grid("Loss and its terms", log.losses),
        grid("Share of the pixels that gates and masks keep", log.shares, (0.0, 1.0)),
        grid("On frames that nothing is learned from", log.validations),
        definitions({name: value for name, value in log.validated.items() if value}),
        grid("Signs that the networks say something", log.signs),
        _warnings(log),
    ]
    return Section("training", "Training", "\n".join(part for part in parts if part))


def thinned(series: Series) -> list[list[tuple[float, float]]]:
    """The curve in pieces, one for each stretch of a stage, with the means of neighbors where it is long."""
    width = max(1, -(-len(series) // _POINTS))
    pieces = []
    for _, stretch in groupby(series, key=lambda point: point[1]):
        points = list(stretch)
        groups = [points[start : start + width] for start in range(0, len(points), width)]
        pieces.append([(_mean([g[0] for g in group]), _mean([g[2] for g in group])) for group in groups])
    return pieces


def _chart(
    name: str, series: Series, bands: list[Band], extent: tuple[float, float], limits: tuple[float, float] | None
) -> str:
    title = name.replace("_", " ")
    pieces = thinned(series)
    kinds = [stage for stage, _ in groupby(series, key=lambda point: point[1])]
    told = "; ".join(
        f"{kind} {number_text(piece[0][1])} to {number_text(piece[-1][1])}"
        for kind, piece in zip(kinds, pieces, strict=True)
    )
    drawing = line_chart(Lines(f"{title}: {told}", pieces, bands, extent, limits))
    return (
        f'<figure class="curve"><figcaption><span class="title">{escape(title)}</span>'
        f'<span class="number">{number_text(pieces[-1][-1][1])}</span></figcaption>{drawing}</figure>'
    )


def _stages(log: RunLog, names: list[str]) -> str:
    """The key of the bands."""
    items = []
    for name in names:
        spans = ", ".join(f"{first:,} to {last:,}" for stage, first, last in log.stages if stage == name)
        kind = names.index(name) % KINDS
        items.append(
            f'<li><svg viewBox="0 0 20 14" class="patch" aria-hidden="true">'
            f'<rect class="band-{kind}" width="20" height="14"/></svg> '
            f"<span>{escape(name)}: steps {spans}</span></li>"
        )
    return f'<ul class="stages" aria-label="Stages">{"".join(items)}</ul>' if items else ""


def _warnings(log: RunLog) -> str:
    told = list(log.warnings.items())[:_WARNINGS]
    items = "".join(f"<li>step {step:,}: {escape(text)}</li>" for text, step in told)
    return f'<h3>Warnings</h3>\n<ul class="notes">{items}</ul>' if items else ""


def _mean(values: list[float] | list[int]) -> float:
    return sum(values) / len(values)
