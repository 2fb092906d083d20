"""What every evaluation prints and writes: the table with its protocol, and the JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser

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
    parser.add_argument("--name", type=str | None, help="of what is scored; by default the prediction's folder or file")
    parser.add_argument("--json", type=str | None, help="file to write the figures and their protocol to")
    parser.add_argument("--figures", type=str | None, help="folder to write pictures to")


def result_name(given: str | None, prediction: Path) -> str:
    """The name of what is scored."""
    return given or prediction.resolve().stem


def show(result: Result, json: str | None) -> None:
    """Print the table, and write the JSON if it was asked for."""
    from triptych.artefacts.tables import text_table
    from triptych.cli.console import say
    from triptych.evaluation.result_table import result_table
    from triptych.evaluation.results import save_result

    if json is not None:
        save_result(json, result)
    print(text_table(result_table(result)), end="")
    if json is not None:
        say(f"figures: {json}")
