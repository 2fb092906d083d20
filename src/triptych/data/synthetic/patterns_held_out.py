"""Patterns that no training world has: corrugated steel, stencils, zigzag, scales, panels, terrazzo, mosaics."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.patterns import grain
from triptych.data.synthetic.surface import Surface
from triptych.data.synthetic.textures import mix, pulses


def _fade(*extents: Float[Tensor, " samples"]) -> Float[Tensor, " samples"]:
    """1 where a pixel is small in cells, 0 where it is larger than one."""
    return (1.4 - torch.stack(extents).amax(0)).clamp(0, 1).float()


def _soft(surface: Surface, frequency: float, level: float) -> Float[Tensor, " samples"]:
    """1 where noise of this frequency (1/m) is above a level, with edges as wide as the pixel."""
    extent = torch.maximum(*surface.footprint) * frequency
    above = (surface.noise(frequency=frequency, octaves=2, gain=0.5) - level) / (0.06 + 1.5 * extent)
    return (above + 0.5).clamp(0, 1).float()


@dataclass(frozen=True)
class Corrugated:
    """Steel with upright ribs, rust that runs down, and lettering-like blocks of the second color.

    Attributes:
        rib_m: distance of the ribs.
        contrast: of the grain.
    """

    rib_m: float = 0.28
    contrast: float = 0.9

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the steel."""
        wide, tall = surface.footprint
        ribs = pulses(surface.u / self.rib_m, 0.0, 0.4, wide / self.rib_m)
        rust = surface.noise(frequency=(1.3, 0.25), octaves=5, gain=0.7)
        x, y = surface.u / 0.45, surface.v / 0.6
        letter = surface.lattice.cells(x, y) * _fade(wide / 0.45, tall / 0.6)
        row = pulses(surface.v / 2.6, 0.28, 0.5, tall / 2.6)
        colors = mix(surface.color, surface.accent, row * (letter > 0.5).float() * 0.9)
        colors = mix(colors, (0.36, 0.20, 0.11), (2.2 * rust - 0.1).clamp(0, 0.8))
        return colors * (1 - 0.35 * ribs) * grain(surface, 0.9, self.contrast)


@dataclass(frozen=True)
class Gravel:
    """Small stones of all tones with puddle-like broad stains, for ground.

    Attributes:
        stone_m: size of a stone.
        contrast: of the grain.
    """

    stone_m: float = 0.25
    contrast: float = 1.3

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the stones."""
        tone = _soft(surface, 1 / self.stone_m, 0.0) - _soft(surface, 2.3 / self.stone_m, 0.2)
        colors = surface.color * (1 + 0.35 * tone)
        broad = surface.noise(frequency=0.09, octaves=6, gain=0.8)
        streaks = surface.noise(frequency=(0.05, 0.9), octaves=4) + surface.noise(frequency=(0.9, 0.05), octaves=4)
        colors = mix(colors, surface.accent, (0.3 + 1.6 * broad + 0.6 * streaks).clamp(0, 0.8))
        return colors * grain(surface, 0.7, self.contrast)


@dataclass(frozen=True)
class Zigzag:
    """Bands that go up and down.

    Attributes:
        period_m: of the bands.
        contrast: of the grain.
    """

    period_m: float = 0.4
    contrast: float = 1.0

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the bands."""
        x = surface.u / self.period_m
        peak = (x - x.floor() - 0.5).abs()
        extent = surface.footprint[1] / self.period_m + surface.footprint[0] / self.period_m
        bands = pulses(surface.v / self.period_m + 1.2 * peak, 0.0, 0.45, extent)
        return mix(surface.color, surface.accent, bands) * grain(surface, 0.9 / self.period_m, self.contrast)


