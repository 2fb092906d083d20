"""One result as a table: a line a measure, the answers side by side."""

from __future__ import annotations

import math

from triptych.artefacts.tables import Cell, Column, Row, Table
from triptych.evaluation.measures import MEASURES, Measure
from triptych.evaluation.results import Figures, Result

WAYS = {"lower": "lower is better", "higher": "higher is better", "neither": ""}
MISSING = "\u2013"  # an en dash


def result_table(result: Result) -> Table:
    """The prediction's figures beside its variants' and the baselines', with the protocol above.

    Args:
        result: what was found.
    """
    answers: dict[str, Figures] = {result.name: result.metrics}
    answers |= {f"by {name.replace('_', ' ')}": figures for name, figures in result.variants.items()}
    answers |= {name.replace("_", " "): figures for name, figures in result.baselines.items()}
    named = dict.fromkeys(name for figures in answers.values() for name in figures)
    measures = {name: measure for name, measure in MEASURES.items() if name in named}
    return Table(
        columns=(
            Column("measure", figures=False),
            Column("", figures=False),
            *(Column(name) for name in answers),
        ),
        rows=tuple(
            Row(
                (
                    Cell(f"{measure.label} ({measure.unit})" if measure.unit else measure.label),
                    Cell(WAYS[measure.better]),
                    *(Cell(_shown(figures.get(name, math.nan), measure)) for figures in answers.values()),
                )
            )
            for name, measure in measures.items()
        ),
        caption=result.protocol.line(),
        notes=result.notes,
    )


def _shown(value: float, measure: Measure) -> str:
    return MISSING if math.isnan(value) else f"{value:.{measure.digits}f}"
