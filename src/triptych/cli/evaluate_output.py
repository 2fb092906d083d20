"""What every evaluation prints and writes: the table with its protocol, and the JSON."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.evaluation.results import Result


def add_common_arguments(parser: ArgumentParser, *, prediction: str, ground_truth: str) -> None:
    """The options that all evaluations share.

    Args:
        parser: of the command.
        prediction: what `--prediction` names, for its help.
        ground_truth: what `--ground-truth` names, for its help.
    """
    parser.add_argument("--prediction", required=True, help=prediction)
    parser.add_argument("--ground-truth", "--ground_truth", required=True, help=ground_truth)
    parser.add_argument(
        "--name", type=str | None, help="of what is scored, the same for all seeds of a method; by default its folder's"
    )
    add_file_arguments(parser)


def add_file_arguments(parser: ArgumentParser) -> None:
    """The options of the files that every evaluation can write."""
    parser.add_argument("--json", type=str | None, help="file to write the figures and their protocol to")
    parser.add_argument("--report", type=str | None, help="HTML file to write the table, protocol and notes to")


def add_figures_argument(parser: ArgumentParser) -> None:
    """The option of evaluations that draw pictures."""
    parser.add_argument("--figures", type=str | None, help="folder to write pictures to")


def result_name(given: str | None, prediction: Path) -> str:
    """The name of what is scored: as given, or that of its folder."""
    place = prediction.resolve()
    if place.is_file() or place.name in ("depth", "flow"):
        place = place.parent
    return given or place.name


def check_outputs(*, files: Sequence[str | None] = (), folder: str | None = None) -> None:
    """Refuse places that cannot be written to before any work is done for them.

    Raises:
        InputError: a file's place is a folder, the pictures' place is a file, or it is closed.
    """
    if "" in (*files, folder):
        raise InputError("--json, --report, --per_image and --figures need a name, not an empty one")
    for place in (Path(file) for file in files if file is not None):
        if place.is_dir():
            raise InputError(f"{place} is a folder; name a file to write")
        _check_writable(place.absolute().parent)
    if folder is not None:
        if Path(folder).exists() and not Path(folder).is_dir():
            raise InputError(f"{folder} is a file; name a folder for the pictures")
        _check_writable(Path(folder).absolute())


def _check_writable(folder: Path) -> None:
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise InputError(f"{folder} cannot be written to ({nearest} is a file, or closed to you); choose another place")


def show(result: Result, options: Namespace, *, prediction: Path) -> None:
    """Print the table, then write the JSON and the page where they were asked for.

    Args:
        result: the figures.
        options: of the command: name, files to write.
        prediction: what was scored; how `triptych predict` came to it is noted.
    """
    from triptych.artefacts.tables import text_table
    from triptych.cli.console import say
    from triptych.evaluation.predictions import refinement_notes
    from triptych.evaluation.result_table import result_table
    from triptych.evaluation.results import save_result

    notes = (*result.notes, *refinement_notes(prediction))
    result = replace(result, named=options.name is not None, notes=notes)
    print(text_table(result_table(result)), end="")
    if options.json is not None:
        save_result(options.json, result)
        say(f"numbers: {options.json}")
    if options.report is not None:
        from triptych.viewing.page import save_page
        from triptych.viewing.report import result_page

        save_page(options.report, result_page(result))
        say(f"report: {options.report}")
