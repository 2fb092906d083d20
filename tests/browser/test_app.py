"""The app in a real browser: from a clip to a result that can be taken along, and what it refuses."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import Visit
from tests.browser.running_app import RunningApp, running_app

from triptych.artefacts.video import VideoWriter

QUICKLY_MS = 60_000  # an answer of the server, on a machine that may do much else
SLOWLY_MS = 600_000  # each command loads the libraries anew, on a machine that may do much else
FRAMES = 6


@pytest.fixture(autouse=True)
def patient() -> Iterator[None]:
    """Expectations wait longer than the five seconds that are usual; a page's own time limit is not theirs."""
    expect.set_options(timeout=QUICKLY_MS)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("movie") / "slide.mp4"
    coarse = torch.rand(1, 3, 20, 44, generator=torch.Generator().manual_seed(3))
    scene = torch.nn.functional.interpolate(coarse, (80, 176), mode="bicubic").clamp(0, 1)[0]
    with VideoWriter(path, rate=10.0) as writer:
        for index in range(10):
            writer.write((255 * scene[:, :, 4 * index : 4 * index + 120]).to(torch.uint8))
    return path.read_bytes()


def opened(page: Page, app: RunningApp) -> Page:
    page.set_default_timeout(QUICKLY_MS)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(app.address)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    expect(page.locator(".drop")).to_have_attribute("data-kind", "ready")
    return page


def give(page: Page, name: str, content: bytes) -> None:
    page.set_input_files(".drop input", files=[{"name": name, "mimeType": "video/mp4", "buffer": content}])


def begin(page: Page, *, rendered: bool, learn: bool = False) -> None:
    if rendered:
        page.get_by_label("A rendered clip").check()
    if learn:
        page.get_by_label("Learn from this video first").check()
    page.get_by_label("number input for Frames used at most").fill(str(FRAMES))
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Start", exact=True).click()


def state(page: Page, name: str) -> None:
    expect(page.locator(".state")).to_have_attribute("data-state", re.compile(name), timeout=SLOWLY_MS)


def start_over(page: Page) -> None:
    page.get_by_role("button", name="start over").click()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()


def troubles(visit: Visit) -> list[str]:
    """What a page complained of; that its heartbeat and pictures end with a page, or give way, is none of it."""
    ended = ("/gradio_api/heartbeat/", "/picture?")
    return [text for text in visit.complaints if not any(part in text for part in ended)]


def test_the_rendered_clip_comes_to_a_result_that_can_be_taken_along(
    wide_visit: Visit, app: RunningApp, tmp_path: Path
) -> None:
    page = wide_visit.page
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    opened(page, app)
    begin(page, rendered=True)
    expect(page.locator(".live img")).to_be_visible(timeout=SLOWLY_MS)
    state(page, "done")
    expect(page.locator(".notes")).to_have_count(0)
    expect(page.frame_locator("iframe[title=Report]").locator("h1")).to_have_text("A rendered clip")
    with page.expect_download() as download:
        page.get_by_text("Download everything").click()
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
    assert {"report.html", "scene.html", "log.txt", "prediction/result.json", "prediction/points.ply"} <= names
    assert sum(name.startswith("prediction/depth/") for name in names) == FRAMES
    assert hosts - {""} == {urlsplit(app.address).netloc}
    assert not troubles(wide_visit)
    page.reload()
    state(page, "done")
    start_over(page)
    assert not list((app.work / "jobs").iterdir())


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("words.mp4", b"only words, and no video", "words.mp4: is no mp4"),
        ("empty.mp4", b"", "empty.mp4: is empty"),
        ("../../x.mp4", None, "../../x.mp4: is not a plain file name"),
    ],
)
def test_what_is_no_video_is_refused_on_the_page(
    wide_visit: Visit, app: RunningApp, movie: bytes, name: str, content: bytes | None, told: str
) -> None:
    page = opened(wide_visit.page, app)
    give(page, name, movie if content is None else content)
    expect(page.locator(".drop .told")).to_contain_text(told)
    expect(page.locator(".drop")).to_have_attribute("data-kind", "refused")
    assert app.videos() == []
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".refusal")).to_contain_text("there is no video")
    assert list((app.work / "jobs").iterdir()) == []


def test_three_gigabytes_are_refused_on_the_page(wide_visit: Visit, app: RunningApp, tmp_path: Path) -> None:
    with (tmp_path / "large.mp4").open("wb") as file:
        file.truncate(3_000_000_000)  # takes no room
    page = opened(wide_visit.page, app)
    page.set_input_files(".drop input", tmp_path / "large.mp4")
    expect(page.locator(".drop .told")).to_contain_text("large.mp4: is larger than 500 MB")
    assert app.videos() == []


def test_two_browsers_wait_for_each_other_see_nothing_of_each_other_and_are_stopped(
    visit: Visit, browser: Browser, app: RunningApp, movie: bytes
) -> None:
    first = opened(visit.page, app)
    give(first, "slide.mp4", movie)
    expect(first.locator(".drop .told")).to_contain_text("slide.mp4: 10 frames of 120x80 pixels")
    begin(first, rendered=False, learn=True)
    state(first, "running")
    other = browser.new_context()
    second = opened(other.new_page(), app)
    expect(second.locator(".state")).to_be_hidden()
    begin(second, rendered=True)
    expect(second.locator(".state")).to_have_text("Waiting: 1 job is before this one")
    second.get_by_role("button", name="Stop", exact=True).click()
    state(second, "stopped")
    first.get_by_role("button", name=re.compile("^Stop")).click()
    state(first, "stopped")
    assert app.videos() == []
    for page in (first, second):
        start_over(page)
    assert not list((app.work / "jobs").iterdir())
    assert not troubles(visit)
    other.close()
