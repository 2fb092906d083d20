"""Tables that set results beside each other, never figures of two protocols in one column.

Results of one name are seeds of one method: their mean stands with the sample deviation.
The best figure of a column is bold, by unrounded values; equal figures are bold together,
and a figure without another to beat is not. Published rows take part in that with the
value that was printed. Baselines do not: they are what a method must beat, and stand in
a section of their own below it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from triptych.artefacts.tables import Cell, Column, Row, Table
from triptych.errors import InputError
from triptych.evaluation.comparison_groups import ProtocolGroup, ResultFile, caption, grouped, refuse_default_names
from triptych.evaluation.comparison_notes import comparison_notes
from triptych.evaluation.comparison_rows import (
    BASELINE_SECTION,
    EQUAL,
    Scores,
    baseline_rows,
    equal,
    method_rows,
    published_rows_beside,
    published_scores,
)
from triptych.evaluation.measures import MEASURES, Measure
from triptych.evaluation.published import PublishedRow
from triptych.evaluation.results import load_result
from triptych.formats.atomic import StrPath

MISSING = "\u2013"  # an en dash


@dataclass(frozen=True)
class _Key:
    """What a column shows: a measure, by the protocol at one place of the table."""

    name: str
    place: int
    measure: Measure
    label: str

    def column(self) -> Column:
        """Its head: the measure, and the value that its protocol has to itself."""
        between = ", " if "," in self.measure.label else " "
        label = self.measure.label + (between + self.label if self.label else "")
        return Column(label, self.measure.unit, self.measure.better)


def load_result_files(paths: Sequence[StrPath]) -> list[ResultFile]:
    """Results with the names of their files.

    Raises:
        InputError: one of them is missing or not a result.
    """
    return [ResultFile(str(path), load_result(path)) for path in paths]


def comparison(
    results: Sequence[ResultFile],
    *,
    across: str | None = None,
    published: Sequence[PublishedRow] = (),
    separate: bool = False,
    baselines: bool = True,
) -> list[Table]:
    """One table of all results, or one for each protocol.

    Columns are the measures of the results; counts that the protocol tells have none.
    `variants` of a result are of protocols of their own and are not shown.

    Args:
        results: of any number of methods and seeds.
        across: setting of the protocols, such as sequence, that may differ within a table
            together with the counts that follow from it: each measure then has a column
            for each of its values, and a method without figures for one has a dash there.
        published: rows to append where their protocol equals that of a column; how many
            others of the same task and sequence there are is told in a note.
        separate: make a table for each protocol instead of refusing more than one.
        baselines: show the trivial and classical answers too.

    Raises:
        InputError: no results; two files with the same figures; results of more than one
            protocol without `separate`, apart from `across`; results that would share a
            row by a name that nobody gave.
    """
    if not results:
        raise InputError("no results to compare: give the JSON files that `triptych evaluate` wrote")
    _refuse_duplicates(results)
    tables = grouped(results, across=across, separate=separate)
    for groups in tables:
        refuse_default_names(groups)
    return [_table(groups, across, published, baselines=baselines) for groups in tables]


def _refuse_duplicates(results: Sequence[ResultFile]) -> None:
    for position, given in enumerate(results):
        for other in results[:position]:
            same = Path(given.path).resolve() == Path(other.path).resolve() or (
                given.result.name == other.result.name
                and not given.result.protocol.differing(other.result.protocol)
                and equal(given.result.metrics, other.result.metrics, tolerance=0.0)
            )
            if same:
                raise InputError(
                    f"{other.path} and {given.path} hold the same figures of {given.result.name}: "
                    "they are one result, not two seeds; give one of them"
                )


def _table(
    groups: Sequence[ProtocolGroup], across: str | None, published: Sequence[PublishedRow], *, baselines: bool
) -> Table:
    beside = published_rows_beside(groups, published)
    shown = [
        *method_rows(groups),
        *published_scores(groups, beside),
        *(baseline_rows(groups) if baselines else ()),
    ]
    keys = [
        _Key(name, place, measure, group.label)
        for name, measure in MEASURES.items()
        for place, group in enumerate(groups)
        if any(name in given.result.metrics for given in group.files) and not _told_by_protocol(name, group)
    ]
    best = [_best(shown, key) for key in keys]
    repeated = any(len(seeds) > 1 for scores in shown for seeds in scores.seeds)
    columns = [Column("method", figures=False), *([Column("seeds")] if repeated else [])]
    return Table(
        columns=(*columns, *(key.column() for key in keys)),
        rows=tuple(_row(scores, keys, best, repeated=repeated) for scores in shown),
        caption=caption(groups, across=across),
        notes=tuple(comparison_notes(groups, shown, beside, published)),
    )


def _told_by_protocol(name: str, group: ProtocolGroup) -> bool:
    """Whether a figure is a count, and the protocol line has it for every result."""
    if name not in group.protocol.settings or MEASURES[name].digits:
        return False
    count = group.protocol.settings[name]
    return all(given.result.metrics.get(name, count) == count for given in group.files)


def _best(shown: Iterable[Scores], key: _Key) -> float:
    """The best mean that is no baseline's; NaN where no way is better or there is no choice."""
    means = [scores.mean(key.name, key.place) for scores in shown if scores.section != BASELINE_SECTION]
    known = [mean for mean in means if not math.isnan(mean)]
    if key.measure.better == "neither" or len(known) < 2:
        return math.nan
    return min(known) if key.measure.better == "lower" else max(known)


def _row(scores: Scores, keys: Sequence[_Key], best: Sequence[float], *, repeated: bool) -> Row:
    cells = [Cell(scores.name), *([Cell(_seeds(scores))] if repeated else [])]
    for key, goal in zip(keys, best, strict=True):
        as_good = math.isclose(scores.mean(key.name, key.place), goal, rel_tol=EQUAL)
        cells.append(Cell(_shown(scores, key), as_good and scores.section != BASELINE_SECTION))
    return Row(tuple(cells), scores.section)


def _seeds(scores: Scores) -> str:
    """How many seeds a method has, from the fewest to the most that one of its columns is of."""
    if scores.section:
        return MISSING
    counts = [len(seeds) for seeds in scores.seeds if seeds]
    return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"


def _shown(scores: Scores, key: _Key) -> str:
    if scores.printed is not None:
        return scores.printed[key.place].get(key.name, MISSING)
    mean = scores.mean(key.name, key.place)
    if math.isnan(mean):
        return MISSING
    values = [figures[key.name] for figures in scores.seeds[key.place]]
    digits = key.measure.digits
    text = f"{mean:.{digits}f}"
    counted = digits == 0 and len(set(values)) == 1
    if len(values) == 1 or counted:
        return text
    return f"{text} ± {statistics.stdev(values):.{digits}f}"
