"""What a material is given to color: points on surfaces, with the pixel's extent there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.textures import Lattice


@dataclass(frozen=True)
class Surface:
    """Points where rays hit solids of one material; everything in body axes (m).

    Attributes:
        points: the points.
        local: the same from the center of their solid.
        normal: unit normal, out of the solid.
        across: how far the point moves over one pixel to the right.
        down: how far it moves over one pixel down.
        u: surface coordinate along the horizontal, with the solid's texture phase.
        v: surface coordinate perpendicular to it (downward on walls), likewise.
        footprint: extent of the pixel along u and along v.
        color: the solid's main color.
        accent: the solid's second color.
        phase: the solid's texture phase.
        lattice: the world's random values.
    """

    points: Float[Tensor, "3 samples"]
    local: Float[Tensor, "3 samples"]
    normal: Float[Tensor, "3 samples"]
    across: Float[Tensor, "3 samples"]
    down: Float[Tensor, "3 samples"]
    u: Float[Tensor, " samples"]
    v: Float[Tensor, " samples"]
    footprint: tuple[Float[Tensor, " samples"], Float[Tensor, " samples"]]
    color: Float[Tensor, "3 samples"]
    accent: Float[Tensor, "3 samples"]
    phase: Float[Tensor, "2 samples"]
    lattice: Lattice

    def part(self, start: int, end: int) -> Surface:
        """Some of the points, one after the other."""
        some = slice(start, end)
        return Surface(
            self.points[:, some], self.local[:, some], self.normal[:, some], self.across[:, some], self.down[:, some],
            self.u[some], self.v[some], (self.footprint[0][some], self.footprint[1][some]),
            self.color[:, some], self.accent[:, some], self.phase[:, some], self.lattice,
        )  # fmt: skip

    def extent(self, axis: int) -> Float[Tensor, " samples"]:
        """Extent of the pixel along a body axis (m)."""
        return (self.across[axis].abs() + self.down[axis].abs()).float()

    def noise(
        self, *, frequency: float | tuple[float, float], octaves: int, gain: float = 0.6
    ) -> Float[Tensor, " samples"]:
        """Fractal noise on the surface coordinates."""
        return self.lattice.fractal(self.u, self.v, self.footprint, frequency=frequency, octaves=octaves, gain=gain)


@runtime_checkable
class Material(Protocol):
    """Colors of surface points before lighting; hashable, for solids are gathered by material."""

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Reflected share of red, green and blue."""
        ...
