"""The ground of a street: road, gutters, pavements and grass along a curved line."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.cameras import RoadLine
from triptych.data.synthetic.surface import Surface
from triptych.data.synthetic.textures import Lattice, above, mix, pulses, within

SLAB_M = 0.62
"""Side of a pavement slab."""


@dataclass(frozen=True)
class RoadPoints:
    """Points of the ground in the road's own coordinates (m).

    Attributes:
        aside: distance to the right of the center line.
        along: position along the road (z of the nearest point of the center line).
        wide: extent of the pixel across the road.
        long: extent of the pixel along the road.
        gap: distance along the road to the middle of the nearest crossing.
        lattice: the world's random values.
    """

    aside: Float[Tensor, " samples"]
    along: Float[Tensor, " samples"]
    wide: Float[Tensor, " samples"]
    long: Float[Tensor, " samples"]
    gap: Float[Tensor, " samples"]
    lattice: Lattice

    def noise(
        self, shift: float, *, frequency: float | tuple[float, float], octaves: int, gain: float = 0.75
    ) -> Float[Tensor, " samples"]:
        """Fractal noise; the shift (m) makes it another one."""
        return self.lattice.fractal(
            self.aside + shift,
            self.along,
            (self.wide, self.long),
            frequency=frequency,
            octaves=octaves,
            gain=gain,
        )


@dataclass(frozen=True)
class Ground:
    """Road with markings and repairs, gutters, curbs, pavements of slabs, and grass.

    Attributes:
        line: the road's center line.
        lane_m: from the center line to the edge of the lanes.
        curb_m: to the curb, behind the parking lane.
        pavement_m: to the pavement's outer edge.
        block_m: distance between crossings; the first lies at half of it.
        crossing_m: half the width of a crossing road.
    """

    line: RoadLine
    lane_m: float
    curb_m: float
    pavement_m: float
    block_m: float
    crossing_m: float

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the ground."""
        road = self._road_points(surface)
        grain = road.noise(0.0, frequency=2.3, octaves=5)
        broad = road.noise(57.0, frequency=0.21, octaves=3)
        colors = _asphalt(road, grain, broad)
        distance, wide = road.aside.abs(), road.wide
        street = above(road.gap, self.crossing_m, road.long)  # 0 where the crossing road runs through
        colors = mix(colors, (0.82, 0.82, 0.80), self._markings(road) * street * (0.8 + 0.5 * grain))
        gutter = within(distance, self.curb_m - 0.30, self.curb_m, wide)
        colors = mix(colors, (0.26, 0.25, 0.24), 0.6 * gutter * street)
        colors = mix(colors, _slabs(road, grain, broad), above(distance, self.curb_m, wide) * street)
        stone = 0.62 + 0.2 * grain - 0.2 * pulses(road.along, 0.0, 0.04, road.long)
        curb = within(distance, self.curb_m, self.curb_m + 0.16, wide)
        colors = mix(colors, stone.expand(3, -1), curb * street)
        return mix(colors, _grass(road), above(distance, self.pavement_m, wide) * street)

    def _road_points(self, surface: Surface) -> RoadPoints:
        """The points in the road's coordinates, with the pixel's extent along them."""
        aside, along, slope = self.line.coordinates(surface.points[0], surface.points[2])
        cosine = torch.rsqrt(1 + slope * slope)
        wide, long = (
            sum(
                ((step[0] * right + step[2] * ahead).abs() for step in (surface.across, surface.down)),
                start=0 * slope,
            )
            for right, ahead in ((cosine, -cosine * slope), (cosine * slope, cosine))
        )
        phase = along / self.block_m - 0.5
        gap = (phase - phase.round()).abs() * self.block_m
        return RoadPoints(aside, along, wide, long, gap, surface.lattice)

    def _markings(self, road: RoadPoints) -> Float[Tensor, " samples"]:
        """Share of paint: a broken center line, edge lines, stop lines and zebras before crossings."""
        aside, along, wide, long = road.aside, road.along, road.wide, road.long
        center = within(aside, -0.07, 0.07, wide) * pulses(along / 9.0, 0.0, 0.45, long / 9.0)
        edges = within(aside.abs(), self.lane_m - 0.06, self.lane_m + 0.06, wide)
        edges = edges * pulses(along / 6.0, 0.0, 0.8, long / 6.0)
        stop = within(road.gap, self.crossing_m + 1.2, self.crossing_m + 1.6, long)
        stop = stop * within(aside, 0.2, self.lane_m, wide)
        zebra = within(road.gap, self.crossing_m + 2.4, self.crossing_m + 5.0, long)
        zebra = zebra * pulses(aside, 0.0, 0.5, wide) * (1 - above(aside.abs(), self.curb_m - 0.4, wide))
        return torch.maximum(torch.maximum(center, edges), torch.maximum(stop, zebra))


def _asphalt(
    road: RoadPoints, grain: Float[Tensor, " samples"], broad: Float[Tensor, " samples"]
) -> Float[Tensor, "3 samples"]:
    """Asphalt with streaks along the wheels' tracks, which last far out, and darker repairs."""
    streaks = road.noise(31.0, frequency=(1.7, 0.11), octaves=4)
    patch = road.noise(91.0, frequency=(0.33, 0.13), octaves=1)
    blur = 0.6 * torch.maximum(road.wide * 0.33, road.long * 0.13) + 0.02
    value = 0.40 + 0.20 * grain + 0.15 * streaks + 0.11 * broad - 0.09 * above(patch, 0.32, blur)
    return value * value.new_tensor((1.0, 0.99, 0.97))[:, None]


def _slabs(
    road: RoadPoints, grain: Float[Tensor, " samples"], broad: Float[Tensor, " samples"]
) -> Float[Tensor, "3 samples"]:
    """Pavement slabs, each of its own gray, with dark joints."""
    x, y, wide, long = (value / SLAB_M for value in (road.aside, road.along, road.wide, road.long))
    tone = (road.lattice.cells(x, y) - 0.5) * (1.4 - torch.maximum(wide, long)).clamp(0, 1)
    joints = torch.maximum(pulses(x, 0.0, 0.05, wide), pulses(y, 0.0, 0.05, long))
    value = 0.56 + 0.20 * tone + 0.14 * grain + 0.12 * broad - 0.22 * joints
    return value * value.new_tensor((1.03, 1.0, 0.95))[:, None]


def _grass(road: RoadPoints) -> Float[Tensor, "3 samples"]:
    """Grass: green, here and there dry."""
    blades = road.noise(11.0, frequency=0.9, octaves=6, gain=0.8)
    dry = road.noise(7.0, frequency=0.12, octaves=3, gain=0.6)
    green = blades.new_tensor((0.27, 0.38, 0.15))[:, None] * (1 + 1.1 * blades)
    return mix(green, (0.47, 0.43, 0.24), (0.35 + 1.3 * dry).clamp(0, 0.8))
