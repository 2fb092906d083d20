"""Camera paths seen from above, as an SVG drawing for a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import torch
from jaxtyping import Float
from torch import Tensor

_WIDTH = 1000.0  # the drawing's own units; a page scales it
HEIGHT = 520.0
"""Of a drawing, in its own units, where nothing else is asked for; its width is 1000."""
_MARGIN = 60.0
_KEY_HEIGHT = 40.0
LINES = 3
"""As many lines as the style sheet tells apart."""


@dataclass(frozen=True)
class CameraPath:
    """A named path.

    Attributes:
        name: for the key.
        camera_to_world: poses; paths of one plot must have been aligned before.
    """

    name: str
    camera_to_world: Float[Tensor, "frames 4 4"]


@dataclass(frozen=True)
class PathDrawing:
    """Paths as they are drawn.

    Attributes:
        svg: the drawing.
        marks: for each frame of the marked path: x and y of its place in the drawing and the
            way it looks in there (degrees, clockwise, 0 to the right); a mark is moved by them.
    """

    svg: str
    marks: Float[Tensor, "frames 3"]


def path_plot(
    paths: Sequence[CameraPath], *, unit: str = "", height: float = HEIGHT, marked: int | None = None
) -> PathDrawing:
    """SVG text: world z to the right, world x down, one scale for both, and a bar of length.

    A dot marks each path's first place. Paths without extent are dots.

    Args:
        paths: at least one, at most `LINES`.
        unit: of the poses' translations; empty where the scale is unknown.
        height: of the drawing, whose width is 1000.
        marked: number of the path on whose first place a mark stands, to be moved along.

    Raises:
        ValueError: for no path, too many, one without poses, or one that is not finite.
    """
    if not 1 <= len(paths) <= LINES:
        raise ValueError(f"1 to {LINES} paths are needed, got {len(paths)}")
    places = [path.camera_to_world[:, (2, 0), 3].detach().double().cpu() for path in paths]
    together = torch.cat(places)
    if any(len(place) == 0 for place in places) or not together.isfinite().all():
        raise ValueError("paths need at least one pose and finite positions")
    lowest, highest = together.amin(0), together.amax(0)
    extent = (highest - lowest).tolist()
    room = (_WIDTH - 2 * _MARGIN, height - 2 * _MARGIN - _KEY_HEIGHT)
    scale = min((r / e for r, e in zip(room, extent, strict=True) if e > 0), default=1.0)
    middle = torch.tensor([_WIDTH / 2, (height + _KEY_HEIGHT) / 2], dtype=torch.float64)
    drawn = [(place - (lowest + highest) / 2) * scale + middle for place in places]
    marks = _marks(paths[marked or 0], drawn[marked or 0])
    names = ", ".join(path.name for path in paths)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" '
        f'aria-label="{escape(f"Camera paths from above: {names}")}">',
        *(_line(points.tolist(), index) for index, points in enumerate(drawn)),
        *_key(paths),
        _bar(scale, unit=unit, bottom=height) if max(extent) > 0 else "",
        _mark(marks[0].tolist()) if marked is not None else "",
        "</svg>",
    ]
    return PathDrawing("\n".join(part for part in parts if part), marks)


def _marks(path: CameraPath, drawn: Float[Tensor, "frames 2"]) -> Float[Tensor, "frames 3"]:
    ahead = path.camera_to_world[:, (2, 0), 2].detach().double().cpu()
    return torch.cat((drawn, torch.atan2(ahead[:, 1:], ahead[:, :1]).rad2deg()), dim=1)


def _mark(place: list[float]) -> str:
    """A dot with a wedge that looks to the right before it is turned."""
    x, y, degrees = place
    return (
        f'<g class="mark" transform="translate({x:.1f} {y:.1f}) rotate({degrees:.1f})">'
        '<path d="M0 0 L44 -20 A48 48 0 0 1 44 20 Z"/><circle r="11"/></g>'
    )


def _line(points: list[list[float]], index: int) -> str:
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[0]
    return (
        f'<polyline class="line-{index}" points="{text}"/>'
        f'<circle class="line-{index}" cx="{x:.1f}" cy="{y:.1f}" r="5" fill="none" stroke-width="3"/>'
    )


def _key(paths: Sequence[CameraPath]) -> list[str]:
    share = (_WIDTH - _MARGIN) / len(paths)
    return [
        f'<polyline class="line-{index}" points="{24 + index * share:.0f},30 {84 + index * share:.0f},30"/>'
        f'<text class="key" x="{98 + index * share:.0f}" y="30">{escape(path.name)}</text>'
        for index, path in enumerate(paths)
    ]


def _bar(scale: float, *, unit: str, bottom: float) -> str:
    """A bar of 1, 2 or 5 times a power of ten that is at most a fifth of the width."""
    longest = _WIDTH / 5 / scale
    power = 10.0 ** math.floor(math.log10(longest))
    # log10 may round up to the next power; then that is the length.
    length = max((step * power for step in (1, 2, 5) if step * power <= longest), default=power)
    right, y = _WIDTH - 24, bottom - 20
    left = right - length * scale
    label = f"{length:g} {unit}".strip() if unit else f"{length:g} (scale unknown)"
    return (
        f'<line class="bar" x1="{left:.1f}" y1="{y:g}" x2="{right:g}" y2="{y:g}"/>'
        f'<text x="{right:g}" y="{y - 10:g}" text-anchor="end">{escape(label)}</text>'
    )
