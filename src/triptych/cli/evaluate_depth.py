"""Score depth against measured depth: KITTI Eigen, improved, Make3D, Cityscapes, or plain folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from triptych.cli.evaluate_output import add_common_arguments, add_figures_argument, check_outputs, result_name, show
from triptych.cli.evaluate_pictures import draw_depth
from triptych.cli.parsing import parsed
from triptych.errors import InputError

if TYPE_CHECKING:
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
    add_figures_argument(parser)
    parser.add_argument("--per_image", type=str | None, help="CSV file to write the figures of each image to")
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
        choices=["forward", "camera_z"],
        help="eigen: distance along the laser's forward axis, as in the published tables (the default), or along the "
        "camera's axis; the other is printed beside it",
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
    options = parsed(parser, words)
    from triptych.cli.console import counted
    from triptych.evaluation.depth import DepthScorer
    from triptych.evaluation.depth_truth import depth_truth
    from triptych.evaluation.per_image import save_per_image
    from triptych.evaluation.predictions import predicted_maps

    check_outputs(files=(options.json, options.report, options.per_image), folder=options.figures)
    _check(options)
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
    show(report.result, options, prediction=Path(options.prediction))
    if options.per_image is not None:
        save_per_image(options.per_image, [(image.name, image.figures) for image in report.images])
    if options.figures is not None:
        draw_depth(Path(options.figures), scorer, report)


def _check(options: Namespace) -> None:
    """Refuse values that cannot be, and options that the protocol has no use for."""
    if options.bottom_crop is not None and not 0 <= options.bottom_crop < 1:
        raise InputError(f"--bottom_crop {options.bottom_crop:g}: give the share of rows, for instance 0.25")
    for name in ("png_scale", "truth_png_scale"):
        if not getattr(options, name) > 0:
            raise InputError(f"--{name} {getattr(options, name):g}: give the steps of a PNG for one unit, above 0")
    for name, protocol in (("laser_depth", "eigen"), ("leave_out", "make3d"), ("calibration", "plain")):
        if getattr(options, name) and options.protocol != protocol:
            raise InputError(f"--{name}: is for --protocol {protocol}, not for {options.protocol}")
    if options.cap_m is not None and options.protocol == "eigen_improved":
        raise InputError("--cap_m: eigen_improved counts all of its truth; give another protocol")


def _protocol(options: Namespace) -> DepthProtocol:
    """The protocol with what was asked for in place of its own settings."""
    from triptych.evaluation.depth_protocols import PROTOCOLS as KNOWN
    from triptych.evaluation.depth_protocols import with_laser_depth

    protocol = replace(KNOWN[options.protocol], scaling=options.scaling)
    if options.cap_m is not None:
        if not options.cap_m > protocol.min_depth_m:
            raise InputError(f"--cap_m {options.cap_m:g}: must lie above {protocol.min_depth_m:g} m")
        protocol = replace(protocol, cap_m=options.cap_m)
    return with_laser_depth(protocol, options.laser_depth) if options.laser_depth else protocol
