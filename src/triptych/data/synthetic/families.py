"""Families of worlds, and which part of learning each is for.

The parts share neither a family nor a seed: what a network is judged on has other places,
layouts, things and patterns than what it learned from, not only other numbers. The little
that they do share is listed in docs/decisions/0010-worlds-in-parts.md.
"""

from __future__ import annotations

from typing import Literal, Protocol, get_args, runtime_checkable

from triptych.data.synthetic.avenue import avenue
from triptych.data.synthetic.clutter import clutter
from triptych.data.synthetic.corridor import corridor
from triptych.data.synthetic.country import country
from triptych.data.synthetic.filmed import filmed_room, filmed_street
from triptych.data.synthetic.filming import CAMERA_KINDS, CameraKind, Filming
from triptych.data.synthetic.hall import hall
from triptych.data.synthetic.world import World
from triptych.data.synthetic.yard import yard

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)

SEEDS_PER_PART = 10_000_000
"""A part's seeds, counted by its user from 0, are its own range of worlds' seeds; the first range is nobody's."""


@runtime_checkable
class Builder(Protocol):
    """What makes a world of a family."""

    def __call__(
        self, seed: int, *, seconds: float, moving_objects: int | None = None, filming: Filming | None = None
    ) -> World:
        """A world for a clip of some seconds."""
        ...


FAMILIES: dict[Part, dict[str, Builder]] = {
    "train": {
        "street": filmed_street,
        "clutter": clutter,
        "country": country,
        "corridor": corridor,
        "room": filmed_room,
    },
    "validation": {"yard": yard},
    "test": {"avenue": avenue, "hall": hall},
}
"""The partition: name to builder, by part."""

SHARES: dict[str, float] = {"room": 0.3}
"""How often a family is drawn, beside 1: the room has one layout."""

KINDS: dict[str, tuple[CameraKind, ...]] = {"room": ("handheld",)}
"""Families that are not filmed in all ways."""


def builder_of(family: str) -> Builder:
    """What makes worlds of a family.

    Raises:
        ValueError: for an unknown family.
    """
    every = {name: build for part in FAMILIES.values() for name, build in part.items()}
    if family not in every:
        raise ValueError(f"no family of scenes is called {family!r}; there are {', '.join(every)}")
    return every[family]


def camera_kinds(family: str) -> tuple[CameraKind, ...]:
    """How a family is filmed."""
    return KINDS.get(family, CAMERA_KINDS)


def family_shares(part: Part) -> dict[str, float]:
    """The families of a part, and how often each is drawn relative to the others."""
    return {family: SHARES.get(family, 1.0) for family in FAMILIES[part]}


def world_seed(part: Part, seed: int) -> int:
    """The seed of a part's world.

    Raises:
        ValueError: for an unknown part, or a seed outside [0, SEEDS_PER_PART).
    """
    if part not in PARTS:
        raise ValueError(f"no part is called {part!r}; there are {', '.join(PARTS)}")
    if not 0 <= seed < SEEDS_PER_PART:
        raise ValueError(f"seed {seed} of the {part} part: from 0 up to {SEEDS_PER_PART - 1}")
    return (1 + PARTS.index(part)) * SEEDS_PER_PART + seed
