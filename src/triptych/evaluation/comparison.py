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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from triptych.artefacts.tables import Cell, Column, Row, Table
from triptych.errors import InputError
from triptych.evaluation.measures import MEASURES, Measure
from triptych.evaluation.published import PublishedRow
from triptych.evaluation.results import Figures, Protocol, Result, load_result
from triptych.formats.atomic import StrPath

MISSING = "\u2013"  # an en dash
PUBLISHED_SECTION = "published"
BASELINE_SECTION = "baselines"
_EQUAL = 1e-9  # relative; what order of summation can do to figures that are the same


@dataclass(frozen=True)
class ResultFile:
    """A result and the file that it came from, by which an error names it."""

    path: str
    result: Result


@dataclass(frozen=True)
class _Scores:
    """What a row shows: for each measure the figure of every seed."""

    name: str
    seeds: tuple[Figures, ...]
    section: str = ""
    printed: Mapping[str, str] | None = None


def load_result_files(paths: Sequence[StrPath]) -> list[ResultFile]:
    """Results with the names of their files.

    Raises:
        InputError: one of them is missing or not a result.
    """
    return [ResultFile(str(path), load_result(path)) for path in paths]


def comparison(
    results: Sequence[ResultFile],
    *,
    published: Sequence[PublishedRow] = (),
    separate: bool = False,
    baselines: bool = True,
) -> list[Table]:
    """One table of all results, or one for each protocol.

    Columns are the measures of the results. `variants` of a result are of protocols of
    their own and are not shown.

    Args:
        results: of any number of methods and seeds.
        published: rows to append where their protocol equals that of the results; the
            others of the same task and sequence are named in a note, with what differs.
        separate: make a table for each protocol instead of refusing more than one.
        baselines: show the trivial and classical answers too.

    Raises:
        InputError: no results; two files with the same figures; results of more than one
            protocol without `separate`.
    """
    if not results:
        raise InputError("no results to compare: give the JSON files that `triptych evaluate` wrote")
    _refuse_duplicates(results)
    groups = _by_protocol(results)
    if len(groups) > 1 and not separate:
        raise InputError(_protocols_differ(groups))
    return [_table(group, published, baselines=baselines) for group in groups]


def _by_protocol(results: Sequence[ResultFile]) -> list[list[ResultFile]]:
    groups: list[list[ResultFile]] = []
    for given in results:
        same = (group for group in groups if not group[0].result.protocol.differences(given.result.protocol))
        group = next(same, None)
        if group is None:
            groups.append([given])
        else:
            group.append(given)
    return groups


def _refuse_duplicates(results: Sequence[ResultFile]) -> None:
    for position, given in enumerate(results):
        for other in results[:position]:
            same = Path(given.path).resolve() == Path(other.path).resolve() or (
                given.result.name == other.result.name
                and not given.result.protocol.differences(other.result.protocol)
                and _equal(given.result.metrics, other.result.metrics, tolerance=0.0)
            )
            if same:
                raise InputError(
                    f"{other.path} and {given.path} hold the same figures of {given.result.name}: "
                    "they are one result, not two seeds; give one of them"
                )


def _protocols_differ(groups: Sequence[Sequence[ResultFile]]) -> str:
    first, *others = groups
    parts = [
        f"{_paths(first)} differ from {_paths(group)} in "
        + "; ".join(first[0].result.protocol.differences(group[0].result.protocol))
        for group in others
    ]
    return (
        f"results of {len(groups)} protocols do not belong in one table: {'. '.join(parts)}. "
        "Give results of one protocol, or --separate for a table of each"
    )


def _paths(group: Sequence[ResultFile]) -> str:
    return " and ".join(given.path for given in group)


def _table(group: Sequence[ResultFile], published: Sequence[PublishedRow], *, baselines: bool) -> Table:
    protocol = group[0].result.protocol
    methods = [_Scores(name, tuple(result.metrics for result in results)) for name, results in _by_name(group).items()]
    beside = [row for row in published if not protocol.differences(row.protocol)]
    shown = [
        *methods,
        *(_Scores(row.name, (row.figures,), PUBLISHED_SECTION, row.printed) for row in beside),
        *(_baseline_scores(group) if baselines else ()),
    ]
    present = {name for given in group for name in given.result.metrics}
    measures = {name: measure for name, measure in MEASURES.items() if name in present}
    best = {name: _best(shown, name, measure) for name, measure in measures.items()}
    repeated = any(len(scores.seeds) > 1 for scores in shown)
    columns = [
        Column("method", figures=False),
        *([Column("seeds")] if repeated else []),
        *(Column(measure.label, measure.unit, measure.better) for measure in measures.values()),
    ]
    rows = [_row(scores, measures, best, repeated=repeated) for scores in shown]
    return Table(
        columns=tuple(columns),
        rows=tuple(rows),
        caption=protocol.line(),
        notes=tuple(_notes(group, shown, measures, beside, published, repeated=repeated)),
    )


