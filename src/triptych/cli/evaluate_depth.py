"""Score depth against measured depth: KITTI Eigen, improved, Make3D, Cityscapes, or plain folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from triptych.cli.evaluate_output import add_common_arguments, result_name, show
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.evaluation.depth import DepthReport, DepthScorer
    from triptych.evaluation.depth_protocols import DepthProtocol

PROTOCOLS = ("eigen", "eigen_improved", "make3d", "cityscapes", "plain")
KITTI_DEPTH_STEPS = 256.0


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych evaluate depth`."""
    add_common_arguments(
        parser,
        prediction="folder of depth maps (.npz, .npy, 16-bit .png), a .npy of shape (N, H, W), or one or several "
        "folders that `triptych predict` wrote",
        ground_truth="the data set's folder, a KITTI drive, or for plain a folder of depth maps (m)",
    )
    parser.add_argument("--protocol", default="plain", choices=PROTOCOLS, help="how depth is scored")
    parser.add_argument(
        "--scaling",
        default="median",
        choices=["median", "least_squares", "none"],
        help="to the truth's scale, per image",
    )
    parser.add_argument("--cap_m", type=float | None, help="farthest depth that counts (m); the protocol's by default")
    parser.add_argument(
        "--laser_depth",
        default="forward",
        choices=["forward", "camera_z"],
        help="eigen: distance along the laser's forward axis, as in the published tables, or along the camera's axis; "
        "the other is printed beside it",
    )
    parser.add_argument(
        "--prediction_of", default="depth", choices=["depth", "disparity"], help="what the prediction's maps hold"
    )
    parser.add_argument("--flipped", type=str | None, help="predictions for the mirror images, to be blended in")
    parser.add_argument("--png_scale", type=float, default=KITTI_DEPTH_STEPS, help="steps of a predicted PNG per unit")
    parser.add_argument(
        "--truth_png_scale", type=float, default=KITTI_DEPTH_STEPS, help="steps of a true PNG per meter"
    )
    parser.add_argument("--bottom_crop", type=float | None, help="share of rows that was cut off before predicting")
    parser.add_argument("--any_scale", action="store_true", help="do not refuse an implausible scale")
    parser.add_argument(
        "--calibration", type=str | None, help="calib_cam_to_cam.txt for KITTI 2015, where it has none beside it"
    )
    parser.add_argument("--leave_out", type=list[str], default=[], help="make3d: images with damaged truth, by name")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Read, score, show."""
    options = parser.parse_args(list(words))
    from triptych.cli.console import counted
    from triptych.evaluation.depth import DepthScorer
    from triptych.evaluation.depth_truth import depth_truth
    from triptych.evaluation.predictions import predicted_maps

    prediction = Path(options.prediction)
    truth, protocol = depth_truth(
        Path(options.ground_truth),
        _protocol(options),
        png_scale=options.truth_png_scale,
        leave_out=options.leave_out,
        calibration=None if options.calibration is None else Path(options.calibration),
    )
    maps = predicted_maps(prediction, "depth", png_scale=options.png_scale)
    flipped = None if options.flipped is None else Path(options.flipped)
    if options.bottom_crop is not None:
        if not 0 <= options.bottom_crop < 1:
            raise InputError(f"--bottom_crop {options.bottom_crop:g}: give the share of rows, from 0 to below 1")
        maps = replace(maps, rows=(0.0, 1 - options.bottom_crop))
    scorer = DepthScorer(
        maps=maps,
        truth=truth,
        protocol=protocol,
        prediction_of=options.prediction_of,
        flipped=None if flipped is None else predicted_maps(flipped, "depth", png_scale=options.png_scale),
        any_scale=options.any_scale,
        name=result_name(options.name, prediction),
    )
    with counted("scoring") as progress:
        report = scorer.report(progress)
    if options.figures is not None:
        _draw(Path(options.figures), scorer, report)
    show(report.result, options.json)


def _protocol(options: Namespace) -> DepthProtocol:
    """The protocol with what was asked for in place of its own settings."""
    from triptych.evaluation.depth_protocols import PROTOCOLS as KNOWN
    from triptych.evaluation.depth_protocols import with_laser_depth

    protocol = replace(KNOWN[options.protocol], scaling=options.scaling)
    if options.cap_m is not None:
        if not options.cap_m > protocol.min_depth_m:
            raise InputError(f"--cap_m {options.cap_m:g}: must lie above {protocol.min_depth_m:g} m")
        protocol = replace(protocol, cap_m=options.cap_m)
    return with_laser_depth(protocol, options.laser_depth) if options.protocol == "eigen" else protocol


def _draw(folder: Path, scorer: DepthScorer, report: DepthReport) -> None:
    """Error maps of the worst, the middle and the best image, and the histogram of the scale factors."""
    import torch

    from triptych.artefacts.error_maps import save_depth_error_map
    from triptych.artefacts.plots import save_ratio_histogram
    from triptych.data.image_folder import rgb_image
    from triptych.evaluation.ranking import spread_positions

    errors = [image.figures["abs_rel"] for image in report.images]
    for rank, index in spread_positions(errors).items():
        truth, predicted_m, truth_m, known = scorer.compared(index)
        save_depth_error_map(
            folder / f"depth_{rank}_{truth.name.replace('/', '_')}.png",
            None if truth.image is None else rgb_image(truth.image),
            predicted_m.float(),
            truth_m.float(),
            known,
            title=f"{scorer.name}, {truth.name} ({rank} of {len(errors)}): abs_rel {errors[index]:.3f}",
        )
    protocol = report.result.protocol.line()
    save_ratio_histogram(
        folder / "depth_ratios.png",
        torch.cat([image.pixels for image in report.images]),
        title=f"{scorer.name}: scaled prediction over truth, pixels of all images",
        protocol=protocol,
    )
    save_ratio_histogram(
        folder / "scale_factors.png",
        torch.tensor([image.scale for image in report.images], dtype=torch.float64),
        title=f"{scorer.name}: factor of each image to the truth's scale",
        label="factor",
        protocol=protocol,
    )
