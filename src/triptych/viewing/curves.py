"""The curves of a training as a part of a page: one small chart a curve, its stages as bands."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import groupby

from triptych.viewing.chart import Band, Lines, line_chart, number_text
from triptych.viewing.page import Section, definitions
from triptych.viewing.run_log import RunLog, Series

TOTAL = "total"
FEWEST_FOR_CURVES = 3
"""Judgments; fewer are told in a table."""
LOSS_NOTE = (
    "Over the steps. Each stage adds up other terms, and within a stage more of them may join: the loss jumps there. "
    "Between jumps, lower is better."
)
SHARES_NOTE = "At 1 a gate or mask keeps every pixel and does nothing; near 0 its term teaches nothing."
SIGNS_NOTE = "Means over the batch. Where one of them falls to zero, that network says the same of everything."
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

    def grid(curves: Mapping[str, Series], limits: tuple[float, float] | None = None) -> str:
        charts = "\n".join(_chart(name, series, bands, extent, limits) for name, series in curves.items())
        return f'<div class="charts">\n{charts}\n</div>' if charts else ""

    terms = {name: series for name, series in log.losses.items() if name != TOTAL}
    judged = definitions({name: value.replace("_", " ") for name, value in log.validated.items() if value})
    parts = [
        _stages(log, names),
        _shown("Loss", LOSS_NOTE, grid({name: log.losses[name] for name in log.losses if name == TOTAL})),
        _folded("Terms of the loss", "Each with its weight, as it is added to the loss. Lower is better.", grid(terms)),
        _folded("Share of the pixels that gates and masks keep", SHARES_NOTE, grid(log.shares, (0.0, 1.0))),
        _shown(
            "On frames that nothing is learned from",
            "Errors and disagreements: lower is better.",
            f"{grid(log.validations) if _judgments(log) >= FEWEST_FOR_CURVES else _table(log.validations)}\n{judged}"
            if log.validations
            else "",
        ),
        _folded("Signs of collapse", SIGNS_NOTE, grid(log.signs)),
        _warnings(log),
    ]
    return Section("training", "Training", "\n".join(part for part in parts if part))


def _shown(title: str, note: str, content: str) -> str:
    return f"<h3>{escape(title)}</h3>\n<p>{escape(note)}</p>\n{content}" if content.strip() else ""


def _folded(title: str, note: str, content: str) -> str:
    return (
        f"<details><summary>{escape(title)}</summary>\n<p>{escape(note)}</p>\n{content}\n</details>" if content else ""
    )


def _judgments(log: RunLog) -> int:
    return max((len(series) for series in log.validations.values()), default=0)


def _table(validations: Mapping[str, Series]) -> str:
    """The first and the last of a few judgments, which make no curves."""
    rows = [
        f'<tr><th scope="row">{escape(name.replace("_", " "))}</th><td>{number_text(series[0][2])}</td>'
        f"<td>{number_text(series[-1][2])}</td></tr>"
        for name, series in validations.items()
    ]
    steps = [step for series in validations.values() for step, _, _ in series]
    head = f"<tr><th></th><th>first (step {min(steps):,})</th><th>last (step {max(steps):,})</th></tr>"
    return f'<div class="table"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


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
        f'<span class="number">last {number_text(pieces[-1][-1][1])}</span></figcaption>{drawing}</figure>'
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
