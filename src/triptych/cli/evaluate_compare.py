"""Set results beside each other in one table, with published figures of the same protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

FORMATS = ("text", "markdown", "latex")


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych evaluate compare`."""
    parser.add_argument("results", nargs="+", help="JSON files of `triptych evaluate`; one name is one method's seeds")
    parser.add_argument("--format", default="text", choices=FORMATS, help="how the table is written")
    parser.add_argument("--output", help="file to write it to instead of the screen")
    parser.add_argument("--separate", action="store_true", help="a table for each protocol, where they differ")
    parser.add_argument("--published", type=bool, default=True, help="append published figures of the same protocol")
    parser.add_argument("--baselines", type=bool, default=True, help="append trivial and classical answers")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Read, compare and print."""
    options = parser.parse_args(list(words))
    from triptych.artefacts.tables import RENDERINGS
    from triptych.evaluation.comparison import comparison, load_result_files
    from triptych.evaluation.published import published_rows
    from triptych.formats.atomic import atomic_path

    tables = comparison(
        load_result_files(options.results),
        published=published_rows() if options.published else (),
        separate=options.separate,
        baselines=options.baselines,
    )
    text = "\n".join(RENDERINGS[options.format](table) for table in tables)
    if options.output is None:
        print(text, end="")
        return
    from triptych.cli.console import say  # it brings torch, which a table on the screen does not need

    with atomic_path(Path(options.output)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say(f"{len(options.results)} results compared: {options.output}")
