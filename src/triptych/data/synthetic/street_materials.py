"""Looks of what stands on a street: walls with windows, roofs, leaves, bark, poles."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.surface import Surface
from triptych.data.synthetic.textures import mix, pulses, within


@dataclass(frozen=True)
class Facade:
    """A wall of plaster or brick with rows of windows; the accent is the color of the frames.

    Attributes:
        brick: bricks instead of plaster.
        window_m: distance between windows.
        floor_m: height of a floor.
        opening: share of the distance and of the floor that a window takes.
    """

    brick: bool = False
    window_m: float = 2.4
    floor_m: float = 2.9
    opening: tuple[float, float] = (0.42, 0.5)

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the wall."""
        u, v = surface.u, surface.points[1]
        wide, tall = surface.footprint
        rough = surface.noise(frequency=1.1, octaves=5, gain=0.75)
        stains = surface.noise(frequency=(0.9, 0.16), octaves=3)
        wall = surface.color * (1 + 0.28 * rough + 0.22 * stains)
        if self.brick:
            wall = wall * self._bricks(surface, u, v, wide, tall)
        wall = wall * (1 - 0.35 * within(v, -0.5, 0.5, tall))
        a, b = self.opening
        x, y = u / self.window_m, v / self.floor_m
        x_wide, y_tall = wide / self.window_m, tall / self.floor_m
        low, high = 0.5 - a / 2, 0.5 + a / 2
        top = 0.22
        frame = pulses(x, low - 0.035, high + 0.035, x_wide) * pulses(y, top - 0.03, top + b + 0.05, y_tall)
        pane = pulses(x, low, high, x_wide) * pulses(y, top, top + b, y_tall)
        bar = pulses(x, 0.485, 0.515, x_wide) * pane
        fade = (1.5 - torch.maximum(x_wide, y_tall)).clamp(0, 1)
        curtain = (surface.lattice.cells(x + 13.0, y) - 0.5) * fade
        within_pane = (y - y.floor() - top) / b
        shine = (1 - within_pane).clamp(0, 1).float() * fade
        glass = wall.new_tensor((0.16, 0.19, 0.23))[:, None] * (1 + 0.9 * curtain + 0.5 * shine)
        glass = mix(glass, (0.72, 0.68, 0.60), (curtain * 3 - 0.85).clamp(0, 0.75))
        upright = (surface.normal[1].abs() < 0.3).float()
        colors = mix(wall, surface.accent, frame * upright)
        colors = mix(colors, glass, pane * upright)
        return mix(colors, surface.accent, bar * upright)

    def _bricks(
        self,
        surface: Surface,
        u: Float[Tensor, " samples"],
        v: Float[Tensor, " samples"],
        wide: Float[Tensor, " samples"],
        tall: Float[Tensor, " samples"],
    ) -> Float[Tensor, " samples"]:
        """Factor of brightness: rows of bricks, each with its own tone, between pale joints."""
        length, height = 0.50, 0.16
        row = v / height
        shifted = u / length + 0.5 * (row.floor() % 2)
        fade = (1.4 - torch.maximum(wide / length, tall / height)).clamp(0, 1)
        tone = (surface.lattice.cells(shifted, row) - 0.5) * fade
        joint = torch.maximum(pulses(row, 0.0, 0.1, tall / height), pulses(shifted, 0.0, 0.05, wide / length))
        return (1 + 0.45 * tone) * (1 + 0.30 * joint)


@dataclass(frozen=True)
class Rows:
    """Courses across the slope: roof tiles, planks, shutters.

    Attributes:
        course_m: height of a course.
        length_m: length of a tile.
    """

    course_m: float = 0.35
    length_m: float = 0.45

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the courses."""
        wide, tall = surface.footprint
        x, y = surface.u / self.length_m, surface.v / self.course_m
        x_wide, y_tall = wide / self.length_m, tall / self.course_m
        fade = (1.4 - torch.maximum(x_wide, y_tall)).clamp(0, 1)
        tone = (surface.lattice.cells(x, y) - 0.5) * fade
        dark = torch.maximum(pulses(y, 0.0, 0.16, y_tall), 0.6 * pulses(x, 0.0, 0.1, x_wide))
        weather = surface.noise(frequency=0.35, octaves=5, gain=0.7)
        return surface.color * (1 + 0.4 * tone + 0.45 * weather) * (1 - 0.45 * dark)


@dataclass(frozen=True)
class Leaves:
    """Foliage: clumps of light and shade down to single leaves, in three dimensions.

    Attributes:
        clump_m: size of the largest clumps.
    """

    clump_m: float = 1.1

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the leaves; the sum of three plane noises, one for each pair of axes, has no seam."""
        p = surface.points + torch.cat((surface.phase, surface.phase[:1]))
        extents = [surface.extent(axis).clamp_max(4.0) for axis in range(3)]
        total = torch.zeros_like(surface.normal[0])
        for a, b in ((0, 1), (2, 1), (0, 2)):
            total = total + surface.lattice.fractal(
                p[a] + 3.7 * b,
                p[b],
                (extents[a], extents[b]),
                frequency=1 / self.clump_m,
                octaves=5,
                gain=0.85,
            )
        hue = surface.lattice.fractal(
            p[0] + p[2], p[1], (extents[0] + extents[2], extents[1]), frequency=0.5, octaves=2
        )
        light = 1 + 2.6 * total
        under = 1 - 0.35 * surface.normal[1].clamp_min(0)
        colors = surface.color * (light * under).clamp_min(0.18)
        return mix(colors, surface.accent, (0.25 + 0.9 * hue).clamp(0, 0.7))


@dataclass(frozen=True)
class Rough:
    """One color with a rough grain: bark, stone, concrete, metal.

    Attributes:
        frequency: cells per meter of the coarsest grain, along the horizontal and across it.
        contrast: strength of the grain.
    """

    frequency: tuple[float, float] = (3.0, 3.0)
    contrast: float = 0.4

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the grain, between the main color and the accent."""
        grain = surface.noise(frequency=self.frequency, octaves=4, gain=0.7)
        broad = surface.noise(frequency=0.4, octaves=2)
        colors = surface.color * (1 + self.contrast * grain)
        return mix(colors, surface.accent, (0.6 * broad).clamp(0, 0.5))


@dataclass(frozen=True)
class Banded:
    """Two colors in rings along the vertical: poles, road signs, bollards.

    Attributes:
        period_m: length of a pair of rings.
    """

    period_m: float = 1.4

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the rings."""
        tall = surface.footprint[1] / self.period_m
        colors = mix(surface.color, surface.accent, pulses(surface.v / self.period_m, 0.0, 0.22, tall))
        return colors * (1 + 0.25 * surface.noise(frequency=4.0, octaves=3))
