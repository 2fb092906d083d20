"""Score a camera's path against the true one: drift, ATE and RPE, or the ATE of snippets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jsonargparse import ArgumentParser

from triptych.cli.evaluate_output import add_common_arguments, add_figures_argument, check_outputs, result_name, show
from triptych.cli.evaluate_pictures import draw_sequence, draw_snippets
from triptych.cli.parsing import parsed
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.metrics.alignment import Alignment

ALIGNMENTS = ("7dof", "6dof", "scale", "none")


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych evaluate odometry`."""
    add_common_arguments(
        parser,
        prediction="trajectory in KITTI's format (12 numbers a line, or 13 with the frame's number) or TUM's, or a "
        "folder that `triptych predict` wrote",
        ground_truth="true trajectory, KITTI or TUM, a frame a line (m)",
    )
    add_figures_argument(parser)
    parser.add_argument(
        "--alignment", choices=ALIGNMENTS, help="how the prediction is brought to the truth; 7dof by default"
    )
    parser.add_argument("--snippet", type=Literal[3, 5] | None, help="score runs of so many frames instead")
    parser.add_argument(
        "--stride", type=int, default=1, help="1 uses every frame of the truth, 2 every second (fast motion), ..."
    )
    parser.add_argument("--frames", type=str | None, help="part of the truth that is used, START:END")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Read, score, show."""
    options = parsed(parser, words)
    from triptych.evaluation.odometry import score_sequence, score_snippets
    from triptych.evaluation.paths import paired_paths

    check_outputs(files=(options.json, options.report), folder=options.figures)
    if options.snippet is not None and options.alignment is not None:
        raise InputError("--alignment: is for whole sequences; each snippet has one scale of its own and no alignment")
    alignment: Alignment = options.alignment or "7dof"
    prediction = Path(options.prediction)
    name = result_name(options.name, prediction)
    paths = paired_paths(
        prediction, Path(options.ground_truth), stride=options.stride, frames=frame_range(options.frames)
    )
    if options.snippet is None:
        result = score_sequence(paths, alignment=alignment, name=name)
    else:
        result = score_snippets(paths, length=options.snippet, name=name)
    show(result, options, prediction=Path(options.prediction))
    if options.figures is not None and options.snippet is None:
        draw_sequence(Path(options.figures), paths, result, alignment=alignment)
    elif options.figures is not None:
        draw_snippets(Path(options.figures), paths, result, length=options.snippet)


def frame_range(text: str | None) -> tuple[int, int | None] | None:
    """First frame and the one after the last, of START:END; None for all.

    Raises:
        InputError: it is not of that form.
    """
    if text is None:
        return None
    start, colon, end = text.partition(":")
    if not colon or not all(part == "" or part.isdecimal() for part in (start, end)):
        raise InputError(f"--frames {text}: write it as START:END, for instance 0:200")
    return int(start or 0), int(end) if end else None
