"""The report in a real browser, opened from the disk."""

from __future__ import annotations

import re
import shutil
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Visit
from tests.unit.viewing.written_prediction import write_small_run

from triptych.viewing.report import save_report

FRAMES = 12
PANELS = ("frame", "depth", "flow", "hidden", "moving")
CONTRAST = 4.5  # WCAG 2.2, AA, for text of any size


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a report that lies alone in its folder."""
    folder = tmp_path_factory.mktemp("report")
    write_small_run(folder / "run", frames=FRAMES)
    save_report(folder / "page" / "report.html", folder / "run")
    shutil.rmtree(folder / "run")
    return (folder / "page" / "report.html").as_uri()


def opened(visit: Visit, report: str) -> Page:
    visit.page.goto(report)
    shown(visit.page, 0)
    return visit.page


def shown(page: Page, index: int) -> None:
    """Wait until the player shows a frame."""
    expect(page.locator("#player-panels")).to_have_attribute("data-shown", str(index))


def looks(page: Page) -> dict[str, Any]:
    """What each panel shows: its top picture, and the mark's place."""
    seen = {panel: page.locator(f'[data-panel="{panel}"] .layer').last.get_attribute("src") for panel in PANELS}
    return seen | {"path": page.locator(".mark").get_attribute("transform")}


def test_the_slider_moves_all_panels_together(visit: Visit, report: str) -> None:
    page = opened(visit, report)
    before, pixels = looks(page), page.locator('[data-panel="hidden"] .stack').screenshot()
    page.locator("#player-slider").fill("6")
    shown(page, 6)
    after = looks(page)
    # Depth, flow and what moves are the same in each frame of this film, the others are not.
    assert [panel for panel in before if before[panel] != after[panel]] == ["frame", "hidden", "path"]
    assert page.locator('[data-panel="hidden"] .stack').screenshot() != pixels
    frame = page.locator('[data-panel="frame"] .layer').get_attribute("src")
    for panel in ("hidden", "moving"):  # masks lie over the same frame, in gray
        assert page.locator(f'[data-panel="{panel}"] .layer').first.get_attribute("src") == frame
    expect(page.locator("#player-place")).to_have_text("7 of 12, 1.50 s")
    expect(page.locator("#player-hidden-share")).to_have_text("11 % of the frame")
    expect(page.locator("#player-learned")).to_have_text("learned from")
    assert visit.complaints == []


def test_every_panel_shows_the_picture_of_the_frame_that_the_slider_names(wide_visit: Visit, report: str) -> None:
    page = opened(wide_visit, report)
    for index in (3, FRAMES - 2):
        page.locator("#player-slider").fill(str(index))
        shown(page, index)
        texts = page.evaluate(f"JSON.parse(document.querySelectorAll('.player-frame')[{index}].textContent)")
        for panel, text in zip(PANELS, texts, strict=True):
            source = page.locator(f'[data-panel="{panel}"] .layer').last.get_attribute("src") or ""
            assert source.partition(",")[2] == text
    assert page.locator('[data-panel="frame"] .layer').evaluate("image => image.naturalWidth") == 64


def test_the_last_frame_has_no_flow_and_says_so(visit: Visit, report: str) -> None:
    page = opened(visit, report)
    page.locator("#player-slider").fill(str(FRAMES - 1))
    shown(page, FRAMES - 1)
    for panel in ("flow", "hidden", "moving"):
        expect(page.locator(f'[data-panel="{panel}"] .nothing')).to_be_visible()
        expect(page.locator(f'[data-panel="{panel}"] .layer').last).to_be_hidden()
    expect(page.locator('[data-panel="depth"] .layer')).to_be_visible()
    page.locator("#player-slider").fill("0")
    shown(page, 0)
    expect(page.locator('[data-panel="flow"] .nothing')).to_be_hidden()
    assert visit.complaints == []


def test_keys_move_and_play(wide_visit: Visit, report: str) -> None:
    page = opened(wide_visit, report)
    for key, index in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("Shift+ArrowRight", 11)):
        page.keyboard.press(key)
        shown(page, index)
    page.locator("#player-slider").focus()
    for key, index in (("Home", 0), ("End", 11), ("PageDown", 1), ("ArrowUp", 2), ("ArrowRight", 3), ("Home", 0)):
        page.keyboard.press(key)
        shown(page, index)
    expect(page.locator("#player-slider")).to_have_attribute("aria-valuetext", "frame 1 of 12, 0.00 s")
    page.locator("#player-speed").select_option("4")
    page.locator("#player-slider").focus()
    page.keyboard.press("Space")
    expect(page.locator("#player-play")).to_have_attribute("aria-label", "Pause")
    shown(page, 11)  # twelve frames at sixteen a second
    expect(page.locator("#player-play")).to_have_attribute("aria-label", "Play")
    assert wide_visit.complaints == []


