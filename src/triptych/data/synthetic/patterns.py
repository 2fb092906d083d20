"""Two-colored patterns of the training worlds: blotches, stripes, checks, dots, marble, bricks."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.solids import Look, Vector
from triptych.data.synthetic.surface import Material, Surface
from triptych.data.synthetic.textures import mix, pulses

OCTAVES, GAIN = 7, 0.82
"""Of the grain beneath every pattern: from its coarsest cells down to a sixtieth of them, all nearly as strong."""


def grain(surface: Surface, frequency: float, contrast: float) -> Float[Tensor, " samples"]:
    """Factor of brightness with detail at all distances, never below a fifth."""
    noise = surface.noise(frequency=frequency, octaves=OCTAVES, gain=GAIN)
    return (1 + contrast * noise).clamp_min(0.2)


@dataclass(frozen=True)
class Blotched:
    """Patches of two colors with ragged edges.

    Attributes:
        size_m: of the patches.
        contrast: of the grain.
    """

    size_m: float
    contrast: float = 1.2

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the patches."""
        patch = surface.noise(frequency=1 / self.size_m, octaves=5, gain=0.6)
        colors = mix(surface.color, surface.accent, (3.5 * patch + 0.4).clamp(0, 1))
        return colors * grain(surface, 2.0 / self.size_m, self.contrast)


@dataclass(frozen=True)
class Striped:
    """Stripes along the vertical of a surface, of uneven tone.

    Attributes:
        period_m: of the stripes.
        share: of the second color.
        contrast: of the grain.
    """

    period_m: float
    share: float = 0.45
    contrast: float = 1.1

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the stripes."""
        wide = surface.footprint[0] / self.period_m
        stripes = pulses(surface.u / self.period_m, 0.0, self.share, wide)
        colors = mix(surface.color, surface.accent, stripes)
        return colors * grain(surface, 1.0 / self.period_m, self.contrast)


@dataclass(frozen=True)
class Checked:
    """A board of squares, each of its own tone.

    Attributes:
        side_m: of a square.
        contrast: of the grain.
    """

    side_m: float
    contrast: float = 1.0

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the squares."""
        x, y = surface.u / self.side_m, surface.v / self.side_m
        wide, tall = (extent / self.side_m for extent in surface.footprint)
        a, b = pulses(x / 2, 0.0, 0.5, wide / 2), pulses(y / 2, 0.0, 0.5, tall / 2)
        tone = (surface.lattice.cells(x, y) - 0.5) * (1.4 - torch.maximum(wide, tall)).clamp(0, 1)
        colors = mix(surface.color, surface.accent, a + b - 2 * a * b)
        return colors * (1 + 0.5 * tone) * grain(surface, 0.7 / self.side_m, self.contrast)


@dataclass(frozen=True)
class Dotted:
    """Rows of blocks on a ground of another color.

    Attributes:
        period_m: between blocks.
        contrast: of the grain.
    """

    period_m: float
    contrast: float = 1.1

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of blocks and ground."""
        x, y = surface.u / self.period_m, surface.v / self.period_m
        wide, tall = (extent / self.period_m for extent in surface.footprint)
        fade = (1.4 - torch.maximum(wide, tall)).clamp(0, 1)
        block = pulses(x, 0.2, 0.75, wide) * pulses(y, 0.2, 0.75, tall)
        tone = (surface.lattice.cells(x, y) - 0.3) * fade
        colors = mix(surface.color, surface.accent, block * (0.75 + 0.5 * tone).clamp(0, 1))
        return colors * grain(surface, 1.0 / self.period_m, self.contrast)


@dataclass(frozen=True)
class Marbled:
    """Veins that wind.

    Attributes:
        period_m: between veins.
        contrast: of the grain.
    """

    period_m: float
    contrast: float = 0.9

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of stone and veins."""
        warp = surface.noise(frequency=0.6 / self.period_m, octaves=4, gain=0.6)
        extent = torch.maximum(*surface.footprint) / self.period_m
        veins = pulses((surface.u + 0.6 * surface.v) / self.period_m + 2.6 * warp, 0.0, 0.35, 2.5 * extent)
        return mix(surface.color, surface.accent, 0.8 * veins) * grain(surface, 1.4 / self.period_m, self.contrast)


@dataclass(frozen=True)
class Bricked:
    """Rows of bricks between joints of the second color.

    Attributes:
        length_m: of a brick.
        height_m: of a row.
        contrast: of the grain.
    """

    length_m: float = 0.5
    height_m: float = 0.18
    contrast: float = 1.0

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of bricks and joints."""
        row = surface.v / self.height_m
        x = surface.u / self.length_m + 0.5 * (row.floor() % 2)
        wide, tall = surface.footprint[0] / self.length_m, surface.footprint[1] / self.height_m
        tone = (surface.lattice.cells(x, row) - 0.5) * (1.4 - torch.maximum(wide, tall)).clamp(0, 1)
        joint = torch.maximum(pulses(row, 0.0, 0.12, tall), pulses(x, 0.0, 0.06, wide))
        colors = mix(surface.color * (1 + 0.6 * tone), surface.accent, 0.8 * joint)
        return colors * grain(surface, 0.8, self.contrast)


def palette(dice: random.Random, size_m: float, *, count: int = 6) -> tuple[Material, ...]:
    """Some patterns for things of about this size (m)."""
    kinds: tuple[Callable[[], Material], ...] = (
        lambda: Blotched(size_m * dice.uniform(0.3, 1.0)),
        lambda: Striped(size_m * dice.uniform(0.1, 0.4), dice.uniform(0.25, 0.6)),
        lambda: Checked(size_m * dice.uniform(0.08, 0.3)),
        lambda: Dotted(size_m * dice.uniform(0.1, 0.35)),
        lambda: Marbled(size_m * dice.uniform(0.2, 0.6)),
        lambda: Bricked(size_m * dice.uniform(0.15, 0.4), size_m * dice.uniform(0.06, 0.15)),
    )
    first = dice.sample(kinds, min(count, len(kinds)))
    return tuple(kind() for kind in [*first, *dice.choices(kinds, k=max(0, count - len(kinds)))])


def any_color(dice: random.Random, low: float = 0.12, high: float = 0.9, *, strong: float = 0.5) -> Vector:
    """A color between two brightnesses, from gray (strong 0) to saturated (strong 1)."""
    gray, *parts = (dice.uniform(low, high) for _ in range(4))
    red, green, blue = ((1 - strong) * gray + strong * part for part in parts)
    return red, green, blue


def any_look(dice: random.Random, patterns: tuple[Material, ...], *, glossy: float = 0.2) -> Look:
    """One of the patterns in two colors of unlike brightness; a share of the looks is glossy."""
    color = any_color(dice)
    dark = sum(color) > 1.3
    accent = any_color(dice, 0.05, 0.4) if dark else any_color(dice, 0.5, 0.95)
    gloss = dice.uniform(0.2, 0.8) if dice.random() < glossy else 0.0
    return Look(dice.choice(patterns), color, accent, any_phase(dice), gloss)


def any_phase(dice: random.Random) -> tuple[float, float]:
    """A texture phase (m)."""
    return dice.uniform(0, 500), dice.uniform(0, 500)
