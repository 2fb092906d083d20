"""Write one HTML page of a run or a prediction: all panels under one slider, curves, tables, settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from triptych.cli.parsing import parsed
from triptych.errors import InputError

SUFFIXES = (".html", ".htm")
FEWEST_FRAMES = 2


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych report`."""
    parser.add_argument("place", help="run folder of a fit, training or demo, or folder that `triptych predict` wrote")
    parser.add_argument("--output", type=str | None, help="HTML file to write; by default report.html in that folder")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it is there")
    parser.add_argument(
        "--results", nargs="+", type=str, default=[], help="JSON files of `triptych evaluate`, shown as tables"
    )
    parser.add_argument("--title", type=str | None, help="heading of the page; by default the name of the video")
    parser.add_argument(
        "--frames", type=int | None, help="frames shown at most, evenly spaced where there are more; 300 by default"
    )


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Read and write."""
    options = parsed(parser, words)
    place = Path(options.place)
    target = Path(options.output) if options.output is not None else place / "report.html"
    if target.suffix.lower() not in SUFFIXES:
        raise InputError(f"--output {target}: name a file that ends with .html")
    if target.exists() and not options.overwrite:
        raise InputError(f"{target}: is there already; name another file or pass --overwrite")
    if options.frames is not None and options.frames < FEWEST_FRAMES:
        raise InputError(f"--frames {options.frames}: give {FEWEST_FRAMES} at least")
    from triptych.cli.console import counted, say
    from triptych.cli.evaluate_output import check_outputs
    from triptych.evaluation.results import load_result
    from triptych.viewing.report import save_report
    from triptych.viewing.shown_frames import FRAMES_AT_MOST

    check_outputs(files=[str(target)])
    results = [load_result(path) for path in options.results]
    with counted("report") as progress:
        save_report(
            target,
            place,
            results=results,
            title=options.title,
            frames_at_most=options.frames or FRAMES_AT_MOST,
            progress=progress,
        )
    say(f"report: {target} ({target.stat().st_size / 1e6:.1f} MB)")
