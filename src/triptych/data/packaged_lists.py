"""The lists that come with the package, in a compact form of its own.

A line is a record; a line that is indented goes on with the record above it; # begins a comment.
Frame numbers stand as they are or as ranges: `1-5 8` is 1 2 3 4 5 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files


def records(name: str) -> list[list[str]]:
    """The words of each record of a list in `triptych/data/lists`."""
    found: list[list[str]] = []
    for line in (files("triptych.data") / "lists" / name).read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        if line.startswith(" "):
            found[-1] += words
        else:
            found.append(words)
    return found


def numbers(words: Iterable[str]) -> Iterator[int]:
    """The numbers that words such as "8" and "1-5" stand for, in their order."""
    for word in words:
        first, _, last = word.partition("-")
        yield from range(int(first), int(last or first) + 1)
