"""The older families, street and room, in any light and filmed in any way."""

from __future__ import annotations

import functools
import random
from dataclasses import replace

from triptych.data.synthetic.daylight import daylight, lamplight
from triptych.data.synthetic.filming import Filming
from triptych.data.synthetic.room import room
from triptych.data.synthetic.shade import Light
from triptych.data.synthetic.street import street
from triptych.data.synthetic.sunlight import shadow_casters
from triptych.data.synthetic.world import World


def filmed_street(
    seed: int, *, seconds: float, moving_objects: int | None = None, filming: Filming | None = None
) -> World:
    """A street; its traffic goes around the changed drive."""
    dice = random.Random(f"filmed/{seed}")
    redirect = functools.partial((filming or Filming()).drive, dice)
    world = street(seed, seconds=seconds, moving_objects=moving_objects, redirect=redirect)
    return _relit(world, daylight(dice, seed), seconds)


def filmed_room(
    seed: int, *, seconds: float, moving_objects: int | None = None, filming: Filming | None = None
) -> World:
    """A room, filmed by hand whatever is asked."""
    del filming
    world = room(seed, seconds=seconds, moving_objects=moving_objects)
    return _relit(world, lamplight(random.Random(f"filmed/{seed}"), seed), seconds)


def _relit(world: World, light: Light, seconds: float) -> World:
    """The world in another light."""
    return replace(
        world, light=light, casters=shadow_casters(world.scene.bodies, world.path, seconds) if light.shadow else None
    )
