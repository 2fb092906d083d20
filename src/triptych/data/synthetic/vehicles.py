"""Cars, vans and trucks: a few wedges, four wheels, and paint with lamps and seams."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.solids import Look, Solid, Vector, box, cylinder, frustum
from triptych.data.synthetic.street_materials import Rough
from triptych.data.synthetic.surface import Surface
from triptych.data.synthetic.textures import above, mix, pulses, within

PAINTS: tuple[Vector, ...] = (
    (0.72, 0.73, 0.74), (0.82, 0.82, 0.80), (0.16, 0.17, 0.19), (0.30, 0.32, 0.35), (0.55, 0.10, 0.10),
    (0.13, 0.22, 0.42), (0.45, 0.47, 0.50), (0.20, 0.32, 0.24), (0.66, 0.60, 0.48), (0.75, 0.45, 0.12),
)  # fmt: skip
"""Car colors, about as frequent as on a street."""


@dataclass(frozen=True)
class Paint:
    """Coachwork: lamps and plate at the ends, door seams and a dark sill along the sides.

    Attributes:
        half_width_m: of the body.
        bottom_m: height of the sill above the ground.
    """

    half_width_m: float = 0.88
    bottom_m: float = 0.28

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the coachwork."""
        x, y, z = surface.points
        wide, tall, long = (surface.extent(axis) for axis in range(3))
        dirt = surface.noise(frequency=2.0, octaves=4, gain=0.7)
        colors = surface.color * (1 + 0.16 * dirt)
        end = surface.normal[2].abs() > 0.7
        front = (end & (surface.normal[2] > 0)).float()
        back = (end & (surface.normal[2] < 0)).float()
        side = (surface.normal[0].abs() > 0.7).float()
        height = -y - self.bottom_m
        outer = above(x.abs(), self.half_width_m - 0.38, wide)
        lamp = outer * within(height, 0.28, 0.46, tall)
        colors = mix(colors, (0.93, 0.93, 0.88), lamp * front)
        colors = mix(colors, (0.62, 0.05, 0.05), lamp * back)
        grill = within(height, 0.08, 0.40, tall) * (1 - above(x.abs(), 0.42, wide))
        colors = mix(colors, (0.07, 0.07, 0.08), grill * front * 0.9)
        plate = within(height, 0.12, 0.26, tall) * (1 - above(x.abs(), 0.26, wide))
        colors = mix(colors, (0.88, 0.87, 0.80), plate * (front + back))
        seams = pulses((z + 0.25) / 1.05, 0.0, 0.035, long / 1.05) * within(height, 0.08, 3.0, tall)
        colors = mix(colors, (0.05, 0.05, 0.06), 0.7 * seams * side)
        handle = pulses((z + 0.45) / 1.05, 0.0, 0.16, long / 1.05) * within(height, 0.40, 0.45, tall)
        colors = mix(colors, (0.10, 0.10, 0.10), handle * side)
        sill = 1 - above(height, 0.09, tall)
        return mix(colors, (0.09, 0.09, 0.10), sill * 0.8)


@dataclass(frozen=True)
class Cabin:
    """The upper part: glass all around between pillars, and a painted roof.

    Attributes:
        low_m: height of the glass's lower edge.
        high_m: height of the roof.
        pillar_m: distance between the pillars along the sides.
        blind: no glass in the sides and the back (a van).
    """

    low_m: float
    high_m: float
    pillar_m: float = 1.1
    blind: bool = False

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of glass and pillars."""
        x, y, z = surface.points
        wide, tall, long = (surface.extent(axis) for axis in range(3))
        height = -y
        pane = within(height, self.low_m + 0.05, self.high_m - 0.09, tall)
        side = (surface.normal[0].abs() > 0.6).float()
        front = (surface.normal[2] > 0.3).float()
        pillars = pulses((z + 0.28) / self.pillar_m, 0.0, 0.09, long / self.pillar_m)
        pane = pane * (1 - pillars * side) * (1 - above(x.abs() * (1 - side), 0.62, wide))
        pane = pane * (1 - above(-surface.normal[1], 0.95, torch.full_like(tall, 0.02)))
        if self.blind:
            pane = pane * front
        share = ((height - self.low_m) / (self.high_m - self.low_m)).float().clamp(0, 1)
        reflection = surface.noise(frequency=1.6, octaves=3)
        glass = surface.color.new_tensor((0.13, 0.16, 0.19))[:, None] * (0.8 + 0.9 * share + 0.9 * reflection)
        paint = surface.color * (1 + 0.16 * surface.noise(frequency=2.0, octaves=4, gain=0.7))
        return mix(paint, glass, pane)


@dataclass(frozen=True)
class Wheel:
    """A tire around a pale rim with spokes."""

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of tire and rim; they do not turn, so that the flow of the car holds for its wheels."""
        radius = torch.hypot(surface.local[1], surface.local[2])
        extent = torch.maximum(surface.extent(1), surface.extent(2))
        angle = torch.atan2(surface.local[1], surface.local[2]) * (5 / (2 * torch.pi))
        spokes = pulses(angle, 0.25, 0.75, (extent / radius.clamp_min(0.02)).float())
        rim = within(radius, 0.0, 0.20, extent) * (surface.normal[0].abs() > 0.7)
        colors = torch.full_like(surface.color, 0.06)
        return mix(colors, (0.55, 0.56, 0.58), rim * (0.35 + 0.65 * spokes))


