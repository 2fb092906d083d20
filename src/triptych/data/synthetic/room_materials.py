"""Looks of a room: wallpaper, boards, posters, books, cloth, printed boxes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.surface import Surface
from triptych.data.synthetic.textures import mix, pulses, within


@dataclass(frozen=True)
class Shell:
    """The inside of a room: wallpaper over a skirting board, a floor of boards, a plain ceiling.

    The main color is the wallpaper's, the accent that of its pattern.

    Attributes:
        stripe_m: width of a pair of the wallpaper's stripes.
    """

    stripe_m: float = 0.4

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of walls, floor and ceiling."""
        wide, tall = surface.footprint
        rough = surface.noise(frequency=1.5, octaves=6, gain=0.8)
        stripes = pulses(surface.u / self.stripe_m, 0.0, 0.35, wide / self.stripe_m)
        dots = pulses(surface.u / 0.2, 0.3, 0.7, wide / 0.2) * pulses(surface.v / 0.25, 0.3, 0.6, tall / 0.25)
        colors = mix(surface.color, surface.accent, 0.75 * stripes + 0.25 * dots)
        colors = colors * (1 + 0.35 * rough)
        height = -surface.points[1]
        colors = mix(colors, (0.85, 0.83, 0.80), within(height, 0.0, 0.12, surface.extent(1)))
        floor = (surface.normal[1] < -0.5).float()
        ceiling = (surface.normal[1] > 0.5).float()
        colors = mix(colors, boards(surface, (0.50, 0.34, 0.20)), floor)
        plaster = surface.color.new_tensor((0.82, 0.81, 0.78))[:, None] * (1 + 0.3 * rough)
        return mix(colors, plaster, ceiling)


def boards(surface: Surface, color: tuple[float, float, float]) -> Float[Tensor, "3 samples"]:
    """Wooden boards along z, each of its own tone, with grain and dark joints."""
    x, z = surface.points[0] / 0.14, surface.points[2] / 1.3
    x_wide, z_long = surface.extent(0) / 0.14, surface.extent(2) / 1.3
    z = z + 0.37 * x.floor()
    fade = (1.4 - torch.maximum(x_wide, z_long)).clamp(0, 1)
    tone = (surface.lattice.cells(x, z) - 0.5) * fade
    grain = surface.lattice.fractal(
        surface.points[0], surface.points[2], (surface.extent(0), surface.extent(2)),
        frequency=(14.0, 1.1), octaves=4, gain=0.8,
    )  # fmt: skip
    joints = torch.maximum(pulses(x, 0.0, 0.06, x_wide), pulses(z, 0.0, 0.012, z_long))
    return x.new_tensor(color)[:, None] * (1 + 0.5 * tone + 0.6 * grain) * (1 - 0.6 * joints)


@dataclass(frozen=True)
class Wood:
    """Furniture: grain along the horizontal, and a dark gap between doors or drawers.

    Attributes:
        door_m: distance of the gaps; 0 for none.
    """

    door_m: float = 0.0

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the wood."""
        grain = surface.noise(frequency=(1.5, 9.0), octaves=4, gain=0.75)
        colors = surface.color * (1 + 0.6 * grain)
        if self.door_m:
            wide, tall = (extent / self.door_m for extent in surface.footprint)
            gaps = torch.maximum(
                pulses(surface.u / self.door_m, 0.0, 0.03, wide),
                pulses(surface.v / self.door_m, 0.0, 0.03, tall),
            )
            knobs = pulses(surface.u / self.door_m, 0.82, 0.90, wide) * pulses(
                surface.v / self.door_m, 0.45, 0.53, tall
            )
            colors = mix(mix(colors, (0.08, 0.06, 0.05), 0.8 * gaps), (0.85, 0.80, 0.6), knobs)
        return colors


@dataclass(frozen=True)
class Books:
    """Rows of books of all colors on dark shelves.

    Attributes:
        shelf_m: height of a shelf.
    """

    shelf_m: float = 0.36

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the backs."""
        back_m = 0.045
        x, y = surface.u / back_m, surface.v / self.shelf_m
        wide, tall = surface.footprint[0] / back_m, surface.footprint[1] / self.shelf_m
        fade = (1.3 - wide).clamp(0, 1)
        cells = torch.stack([surface.lattice.cells(x + 31.0 * i, y) for i in range(4)])
        colors = surface.color + (0.4 * cells[:3] + 0.3 * cells[3] + 0.08 - surface.color) * fade
        title = pulses(y, 0.30, 0.42, tall) * (cells[3] > 0.4) * fade
        colors = mix(colors, (0.85, 0.82, 0.70), 0.7 * title)
        top = (y - y.floor() < 0.12 + 0.22 * cells[3]).float() * fade + 0.2 * (1 - fade)
        colors = mix(colors, (0.07, 0.06, 0.05), top)
        board = torch.maximum(
            pulses(y, 0.94, 1.0, tall), pulses(surface.u / 0.9, 0.0, 0.03, surface.footprint[0] / 0.9)
        )
        return mix(colors, (0.42, 0.30, 0.19), board) * (1 + 0.3 * surface.noise(frequency=6.0, octaves=3))


@dataclass(frozen=True)
class Printed:
    """Paper or cardboard printed with blotches and blocks of several sizes: posters, boxes, rugs.

    Attributes:
        block_m: size of the largest blocks.
    """

    block_m: float = 0.22

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the print."""
        colors = surface.color
        for octave, size in enumerate((self.block_m, self.block_m * 0.43, self.block_m * 0.19)):
            wide, tall = surface.footprint[0] / size, surface.footprint[1] / size
            fade = (1.3 - torch.maximum(wide, tall)).clamp(0, 1)
            x, y = surface.u / size + 7.0 * octave, surface.v / size
            print_color = torch.stack([surface.lattice.cells(x + 19.0 * i, y + 3.0 * i) for i in range(3)])
            share = (surface.lattice.cells(x + 71.0, y) > (0.45 + 0.12 * octave)).float() * fade
            inside = pulses(x, 0.06, 0.94, wide) * pulses(y, 0.06, 0.94, tall)
            colors = mix(colors, 0.55 * surface.accent + 0.45 * print_color, share * inside)
        return colors * (1 + 0.4 * surface.noise(frequency=2.5, octaves=5, gain=0.75))


@dataclass(frozen=True)
class Cloth:
    """Woven cloth with a check of two colors.

    Attributes:
        check_m: size of the check.
    """

    check_m: float = 0.24

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the cloth."""
        wide, tall = (extent / self.check_m for extent in surface.footprint)
        bands = pulses(surface.u / self.check_m, 0.0, 0.4, wide)
        rows = pulses(surface.v / self.check_m, 0.0, 0.4, tall)
        colors = mix(surface.color, surface.accent, 0.5 * bands + 0.5 * rows)
        return colors * (1 + 0.5 * surface.noise(frequency=3.0, octaves=5, gain=0.8))


@dataclass(frozen=True)
class Ball:
    """A ball of colored segments."""

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the segments, by the angle about the ball's own axis."""
        angle = torch.atan2(surface.local[0], surface.local[2]) * (3 / torch.pi)
        distance = torch.hypot(surface.local[0], surface.local[2]).clamp_min(1e-3)
        width = (torch.maximum(surface.extent(0), surface.extent(2)) / distance).float()
        colors = mix(surface.color, surface.accent, pulses(angle / 2, 0.0, 0.5, width / 2))
        return colors * (1 + 0.4 * surface.noise(frequency=5.0, octaves=4, gain=0.75))
