"""Score a camera's path against the true one: drift, ATE and RPE, or the ATE of snippets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jsonargparse import ArgumentParser

from triptych.cli.evaluate_output import add_common_arguments, result_name, show
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.evaluation.paths import PairedPaths
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
    parser.add_argument(
        "--alignment", default="7dof", choices=ALIGNMENTS, help="how the prediction is brought to the truth"
    )
    parser.add_argument("--snippet", type=Literal[3, 5] | None, help="score runs of so many frames instead")
    parser.add_argument("--stride", type=int, default=1, help="every how manieth frame of the truth is used")
    parser.add_argument("--frames", type=str | None, help="part of the truth that is used, START:END")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Read, score, show."""
    options = parser.parse_args(list(words))
    from triptych.evaluation.odometry import score_sequence, score_snippets
    from triptych.evaluation.paths import paired_paths

    prediction = Path(options.prediction)
    name = result_name(options.name, prediction)
    paths = paired_paths(
        prediction, Path(options.ground_truth), stride=options.stride, frames=frame_range(options.frames)
    )
    if options.snippet is None:
        result = score_sequence(paths, alignment=options.alignment, name=name)
    else:
        result = score_snippets(paths, length=options.snippet, name=name)
    if options.figures is not None:
        _draw(Path(options.figures), paths, alignment=options.alignment, name=name)
    show(result, options.json)


def frame_range(text: str | None) -> tuple[int, int | None] | None:
    """First frame and the one after the last, of START:END; None for all.

    Raises:
        InputError: it is not of that form.
    """
    if text is None:
        return None
    start, colon, end = text.partition(":")
    if not colon or not all(part == "" or part.isdigit() for part in (start, end)):
        raise InputError(f"--frames {text}: write it as START:END, for instance 0:200")
    return int(start or 0), int(end) if end else None


def _draw(folder: Path, paths: PairedPaths, *, alignment: Alignment, name: str) -> None:
    """Both paths from above, the predicted one as it is aligned."""
    from triptych.artefacts.plots import NamedPath, save_trajectory_plot
    from triptych.metrics.alignment import aligned_trajectories

    moved, goal = aligned_trajectories(paths.predicted[paths.present], paths.truth[paths.present], alignment=alignment)
    save_trajectory_plot(
        folder / "trajectory.png",
        [NamedPath("truth", goal), NamedPath(name, moved)],
        title=f"{name}, sequence {paths.sequence}",
        protocol=f"alignment {alignment} over {int(paths.present.sum())} frames, stride {paths.stride}",
        unit="m",
    )
