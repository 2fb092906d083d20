"""The browser tells what goes wrong on a page; else the other tests here could not fail."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import Visit


def test_an_error_on_the_page_is_heard(wide_visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<script>nothing.there()</script><img src='missing.png'>")
    wide_visit.page.goto((tmp_path / "page.html").as_uri())
    wide_visit.page.wait_for_timeout(200)
    assert any("nothing is not defined" in complaint for complaint in wide_visit.complaints)
    assert any("missing.png" in complaint for complaint in wide_visit.complaints)
