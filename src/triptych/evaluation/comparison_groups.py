"""Which results may stand in one table: those of one protocol, or of protocols that differ in one named setting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from triptych.errors import InputError
from triptych.evaluation.results import Protocol, Result, Setting, setting_phrase, setting_text, setting_words

COUNTS = ("frames", "snippets", "images", "part")
"""Settings that follow from what is scored: they may differ with the setting that the columns stand for."""
_MOST_POINTS = 6
_MOST_VALUES = 5
_MOST_SIGNS = 40
_NUMERALS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class ResultFile:
    """A result and the file that it came from, by which an error names it."""

    path: str
    result: Result


@dataclass(frozen=True)
class ProtocolGroup:
    """Results of one protocol.

    Attributes:
        protocol: of all of them.
        files: at least one.
        label: what its columns are called by beside the other groups of its table; empty
            where it is the only one.
    """

    protocol: Protocol
    files: tuple[ResultFile, ...]
    label: str = ""


def grouped(
    results: Sequence[ResultFile], *, across: str | None = None, separate: bool = False
) -> list[list[ProtocolGroup]]:
    """Results table by table, and in a table protocol by protocol.

    Args:
        results: of any number of protocols.
        across: setting in which the protocols of one table may differ, together with
            `COUNTS`; without it a table is of one protocol.
        separate: make several tables where one is not enough.

    Raises:
        InputError: more than one table is needed without `separate`; a result has no
            setting `across`; one value of it comes with two protocols.
    """
    if across is not None:
        _refuse_without(results, across)
    tables: dict[tuple[object, ...], list[ResultFile]] = {}
    for given in results:
        tables.setdefault(_common_points(given.result.protocol, across), []).append(given)
    if len(tables) > 1 and not separate:
        raise InputError(_too_many_protocols(results, across))
    return [_by_value(table, across) for table in tables.values()]


def caption(groups: Sequence[ProtocolGroup], *, across: str | None = None) -> str:
    """The protocol of a table in one line: what all columns share, then each value with the counts of its own."""
    first = groups[0].protocol
    if across is None:
        return first.line()
    counts = [name for name in COUNTS if name != across and len({_of(group.protocol, name) for group in groups}) > 1]
    values = []
    for group in groups:
        own = [setting_phrase(name, _of(group.protocol, name)) for name in counts if name in group.protocol.settings]
        value = setting_text(across, _of(group.protocol, across))
        values.append(f"{value} ({', '.join(own)})" if own else value)
    shared = {name: value for name, value in first.settings.items() if name not in (across, *counts)}
    one_name = len({group.protocol.name for group in groups}) == 1
    name = first.name if one_name else _base_name(first, across)
    between = "; " if shared else ""
    return f"{Protocol(first.task, name, shared).line()}{between}{setting_words(across)} {', '.join(values)}"


def refuse_default_names(groups: Sequence[ProtocolGroup]) -> None:
    """Nothing, where every name that several results of a table share was given on purpose.

    Raises:
        InputError: one of them was only derived from a path: two methods would be averaged
            as seeds, or put into one row, because their files are called the same.
    """
    by_name: dict[str, list[ResultFile]] = {}
    for group in groups:
        for given in group.files:
            by_name.setdefault(given.result.name, []).append(given)
    for name, files in by_name.items():
        default = [given for given in files if not given.result.named]
        if len(files) == 1 or not default:
            continue
        which = listed(short_names([given.path for given in default]))
        said = f"{_numeral(len(files))} results are called {name!r}"
        said += f" by default ({which})" if len(default) == len(files) else f", but by default only: {which}"
        kin = "the seeds" if len(groups) == 1 else "all results"
        raise InputError(f"{said}: give each method a --name when evaluating, the same one for {kin} of one method")


def short_names(paths: Sequence[str]) -> list[str]:
    """Names of files without their folders, or with as many of them as tell the files apart."""
    parts = [Path(path).parts for path in paths]
    for depth in range(1, max(map(len, parts), default=0) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return list(paths)


def listed(names: Sequence[str], most: int = 3) -> str:
    """`a, b and 10 others`: at most `most` names, and how many more there are."""
    if len(names) <= most:
        return ", ".join(names)
    shown = names[: most - 1]
    return f"{', '.join(shown)} and {len(names) - len(shown)} others"


def _refuse_without(results: Sequence[ResultFile], across: str) -> None:
    for given in results:
        settings = given.result.protocol.settings
        if across not in settings:
            raise InputError(
                f"the protocol of {given.path} has no setting {across} to make columns of; "
                f"it has {', '.join(settings) or 'none'}"
            )


def _common_points(protocol: Protocol, across: str | None) -> tuple[object, ...]:
    """What all protocols of one table must share; equal where they may stand in it."""
    apart = () if across is None else (across, *COUNTS)
    settings = {name: value for name, value in protocol.settings.items() if name not in apart and value is not None}
    return (protocol.task, _base_name(protocol, across), frozenset(settings.items()))


def _base_name(protocol: Protocol, across: str | None) -> str:
    """The protocol's name without the value of the setting that it may end in: `ate` of `ate_3` across `snippet`."""
    return protocol.name if across is None else protocol.name.removesuffix(f"_{_of(protocol, across)}")


