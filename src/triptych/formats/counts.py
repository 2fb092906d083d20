"""Counts in words, for lines that a person reads."""

from __future__ import annotations


def number_of(count: int, one: str, many: str) -> str:
    """A count and what is counted: `1 file`, `2 files`, `1,234 files`.

    Args:
        count: how many.
        one: what a single one is called; a verb may follow, as it depends on the count too.
        many: what others are called, none among them.
    """
    return f"{count:,} {one if count == 1 else many}"
