"""Score masks of what is hidden and what moves (F1, ROC AUC), and depth on what moves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser

from triptych.cli.evaluate_output import add_common_arguments, result_name, show
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.data.truth.source import DepthSource
    from triptych.evaluation.predictions import Kind, PredictedMaps


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych evaluate masks`."""
    add_common_arguments(
        parser,
        prediction="folder with visibility, motion and depth, as `triptych predict` writes it; each of them may lack",
        ground_truth="folder in the layout of KITTI flow 2015 (flow_occ, flow_noc, obj_map, disp_occ_0)",
    )
    parser.add_argument(
        "--calibration", type=str | None, help="calib_cam_to_cam.txt, where the truth has no calib_cam_to_cam folder"
    )


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Read, score, show."""
    options = parser.parse_args(list(words))
    from triptych.cli.console import counted
    from triptych.data.truth.kitti_flow import kitti_flow_truth
    from triptych.evaluation.masks import MaskScorer

    prediction, place = Path(options.prediction), Path(options.ground_truth)
    if options.figures is not None:
        raise InputError("--figures: there are no pictures of masks; overview.mp4 of the prediction shows them")
    scorer = MaskScorer(
        visibility=_maps(prediction, "visibility"),
        motion=_maps(prediction, "motion"),
        depth=_maps(prediction, "depth"),
        truth=kitti_flow_truth(place),
        depth_truth=_depth_truth(place, options.calibration),
        split="kitti2015",
        name=result_name(options.name, prediction),
    )
    with counted("scoring") as progress:
        result = scorer.report(progress)
    show(result, options.json)


def _maps(prediction: Path, kind: Kind) -> PredictedMaps | None:
    """The maps of one kind; None where the prediction has none."""
    from triptych.evaluation.predictions import RESULT_FILE, predicted_maps

    if not prediction.is_dir():
        raise InputError(f"{prediction}: no such folder; name one with visibility, motion or depth in it")
    single = (prediction / kind).is_dir()
    several = not single and any((path.parent / kind).is_dir() for path in prediction.rglob(RESULT_FILE))
    return predicted_maps(prediction, kind) if single or several else None


def _depth_truth(place: Path, calibration: str | None) -> DepthSource | None:
    """Depth from the disparity beside the flow; None where there is none."""
    from triptych.data.truth.kitti_flow import kitti_disparity_truth

    if not any((folder / "disp_occ_0").is_dir() for folder in (place, place / "training")):
        return None
    return kitti_disparity_truth(place, calibration=None if calibration is None else Path(calibration))
