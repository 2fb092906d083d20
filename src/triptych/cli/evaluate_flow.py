"""Score optical flow against measured flow: end-point error and outliers, beside zero flow and DIS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from triptych.cli.evaluate_output import add_common_arguments, add_figures_argument, check_outputs, result_name, show
from triptych.cli.evaluate_pictures import draw_flow
from triptych.cli.parsing import parsed

PROTOCOLS = ("kitti2015", "kitti2012", "plain")


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych evaluate flow`."""
    add_common_arguments(
        parser,
        prediction="folder of flow to the next frame (.flo, or KITTI's .png), or one that `triptych predict` wrote",
        ground_truth="folder of KITTI 2015 or 2012 (with flow_occ and flow_noc), or for plain of .flo or .png files",
    )
    add_figures_argument(parser)
    parser.add_argument("--per_image", type=str | None, help="CSV file to write the figures of each pair to")
    parser.add_argument("--protocol", default="kitti2015", choices=PROTOCOLS, help="how flow is scored")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Read, score, show."""
    options = parsed(parser, words)
    from triptych.cli.console import counted
    from triptych.evaluation.flow import FlowScorer
    from triptych.evaluation.flow_truth import flow_truth
    from triptych.evaluation.per_image import save_per_image
    from triptych.evaluation.predictions import predicted_maps

    check_outputs(files=(options.json, options.report, options.per_image), folder=options.figures)
    prediction = Path(options.prediction)
    truth, split = flow_truth(Path(options.ground_truth), options.protocol)
    scorer = FlowScorer(
        maps=predicted_maps(prediction, "flow"),
        truth=truth,
        protocol=options.protocol,
        split=split,
        name=result_name(options.name, prediction),
    )
    with counted("scoring") as progress:
        report = scorer.report(progress)
    show(report.result, options, prediction=Path(options.prediction))
    if options.per_image is not None:
        save_per_image(options.per_image, [(image.name, image.figures) for image in report.images])
    if options.figures is not None:
        draw_flow(Path(options.figures), scorer, report)
