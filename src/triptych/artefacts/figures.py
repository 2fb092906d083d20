"""Labeled pictures, laid out on one canvas."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from triptych.artefacts.colors import depth_colors, flow_colors

BACKGROUND = (18, 19, 23)
TEXT = (240, 240, 242)
FAINT_TEXT = (160, 162, 170)
PATH_COLOR = (120, 170, 255)
POSITION_COLOR = (255, 138, 0)

_GAP = 8  # px between pictures and around them
_STRIP = 28  # px above each picture, for its label
_SPACE = 8  # px between a legend and what is written beside it
_FONT_SIZE = 16
_HEADING_SIZE = 20
_SUPERSAMPLING = 3  # Pillow draws lines without smoothing; drawn larger and shrunk, they have it


@dataclass(frozen=True)
class LabeledPicture:
    """A picture with what is written above it.

    Attributes:
        label: what it shows; on the left.
        picture: RGB; None leaves the place empty.
        note: a remark such as a range; on the right.
        legend: a small RGB picture before the note.
        begin: what the legend begins with, before it; the note is then what it ends with.
    """

    label: str
    picture: UInt8[Tensor, "3 height width"] | None
    note: str = ""
    legend: UInt8[Tensor, "3 _ _"] | None = None
    begin: str = ""


def picture_grid(
    panels: Sequence[LabeledPicture], *, columns: int, width: int, height: int
) -> UInt8[Tensor, "3 rows columns"]:
    """The panels row by row, each picture resized to `width` x `height` under its label.

    Raises:
        ValueError: without panels.
    """
    if not panels:
        raise ValueError("at least one panel is needed")
    rows = math.ceil(len(panels) / columns)
    cell_width, cell_height = width + _GAP, height + _STRIP + _GAP
    canvas = Image.new("RGB", (columns * cell_width + _GAP, rows * cell_height), BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    for index, panel in enumerate(panels):
        left = _GAP + index % columns * cell_width
        top = index // columns * cell_height
        _draw_label(canvas, draw, panel, left=left, top=top, width=width)
        if panel.picture is not None:
            canvas.paste(_image(panel.picture).resize((width, height)), (left, top + _STRIP))
        else:
            draw.rectangle((left, top + _STRIP, left + width - 1, top + _STRIP + height - 1), outline=(52, 54, 62))
    return _tensor(canvas)


def headed(picture: UInt8[Tensor, "3 height width"], heading: str) -> UInt8[Tensor, "3 rows width"]:
    """The picture under a heading."""
    strip = Image.new("RGB", (picture.shape[2], 2 * _HEADING_SIZE), BACKGROUND)
    middle = (_GAP, _HEADING_SIZE + 2)
    ImageDraw.Draw(strip).text(middle, heading, fill=TEXT, font=_font(_HEADING_SIZE), anchor="lm")
    return torch.cat((_tensor(strip), picture.cpu()), dim=1)


def path_picture(
    camera_to_world: Float[Tensor, "frames 4 4"], *, position: int, width: int, height: int
) -> UInt8[Tensor, "3 height width"]:
    """The camera's path from above, with a dot and a line of sight at frame `position`.

    World z, the first camera's forward, is to the right and world x is down where the
    picture is wide; otherwise z is up and x to the right. Both axes have one scale.
    A path without extent is a dot in the middle.
    """
    wide = width > height
    places = _seen_from_above(camera_to_world[:, :3, 3], wide=wide)
    lowest, highest = places.amin(0), places.amax(0)
    factor = _SUPERSAMPLING
    size = torch.tensor([width * factor, height * factor])
    margin = 0.12 * min(width, height) * factor
    extent = (highest - lowest).clamp(min=1e-6)
    scale = float(((size - 2 * margin) / extent).amin()) if float((highest - lowest).amax()) > 1e-6 else 0.0
    middle = (lowest + highest) / 2

    def drawn(points: Tensor) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in (points - middle) * scale + size / 2]

    picture = Image.new("RGB", (width * factor, height * factor), (27, 29, 35))
    draw = ImageDraw.Draw(picture)
    if len(places) > 1:
        draw.line(drawn(places), fill=PATH_COLOR, width=2 * factor, joint="curve")
    here = drawn(places[position : position + 1])[0]
    ahead = _seen_from_above(camera_to_world[position : position + 1, :3, 2], wide=wide)[0]
    reach = 14 * factor
    tip = (here[0] + reach * float(ahead[0]), here[1] + reach * float(ahead[1]))
    draw.line([here, tip], fill=POSITION_COLOR, width=2 * factor)
    radius = 5 * factor
    draw.ellipse((here[0] - radius, here[1] - radius, here[0] + radius, here[1] + radius), fill=POSITION_COLOR)
    return _tensor(picture.resize((width, height), Image.Resampling.BOX))


def depth_legend(*, near: float, far: float) -> UInt8[Tensor, "3 height width"]:
    """Color bar of inverse depth, from near on the left to far on the right."""
    share = torch.linspace(0, 1, 96)
    ramp = 1 / ((1 - share) / near + share / far)
    return depth_colors(ramp.expand(12, -1), near=near, far=far)


def flow_legend() -> UInt8[Tensor, "3 height width"]:
    """The color wheel: a disk whose color at each place is that of the flow pointing there."""
    radius = 10
    axis = (torch.arange(2 * radius + 1) - radius) / radius
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    wheel = flow_colors(torch.stack((x, y)), maximum=1.0)
    background = torch.tensor(BACKGROUND, dtype=torch.uint8)[:, None, None]
    return torch.where(torch.hypot(x, y) <= 1, wheel, background)


def _seen_from_above(vectors: Float[Tensor, "count 3"], *, wide: bool) -> Float[Tensor, "count 2"]:
    x, z = vectors[:, 0].cpu(), vectors[:, 2].cpu()
    return torch.stack((z, x) if wide else (x, -z), dim=1)


def _draw_label(
    canvas: Image.Image, draw: ImageDraw.ImageDraw, panel: LabeledPicture, *, left: int, top: int, width: int
) -> None:
    middle = top + _STRIP // 2 + 1
    font = _font()
    draw.text((left, middle), panel.label, fill=TEXT, font=font, anchor="lm")
    end = left + width
    if panel.note:
        draw.text((end, middle), panel.note, fill=FAINT_TEXT, font=font, anchor="rm")
        end -= int(font.getlength(panel.note)) + _SPACE
    if panel.legend is not None:
        height, legend_width = panel.legend.shape[1:]
        end -= legend_width
        canvas.paste(_image(panel.legend), (end, middle - height // 2))
    if panel.begin:
        draw.text((end - _SPACE, middle), panel.begin, fill=FAINT_TEXT, font=font, anchor="rm")


@functools.cache
def _font(size: int = _FONT_SIZE) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels bring FreeType
    return font


def _image(picture: UInt8[Tensor, "3 height width"]) -> Image.Image:
    return Image.fromarray(picture.permute(1, 2, 0).contiguous().cpu().numpy())


def _tensor(image: Image.Image) -> UInt8[Tensor, "3 height width"]:
    values = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return values.reshape(image.height, image.width, 3).permute(2, 0, 1).contiguous()
