"""What stands below a comparison: what the results themselves note, what was averaged, where figures are from."""

from __future__ import annotations

import math
from collections.abc import Sequence

from triptych.evaluation.comparison_groups import ProtocolGroup, listed, short_names
from triptych.evaluation.comparison_rows import Scores, named, names_in
from triptych.evaluation.measures import MEASURES
from triptych.evaluation.published import PublishedRow
from triptych.evaluation.results import Protocol, setting_words

_MOST_FILES = 6
_MOST_POINTS = 4


def comparison_notes(
    groups: Sequence[ProtocolGroup],
    rows: Sequence[Scores],
    beside: Sequence[PublishedRow],
    published: Sequence[PublishedRow],
) -> list[str]:
    """Notes of a table, each once and of one line.

    Args:
        groups: its results.
        rows: its rows.
        beside: published rows that it shows.
        published: all published rows; of those that might be looked for in it and are
            left out, one note tells how many and why.
    """
    notes = [*_own_notes(groups), *_name_notes(groups), *_seed_notes(groups)]
    notes += [*_missing_notes(groups, rows), *_sources(beside)]
    left_out = [row for row in published if row not in beside and any(_same_data(row, group) for group in groups)]
    return list(dict.fromkeys([*notes, *_left_out(groups, left_out)]))


def _own_notes(groups: Sequence[ProtocolGroup]) -> list[str]:
    """What the results note, each note with the results that it holds for, unless those are all."""
    notes = []
    for note in dict.fromkeys(note for group in groups for given in group.files for note in given.result.notes):
        holders = []
        everywhere = True
        for group in groups:
            names = [given.result.name for given in group.files if note in given.result.notes]
            everywhere &= len(names) == len(group.files)
            if len(names) == len(group.files):
                holders.append(group.label)
            elif names:
                holders.append(_in(listed(list(dict.fromkeys(names))), group))
        notes.append(note if everywhere else f"{'; '.join(holders)}: {note}")
    return notes


def _name_notes(groups: Sequence[ProtocolGroup]) -> list[str]:
    """A hint where rows may be apart only because nobody named them."""
    files = [given for group in groups for given in group.files]
    names = list(dict.fromkeys(given.result.name for given in files if not given.result.named))
    if len(groups) == 1 or not names:
        return []
    return [f"{listed(names)}: named after files; results evaluated with one --name share a row"]


def _seed_notes(groups: Sequence[ProtocolGroup]) -> list[str]:
    notes = []
    paths = [given.path for group in groups for given in group.files]
    short = dict(zip(paths, short_names(paths), strict=True))
    for name in names_in(groups):
        for group in groups:
            seeds = named(group, name)
            if len(seeds) > 1:
                files = listed([short[given.path] for given in seeds], _MOST_FILES)
                notes.append(f"{_in(name, group)}: mean of {files}")
    return ["±: sample deviation over the seeds of a method", *notes] if notes else []


def _missing_notes(groups: Sequence[ProtocolGroup], rows: Sequence[Scores]) -> list[str]:
    notes = []
    for row in rows:
        for group, seeds in zip(groups, row.seeds, strict=True):
            for name, measure in MEASURES.items():
                missing = sum(math.isnan(figures.get(name, math.nan)) for figures in seeds)
                if 0 < missing < len(seeds):
                    notes.append(f"{_in(row.name, group)}: {missing} of {len(seeds)} seeds lack {measure.label}")
    return notes


def _sources(beside: Sequence[PublishedRow]) -> list[str]:
    """Where the published figures that are shown come from, and what their source leaves open."""
    by_source: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for row in beside:
        by_source.setdefault((row.source, row.unstated), []).append(row.name)
    notes = []
    for (source, unstated), names in by_source.items():
        settings = ", ".join(setting_words(name) for name in unstated)
        taken = f"; it does not state {settings}, taken to be as in this table" if unstated else ""
        notes.append(f"{'; '.join(dict.fromkeys(names))}: figures as printed in {source}{taken}")
    return notes


def _left_out(groups: Sequence[ProtocolGroup], rows: Sequence[PublishedRow]) -> list[str]:
    if not rows:
        return []
    names = dict.fromkeys(name for row in rows for name in _difference(groups, row.protocol))
    points = listed([setting_words(name) for name in names], _MOST_POINTS)
    one = len(rows) == 1
    how_many = "1 published row is" if one else f"{len(rows)} published rows are"
    return [f"{how_many} left out, for {'its protocol differs' if one else 'their protocols differ'} (in {points})"]


def _difference(groups: Sequence[ProtocolGroup], protocol: Protocol) -> list[str]:
    """What sets a protocol apart from the nearest of the table's."""
    return min((group.protocol.differing(protocol) for group in groups), key=len)


def _same_data(row: PublishedRow, group: ProtocolGroup) -> bool:
    """Whether figures are of one task and sequence, so that a reader might look for them beside each other."""
    one, other = row.protocol, group.protocol
    return one.task == other.task and one.settings.get("sequence") == other.settings.get("sequence")


def _in(name: str, group: ProtocolGroup) -> str:
    return f"{name}, {group.label}" if group.label else name
