"""Score masks of what is hidden and what moves (F1, ROC AUC), and depth on what moves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser

from triptych.cli.evaluate_output import add_common_arguments, check_outputs, result_name, show
from triptych.cli.parsing import parsed
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.data.truth.source import DepthSource
    from triptych.evaluation.predictions import Kind, PredictedMaps


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych evaluate masks`."""
    add_common_arguments(
        parser,
        prediction="folder with visibility, motion or depth in it, as `triptych predict` writes it",
        ground_truth="folder in the layout of KITTI flow 2015 (flow_occ, flow_noc, obj_map, disp_occ_0)",
    )
    parser.add_argument(
        "--calibration", type=str | None, help="calib_cam_to_cam.txt, where the truth has no calib_cam_to_cam folder"
    )


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Read, score, show."""
    options = parsed(parser, words)
    from triptych.cli.console import counted
    from triptych.evaluation.flow_truth import flow_truth, object_truth, split_name
    from triptych.evaluation.masks import MaskScorer

    check_outputs(files=(options.json, options.report))
    prediction, place = Path(options.prediction), Path(options.ground_truth)
    objects = object_truth(place)
    if objects is None:
        truth, split = flow_truth(place, "kitti2015")
        pixels = MaskScorer.pixels
    else:
        truth, split, pixels = objects, split_name(objects, place), "all"
    depth = _maps(prediction, "depth")
    scorer = MaskScorer(
        visibility=_maps(prediction, "visibility"),
        motion=_maps(prediction, "motion"),
        depth=depth,
        truth=truth,
        depth_truth=None if depth is None else _depth_truth(place, options.calibration),
        split=split,
        pixels=pixels,
        name=result_name(options.name, prediction),
    )
    with counted("scoring") as progress:
        result = scorer.report(progress)
    show(result, options, prediction=Path(options.prediction))


def _maps(prediction: Path, kind: Kind) -> PredictedMaps | None:
    """The maps of one kind; None where the prediction has none."""
    from triptych.evaluation.predictions import predicted_maps
    from triptych.inference.result import RESULT_FILE

    if not prediction.is_dir():
        raise InputError(f"{prediction}: no such folder; name one with visibility, motion or depth in it")
    single = (prediction / kind).is_dir()
    several = not single and any((path.parent / kind).is_dir() for path in prediction.rglob(RESULT_FILE))
    if not single and not several and prediction.name in ("visibility", "motion", "depth"):
        raise InputError(f"{prediction}: name the folder that holds {prediction.name}, not {prediction.name} itself")
    return predicted_maps(prediction, kind) if single or several else None


def _depth_truth(place: Path, calibration: str | None) -> DepthSource | None:
    """Depth from the disparity beside the flow; None where there is none."""
    from triptych.data.truth.kitti_flow import kitti_disparity_truth

    if not any((folder / "disp_occ_0").is_dir() for folder in (place, place / "training")):
        if calibration is not None:
            raise InputError(f"--calibration: turns disparity into depth, and {place} has no disp_occ_0")
        return None
    return kitti_disparity_truth(place, calibration=None if calibration is None else Path(calibration))
