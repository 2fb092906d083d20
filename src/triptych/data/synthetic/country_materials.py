"""Looks of open land: fields of many crops around a track, standing crops, and a cow's hide."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.cameras import RoadLine
from triptych.data.synthetic.surface import Surface
from triptych.data.synthetic.textures import above, mix, pulses, within


@dataclass(frozen=True)
class Land:
    """A track with ruts, grassy verges, and a quilt of fields, each with its own crop and rows.

    Attributes:
        line: the track's middle.
        track_m: half its width.
        field_m: size of a field, across.
        length_m: of a field, along.
    """

    line: RoadLine
    track_m: float
    field_m: float
    length_m: float

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the ground."""
        aside, along, _ = self.line.coordinates(surface.points[0], surface.points[2])
        wide, long = surface.extent(0), surface.extent(2)
        lattice, both = surface.lattice, (wide, long)
        fine = lattice.fractal(aside, along, both, frequency=0.7, octaves=7, gain=0.85)
        ahead = lattice.fractal(aside + 31, along, both, frequency=(1.4, 0.07), octaves=5, gain=0.8)
        broad = lattice.fractal(aside + 57, along, both, frequency=0.04, octaves=4, gain=0.7)
        x, y = aside / self.field_m + 0.2 * broad, along / self.length_m + 0.3 * broad
        crop, hue, turn = (lattice.cells(x + shift, y + 2 * shift) for shift in (0.0, 31.0, 62.0))
        rows_across = pulses(aside / 0.9, 0.0, 0.4, wide / 0.9)
        rows_along = pulses(along / 1.3, 0.0, 0.4, long / 1.3)
        rows = torch.where(turn > 0.5, rows_across, rows_along) - 0.4
        green = fine.new_tensor((0.28, 0.38, 0.14))[:, None] * (0.8 + 0.5 * hue)
        colors = mix(green, (0.62, 0.53, 0.27), ((crop - 0.45) * 3).clamp(0, 1))
        colors = mix(colors, (0.36, 0.27, 0.19), ((crop - 0.75) * 9).clamp(0, 1))
        colors = colors * (1 + 0.45 * rows * (hue > 0.3) + 1.1 * fine + 0.5 * ahead + 0.5 * broad).clamp_min(0.15)
        grass = fine.new_tensor((0.25, 0.36, 0.13))[:, None] * (1 + 1.3 * fine + 0.5 * ahead).clamp_min(0.2)
        colors = mix(colors, grass, 1 - above(aside.abs(), self.track_m + 3.5 + 2 * broad.double(), wide))
        soil = fine.new_tensor((0.52, 0.44, 0.34))[:, None] * (1 + 0.9 * fine + 0.6 * ahead + 0.4 * broad)
        colors = mix(colors, soil.clamp_min(0.08), 1 - above(aside.abs() + 0.3 * fine, self.track_m, wide))
        tuft = within(aside + 0.25 * ahead, -0.35, 0.35, wide)
        return mix(colors, 0.9 * grass, 0.8 * tuft)


@dataclass(frozen=True)
class Crop:
    """Plants in rows with light and shade between, in three dimensions.

    Attributes:
        row_m: distance of the rows.
    """

    row_m: float = 0.7

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the plants."""
        x, y, z = surface.points
        wide, tall, long = (surface.extent(axis) for axis in range(3))
        shift = surface.phase[0]
        side = surface.lattice.fractal(
            x + z + shift, y, (wide + long, tall), frequency=1.2 / self.row_m, octaves=6, gain=0.85
        )
        top = surface.lattice.fractal(x + shift, z, (wide, long), frequency=1.0 / self.row_m, octaves=6, gain=0.85)
        broad = surface.lattice.fractal(x + shift, z, (wide, long), frequency=0.06, octaves=5, gain=0.7)
        rows = pulses((x + shift) / self.row_m, 0.0, 0.35, wide / self.row_m)
        light = (1 + 1.2 * side + 1.2 * top + 0.5 * broad - 0.45 * rows).clamp_min(0.15)
        return mix(surface.color, surface.accent, (0.4 + 1.6 * broad + 0.5 * top).clamp(0, 0.9)) * light


@dataclass(frozen=True)
class Hide:
    """Spots of a second color on a pale hide."""

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the hide."""
        spots = surface.noise(frequency=1.6, octaves=3, gain=0.5)
        return mix(surface.color, surface.accent, (8 * spots + 0.3).clamp(0, 1)) * (
            1 + 0.6 * surface.noise(frequency=5.0, octaves=4, gain=0.8)
        )