@dataclass(frozen=True)
class Scaled:
    """Rows of round scales.

    Attributes:
        size_m: of a scale.
        contrast: of the grain.
    """

    size_m: float = 0.3
    contrast: float = 1.0

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the scales."""
        row = surface.v / self.size_m
        x = surface.u / self.size_m + 0.5 * (row.floor() % 2)
        wide, tall = (extent / self.size_m for extent in surface.footprint)
        dx, dy = x - x.floor() - 0.5, row - row.floor()
        rim = torch.exp(-(((dx.square() + 0.6 * dy.square()).sqrt() - 0.45) / 0.09).square()).float()
        fade = _fade(1.5 * wide, 1.5 * tall)
        tone = surface.lattice.cells(x, row) - 0.5
        colors = mix(surface.color, surface.accent, (0.2 + (rim - 0.2) * fade).clamp(0, 1))
        return colors * (1 + 0.6 * tone * fade) * grain(surface, 0.8 / self.size_m, self.contrast)


@dataclass(frozen=True)
class Paneled:
    """A curtain wall: tall panes that mirror unevenly, between bars of the second color.

    Attributes:
        pane_m: width of a pane.
        floor_m: height of a floor.
        contrast: of the grain.
    """

    pane_m: float = 1.3
    floor_m: float = 3.4
    contrast: float = 0.7

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of panes and bars."""
        x, y = surface.u / self.pane_m, surface.v / self.floor_m
        wide, tall = surface.footprint[0] / self.pane_m, surface.footprint[1] / self.floor_m
        fade = _fade(wide, tall)
        tone = surface.lattice.cells(x + 5.0, y + 9.0) - 0.4
        blind = pulses(y, 0.1, 0.45, tall) * (surface.lattice.cells(x + 40.0, y) > 0.6).float() * fade
        clouds = surface.noise(frequency=0.22, octaves=5, gain=0.7)
        panes = surface.color * (1 + 0.9 * tone * fade + 1.3 * clouds).clamp_min(0.3)
        panes = mix(panes, (0.80, 0.76, 0.66), 0.8 * blind)
        slab = pulses(y, 0.0, 0.16, tall)
        bars = torch.maximum(slab, pulses(x, 0.0, 0.09, wide))
        return mix(panes, surface.accent, bars) * grain(surface, 0.8, self.contrast)


@dataclass(frozen=True)
class Terrazzo:
    """Chips of three tones in a ground of one, of two sizes.

    Attributes:
        chip_m: size of the large chips.
        contrast: of the grain.
    """

    chip_m: float = 0.35
    contrast: float = 1.0

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of chips and ground."""
        colors = surface.color
        for size in (self.chip_m, 0.37 * self.chip_m):
            colors = mix(colors, surface.accent, _soft(surface, 0.8 / size, 0.22))
            colors = mix(colors, 0.45 * surface.color, _soft(surface, 1.1 / size, 0.3))
        broad = surface.noise(frequency=0.3, octaves=4, gain=0.8)
        return colors * (1 + 0.8 * broad) * grain(surface, 0.8 / self.chip_m, self.contrast)


@dataclass(frozen=True)
class Mosaic:
    """Tiles of random color around the main and the second one, between pale joints.

    Attributes:
        tile_m: side of a tile.
        contrast: of the grain.
    """

    tile_m: float = 0.3
    contrast: float = 0.9

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the tiles."""
        x, y = surface.u / self.tile_m, surface.v / self.tile_m
        wide, tall = (extent / self.tile_m for extent in surface.footprint)
        fade = _fade(wide, tall)
        share = surface.lattice.cells(x, y)
        tone = surface.lattice.cells(x + 77.0, y + 31.0) - 0.5
        colors = mix(surface.color, surface.accent, 0.4 + (share - 0.4) * fade) * (1 + 0.5 * tone * fade)
        joints = torch.maximum(pulses(x, 0.0, 0.07, wide), pulses(y, 0.0, 0.07, tall))
        return mix(colors, (0.78, 0.77, 0.74), 0.7 * joints) * grain(surface, 0.4 / self.tile_m, self.contrast)
