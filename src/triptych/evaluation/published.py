"""Figures that publications report, with the protocols that they were made by."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from triptych.evaluation.measures import MEASURES
from triptych.evaluation.results import Protocol

NOT_STATED = "not stated"
"""A setting that a source leaves open and that cannot be guessed: it equals no result's."""


@dataclass(frozen=True)
class PublishedRow:
    """What one publication reports of one method.

    Attributes:
        name: of the method.
        protocol: how the figures were made, as far as the source tells.
        printed: figures by the names of `MEASURES`, with the digits that were printed.
        source: the publication that states them.
        unstated: settings of the protocol that the source does not state; they are taken
            to be those of the common evaluation.
    """

    name: str
    protocol: Protocol
    printed: Mapping[str, str]
    source: str
    unstated: tuple[str, ...] = ()

    @property
    def figures(self) -> dict[str, float]:
        """The printed figures as numbers, rounded as their source rounds them."""
        return {name: float(text) for name, text in self.printed.items()}


@functools.cache
def published_rows() -> tuple[PublishedRow, ...]:
    """All rows of published.yaml, in its order.

    Raises:
        ValueError: the file names a measure or leaves a setting unstated that does not exist.
    """
    text = (files("triptych.evaluation") / "published.yaml").read_text(encoding="utf-8")
    return tuple(row for group in yaml.safe_load(text) for row in _group_rows(group))


def _group_rows(group: Mapping[str, Any]) -> list[PublishedRow]:
    settings = dict(group["protocol"])
    protocol = Protocol(settings.pop("task"), settings.pop("name"), settings)
    unstated = tuple(group.get("unstated", ()))
    rows = [PublishedRow(row["name"], protocol, row["figures"], group["source"], unstated) for row in group["rows"]]
    strange = [name for row in rows for name in row.printed if name not in MEASURES]
    strange += [name for name in unstated if name not in settings]
    if strange:
        raise ValueError(f"published.yaml: {', '.join(strange)} is neither a measure nor a setting")
    return rows
