"""Pictures of where depth and flow are wrong, as PNG, with ranges that do not depend on the picture in hand."""

from __future__ import annotations

import matplotlib as mpl
import torch
from jaxtyping import Bool, Float, UInt8
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from torch import Tensor

from triptych.artefacts.colors import DEPTH_COLORMAP, depth_colors, flow_colors, flow_limit
from triptych.artefacts.error_colors import (
    ERROR_COLORS,
    FLOW_ERROR_STEPS,
    OUTLIER_PX,
    OUTLIER_SHARE,
    flow_error_colors,
    relative_error_colors,
    spread_out,
)
from triptych.artefacts.panels import Bar, Panel, panel_figure
from triptych.artefacts.plots import save_figure
from triptych.formats.atomic import StrPath

LARGEST_RELATIVE_ERROR = 0.5
_GRAY_DEPTH = "Gray: no depth, no truth, or truth that the protocol leaves out (outside its crop, too near or too far)"

_DOT_SHARE = 1 / 520  # radius of a sparse point as a share of the width: 2.4 px of KITTI's 1242


def save_depth_error_map(
    path: StrPath,
    image: UInt8[Tensor, "3 height width"] | None,
    predicted_m: Float[Tensor, "height width"],
    truth_m: Float[Tensor, "height width"],
    valid: Bool[Tensor, "height width"],
    *,
    title: str,
    protocol: str = "",
    near_m: float = 3.0,
    far_m: float = 80.0,
) -> None:
    """Write panels of image, predicted depth, true depth and relative error |d - d*| / d*.

    Sparse true points are drawn as dots. Gray is where there is no truth, or none that counts.

    Args:
        path: of the PNG.
        image: left out where None.
        predicted_m: depth, scaled as it was scored (m).
        truth_m: true depth (m).
        valid: where the truth counts.
        title: above the panels.
        protocol: how the prediction was scaled and which truth counts, in small print.
        near_m: depth of the brightest color (m).
        far_m: depth of the darkest color (m).

    Raises:
        InputError: the place cannot be written to.
        ValueError: unless 0 < near_m < far_m.
    """
    known = valid & (truth_m > 0)
    relative = (predicted_m - truth_m).abs() / torch.where(known, truth_m, 1.0)
    scored = known & ~relative.isnan()
    radius = _dot_radius(valid)
    dots, dotted = spread_out(truth_m[None], known, radius=radius)
    errors, reached = spread_out(relative[None], scored, radius=radius)
    marks = {
        mark: f"{mark:g}" for mark in (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0) if near_m <= mark <= far_m
    }
    depth_bar = Bar(
        ScalarMappable(LogNorm(near_m, far_m), mpl.colormaps[DEPTH_COLORMAP].reversed()), marks, "m, both depths"
    )
    count = len(ERROR_COLORS)
    steps = [LARGEST_RELATIVE_ERROR * step / count for step in range(count + 1)]
    error_colors = ScalarMappable(BoundaryNorm(steps, count), _error_colormap())
    error_bar = Bar(error_colors, {step: f"{step:g}" for step in steps[::2]}, "|d - d*| / d*", endless=True)
    panels = [
        *([Panel("image", image, photograph=True)] if image is not None else []),
        Panel(
            "predicted depth",
            depth_colors(predicted_m, near=near_m, far=far_m, scaling="log"),
            depth_bar if image is None else None,  # beside an image it would need a row of its own
        ),
        Panel(
            "true depth",
            depth_colors(torch.where(dotted, dots[0], 0.0), near=near_m, far=far_m, scaling="log"),
            depth_bar,
        ),
        Panel(
            f"relative error, {_mean(relative, scored, known, unit='', digits=3)}",
            relative_error_colors(errors[0], reached, largest=LARGEST_RELATIVE_ERROR),
            error_bar,
        ),
    ]
    small = _sentences(protocol, _GRAY_DEPTH)
    save_figure(path, panel_figure(panels, title, small), title=title, small=small)