TIRE = Look(Wheel(), (0.1, 0.1, 0.1))
SHADE = Look(Rough(contrast=0.5), (0.09, 0.09, 0.10))


def car(dice: random.Random) -> tuple[Solid, ...]:
    """The solids of a saloon, an estate or a hatchback; origin on the ground below its middle, facing z."""
    color, accent = dice.choice(PAINTS), (0.1, 0.1, 0.1)
    phase = (dice.uniform(0, 99), dice.uniform(0, 99))
    half, width = dice.uniform(1.95, 2.3), dice.uniform(0.84, 0.90)
    belt, roof = dice.uniform(0.82, 0.90), dice.uniform(1.40, 1.52)
    paint = Look(Paint(half_width_m=width), color, accent, phase, gloss=0.5)
    cabin = Look(Cabin(belt, roof), color, accent, phase, gloss=0.9)
    boot = dice.choice((0.0, 0.1, 0.55))
    return (
        frustum((-width, -belt, -half), (width, -0.27, half), paint, front=0.12, back=0.05, side=0.04),
        frustum(
            (-width + 0.06, -roof, -half + 0.1 + boot), (width - 0.06, -belt, half - 1.0), cabin,
            front=0.75, back=0.30 + 0.35 * (boot > 0.3), side=0.14,
        ),
        *_chassis(width, half, base=half * 0.62, radius=0.31),
    )  # fmt: skip


def van(dice: random.Random) -> tuple[Solid, ...]:
    """The solids of a delivery van."""
    color, accent = dice.choice(PAINTS[:3] + PAINTS[5:6]), (0.1, 0.1, 0.1)
    phase = (dice.uniform(0, 99), dice.uniform(0, 99))
    half, width, roof = dice.uniform(2.4, 2.9), 0.98, dice.uniform(1.95, 2.5)
    paint = Look(Paint(half_width_m=width, bottom_m=0.32), color, accent, phase, gloss=0.5)
    cabin = Look(Cabin(1.12, roof, blind=True), color, accent, phase, gloss=0.6)
    return (
        frustum((-width, -1.12, -half), (width, -0.32, half), paint, front=0.10, side=0.02),
        frustum((-width + 0.02, -roof, -half), (width - 0.02, -1.12, half - 0.55), cabin, front=0.65, side=0.08),
        *_chassis(width, half, base=half * 0.64, radius=0.34),
    )


def truck(dice: random.Random) -> tuple[Solid, ...]:
    """The solids of a small truck: a cab and a box with stripes."""
    color, accent = dice.choice(PAINTS), dice.choice(PAINTS)
    phase = (dice.uniform(0, 99), dice.uniform(0, 99))
    width, half, roof = 1.15, 3.6, dice.uniform(2.9, 3.4)
    cargo = Look(Stripes(), dice.choice(((0.85, 0.85, 0.83), (0.80, 0.70, 0.30), (0.35, 0.50, 0.62))), accent, phase)
    paint = Look(Paint(half_width_m=1.05, bottom_m=0.45), color, accent, phase)
    cabin = Look(Cabin(1.35, 2.4, blind=False), color, accent, phase)
    return (
        box((-width, -roof, -half), (width, -0.85, half - 1.9), cargo),
        box((-0.9, -0.85, -half + 0.1), (0.9, -0.5, half - 1.8), SHADE),
        box((-1.05, -1.35, half - 1.7), (1.05, -0.45, half), paint),
        frustum((-1.05, -2.4, half - 1.7), (1.05, -1.35, half), cabin, front=0.3, side=0.08),
        *_chassis(1.05, half, base=half * 0.66, radius=0.42),
    )


@dataclass(frozen=True)
class Stripes:
    """A box body with a broad stripe and upright ribs."""

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the box."""
        height = -surface.points[1]
        wide, tall = surface.footprint
        ribs = pulses(surface.u / 0.6, 0.0, 0.12, wide / 0.6)
        stripe = within(height, 1.5, 2.1, tall) * (surface.normal[1].abs() < 0.3)
        blocks = pulses(surface.u / 0.9, 0.0, 0.6, wide / 0.9)
        colors = mix(surface.color * (1 - 0.14 * ribs), surface.accent, stripe * (0.25 + 0.75 * blocks))
        return colors * (1 + 0.2 * surface.noise(frequency=1.0, octaves=4, gain=0.7))


def _chassis(width: float, half: float, *, base: float, radius: float) -> tuple[Solid, ...]:
    """Two axles as wide as the car, whose ends are its wheels, and the dark floor beneath."""
    wheels = tuple(cylinder((0.0, -radius, end * base), radius, 2 * width + 0.02, TIRE, axis=0) for end in (-1, 1))
    floor = box((-width - 0.04, -0.02, -half - 0.04), (width + 0.04, 0.05, half + 0.04), SHADE)
    return (*wheels, floor)
