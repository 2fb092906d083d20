"""The 3D scene draws in a real browser, from a file alone and from the server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page
from tests.browser.conftest import Visit
from tests.unit.viewing.exact_prediction import street, write_truth

from triptych.inference.result import PredictionFolder, prediction_folder
from triptych.viewing.scene import SceneServer, save_scene
from triptych.viewing.scene_contents import scene_of

LONGEST_S = 240  # until the first picture, drawn by software on a busy machine
POINTS = 30_000


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> PredictionFolder:
    folder = tmp_path_factory.mktemp("truth") / "prediction"
    write_truth(folder, street())
    return prediction_folder(folder)


@pytest.fixture
def address(truth: PredictionFolder) -> Iterator[str]:
    server = SceneServer(scene_of(truth, points=POINTS), port=0)
    yield server.address
    server.close()


def picture(page: Page) -> np.ndarray:
    """The middle of the page, where no panel stands, as RGB."""
    content = np.frombuffer(page.screenshot(timeout=LONGEST_S * 1000), dtype=np.uint8)
    whole = cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1]
    height, width = whole.shape[:2]
    return whole[height // 4 : height * 3 // 4, width // 4 : width * 7 // 10]


def colors(shown: np.ndarray) -> int:
    """How many colors there are, in steps of 8."""
    return len(np.unique((shown // 8).reshape(-1, 3), axis=0))


def drawn(page: Page) -> np.ndarray:
    """The picture once the scene is there: hundreds of colors, where a blank page has a few."""
    until = time.monotonic() + LONGEST_S
    shown = picture(page)
    while colors(shown) < 300 and time.monotonic() < until:
        page.wait_for_timeout(1000)
        shown = picture(page)
    return shown


def test_a_saved_scene_draws_from_disk_and_asks_the_network_for_nothing(
    wide_visit: Visit, truth: PredictionFolder, tmp_path: Path
) -> None:
    save_scene(tmp_path / "scene.html", truth, points=POINTS)
    asked: list[str] = []
    wide_visit.page.on("request", lambda request: asked.append(request.url))
    wide_visit.page.goto((tmp_path / "scene.html").as_uri())
    shown = drawn(wide_visit.page)
    assert colors(shown) >= 300
    ground, sky = shown[-len(shown) // 4 :], shown[: len(shown) // 6]
    assert (ground.max(-1) > 60).mean() > (sky.max(-1) > 60).mean()  # up is up: the sky has no points
    assert not [url for url in asked if not url.startswith(("file:", "blob:", "data:"))]
    assert wide_visit.complaints == []


def test_a_served_scene_draws_and_its_boxes_work(wide_visit: Visit, address: str) -> None:
    page = wide_visit.page
    page.goto(address)
    with_points = drawn(page)
    assert colors(with_points) >= 300
    page.get_by_role("textbox", name="Points").or_(page.get_by_label("Points", exact=True)).first.click()
    page.get_by_text("of this frame", exact=True).click()
    until = time.monotonic() + LONGEST_S
    fewer = picture(page)
    while not _emptier(fewer, with_points) and time.monotonic() < until:
        page.wait_for_timeout(1000)
        fewer = picture(page)
    assert _emptier(fewer, with_points)
    assert wide_visit.complaints == []


def _emptier(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether more of it is background: the points of one frame cover less than those of all."""
    return bool((one.max(-1) > 60).mean() < 0.95 * (other.max(-1) > 60).mean())
