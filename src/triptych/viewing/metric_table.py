"""Tables of measures for a page: each beside the same measure of other answers, with the protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from triptych.evaluation.measures import MEASURES
from triptych.evaluation.results import Result, setting_text, setting_words
from triptych.viewing.page import definitions

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class MetricRow:
    """One measure beside the same measure of trivial and classical methods.

    Attributes:
        name: the measure, in the field's own words.
        value: of the model; NaN where it could not be measured.
        better: which values are better; neither for counts.
        protocol: how all values of the row were measured: split, count, alignment; empty
            where the table's own says it.
        unit: of all values; empty for pure numbers.
        baselines: values of other methods by name.
        digits: decimals shown.
        variants: values of the model by another protocol; they are beside it, not against it.
    """

    name: str
    value: float
    better: Literal["lower", "higher", "neither"]
    protocol: str
    unit: str = ""
    baselines: Mapping[str, float] = field(default_factory=dict)
    digits: int = 3
    variants: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_best(self) -> bool:
        """Whether the value beats every baseline; False without baselines."""
        sign = {"lower": 1, "higher": -1, "neither": math.nan}[self.better]
        return bool(self.baselines) and all(sign * self.value < sign * other for other in self.baselines.values())


@dataclass(frozen=True)
class MetricTable:
    """Rows that were measured alike.

    Attributes:
        title: what was scored, above the table; empty without.
        rows: from the top.
        answer: whose values the rows have.
        protocol: all that the values depend on, by name.
        notes: what a reader must know beside them.
    """

    title: str
    rows: Sequence[MetricRow]
    answer: str = "Triptych"
    protocol: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def result_metrics(result: Result) -> MetricTable:
    """The figures of an evaluation, beside its variants and baselines."""
    answers = [result.metrics, *result.variants.values(), *result.baselines.values()]
    named = {name for figures in answers for name in figures}
    rows = [
        MetricRow(
            measure.label,
            result.metrics.get(name, math.nan),
            measure.better,
            "",
            measure.unit,
            {_words(other): figures[name] for other, figures in result.baselines.items() if name in figures},
            measure.digits,
            {f"by {_words(other)}": figures[name] for other, figures in result.variants.items() if name in figures},
        )
        for name, measure in MEASURES.items()
        if name in named
    ]
    points = {setting_words(name): setting_text(name, value) for name, value in result.protocol.settings.items()}
    title = f"{result.name}: {result.protocol.task}, {result.protocol.name}"
    return MetricTable(title, rows, answer=result.name, protocol=points, notes=result.notes)


def metric_table(table: MetricTable) -> str:
    """The table as HTML, its protocol and its notes below it; empty without rows."""
    if not table.rows:
        return ""
    title = f"<h3>{escape(table.title)}</h3>\n" if table.title else ""
    others = any(row.baselines or row.variants for row in table.rows)
    head = '<th scope="col" role="columnheader">Others, measured alike</th>' if others else ""
    rows = "\n".join(_row(row, answer=table.answer, others=others) for row in table.rows)
    protocol = f"<h4>Protocol</h4>\n{definitions(table.protocol)}" if table.protocol else ""
    items = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    notes = f'<ul class="notes">{items}</ul>' if items else ""
    return (
        # The roles say again what the elements are, since a narrow screen shows them as blocks.
        f'{title}<table role="table" class="metrics">\n<thead><tr role="row">'
        '<th scope="col" role="columnheader">Measure</th>'
        f'<th scope="col" role="columnheader" class="number">{escape(table.answer)}</th>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table>\n{protocol}{notes}"
    )


def shown_value(value: float, digits: int) -> str:
    """A figure as text; one that is not finite was not measured."""
    return f"{value:.{digits}f}" if math.isfinite(value) else NOT_MEASURED


def _row(row: MetricRow, *, answer: str, others: bool) -> str:
    best = '<span class="best">best</span>' if row.is_best else ""
    beside = "".join(
        f'<li><span>{escape(name)}</span> <span class="number">{shown_value(value, row.digits)}</span></li>'
        for name, value in {**row.variants, **row.baselines}.items()
    )
    protocol = f'<span class="protocol">{escape(row.protocol)}</span>' if row.protocol else ""
    missing = "" if math.isfinite(row.value) else " missing"
    cell = f'<td role="cell">{beside and f"<ul>{beside}</ul>"}</td>' if others else ""
    return (
        f'<tr role="row"><th scope="row" role="rowheader">{escape(row.name)} {_unit(row)}{protocol}</th>'
        f'<td role="cell" class="number value{missing}" data-answer="{escape(answer)}">'
        f"{shown_value(row.value, row.digits)}{best}</td>{cell}</tr>"
    )


def _unit(row: MetricRow) -> str:
    arrows = {"lower": "↓ lower is better", "higher": "↑ higher is better", "neither": ""}
    words = ", ".join(part for part in (row.unit, arrows[row.better]) if part)
    return f'<span class="unit">({escape(words)})</span>' if words else ""


def _words(name: str) -> str:
    return name.replace("_", " ")
