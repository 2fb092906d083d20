"""The page says what was measured, and brings everything it shows along."""

import base64
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from triptych.viewing.page import MetricRow, PictureGroup, PicturePanel, demo_page, save_page
from triptych.viewing.path_plot import LINES, CameraPath, path_plot

VOID = {"meta", "img", "br", "hr", "input", "link"}


class Reader(HTMLParser):
    """Collects tags and checks that they close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


PICTURE = torch.arange(3 * 8 * 16, dtype=torch.uint8).reshape(3, 8, 16)
ROW = MetricRow("abs rel", 0.0921, "lower", "12 frames", baselines={"constant": 0.4, "plane": 0.2})


def straight_path(*, length: float, frames: int = 5) -> torch.Tensor:
    poses = torch.eye(4).repeat(frames, 1, 1)
    poses[:, 2, 3] = torch.linspace(0, length, frames)
    return poses


def full_page(text: str = "words") -> str:
    return demo_page(
        title=text,
        summary=text,
        metrics=[MetricRow(text, 1.0, "higher", text, unit=text, baselines={text: 2.0})],
        groups=[PictureGroup(text, ((PicturePanel(text, PICTURE, text),),))],
        paths=[CameraPath(text, straight_path(length=3.0))],
        path_note=text,
        path_unit=text,
        settings={text: text},
    )


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    page = full_page()
    reader = read(page)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in reader.tags}
    for _, attributes in reader.tags:
        assert (attributes.get("src") or "data:").startswith("data:")
        assert "href" not in attributes
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_what_looks_like_markup_stays_text_everywhere() -> None:
    hostile = "<script>alert(\"x\")</script> & 'y'"
    page = full_page(hostile)
    reader = read(page)
    assert "script" not in {tag for tag, _ in reader.tags}
    # Title twice, summary; name, unit, protocol, baseline; group, caption; path, note, bar; setting twice.
    assert "".join(reader.words).count(hostile) == 14
    assert [attributes["alt"] for tag, attributes in reader.tags if tag == "img"] == [hostile]


def test_a_row_shows_value_baselines_protocol_unit_and_direction() -> None:
    row = MetricRow("EPE", 1.8449, "lower", "11 pairs, all pixels", unit="px", baselines={"zero": 8.12}, digits=2)
    words = "".join(read(demo_page(title="t", summary="s", metrics=[row])).words)
    for expected in ("EPE", "px, ↓ lower is better", "11 pairs, all pixels", "1.84", "zero", "8.12"):
        assert expected in words
    assert "↑ higher is better" in "".join(read(full_page()).words)


@pytest.mark.parametrize(
    ("value", "better", "baselines", "best"),
    [
        (1.0, "lower", {"a": 1.1, "b": 2.0}, True),
        (1.0, "lower", {"a": 0.9, "b": 2.0}, False),
        (1.0, "lower", {"a": 1.0}, False),
        (1.0, "higher", {"a": 0.9}, True),
        (1.0, "higher", {"a": 1.1}, False),
        (1.0, "lower", {}, False),
        (math.nan, "lower", {"a": 1.0}, False),
        (1.0, "lower", {"a": math.nan}, False),
    ],
)
def test_best_is_said_only_of_what_beats_every_other(
    value: float, better: str, baselines: dict[str, float], best: bool
) -> None:
    row = MetricRow("m", value, "lower" if better == "lower" else "higher", "p", baselines=baselines)
    assert row.is_best is best
    assert ("best" in read(demo_page(title="t", summary="s", metrics=[row])).words) is best


def test_a_value_that_is_no_number_is_not_measured() -> None:
    words = read(demo_page(title="t", summary="s", metrics=[MetricRow("m", math.nan, "lower", "p")])).words
    assert "not measured" in words
    assert "nan" not in "".join(words)


def test_pictures_are_inlined_with_size_and_description() -> None:
    picture = torch.zeros((3, 40, 60), dtype=torch.uint8)
    picture[0] = 250  # red, to tell RGB from BGR
    group = PictureGroup("Frame 7", ((PicturePanel("Depth", picture, "A red field"),),))
    reader = read(demo_page(title="t", summary="s", metrics=[], groups=[group]))
    (image,) = [attributes for tag, attributes in reader.tags if tag == "img"]
    assert (image["width"], image["height"], image["alt"]) == ("60", "40", "A red field")
    content = base64.b64decode((image["src"] or "").removeprefix("data:image/webp;base64,"), validate=True)
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (40, 60, 3)
    assert np.abs(decoded[20, 30].astype(int) - [0, 0, 250]).max() < 8
    assert "Depth" in reader.words


def test_panels_of_a_row_stand_side_by_side() -> None:
    panel = PicturePanel("p", PICTURE, "d")
    page = demo_page(title="t", summary="s", metrics=[], groups=[PictureGroup("g", ((panel,) * 3, (panel,)))])
    assert re.findall(r'class="row across-(\d)"', page) == ["3", "2"]


def test_parts_without_content_are_left_out() -> None:
    page = read(demo_page(title="t", summary="s", metrics=[]))
    assert "section" not in {tag for tag, _ in page.tags}


def test_the_page_is_saved_as_utf8(tmp_path: Path) -> None:
    save_page(tmp_path / "page.html", full_page("Straße"))
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == full_page("Straße")


def line_points(plot: str, index: int) -> list[tuple[float, float]]:
    lines = re.findall(rf'polyline class="line-{index}" points="([^"]*)"', plot)
    return [(float(x), float(y)) for x, y in (point.split(",") for point in lines[0].split())]


def test_forward_is_to_the_right_and_right_is_down() -> None:
    poses = torch.eye(4).repeat(3, 1, 1)
    poses[1, 2, 3] = 4.0
    poses[2, 0, 3], poses[2, 2, 3] = 1.0, 4.0
    first, ahead, beside = line_points(path_plot([CameraPath("p", poses)]), 0)
    assert ahead[1] == pytest.approx(first[1])
    assert beside[0] == pytest.approx(ahead[0])
    assert beside[1] - ahead[1] == pytest.approx((ahead[0] - first[0]) / 4, abs=0.2)  # one scale for both


def test_paths_share_one_scale() -> None:
    plot = path_plot([CameraPath("a", straight_path(length=2.0)), CameraPath("b", straight_path(length=4.0))])
    lengths = [line_points(plot, i)[-1][0] - line_points(plot, i)[0][0] for i in (0, 1)]
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=0.2)


@pytest.mark.parametrize(("length", "label"), [(100.0, "20 m"), (23.0, "5 m"), (0.05, "0.01 m"), (6000.0, "1000 m")])
def test_the_bar_is_a_round_length_drawn_to_scale(length: float, label: str) -> None:
    plot = path_plot([CameraPath("p", straight_path(length=length))], unit="m")
    assert f">{label}</text>" in plot
    left, right = (float(re.findall(rf'{end}="([\d.]+)"', plot)[0]) for end in ("x1", "x2"))
    points = line_points(plot, 0)
    drawn = (right - left) / (points[-1][0] - points[0][0])
    assert drawn == pytest.approx(float(label.removesuffix(" m")) / length, rel=1e-2)
    assert right - left <= 200.0


def test_without_a_unit_the_bar_says_that_the_scale_is_unknown() -> None:
    assert "(scale unknown)" in path_plot([CameraPath("p", straight_path(length=5.0))])


def test_a_path_without_extent_is_drawn_in_the_middle_without_a_bar() -> None:
    plot = path_plot([CameraPath("p", straight_path(length=0.0))], unit="m")
    assert line_points(plot, 0)[0] == (500.0, 280.0)
    assert "x1" not in plot


def test_paths_that_cannot_be_drawn_are_refused() -> None:
    path = CameraPath("p", straight_path(length=1.0))
    for paths in ([], [path] * (LINES + 1)):
        with pytest.raises(ValueError, match="paths are needed"):
            path_plot(paths)
    for poses in (torch.zeros(0, 4, 4), torch.full((1, 4, 4), math.nan)):
        with pytest.raises(ValueError, match="finite positions"):
            path_plot([path, CameraPath("bad", poses)])
