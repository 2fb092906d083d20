"""The page is whole in itself, and the browser is told so."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from tests.unit.viewing.reader import read

from triptych.viewing.page import Section, definitions, folded, page_text, save_page

HOSTILE = "<script>alert(\"x\")</script> & 'y'"


def page(*sections: Section, title: str = "t") -> str:
    return page_text(title=title, summary="s", sections=sections)


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    text = page(*(Section(key, key, f"<p>{key}</p>", script="player.js") for key in "abc"))
    reader = read(text)
    assert not {"link", "iframe", "object"} & {tag for tag, _ in reader.tags}
    for _, attributes in reader.tags:
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith("#")
        assert "style" not in attributes
    assert "url(" not in text
    assert "@import" not in text


def test_only_the_pages_own_script_and_style_may_run() -> None:
    text = page(Section("a", "A", "<p>a</p>", script="player.js"))
    policy = dict(read(text).tags[[tag for tag, _ in read(text).tags].index("meta") + 2][1])["content"] or ""
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "unsafe" not in policy
    for name, content in (
        ("style", re.findall(r"<style>(.*?)</style>", text, re.DOTALL)[0]),
        ("script", re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]),
    ):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_a_page_without_a_script_may_run_none() -> None:
    text = page(Section("a", "A", "<p>a</p>"))
    assert "script-src 'none'" in text
    assert "script" not in {tag for tag, _ in read(text).tags}


def test_what_looks_like_markup_stays_text() -> None:
    body = definitions({HOSTILE: HOSTILE}) + folded(HOSTILE, HOSTILE)
    reader = read(page(Section("a", HOSTILE, body), title=HOSTILE))
    assert "script" not in {tag for tag, _ in reader.tags}
    assert reader.text.count(HOSTILE) == 7  # title twice, heading, name and value, fold and its text


def test_parts_without_content_are_left_out() -> None:
    reader = read(page(Section("a", "A", ""), Section("b", "B", definitions({})), Section("c", "C", folded("x", ""))))
    assert "section" not in {tag for tag, _ in reader.tags}


def test_a_long_page_begins_with_links_to_its_parts() -> None:
    sections = [Section(key, f"Part {key}", "<p>x</p>") for key in "abc"]
    reader = read(page(*sections))
    links = [attributes["href"] for tag, attributes in reader.tags if tag == "a"]
    assert links == ["#content", "#a", "#b", "#c"]
    keys = {attributes.get("id") for _, attributes in reader.tags}
    assert {link.removeprefix("#") for link in links if link} <= keys
    assert "nav" not in {tag for tag, _ in read(page(*sections[:2])).tags}


def test_two_parts_of_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="key of its own"):
        page(Section("a", "A", "x"), Section("a", "B", "y"))


def test_the_page_is_saved_as_utf8(tmp_path: Path) -> None:
    text = page(title="Straße")
    save_page(tmp_path / "page.html", text)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == text
