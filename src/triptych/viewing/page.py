"""One HTML page of figures and pictures, whole in itself: no script, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

import cv2
from jaxtyping import UInt8
from torch import Tensor

from triptych.formats.atomic import StrPath, atomic_path
from triptych.viewing.page_style import STYLE
from triptych.viewing.path_plot import CameraPath, path_plot

_PICTURE_QUALITY = 90  # of WebP: a third of the size of PNG, and no visible difference


@dataclass(frozen=True)
class MetricRow:
    """One measure beside the same measure of trivial and classical methods.

    Attributes:
        name: the measure, in the field's own words.
        value: of the model; NaN where it could not be measured.
        better: which values are better.
        protocol: how all values of the row were measured: split, count, alignment.
        unit: of all values; empty for pure numbers.
        baselines: values of other methods by name.
        digits: decimals shown.
    """

    name: str
    value: float
    better: Literal["lower", "higher"]
    protocol: str
    unit: str = ""
    baselines: Mapping[str, float] = field(default_factory=dict)
    digits: int = 3

    @property
    def is_best(self) -> bool:
        """Whether the value beats every baseline; False without baselines."""
        sign = 1 if self.better == "lower" else -1
        return bool(self.baselines) and all(sign * self.value < sign * other for other in self.baselines.values())


@dataclass(frozen=True)
class PicturePanel:
    """A picture with its caption.

    Attributes:
        title: what it shows, in a few words; the visible caption.
        picture: RGB.
        description: what can be seen, for those who cannot see it.
    """

    title: str
    picture: UInt8[Tensor, "3 height width"]
    description: str


@dataclass(frozen=True)
class PictureGroup:
    """Pictures that belong together, such as those of one frame.

    Attributes:
        title: the heading.
        rows: panels that stand side by side where the screen is wide enough, such as
            a prediction and its truth.
    """

    title: str
    rows: tuple[tuple[PicturePanel, ...], ...]


def demo_page(
    *,
    title: str,
    summary: str,
    metrics: Sequence[MetricRow],
    groups: Sequence[PictureGroup] = (),
    paths: Sequence[CameraPath] = (),
    path_note: str = "",
    path_unit: str = "",
    settings: Mapping[str, str] | None = None,
) -> str:
    """The page as HTML text; parts for which nothing is given are left out.

    Args:
        title: heading of the page.
        summary: what was done, in a few sentences of plain text.
        metrics: the table, in this order.
        groups: pictures, in this order.
        paths: camera paths to be seen from above in one plot.
        path_note: how the paths were aligned.
        path_unit: unit of the paths' coordinates; empty where the scale is unknown.
        settings: what the result was made with, by name.
    """
    sections = [
        _metrics_section(metrics),
        *(_group_section(group) for group in groups),
        _path_section(paths, note=path_note, unit=path_unit),
        _settings_section(settings or {}),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # The browser itself makes sure that nothing is loaded.
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
            "style-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<header><h1>{escape(title)}</h1><p>{escape(summary)}</p></header>",
            *(section for section in sections if section),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def save_page(path: StrPath, page: str) -> None:
    """Writes a page.

    Raises:
        InputError: the place cannot be written to.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _metrics_section(metrics: Sequence[MetricRow]) -> str:
    if not metrics:
        return ""
    rows = "\n".join(_metric_row(row) for row in metrics)
    return (
        # The roles say again what the elements are, since a narrow screen shows them as blocks.
        '<section><h2>Results</h2>\n<table role="table">\n<thead><tr role="row">'
        '<th scope="col" role="columnheader">Measure</th>'
        '<th scope="col" role="columnheader" class="number">Triptych</th>'
        '<th scope="col" role="columnheader">Others, measured alike</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></section>"
    )


def _metric_row(row: MetricRow) -> str:
    arrow = "↓" if row.better == "lower" else "↑"
    unit = f"{escape(row.unit)}, " if row.unit else ""
    best = '<span class="best">best</span>' if row.is_best else ""
    others = "".join(
        f'<li><span>{escape(name)}</span> <span class="number">{_shown(value, row)}</span></li>'
        for name, value in row.baselines.items()
    )
    return (
        f'<tr role="row"><th scope="row" role="rowheader">{escape(row.name)} '
        f'<span class="unit">({unit}{arrow} {row.better} is better)</span>'
        f'<span class="protocol">{escape(row.protocol)}</span></th>'
        f'<td role="cell" class="number value">{_shown(row.value, row)}{best}</td>'
        f'<td role="cell">{others and f"<ul>{others}</ul>"}</td></tr>'
    )


def _shown(value: float, row: MetricRow) -> str:
    return f"{value:.{row.digits}f}" if math.isfinite(value) else "not measured"


def _group_section(group: PictureGroup) -> str:
    rows = "\n".join(
        f'<div class="row across-{min(max(len(row), 2), 4)}">{"".join(map(_figure, row))}</div>' for row in group.rows
    )
    return f"<section><h2>{escape(group.title)}</h2>\n{rows}</section>"


def _figure(panel: PicturePanel) -> str:
    height, width = panel.picture.shape[1:]
    return (
        f'<figure><img src="{_data_uri(panel.picture)}" width="{width}" height="{height}" '
        f'alt="{escape(panel.description)}"><figcaption>{escape(panel.title)}</figcaption></figure>'
    )


def _data_uri(picture: UInt8[Tensor, "3 height width"]) -> str:
    blue_first = picture.flip(0).permute(1, 2, 0).contiguous().cpu().numpy()
    encoded, content = cv2.imencode(".webp", blue_first, [cv2.IMWRITE_WEBP_QUALITY, _PICTURE_QUALITY])
    if not encoded:
        raise ValueError(f"no picture of {tuple(picture.shape)}")
    return f"data:image/webp;base64,{base64.b64encode(content.tobytes()).decode('ascii')}"


def _path_section(paths: Sequence[CameraPath], *, note: str, unit: str) -> str:
    if not paths:
        return ""
    caption = f"<figcaption>{escape(note)}</figcaption>" if note else ""
    plot = path_plot(paths, unit=unit)
    return f'<section><h2>Camera path from above</h2>\n<figure class="path">{plot}{caption}</figure></section>'


def _settings_section(settings: Mapping[str, str]) -> str:
    if not settings:
        return ""
    entries = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in settings.items())
    return f"<section><h2>Settings</h2>\n<dl>\n{entries}\n</dl></section>"
