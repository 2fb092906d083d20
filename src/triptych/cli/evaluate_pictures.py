"""Pictures of an evaluation: where depth and flow are wrong, and along which frames a path is."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triptych.evaluation.depth import DepthReport, DepthScorer
    from triptych.evaluation.depth_protocols import DepthProtocol
    from triptych.evaluation.flow import FlowReport, FlowScorer
    from triptych.evaluation.paths import PairedPaths
    from triptych.evaluation.results import Result
    from triptych.metrics.alignment import Alignment

FEWEST_FACTORS = 5
"""Images from which on a histogram of their scale factors says something."""
HEADLINE = ("t_rel_percent", "r_rel_deg_per_100m", "ate_m")

_KITTI_NAME = re.compile(r"(?:.*/)?([^/]+_drive_[^/]+)/image_(\d\d)/data/(\d+)")
_USUAL_CAMERA = "02"


def draw_depth(folder: Path, scorer: DepthScorer, report: DepthReport) -> list[Path]:
    """Error maps of the worst, the middle and the best image, and histograms of ratios and factors.

    Factors are left out below `FEWEST_FACTORS` images, and where nothing was scaled.

    Args:
        folder: to write to.
        scorer: that made the report.
        report: of all images.

    Returns:
        The files written.

    Raises:
        InputError: the place cannot be written to.
    """
    import torch

    from triptych.artefacts.error_maps import save_depth_error_map
    from triptych.artefacts.plots import save_ratio_histogram
    from triptych.data.image_folder import rgb_image
    from triptych.evaluation.ranking import spread_positions

    written = []
    count = len(report.images)
    errors = [image.figures["abs_rel"] for image in report.images]
    for rank, index in spread_positions(errors).items():
        truth, predicted_m, truth_m, known = scorer.compared(index)
        written.append(folder / f"depth_{rank}_{short_name(truth.name)}.png")
        save_depth_error_map(
            written[-1],
            None if truth.image is None else rgb_image(truth.image),
            predicted_m.float().clamp(scorer.protocol.min_depth_m, scorer.protocol.cap_m),  # as it is scored
            truth_m.float(),
            known,
            title=f"{scorer.name}, {truth.name}: abs_rel {errors[index]:.3f}{_ranked(rank, count, 'images')}",
            protocol=_depth_protocol(scorer.protocol, report.images[index].scale),
        )
    protocol = report.result.protocol.line()
    pixels = torch.cat([image.pixels for image in report.images])
    each = "one image" if count == 1 else f"each of {count} images"
    written.append(folder / "depth_ratios.png")
    save_ratio_histogram(
        written[-1],
        pixels,
        title=f"{scorer.name}: {'' if scorer.protocol.scaling == 'none' else 'scaled '}prediction over truth",
        what=f"pixels with a truth: about {len(pixels) // count} evenly spread ones of {each}",
        protocol=protocol,
    )
    if count >= FEWEST_FACTORS and scorer.protocol.scaling != "none":
        written.append(folder / "scale_factors.png")
        save_ratio_histogram(
            written[-1],
            torch.tensor([image.scale for image in report.images], dtype=torch.float64),
            title=f"{scorer.name}: factor of each image to the truth's scale",
            label="factor",
            what="images",
            protocol=protocol,
            perfect=None,
        )
    return written


def draw_flow(folder: Path, scorer: FlowScorer, report: FlowReport) -> list[Path]:
    """Error maps of the worst, the middle and the best pair.

    Args:
        folder: to write to.
        scorer: that made the report.
        report: of all pairs.

    Returns:
        The files written.

    Raises:
        InputError: the place cannot be written to.
    """
    from triptych.artefacts.error_maps import save_flow_error_map
    from triptych.data.image_folder import rgb_image
    from triptych.evaluation.ranking import spread_positions

    written = []
    errors = [image.figures["epe_all"] for image in report.images]
    for rank, index in spread_positions(errors).items():
        truth, predicted = scorer.compared(index)
        written.append(folder / f"flow_{rank}_{short_name(truth.name)}.png")
        save_flow_error_map(
            written[-1],
            None if truth.images is None else rgb_image(truth.images[0]),
            predicted.float(),
            truth.flow,
            truth.valid,
            title=f"{scorer.name}, {truth.name}: EPE {errors[index]:.2f} px{_ranked(rank, len(errors), 'pairs')}",
        )
    return written


def draw_sequence(folder: Path, paths: PairedPaths, result: Result, *, alignment: Alignment) -> list[Path]:
    """Both paths from above, the predicted one as it is aligned.

    Args:
        folder: to write to.
        paths: predicted and true trajectory.
        result: the figures of the whole path.
        alignment: how the prediction was brought to the truth for them.

    Returns:
        The file written.

    Raises:
        InputError: the place cannot be written to.
    """
    from triptych.artefacts.plots import NamedPath, save_trajectory_plot
    from triptych.metrics.alignment import aligned_trajectories

    moved, goal = aligned_trajectories(paths.predicted[paths.present], paths.truth[paths.present], alignment=alignment)
    file = folder / f"trajectory_{paths.sequence}_{alignment}.png"
    save_trajectory_plot(
        file,
        [NamedPath("truth", goal), NamedPath(result.name, moved)],
        title=f"{result.name}, sequence {paths.sequence}{_headline(result)}",
        protocol=f"alignment {alignment} over {int(paths.present.sum())} frames, stride {paths.stride}{_part(paths)}",
        unit="m",
    )
    return [file]


def draw_snippets(folder: Path, paths: PairedPaths, result: Result, *, length: int) -> list[Path]:
    """The error of every snippet along the sequence, beside that of straight motion.

    Args:
        folder: to write to.
        paths: predicted and true trajectory.
        result: the figures of the snippets.
        length: frames of a snippet.

    Returns:
        The file written.

    Raises:
        InputError: the place cannot be written to.
    """
    from triptych.artefacts.snippet_plot import save_snippet_errors
    from triptych.metrics.trajectory import snippet_trajectory_errors, straight_motion_errors

    whole = paths.present.unfold(0, length, 1).all(dim=1)
    file = folder / f"snippets_{paths.sequence}_{length}.png"
    save_snippet_errors(
        file,
        paths.numbers[: len(whole)][whole],
        snippet_trajectory_errors(paths.predicted, paths.truth, length=length, present=paths.present),
        straight_motion_errors(paths.truth, length=length, present=paths.present),
        title=f"{result.name}, sequence {paths.sequence}: error of snippets of {length} frames",
        protocol=result.protocol.line(),
        name=result.name,
    )
    return [file]


def short_name(name: str) -> str:
    """The name of an image for a file: `<drive>_<frame>` of KITTI raw, else its path with underscores.

    Another camera than the left color one is named after the frame.
    """
    found = _KITTI_NAME.fullmatch(name)
    if found is None:
        return name.replace("/", "_")
    drive, camera, frame = found.groups()
    return f"{drive}_{frame}" + ("" if camera == _USUAL_CAMERA else f"_image_{camera}")


def _ranked(rank: str, count: int, what: str) -> str:
    """The rank among the others in words; nothing for one alone."""
    return f" ({rank} of {count} {what})" if count > 1 else ""


def _depth_protocol(protocol: DepthProtocol, scale: float) -> str:
    """How an image's depth was scaled and which truth counts, in words."""
    scaled = "not scaled"
    if protocol.scaling != "none":
        scaled = f"scaled by {scale:.3g} ({protocol.scaling.replace('_', ' ')})"
    counted = f"errors to {protocol.cap_m:g} m"
    if not protocol.truth_capped:
        counted = f"clamped to {protocol.cap_m:g} m, errors at all distances"
    crop = "" if protocol.crop == "none" else f", crop of {protocol.crop}"
    return f"Prediction {scaled}, {counted}{crop}"


def _headline(result: Result) -> str:
    """The figures of a whole path that are numbers, in words to go on with."""
    from triptych.evaluation.measures import MEASURES

    shown = []
    for name in HEADLINE:
        value = result.metrics.get(name, math.nan)
        if math.isfinite(value):
            measure = MEASURES[name]
            shown.append(f"{measure.label} {value:.{measure.digits}f} {measure.unit}")
    return f": {', '.join(shown)}" if shown else ""


def _part(paths: PairedPaths) -> str:
    """The part of the truth, where it is not all of it."""
    return "" if paths.part is None else f", frames {paths.part}"
