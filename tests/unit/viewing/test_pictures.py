"""Pictures stand in the page as they were, with size and description."""

import base64
import io
import re

import numpy as np
import torch
from PIL import Image
from tests.unit.viewing.reader import read

from triptych.viewing.pictures import (
    STRONGEST,
    PictureGroup,
    PicturePanel,
    mask_text,
    picture_section,
    webp_text,
    wheel_text,
)

PICTURE = torch.arange(3 * 8 * 16, dtype=torch.uint8).reshape(3, 8, 16)


def decoded(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)))


def test_pictures_are_inlined_with_size_and_description() -> None:
    picture = torch.zeros((3, 40, 60), dtype=torch.uint8)
    picture[0] = 250  # red, to tell RGB from BGR
    group = PictureGroup("Frame 7", ((PicturePanel("Depth", picture, "A red field"),),))
    section = picture_section([group], key="truth", title="Truth", note="A note")
    reader = read(section.body)
    (image,) = [attributes for tag, attributes in reader.tags if tag == "img"]
    assert (image["width"], image["height"], image["alt"]) == ("60", "40", "A red field")
    red = np.asarray(decoded((image["src"] or "").removeprefix("data:image/webp;base64,")).convert("RGB"))
    assert red.shape == (40, 60, 3)
    assert np.abs(red[20, 30].astype(int) - [250, 0, 0]).max() < 8
    for expected in ("Depth", "Frame 7", "A note"):
        assert expected in reader.words


def test_panels_of_a_row_stand_side_by_side() -> None:
    panel = PicturePanel("p", PICTURE, "d")
    section = picture_section([PictureGroup("g", ((panel,) * 3, (panel,)))], key="k", title="t")
    assert re.findall(r'class="row across-(\d)"', section.body) == ["3", "2"]
    assert picture_section([], key="k", title="t", note="alone").body == ""


def test_a_mask_has_one_color_and_the_opacity_that_was_asked_for() -> None:
    opacity = torch.tensor([[0.0, 1.0, 0.2], [torch.nan, 7.0, -1.0]])
    pixels = np.asarray(decoded(mask_text(opacity, (255, 138, 0))).convert("RGBA"))
    assert (pixels[..., :3] == (255, 138, 0)).all()
    full = round(255 * STRONGEST)
    assert pixels[..., 3].tolist() == [[0, full, round(full / 5)], [0, full, 0]]
    assert np.asarray(decoded(mask_text(torch.tensor([[True, False]]), (1, 2, 3))).convert("RGBA"))[
        0, :, 3
    ].tolist() == [
        full,
        0,
    ]


def test_a_lower_quality_takes_fewer_bytes() -> None:
    noise = torch.randint(0, 255, (3, 64, 64), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    assert len(webp_text(noise, quality=40)) < len(webp_text(noise, quality=90))


def test_the_wheel_is_red_to_the_right_and_clear_outside() -> None:
    pixels = np.asarray(decoded(wheel_text(81)))
    red, green, blue, opacity = pixels[40, 76].tolist()
    assert red > 230 > green
    assert green < 60
    assert opacity == 255
    assert blue < 80  # the last hue before red has some blue
    assert pixels[0, 0, 3] == 0
    assert (pixels[40, 40] == 255).all()
