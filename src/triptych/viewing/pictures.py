"""Pictures as text that stands in a page, and the panels of still ones."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image
from torch import Tensor

from triptych.artefacts.colors import flow_colors
from triptych.viewing.page import Section

WEBP = "data:image/webp;base64,"
PNG = "data:image/png;base64,"
STILL_QUALITY = 90  # of WebP: a third of the size of PNG, and no visible difference
MOVING_QUALITY = 82  # of a frame among many: what flies past may be a little softer
_EFFORT = 2  # of WebP's 6: half the time of the default, at 3 % more bytes
_STEPS = 15  # of opacity: four bits a pixel
STRONGEST = 0.65  # opacity of a mask where it is 1


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


def picture_section(groups: Sequence[PictureGroup], *, key: str, title: str, note: str = "") -> Section:
    """Groups of still pictures as a part of a page.

    Args:
        groups: in this order.
        key: of the section.
        title: its heading.
        note: plain text above the pictures.
    """
    parts = [f'<p class="note">{escape(note)}</p>'] if note and groups else []
    for group in groups:
        parts.append(f"<h3>{escape(group.title)}</h3>")
        parts += [
            f'<div class="row across-{min(max(len(row), 2), 4)}">{"".join(map(_figure, row))}</div>'
            for row in group.rows
        ]
    return Section(key, title, "\n".join(parts))


def webp_text(picture: UInt8[Tensor, "3 height width"], *, quality: int) -> str:
    """An RGB picture as WebP in base64; `WEBP` before it makes it an address."""
    stream = io.BytesIO()
    image = Image.fromarray(picture.permute(1, 2, 0).contiguous().cpu().numpy())
    image.save(stream, format="WEBP", quality=quality, method=_EFFORT)
    return _base64(stream)


def mask_text(
    opacity: Float[Tensor, "height width"] | Bool[Tensor, "height width"], color: tuple[int, int, int]
) -> str:
    """A color that covers what lies below it as `opacity` says, as PNG in base64.

    Fifteen steps of opacity, up to `STRONGEST`; NaN is 0, and outside [0, 1] is clipped.
    """
    height, width = opacity.shape
    steps = (opacity.float().nan_to_num(nan=0.0).clamp(0, 1) * _STEPS).round().to(torch.uint8)
    image = Image.frombytes("P", (width, height), steps.contiguous().cpu().numpy().tobytes())
    image.putpalette(list(color) * (_STEPS + 1))
    stream = io.BytesIO()
    alphas = bytes(round(255 * STRONGEST * step / _STEPS) for step in range(_STEPS + 1))
    image.save(stream, format="PNG", transparency=alphas, bits=4)
    return _base64(stream)


def wheel_text(size: int = 88) -> str:
    """The color wheel of flow as PNG in base64: each place of the disk has the color of flow that points there."""
    axis = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    colors = flow_colors(torch.stack((x, y)), maximum=1.0)
    inside = ((1 - torch.hypot(x, y)) * size / 2).clamp(0, 1)  # smooth over one pixel at the rim
    pixels = torch.cat((colors, (255 * inside).round().to(torch.uint8)[None]))
    stream = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(stream, format="PNG")
    return _base64(stream)


def _figure(panel: PicturePanel) -> str:
    height, width = panel.picture.shape[1:]
    return (
        f'<figure><img src="{WEBP}{webp_text(panel.picture, quality=STILL_QUALITY)}" '
        f'width="{width}" height="{height}" decoding="async" alt="{escape(panel.description)}">'
        f"<figcaption>{escape(panel.title)}</figcaption></figure>"
    )


def _base64(stream: io.BytesIO) -> str:
    return base64.b64encode(stream.getvalue()).decode("ascii")
