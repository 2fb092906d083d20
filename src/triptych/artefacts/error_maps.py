"""Pictures of where depth and flow are wrong, as PNG, with ranges that do not depend on the picture in hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from triptych.artefacts.colors import DEPTH_COLORMAP, depth_colors, flow_colors, flow_limit
from triptych.artefacts.error_colors import (
    ERROR_COLORS,
    FLOW_ERROR_STEPS,
    flow_error_colors,
    relative_error_colors,
    spread_out,
)
from triptych.artefacts.plots import save_figure, title_inches
from triptych.formats.atomic import StrPath

LARGEST_RELATIVE_ERROR = 0.5

_PANEL_INCHES = 6.4  # width of a wide picture
_TALL_PANEL_INCHES = 3.9
_WIDE = 1.3  # width over height from which panels stand in two columns instead of a row
_SMALL_PRINT = 0.25  # inches below all panels
_GAP = 0.12  # inches between panels and around them
_LABEL = 0.32  # inches above a panel
_STRIP = 0.62  # inches below a panel, for its color bar
_DOT_SHARE = 1 / 520  # radius of a sparse point as a share of the width: 2.4 px of KITTI's 1242


@dataclass(frozen=True)
class _Bar:
    """A color bar: what its colors stand for, and where numbers stand."""

    colors: ScalarMappable
    ticks: Mapping[float, str]
    label: str
    endless: bool = False


@dataclass(frozen=True)
class _Panel:
    """A picture under its label; `wheel` is the length of flow at the rim of a color wheel below it (px)."""

    label: str
    picture: UInt8[Tensor, "3 _ _"]
    bar: _Bar | None = None
    wheel: float | None = None


def save_depth_error_map(
    path: StrPath,
    image: UInt8[Tensor, "3 height width"] | None,
    predicted_m: Float[Tensor, "height width"],
    truth_m: Float[Tensor, "height width"],
    valid: Bool[Tensor, "height width"],
    *,
    title: str,
    near_m: float = 3.0,
    far_m: float = 80.0,
) -> None:
    """Write panels of image, predicted depth, true depth and relative error |d - d*| / d*.

    Sparse true points are drawn as dots. Gray is where there is no truth.

    Args:
        path: of the PNG.
        image: left out where None.
        predicted_m: depth, scaled as it was scored (m).
        truth_m: true depth (m).
        valid: where the truth counts.
        title: above the panels.
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
    depth_bar = _Bar(ScalarMappable(LogNorm(near_m, far_m), mpl.colormaps[DEPTH_COLORMAP].reversed()), marks, "m")
    count = len(ERROR_COLORS)
    steps = [LARGEST_RELATIVE_ERROR * step / count for step in range(count + 1)]
    error_colors = ScalarMappable(BoundaryNorm(steps, count), _error_colormap())
    error_bar = _Bar(error_colors, {step: f"{step:g}" for step in steps[::2]}, "|d - d*| / d*", endless=True)
    panels = [
        *([_Panel("image", image)] if image is not None else []),
        _Panel("predicted depth", depth_colors(predicted_m, near=near_m, far=far_m, scaling="log"), depth_bar),
        _Panel(
            "true depth",
            depth_colors(torch.where(dotted, dots[0], 0.0), near=near_m, far=far_m, scaling="log"),
            depth_bar,
        ),
        _Panel(
            f"relative error, {_mean(relative, scored, known, unit='', digits=3)}",
            relative_error_colors(errors[0], reached, largest=LARGEST_RELATIVE_ERROR),
            error_bar,
        ),
    ]
    save_figure(path, _panel_figure(panels, title), title=title, small="Gray: no depth, or no truth")


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
    bar = _Bar(colors, ticks, "outlier thresholds", endless=True)
    small = "1 on the scale of errors: 3 px and 5 % of the true flow, beyond which KITTI counts an outlier. "
    small += "Gray: no flow, or no truth"
    panels = [
        *([_Panel("image", image)] if image is not None else []),
        _Panel("predicted flow", flow_colors(predicted, maximum=maximum), wheel=maximum),
        _Panel("true flow", flow_colors(torch.where(dotted, dots, nowhere), maximum=maximum), wheel=maximum),
        _Panel(
            f"end-point error, {_mean(error, scored, valid, unit=' px', digits=2)}",
            flow_error_colors(errors[0], errors[1], reached),
            bar,
        ),
    ]
    save_figure(path, _panel_figure(panels, title), title=title, small=small)


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


def _panel_figure(panels: Sequence[_Panel], title: str) -> Figure:
    """Panels of one size in two columns, or in one row where they are tall, with room for the title."""
    _, height, width = panels[-1].picture.shape
    wide = width > _WIDE * height
    columns = 2 if wide else len(panels)
    across = _PANEL_INCHES if wide else _TALL_PANEL_INCHES
    cell = (across + _GAP, _LABEL + across * height / width + _STRIP)
    rows = math.ceil(len(panels) / columns)
    size_across = columns * cell[0] + _GAP
    head = title_inches(title, size_across)
    size = (size_across, head + rows * cell[1] + _SMALL_PRINT)
    figure = Figure(figsize=size)

    def axes_at(left: float, top: float, wide: float, high: float) -> Axes:
        return figure.add_axes((left / size[0], 1 - (top + high) / size[1], wide / size[0], high / size[1]))

    for index, panel in enumerate(panels):
        left = _GAP + index % columns * cell[0]
        top = head + index // columns * cell[1] + _LABEL
        below = top + across * height / width
        axes = axes_at(left, top, across, below - top)
        smooth = panel.bar is None and panel.wheel is None  # a photograph; elsewhere mixed colors would lie
        axes.imshow(_pixels(panel.picture), interpolation="antialiased" if smooth else "nearest", aspect="auto")
        axes.set_axis_off()
        axes.set_title(panel.label, fontsize=11, loc="left", parse_math=False)
        if panel.bar is not None:
            _draw_bar(figure, axes_at(left + 0.1, below + 0.09, 0.62 * across, 0.13), panel.bar)
        if panel.wheel is not None:
            _draw_wheel(axes_at(left + 0.1, below + 0.06, 0.46, 0.46), panel.wheel)
    return figure


def _draw_bar(figure: Figure, axes: Axes, bar: _Bar) -> None:
    extend = "max" if bar.endless else "neither"
    drawn = figure.colorbar(bar.colors, cax=axes, orientation="horizontal", extend=extend)
    drawn.set_ticks(list(bar.ticks), labels=list(bar.ticks.values()))
    drawn.minorticks_off()
    axes.tick_params(labelsize=9)
    beside = 1.1 if bar.endless else 1.03  # an arrow sticks out
    axes.text(beside, 0.5, bar.label, transform=axes.transAxes, fontsize=9, va="center", parse_math=False)


def _draw_wheel(axes: Axes, rim: float) -> None:
    axis = torch.linspace(-1, 1, 101)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    disk = torch.where(torch.hypot(x, y) <= 1, torch.stack((x, y)), torch.nan)
    colors = flow_colors(disk, maximum=1.0)
    white = torch.full_like(colors, 255)
    axes.imshow(_pixels(torch.where(disk.isfinite().all(0), colors, white)))
    axes.set_axis_off()
    axes.text(
        1.2, 0.5, f"direction of flow; {rim:.1f} px at the rim", transform=axes.transAxes, fontsize=9, va="center"
    )


def _pixels(picture: UInt8[Tensor, "3 height width"]) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = picture.permute(1, 2, 0).cpu().numpy()
    return pixels