def _by_value(table: Sequence[ResultFile], across: str | None) -> list[ProtocolGroup]:
    if across is None:
        return [ProtocolGroup(table[0].result.protocol, tuple(table))]
    by_value: dict[Setting, list[ResultFile]] = {}
    for given in table:
        by_value.setdefault(_of(given.result.protocol, across), []).append(given)
    values = sorted(by_value, key=_in_order)
    # A number or `none` says nothing without the setting's name; `09` and `7dof` do.
    alone = all(isinstance(value, str) and value != "none" for value in values)
    groups = []
    for value in values:
        files = by_value[value]
        protocols = _distinct(files)
        if len(protocols) > 1:
            raise InputError(
                f"results of {setting_phrase(across, value)} are of {len(protocols)} protocols and cannot share a "
                f"column: {_varying(protocols)} ({listed(short_names([given.path for given in files]))}); "
                f"give results of one protocol for each {setting_words(across)}"
            )
        label = setting_text(across, value) if alone else setting_phrase(across, value)
        groups.append(ProtocolGroup(protocols[0], tuple(files), label))
    return groups


def _too_many_protocols(results: Sequence[ResultFile], across: str | None) -> str:
    protocols = _distinct(results)
    apart = () if across is None else (across, *COUNTS)
    files = listed(short_names([given.path for given in results]))
    remedy = (
        "give results of one protocol, --across SETTING for columns, or --separate for a table each"
        if across is None
        else f"give results that differ in {setting_words(across)} only, or --separate for a table each"
    )
    return (
        f"{len(results)} results of {len(protocols)} protocols do not belong in one table: "
        f"{_varying(protocols, apart)} ({files}); {remedy}"
    )


def _distinct(files: Iterable[ResultFile]) -> list[Protocol]:
    found: list[Protocol] = []
    for given in files:
        if all(given.result.protocol.differing(other) for other in found):
            found.append(given.result.protocol)
    return found


def _varying(protocols: Sequence[Protocol], apart: Sequence[str] = ()) -> str:
    """The points in which protocols differ, each with its values; of several tasks, those that all of them know."""
    every = [protocol.points() for protocol in protocols]
    names = list(dict.fromkeys(name for points in every for name in points if name not in apart))
    if len({points["task"] for points in every}) > 1:
        names = [name for name in names if all(name in points for points in every)]
    parts = []
    for name in names:
        texts = {
            points.get(name): setting_text(name, points[name]) if name in points else "not given" for points in every
        }
        if len(texts) > 1:
            values = [_short(texts[value]) for value in sorted(texts, key=_in_order)]
            parts.append(f"{setting_words(name)} {listed(values, _MOST_VALUES)}")
    more = len(parts) - _MOST_POINTS
    return "; ".join(parts[:_MOST_POINTS]) + (f"; and {more} more" if more > 0 else "")


def _short(text: str) -> str:
    """Text of a bounded length, in quotes where it has a comma that would look like two values."""
    text = text if len(text) <= _MOST_SIGNS else text[: _MOST_SIGNS - 3] + "..."
    return f"'{text}'" if "," in text else text


def _in_order(value: Setting) -> tuple[int, float, str]:
    """Numbers by size, then texts by the alphabet, then none."""
    if isinstance(value, str):
        return (1, 0.0, value)
    return (2, 0.0, "") if value is None else (0, float(value), "")


def _of(protocol: Protocol, name: str) -> Setting:
    return protocol.settings.get(name)


def _numeral(count: int) -> str:
    return _NUMERALS[count] if count < len(_NUMERALS) else str(count)
