"""A real browser: Debian's Chromium, headless. Without one these tests skip, but not in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SIZES = {"wide": (1280, 900), "phone": (390, 844)}


@dataclass
class Visit:
    """A page, and what it complained of: errors on its console, exceptions, requests that failed."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        def told(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.complaints.append(message.text)

        self.page.on("console", told)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url[:200]))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with the module: while it runs, nothing else in this process may have an event loop of its own."""
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "CI needs a Chromium: apt-get install chromium"
        pytest.skip("no Chromium here: apt-get install chromium")
    arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    webgl = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*arguments, *webgl, "--no-first-run"])
        yield browser
        browser.close()


@pytest.fixture(params=SIZES)
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visit]:
    """A page of its own, once on a wide screen and once on a phone."""
    yield from _visit(browser, SIZES[request.param])


@pytest.fixture
def wide_visit(browser: Browser) -> Iterator[Visit]:
    """A page of its own on a wide screen."""
    yield from _visit(browser, SIZES["wide"])


def _visit(browser: Browser, size: tuple[int, int]) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, accept_downloads=True)
    visit = Visit(page)
    visit.watch()
    yield visit
    page.close()
