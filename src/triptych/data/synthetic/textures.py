"""Band-limited procedural patterns: noise, pulses and tiles that never alias.

Every pattern takes the extent of the pixel on the surface (its footprint, in the
units of the coordinates) and returns its own mean over that extent, at least
approximately. A pattern finer than the pixel fades to its mean instead of
shimmering, so the same point keeps its brightness from frame to frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

LATTICE = 256
"""Side of the periodic lattice of random values; octaves of different period hide the repeat."""

FADE_START, FADE_END = 0.35, 0.95
"""Footprint in lattice cells at which an octave begins to fade, and is gone (Nyquist is near 0.5 to 1)."""

Samples = Float[Tensor, " samples"]


class Lattice:
    """Random values on a periodic integer grid, from which noise is interpolated."""

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        values = torch.rand((LATTICE, LATTICE), generator=generator) * 2 - 1
        right = values.roll(-1, 1)
        self._corners = torch.stack((values, right, values.roll(-1, 0), right.roll(-1, 0)), -1).flatten(0, 1)

    def noise(self, u: Float[Tensor, " samples"], v: Float[Tensor, " samples"]) -> Float[Tensor, " samples"]:
        """Value noise in [-1, 1]: smooth interpolation of the lattice, one cell per unit of u and v."""
        column, row = u.floor(), v.floor()
        x, y = (u - column).float(), (v - row).float()
        x, y = x * x * (3 - 2 * x), y * y * (3 - 2 * y)
        corner = self._corners.index_select(0, _cell_index(column, row)).unbind(-1)
        top = torch.lerp(corner[0], corner[1], x)
        return torch.lerp(top, torch.lerp(corner[2], corner[3], x), y)

    def cells(self, u: Float[Tensor, " samples"], v: Float[Tensor, " samples"]) -> Float[Tensor, " samples"]:
        """One random value in [0, 1] for each unit cell of u and v: the color of a brick, a lit window."""
        return self._corners[:, 0].index_select(0, _cell_index(u.floor(), v.floor())) * 0.5 + 0.5

    def fractal(
        self,
        u: Float[Tensor, " samples"],
        v: Float[Tensor, " samples"],
        footprint: tuple[Float[Tensor, " samples"], Float[Tensor, " samples"]],
        *,
        frequency: float | tuple[float, float],
        octaves: int,
        gain: float = 0.6,
    ) -> Float[Tensor, " samples"]:
        """Sum of noise octaves, each faded out as the pixel outgrows its cells.

        Args:
            u: first surface coordinate (m).
            v: second surface coordinate (m).
            footprint: extent of the pixel along u and along v (m).
            frequency: cells per meter of the coarsest octave, or (along u, along v).
            octaves: how many, each 1.93 times finer than the one before; the factor is
                not 2, so the octaves' lattices never line up.
            gain: amplitude of each octave relative to the one before.

        Returns:
            Noise of mean 0; the amplitudes sum to 1.
        """
        along_u, along_v = frequency if isinstance(frequency, tuple) else (frequency, frequency)
        total = torch.zeros_like(u, dtype=torch.float32)
        amplitude = (1 - gain) / (1 - gain**octaves) if octaves > 1 else 1.0
        for octave in range(octaves):
            cells = torch.maximum(footprint[0] * along_u, footprint[1] * along_v)
            fade = ((FADE_END - cells) * (1 / (FADE_END - FADE_START))).clamp_(0, 1).float()
            seen = fade.nonzero().squeeze(1)
            if 2 * len(seen) > len(fade):
                total += amplitude * fade * self.noise(u * along_u + 17.3 * octave, v * along_v + 5.9 * octave)
            elif len(seen):
                values = self.noise(u[seen] * along_u + 17.3 * octave, v[seen] * along_v + 5.9 * octave)
                total.index_add_(0, seen, values * fade[seen], alpha=amplitude)
            amplitude *= gain
            along_u, along_v = along_u * 1.93, along_v * 1.93
        return total


def _cell_index(column: Float[Tensor, " samples"], row: Float[Tensor, " samples"]) -> Int[Tensor, " samples"]:
    """Position in the flat lattice of the cell at (column, row), wrapped around."""
    wrap = LATTICE - 1
    return ((row.to(torch.int64) & wrap) << 8) | (column.to(torch.int64) & wrap)


def above(
    value: Float[Tensor, " samples"],
    edge: float | Float[Tensor, " samples"],
    width: Float[Tensor, " samples"],
) -> Float[Tensor, " samples"]:
    """Share of the footprint [value - width/2, value + width/2] that lies above the edge."""
    return ((value - edge) / width.clamp_min(1e-6) + 0.5).clamp(0, 1).float()


def within(
    value: Float[Tensor, " samples"],
    low: float | Float[Tensor, " samples"],
    high: float | Float[Tensor, " samples"],
    width: Float[Tensor, " samples"],
) -> Float[Tensor, " samples"]:
    """Share of the footprint that lies between two edges."""
    return above(value, low, width) - above(value, high, width)


def pulses(
    value: Float[Tensor, " samples"],
    low: float,
    high: float,
    width: Float[Tensor, " samples"],
) -> Float[Tensor, " samples"]:
    """Share of the footprint inside the periodic intervals [k + low, k + high], 0 <= low < high <= 1.

    The integral of the pulse train is known in closed form, so this is the exact box
    filter for every width, however many periods it spans.
    """
    width = width.clamp_min(1e-4)
    half = width * 0.5
    covered = _pulse_integral(value + half, low, high) - _pulse_integral(value - half, low, high)
    return (covered / width).clamp(0, 1).float()


def _pulse_integral(x: Float[Tensor, " samples"], low: float, high: float) -> Float[Tensor, " samples"]:
    """Length inside the pulses [k + low, k + high] between low and x."""
    whole = x.floor()
    return whole * (high - low) + (x - whole).clamp(low, high) - low


def mix(
    base: Float[Tensor, "3 samples"],
    color: Sequence[float] | Float[Tensor, "3 samples"],
    share: Float[Tensor, " samples"],
) -> Float[Tensor, "3 samples"]:
    """The base color, replaced by another one where share is 1."""
    over = color if isinstance(color, Tensor) else base.new_tensor(color)[:, None]
    return base + (over - base) * share.float()