def test_space_on_the_button_plays_once_and_pauses(wide_visit: Visit, report: str) -> None:
    page = opened(wide_visit, report)
    page.locator("#player-speed").select_option("0.25")
    button = page.locator("#player-play")
    button.focus()
    page.keyboard.press("Space")
    expect(button).to_have_text("Pause")
    page.keyboard.press("Space")
    expect(button).to_have_text("Play")


def test_keys_that_scroll_the_page_are_left_alone_outside_the_player(wide_visit: Visit, report: str) -> None:
    page = opened(wide_visit, report)
    page.keyboard.press("End")
    expect(page.locator("#player-panels")).not_to_be_in_viewport()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    shown(page, 0)


def test_everything_can_be_reached_and_seen_with_the_tab_key(wide_visit: Visit, report: str) -> None:
    page = opened(wide_visit, report)
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('href')"))
        width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert float(width.removesuffix("px")) >= 2, reached
    assert reached[:2] == ["#content", "#player"]
    assert {"player-play", "player-slider", "player-speed"} <= set(reached)


def test_pictures_and_drawings_are_told_to_those_who_cannot_see_them(wide_visit: Visit, report: str) -> None:
    page = opened(wide_visit, report)
    page.keyboard.press("ArrowRight")
    shown(page, 1)
    for panel in ("frame", "depth", "flow"):
        told = page.locator(f'[data-panel="{panel}"] .layer').get_attribute("alt") or ""
        assert re.fullmatch(r"\w.*, frame 2", told)
    unnamed = "[...document.querySelectorAll('svg:not([aria-hidden]), img')].filter(e => !e.hasAttribute('alt')"
    assert page.evaluate(f"{unnamed} && !e.getAttribute('aria-label')).length") == 0
    assert page.locator('svg[role="img"]').count() > 3


def test_a_phone_need_not_scroll_sideways_and_keeps_the_slider_in_sight(visit: Visit, report: str) -> None:
    page = opened(visit, report)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    wide = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('pre, svg')"
        " && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    assert wide == []
    page.locator('[data-panel="depth"]').scroll_into_view_if_needed()
    expect(page.locator("#player-slider")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_in_dark(visit: Visit, report: str, scheme: Any) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    page = opened(visit, report)
    found = page.evaluate(TEXT_COLORS)
    assert len(found) > 40
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(numbers(back)) < 0.1) is (scheme == "dark")
    weak = {(text, contrast(ink, under)) for text, ink, under in found if contrast(ink, under) < CONTRAST}
    assert weak == set()


def test_without_scripts_the_first_frame_is_there(wide_visit: Visit, report: str) -> None:
    browser = wide_visit.page.context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report)
    expect(page.locator("noscript p")).to_be_visible()
    for panel in PANELS:
        expect(page.locator(f'[data-panel="{panel}"] .layer').last).to_be_visible()
    context.close()


TEXT_COLORS = """() => {
  // Every piece of text that is seen, its color, and the color that lies under it.
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest("script, style, noscript")) continue;
    const style = getComputedStyle(element);
    let under = element;
    while (under && /^(transparent|rgba\\(0, 0, 0, 0\\))$/.test(getComputedStyle(under).backgroundColor)) {
      under = under.parentElement;
    }
    const ink = element instanceof SVGElement ? style.fill : style.color;
    found.push([text.slice(0, 40), ink, getComputedStyle(under).backgroundColor]);
  }
  return found;
}"""


def numbers(color: str) -> tuple[float, ...]:
    return tuple(float(part) for part in re.findall(r"[\d.]+", color)[:3])


def luminance(color: tuple[float, ...]) -> float:
    """Relative luminance of an sRGB color, as WCAG defines it."""
    shares = [part / 255 for part in color]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(ink: str, under: str) -> float:
    lighter, darker = sorted((luminance(numbers(ink)), luminance(numbers(under))), reverse=True)
    return round((lighter + 0.05) / (darker + 0.05), 2)
