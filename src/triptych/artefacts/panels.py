"""Figures of several pictures of one size, with their color bars and wheels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from triptych.artefacts.colors import flow_colors
from triptych.artefacts.plots import small_print_inches, title_inches

_PANEL_INCHES = 6.4  # width of a wide picture
_TALL_PANEL_INCHES = 3.9
_WIDE = 1.3  # width over height from which panels stand in two columns instead of a row
_GAP = 0.12  # inches between panels and around them
_LABEL = 0.32  # inches above a panel
_STRIP = 0.62  # inches below a row of panels with color bars
_NO_STRIP = 0.16  # inches below a row without
_FRAME = "#999999"  # of a panel, for flow of next to no length is as white as the page


@dataclass(frozen=True)
class Bar:
    """A color bar.

    Attributes:
        colors: what its colors stand for.
        ticks: where numbers stand, and which.
        label: beside it.
        endless: True where the last color is of all that is larger too.
    """

    colors: ScalarMappable
    ticks: Mapping[float, str]
    label: str
    endless: bool = False


@dataclass(frozen=True)
class Panel:
    """A picture under its label.

    Attributes:
        label: above it.
        picture: RGB.
        bar: below it.
        wheel: length of flow at the rim of a color wheel below it (px).
        photograph: True lets pixels be mixed; mixed colors of a map would lie.
    """

    label: str
    picture: UInt8[Tensor, "3 _ _"]
    bar: Bar | None = None
    wheel: float | None = None
    photograph: bool = False


def panel_figure(panels: Sequence[Panel], title: str, small: str) -> Figure:
    """Panels of one size in two columns, or in one row where they are tall, with room for title and small print."""
    _, height, width = panels[-1].picture.shape
    wide = width > _WIDE * height
    columns = 2 if wide else len(panels)
    across = _PANEL_INCHES if wide else _TALL_PANEL_INCHES
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    strips = [_STRIP if any(panel.bar or panel.wheel for panel in row) else _NO_STRIP for row in rows]
    high = across * height / width
    size_across = columns * (across + _GAP) + _GAP
    head = title_inches(title, size_across)
    foot = small_print_inches(small, size_across)
    size = (size_across, head + len(rows) * (_LABEL + high) + sum(strips) + foot)
    figure = Figure(figsize=size)

    def axes_at(left: float, top: float, wide: float, high: float) -> Axes:
        return figure.add_axes((left / size[0], 1 - (top + high) / size[1], wide / size[0], high / size[1]))

    top = head
    for row, strip in zip(rows, strips, strict=True):
        below = top + _LABEL + high
        for column, panel in enumerate(row):
            left = _GAP + column * (across + _GAP)
            _draw_panel(axes_at(left, top + _LABEL, across, high), panel)
            if panel.bar is not None:
                _draw_bar(figure, axes_at(left + 0.1, below + 0.09, 0.62 * across, 0.13), panel.bar)
            if panel.wheel is not None:
                _draw_wheel(axes_at(left + 0.1, below + 0.06, 0.46, 0.46), panel.wheel)
        top = below + strip
    return figure


def _draw_panel(axes: Axes, panel: Panel) -> None:
    smooth = "antialiased" if panel.photograph else "nearest"
    axes.imshow(_pixels(panel.picture), interpolation=smooth, aspect="auto")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(color=_FRAME, linewidth=0.6)
    axes.set_title(panel.label, fontsize=11, loc="left", parse_math=False)


def _draw_bar(figure: Figure, axes: Axes, bar: Bar) -> None:
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
    words = f"direction of both flows; {rim:.1f} px at the rim"
    axes.text(1.2, 0.5, words, transform=axes.transAxes, fontsize=9, va="center")


def _pixels(picture: UInt8[Tensor, "3 height width"]) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = picture.permute(1, 2, 0).cpu().numpy()
    return pixels
