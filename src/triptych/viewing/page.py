"""One HTML page, whole in itself: nothing is loaded from elsewhere, and it opens from the disk."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from triptych.formats.atomic import StrPath, atomic_path

_FEWEST_FOR_LINKS = 3  # sections from which a list of them stands at the head


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        key: its place in the page's addresses; one word, on this page only once.
        title: its heading.
        body: HTML below the heading.
        data: HTML that is not seen and belongs to the end of the page, so that what is
            seen appears before it is read.
        script: name of the asset that runs the section; empty without.
    """

    key: str
    title: str
    body: str
    data: str = ""
    script: str = ""


def asset(name: str) -> str:
    """The text of a style sheet or a script of the package."""
    return (files("triptych.viewing") / "assets" / name).read_text(encoding="utf-8")


def page_text(*, title: str, summary: str, sections: Sequence[Section]) -> str:
    """The page as HTML text.

    The browser is told to load nothing and to run the page's own scripts and style only.

    Args:
        title: heading of the page.
        summary: what there is to see, in a few sentences of plain text.
        sections: in this order; those whose body is empty are left out.

    Raises:
        ValueError: two sections have one key.
    """
    shown = [section for section in sections if section.body]
    if len({section.key for section in shown}) < len(shown):
        raise ValueError("each section needs a key of its own")
    style = asset("page.css")
    scripts = [asset(name) for name in dict.fromkeys(section.script for section in shown if section.script)]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, scripts)}">',
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            '<a class="skip" href="#content">To the content</a>',
            f"<header><h1>{escape(title)}</h1><p>{escape(summary)}</p>{_links(shown)}</header>",
            '<main id="content">',
            *(_section(section) for section in shown),
            "</main>",
            *(section.data for section in shown if section.data),
            *(f"<script>{script}</script>" for script in scripts),
            "</body>",
            "</html>",
            "",
        ]
    )


def save_page(path: StrPath, page: str) -> None:
    """Write a page.

    Raises:
        InputError: the place cannot be written to.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def definitions(entries: Mapping[str, str]) -> str:
    """Names and what they are, as an HTML list; empty without entries."""
    if not entries:
        return ""
    items = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in entries.items())
    return f"<dl>\n{items}\n</dl>"


def folded(title: str, text: str) -> str:
    """Plain text that is shown when its title is pressed; empty without text."""
    if not text:
        return ""
    return f'<details><summary>{escape(title)}</summary><pre tabindex="0">{escape(text)}</pre></details>'


def _policy(style: str, scripts: Sequence[str]) -> str:
    """What the browser may do for the page, with the fingerprints of its own style and scripts."""
    run = " ".join(map(_fingerprint, scripts)) or "'none'"
    return f"default-src 'none'; img-src data:; style-src {_fingerprint(style)}; script-src {run}"


def _fingerprint(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _links(sections: Sequence[Section]) -> str:
    if len(sections) < _FEWEST_FOR_LINKS:
        return ""
    links = "".join(f'<li><a href="#{section.key}">{escape(section.title)}</a></li>' for section in sections)
    return f'<nav aria-label="Parts of this page"><ul>{links}</ul></nav>'


def _section(section: Section) -> str:
    heading = f"{section.key}-title"
    return (
        f'<section id="{section.key}" aria-labelledby="{heading}">'
        f'<h2 id="{heading}">{escape(section.title)}</h2>\n{section.body}</section>'
    )