def save_flow_error_map(
    path: StrPath,
    image: UInt8[Tensor, "3 height width"] | None,
    predicted: Float[Tensor, "2 height width"],
    truth: Float[Tensor, "2 height width"],
    valid: Bool[Tensor, "height width"],
    *,
    title: str,
    maximum_px: float | None = None,
) -> None:
    """Write panels of image, predicted flow, true flow and end-point error as KITTI draws it.

    Blue is below the threshold of an outlier (3 px and 5 % of the true length), red is
    above it; each color is a factor of two. Gray is where the truth is unknown.

    Args:
        path: of the PNG.
        image: left out where None.
        predicted: flow (px).
        truth: true flow (px).
        valid: where the truth is known.
        title: above the panels.
        maximum_px: length of the full colors of both flows; by default what 95 % of the
            true flow stays below.

    Raises:
        InputError: the place cannot be written to.
        ValueError: unless maximum_px > 0.
    """
    nowhere = torch.full_like(truth, float("nan"))
    maximum = flow_limit(torch.where(valid, truth, nowhere)) if maximum_px is None else maximum_px
    length = truth.norm(dim=0)
    error = (predicted - truth).norm(dim=0)
    scored = valid & ~error.isnan()
    radius = _dot_radius(valid)
    dots, dotted = spread_out(truth, valid, radius=radius)
    errors, reached = spread_out(torch.stack((error, length)), scored, radius=radius)
    steps = [0.0, *FLOW_ERROR_STEPS, 2 * FLOW_ERROR_STEPS[-1]]
    colors = ScalarMappable(BoundaryNorm(steps, len(ERROR_COLORS)), _error_colormap())
    ticks = {1 / 16: "1/16", 1 / 4: "1/4", 1.0: "1", 4.0: "4", 16.0: "16"}
    bar = Bar(colors, ticks, "error / outlier limit", endless=True)
    small = _sentences(
        f"1 = KITTI's limit of an outlier: {OUTLIER_PX:g} px and {100 * OUTLIER_SHARE:g} % of the true length",
        "Medians and mean over the pixels with a truth",
        "Gray: no flow, or no truth",
    )
    panels = [
        *([Panel("image", image, photograph=True)] if image is not None else []),
        Panel(
            f"predicted flow{_median_length(predicted, scored)}",
            flow_colors(predicted, maximum=maximum),
            wheel=maximum if image is None else None,
        ),
        Panel(
            f"true flow{_median_length(truth, valid)}",
            flow_colors(torch.where(dotted, dots, nowhere), maximum=maximum),
            wheel=maximum,
        ),
        Panel(
            f"end-point error, {_mean(error, scored, valid, unit=' px', digits=2)}",
            flow_error_colors(errors[0], errors[1], reached),
            bar,
        ),
    ]
    save_figure(path, panel_figure(panels, title, small), title=title, small=small)


def _sentences(*parts: str) -> str:
    return ". ".join(part for part in parts if part)


def _median_length(flow: Float[Tensor, "2 height width"], counted: Bool[Tensor, "height width"]) -> str:
    """The median length of flow in words; nothing where no pixel counts."""
    if not counted.any():
        return ""
    return f", median {float(flow.norm(dim=0)[counted].median()):.2f} px"


def _dot_radius(valid: Bool[Tensor, "height width"]) -> float:
    return max(1.0, valid.shape[1] * _DOT_SHARE)


def _mean(
    error: Float[Tensor, "height width"],
    scored: Bool[Tensor, "height width"],
    known: Bool[Tensor, "height width"],
    *,
    unit: str,
    digits: int,
) -> str:
    """The mean error in words, with the share of true pixels that have one where that is not all."""
    count, total = int(scored.sum()), int(known.sum())
    if count == 0:
        return "nothing to score"
    missing = "" if count == total else f" over {count / total:.0%} of the truth"
    return f"mean {float(error[scored].mean()):.{digits}f}{unit}{missing}"


def _error_colormap() -> ListedColormap:
    return ListedColormap([tuple(channel / 255 for channel in color) for color in ERROR_COLORS])
