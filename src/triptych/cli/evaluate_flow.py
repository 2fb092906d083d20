"""Score optical flow against measured flow: end-point error and outliers, beside zero flow and DIS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser

from triptych.cli.evaluate_output import add_common_arguments, result_name, show

if TYPE_CHECKING:
    from triptych.evaluation.flow import FlowReport, FlowScorer

PROTOCOLS = ("kitti2015", "kitti2012", "plain")
PICTURED = 3


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych evaluate flow`."""
    add_common_arguments(
        parser,
        prediction="folder of flow to the next frame (.flo, or KITTI's .png), or one that `triptych predict` wrote",
        ground_truth="folder of KITTI 2015 or 2012 (with flow_occ and flow_noc), or for plain of .flo or .png files",
    )
    parser.add_argument("--protocol", default="kitti2015", choices=PROTOCOLS, help="how flow is scored")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Read, score, show."""
    options = parser.parse_args(list(words))
    from triptych.cli.console import counted
    from triptych.data.truth.folders import flow_maps
    from triptych.data.truth.kitti_flow import kitti_flow_truth
    from triptych.evaluation.flow import FlowScorer
    from triptych.evaluation.predictions import predicted_maps

    prediction, place = Path(options.prediction), Path(options.ground_truth)
    plain = options.protocol == "plain"
    scorer = FlowScorer(
        maps=predicted_maps(prediction, "flow"),
        truth=flow_maps(place) if plain else kitti_flow_truth(place),
        protocol=options.protocol,
        split=f"all of {place.resolve().name}" if plain else options.protocol,
        name=result_name(options.name, prediction),
    )
    with counted("scoring") as progress:
        report = scorer.report(progress)
    if options.figures is not None:
        _draw(Path(options.figures), scorer, report)
    show(report.result, options.json)


def _draw(folder: Path, scorer: FlowScorer, report: FlowReport) -> None:
    """Error maps of the worst, the middle and the best pair."""
    from triptych.artefacts.error_maps import save_flow_error_map
    from triptych.data.image_folder import rgb_image
    from triptych.evaluation.ranking import spread_positions

    errors = [image.figures["epe_all"] for image in report.images]
    for rank, index in spread_positions(errors, count=PICTURED).items():
        truth, predicted = scorer.compared(index)
        image = None if truth.images is None else rgb_image(truth.images[0])
        save_flow_error_map(
            folder / f"flow_{rank}_{truth.name.replace('/', '_')}.png",
            image,
            predicted.float(),
            truth.flow,
            truth.valid,
            title=f"{scorer.name}, {truth.name} ({rank} of {len(errors)}): EPE {errors[index]:.2f} px",
        )