def _by_name(group: Sequence[ResultFile]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for given in group:
        found.setdefault(given.result.name, []).append(given.result)
    return found


def _baseline_scores(group: Sequence[ResultFile]) -> list[_Scores]:
    """Each baseline once where all results agree on it, otherwise beside each method."""
    found: list[_Scores] = []
    for name in dict.fromkeys(name for given in group for name in given.result.baselines):
        by_method = {
            method: tuple(result.baselines[name] for result in results if name in result.baselines)
            for method, results in _by_name(group).items()
        }
        everything = [figures for seeds in by_method.values() for figures in seeds]
        if all(_equal(figures, everything[0], tolerance=_EQUAL) for figures in everything):
            found.append(_Scores(name.replace("_", " "), (everything[0],), BASELINE_SECTION))
        else:
            found += [
                _Scores(f"{name.replace('_', ' ')}, beside {method}", seeds, BASELINE_SECTION)
                for method, seeds in by_method.items()
                if seeds
            ]
    return found


def _equal(one: Figures, other: Figures, *, tolerance: float) -> bool:
    return one.keys() == other.keys() and all(
        (math.isnan(one[name]) and math.isnan(other[name]))
        or math.isclose(one[name], other[name], rel_tol=tolerance, abs_tol=0.0)
        for name in one
    )


def _mean(scores: _Scores, measure: str) -> float:
    """Mean over seeds; NaN where one of them lacks the figure."""
    return statistics.fmean(figures.get(measure, math.nan) for figures in scores.seeds)


def _best(shown: Iterable[_Scores], name: str, measure: Measure) -> float:
    """The best mean that is no baseline's; NaN where no way is better or there is no choice."""
    means = [_mean(scores, name) for scores in shown if scores.section != BASELINE_SECTION]
    known = [mean for mean in means if not math.isnan(mean)]
    if measure.better == "neither" or len(known) < 2:
        return math.nan
    return min(known) if measure.better == "lower" else max(known)


def _row(scores: _Scores, measures: Mapping[str, Measure], best: Mapping[str, float], *, repeated: bool) -> Row:
    count = MISSING if scores.section else str(len(scores.seeds))
    cells = [Cell(scores.name), *([Cell(count)] if repeated else [])]
    for name, measure in measures.items():
        as_good = math.isclose(_mean(scores, name), best[name], rel_tol=_EQUAL)
        bold = scores.section != BASELINE_SECTION and as_good
        cells.append(Cell(_shown(scores, name, measure), bold))
    return Row(tuple(cells), scores.section)


def _shown(scores: _Scores, name: str, measure: Measure) -> str:
    if scores.printed is not None:
        return scores.printed.get(name, MISSING)
    mean = _mean(scores, name)
    if math.isnan(mean):
        return MISSING
    values = [figures[name] for figures in scores.seeds]
    text = f"{mean:.{measure.digits}f}"
    counted = measure.digits == 0 and len(set(values)) == 1
    if len(values) == 1 or counted:
        return text
    return f"{text} ± {statistics.stdev(values):.{measure.digits}f}"


def _notes(
    group: Sequence[ResultFile],
    shown: Sequence[_Scores],
    measures: Mapping[str, Measure],
    beside: Sequence[PublishedRow],
    published: Sequence[PublishedRow],
    *,
    repeated: bool,
) -> list[str]:
    protocol = group[0].result.protocol
    notes = [note for given in group for note in given.result.notes]
    if repeated:
        notes.append("±: sample deviation over the seeds of a method")
    for name in dict.fromkeys(given.result.name for given in group):
        seeds = [given for given in group if given.result.name == name]
        if len(seeds) > 1:
            notes.append(f"{name}: mean of {_paths(seeds)}")
    for scores in shown:
        for name, measure in measures.items():
            missing = sum(math.isnan(figures.get(name, math.nan)) for figures in scores.seeds)
            if 0 < missing < len(scores.seeds):
                notes.append(f"{scores.name}: {missing} of {len(scores.seeds)} seeds lack {measure.label}")
    for rows in _by_source(beside):
        open_settings = ", ".join(name.replace("_", " ") for name in rows[0].unstated)
        taken = f"; it does not state {open_settings}, taken to be as usual" if open_settings else ""
        notes.append(f"published ({_row_names(rows)}), rounded as printed: {rows[0].source}{taken}")
    left_out = [row for row in published if row not in beside and _of_the_same_data(row.protocol, protocol)]
    for rows in _by_source(left_out):
        differing = "; ".join(protocol.differences(rows[0].protocol))
        notes.append(
            f"published ({_row_names(rows)}), but left out, for the protocol differs in {differing}: {rows[0].source}"
        )
    return list(dict.fromkeys(notes))


def _of_the_same_data(one: Protocol, other: Protocol) -> bool:
    """Whether figures are of one task and sequence, so that a reader might look for them beside each other."""
    return one.task == other.task and one.settings.get("sequence") == other.settings.get("sequence")


def _by_source(rows: Sequence[PublishedRow]) -> list[list[PublishedRow]]:
    """Rows of one source and one protocol together."""
    found: dict[tuple[str, str], list[PublishedRow]] = {}
    for row in rows:
        found.setdefault((row.source, row.protocol.line()), []).append(row)
    return list(found.values())


def _row_names(rows: Sequence[PublishedRow]) -> str:
    return "; ".join(row.name for row in rows)
