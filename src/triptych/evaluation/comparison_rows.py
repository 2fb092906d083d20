"""The rows of a comparison: methods with their seeds, published figures, baselines."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triptych.evaluation.comparison_groups import ProtocolGroup, ResultFile
from triptych.evaluation.published import PublishedRow
from triptych.evaluation.results import Figures

PUBLISHED_SECTION = "published"
BASELINE_SECTION = "baselines"
EQUAL = 1e-9
"""Relative; what order of summation can do to figures that are the same."""


@dataclass(frozen=True)
class Scores:
    """What a row shows.

    Attributes:
        name: at the left.
        seeds: for each protocol of the table the figures of every seed; none where it was
            not scored by that protocol.
        section: methods are in the one without a name.
        printed: for each protocol the figures as a publication prints them.
    """

    name: str
    seeds: tuple[tuple[Figures, ...], ...]
    section: str = ""
    printed: tuple[Mapping[str, str], ...] | None = None

    def mean(self, measure: str, place: int) -> float:
        """Mean over the seeds by one protocol; NaN without seeds, or where one lacks the figure."""
        values = [figures.get(measure, math.nan) for figures in self.seeds[place]]
        return statistics.fmean(values) if values else math.nan


def method_rows(groups: Sequence[ProtocolGroup]) -> list[Scores]:
    """A row for each name."""
    return [
        Scores(name, tuple(tuple(given.result.metrics for given in named(group, name)) for group in groups))
        for name in names_in(groups)
    ]


def published_rows_beside(groups: Sequence[ProtocolGroup], published: Sequence[PublishedRow]) -> list[PublishedRow]:
    """Published rows of which the protocol is that of a column."""
    return [row for row in published if any(not group.protocol.differing(row.protocol) for group in groups)]


def published_scores(groups: Sequence[ProtocolGroup], beside: Sequence[PublishedRow]) -> list[Scores]:
    """A row for each method of a source, its figures under the protocols that they are of."""
    by_method: dict[tuple[str, str], list[PublishedRow]] = {}
    for row in beside:
        by_method.setdefault((row.name, row.source), []).append(row)
    found = []
    for (name, _), rows in by_method.items():
        placed = [next((row for row in rows if not group.protocol.differing(row.protocol)), None) for group in groups]
        seeds = tuple((row.figures,) if row else () for row in placed)
        printed = tuple(row.printed if row else {} for row in placed)
        found.append(Scores(name, seeds, PUBLISHED_SECTION, printed))
    return found


def baseline_rows(groups: Sequence[ProtocolGroup]) -> list[Scores]:
    """Each baseline once where all results of a protocol agree on it, otherwise beside each method."""
    found: list[Scores] = []
    for name in dict.fromkeys(name for group in groups for given in group.files for name in given.result.baselines):
        shown = name.replace("_", " ")
        agreed = [_baseline_figures(group.files, name) for group in groups]
        if all(equal(figures, seeds[0], tolerance=EQUAL) for seeds in agreed for figures in seeds):
            found.append(Scores(shown, tuple(seeds[:1] for seeds in agreed), BASELINE_SECTION))
            continue
        for method in names_in(groups):
            seeds = tuple(_baseline_figures(named(group, method), name) for group in groups)
            if any(seeds):
                found.append(Scores(f"{shown}, beside {method}", seeds, BASELINE_SECTION))
    return found


def names_in(groups: Sequence[ProtocolGroup]) -> list[str]:
    """Names of the methods, each once."""
    return list(dict.fromkeys(given.result.name for group in groups for given in group.files))


def named(group: ProtocolGroup, name: str) -> list[ResultFile]:
    """The results of one name: the seeds of a method."""
    return [given for given in group.files if given.result.name == name]


def equal(one: Figures, other: Figures, *, tolerance: float) -> bool:
    """Whether figures are the same, NaN being equal to NaN, but for a relative tolerance."""
    return one.keys() == other.keys() and all(
        (math.isnan(one[name]) and math.isnan(other[name]))
        or math.isclose(one[name], other[name], rel_tol=tolerance, abs_tol=0.0)
        for name in one
    )


def _baseline_figures(files: Sequence[ResultFile], name: str) -> tuple[Figures, ...]:
    return tuple(given.result.baselines[name] for given in files if name in given.result.baselines)
