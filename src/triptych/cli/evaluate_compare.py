"""Set results beside each other in one table, with published figures of the same protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from triptych.cli.parsing import parsed

FORMATS = ("text", "markdown", "latex")
SUFFIXES = {".tex": "latex", ".md": "markdown", ".markdown": "markdown"}
"""Endings of a file that tell its format; text is behind all others."""


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych evaluate compare`."""
    parser.add_argument("results", nargs="+", help="JSON files of `triptych evaluate`; one name is one method's seeds")
    parser.add_argument("--across", type=str | None, help="setting with a column for each value, such as sequence")
    parser.add_argument("--separate", action="store_true", help="a table for each protocol, where they differ")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="how the table is written; by default as the suffix of --output says (.tex, .md), else text",
    )
    parser.add_argument("--output", type=str | None, help="file to write it to instead of the screen")
    parser.add_argument("--no_published", action="store_true", help="without published figures of the same protocol")
    parser.add_argument("--no_baselines", action="store_true", help="without trivial and classical answers")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Read, compare and print."""
    options = parsed(parser, words)
    from triptych.artefacts.tables import RENDERINGS
    from triptych.evaluation.comparison import comparison, load_result_files
    from triptych.evaluation.published import published_rows
    from triptych.formats.atomic import atomic_path

    tables = comparison(
        load_result_files(options.results),
        across=options.across,
        published=() if options.no_published else published_rows(),
        separate=options.separate,
        baselines=not options.no_baselines,
    )
    render = RENDERINGS[options.format or _format_of(options.output)]
    text = "\n".join(render(table) for table in tables)
    if options.output is None:
        print(text, end="")
        return
    from triptych.cli.console import say  # it brings torch, which a table on the screen does not need

    with atomic_path(Path(options.output)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say(f"{len(options.results)} results compared: {options.output}")


def _format_of(output: str | None) -> str:
    return SUFFIXES.get(Path(output or "").suffix.lower(), "text")
