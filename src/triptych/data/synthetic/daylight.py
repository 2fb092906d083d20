"""Light drawn at random: sun or overcast sky outdoors, lamps indoors."""

from __future__ import annotations

import math
import random

from triptych.data.synthetic.shade import Light
from triptych.data.synthetic.solids import Vector
from triptych.data.synthetic.textures import Lattice

SKIES: tuple[tuple[Vector, Vector], ...] = (
    ((0.38, 0.55, 0.82), (0.80, 0.84, 0.88)),
    ((0.25, 0.45, 0.80), (0.70, 0.80, 0.90)),
    ((0.55, 0.60, 0.66), (0.78, 0.79, 0.80)),
    ((0.45, 0.48, 0.62), (0.92, 0.76, 0.60)),
    ((0.50, 0.62, 0.74), (0.88, 0.87, 0.82)),
)
"""Colors high up and near the horizon: fair, deep, overcast, evening, milky."""


def daylight(dice: random.Random, seed: int) -> Light:
    """Sun and sky; two days in three have shadows."""
    sky, horizon = dice.choice(SKIES)
    sunny = dice.random() < 0.67
    return Light(
        direction=_toward(dice.uniform(0, 2 * math.pi), dice.uniform(0.40, 0.9)),
        ambient=dice.uniform(0.42, 0.6) if sunny else dice.uniform(0.6, 0.75),
        haze_m=math.exp(dice.uniform(math.log(120), math.log(900))),
        sky=sky,
        horizon=horizon,
        lattice=Lattice(seed),
        shadow=dice.uniform(0.6, 0.95) if sunny else 0.0,
        gloss=1.0,
    )


def lamplight(dice: random.Random, seed: int) -> Light:
    """Lamps above, mostly from everywhere; half of the rooms have shadows."""
    shadow = dice.uniform(0.3, 0.8) if dice.random() < 0.5 else 0.0
    return Light(
        direction=_toward(dice.uniform(0, 2 * math.pi), dice.uniform(0.7, 0.95)),
        ambient=dice.uniform(0.5, 0.7),
        haze_m=math.inf,
        sky=(0.75, 0.75, 0.72),
        horizon=(0.6, 0.6, 0.6),
        lattice=Lattice(seed),
        shadow=shadow,
        gloss=0.6,
    )


def _toward(azimuth: float, height: float) -> Vector:
    """Unit vector toward a light at this azimuth (rad) and sine of its elevation."""
    level = math.sqrt(1 - height * height)
    return level * math.cos(azimuth), -height, level * math.sin(azimuth)
