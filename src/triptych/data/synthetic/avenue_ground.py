"""The ground of an avenue: lanes of setts with rails, a planted strip, and promenades of large slabs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.cameras import RoadLine
from triptych.data.synthetic.surface import Surface
from triptych.data.synthetic.textures import above, mix, pulses, within


@dataclass(frozen=True)
class AvenueGround:
    """Setts in arcs, the rails of two tracks, earth and plants in the middle, slabs at the sides.

    Attributes:
        line: the avenue's middle.
        median_m: half the width of the planted strip.
        curb_m: from the middle to the curb.
        front_m: to the houses.
    """

    line: RoadLine
    median_m: float
    curb_m: float
    front_m: float

    def __call__(self, surface: Surface) -> Float[Tensor, "3 samples"]:
        """Colors of the ground."""
        aside, along, _ = self.line.coordinates(surface.points[0], surface.points[2])
        wide, long = surface.extent(0), surface.extent(2)
        lattice, both, distance = surface.lattice, (wide, long), aside.abs()
        fine = lattice.fractal(aside, along, both, frequency=1.1, octaves=6, gain=0.85)
        worn = lattice.fractal(aside + 91, along, both, frequency=(1.3, 0.06), octaves=5, gain=0.8)
        broad = lattice.fractal(aside + 57, along, both, frequency=0.15, octaves=4, gain=0.75)
        shade = 1 + 0.9 * fine + 0.5 * worn + 0.4 * broad
        arc = along / 0.28 + 0.8 * torch.cos(aside * 2.2)
        column = aside / 0.24
        fade = (1.4 - torch.maximum(wide / 0.24, long / 0.28)).clamp(0, 1)
        tone = (lattice.cells(column, arc) - 0.5) * fade
        joints = torch.maximum(pulses(arc, 0.0, 0.16, long / 0.28), pulses(column, 0.0, 0.14, wide / 0.24))
        colors = surface.color * shade * (1 + 0.5 * tone) * (1 - 0.45 * joints)
        track = (distance - 3.4).abs()
        rail = within(track, 0.68, 0.76, wide)
        colors = mix(colors, (0.66, 0.66, 0.68), rail)
        slot = within(track, 0.5, 0.95, wide) * (1 - rail)
        colors = mix(colors, colors * 0.65, slot)
        dash = within(distance, 5.0, 5.16, wide) * pulses(along / 4.0, 0.0, 0.5, long / 4.0)
        colors = mix(colors, (0.86, 0.85, 0.80), dash * (0.8 + 0.4 * fine))
        plants = fine.new_tensor((0.30, 0.36, 0.18))[:, None] * (1 + 1.3 * fine + 0.6 * broad).clamp_min(0.2)
        flowers = (lattice.cells(aside / 0.22, along / 0.22) > 0.8).float() * fade
        plants = mix(plants, (0.75, 0.40, 0.45), 0.7 * flowers)
        colors = mix(colors, plants, 1 - above(distance, self.median_m, wide))
        x, y = aside / 1.2, along / 0.9
        slab_fade = (1.4 - torch.maximum(wide / 1.2, long / 0.9)).clamp(0, 1)
        diamond = torch.maximum(
            pulses(x + y, 0.0, 0.06, wide / 1.2 + long), pulses(x - y, 0.0, 0.06, wide / 1.2 + long)
        )
        slab_tone = (lattice.cells(x + y, x - y) - 0.5) * slab_fade
        slabs = fine.new_tensor((0.62, 0.58, 0.53))[:, None] * shade * (1 + 0.45 * slab_tone) * (1 - 0.35 * diamond)
        colors = mix(colors, slabs, above(distance, self.curb_m, wide))
        edge = within(distance, self.curb_m, self.curb_m + 0.25, wide)
        edge = torch.maximum(edge, within(distance, self.median_m - 0.2, self.median_m, wide))
        return mix(colors, (0.74, 0.73, 0.70), edge * (0.8 + 0.5 * fine))
