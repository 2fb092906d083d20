"""A world to film: bodies, a camera path and light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triptych.data.synthetic.cameras import CameraPath
from triptych.data.synthetic.scene import Body, Scene, packed
from triptych.data.synthetic.shade import Light
from triptych.data.synthetic.sunlight import shadow_casters


@dataclass(frozen=True)
class World:
    """Everything that a clip is rendered from.

    Attributes:
        scene: the bodies.
        path: the camera's way through it.
        light: daylight or lamps.
        casters: what casts shadows; None for nothing.
    """

    scene: Scene
    path: CameraPath
    light: Light
    casters: Scene | None = None


def lit_world(
    bodies: Sequence[Body], path: CameraPath, light: Light, *, seconds: float, casting: Sequence[Body] | None = None
) -> World:
    """The world of these bodies, which cast shadows where the light has any.

    Args:
        bodies: all there is.
        path: the camera's way.
        light: daylight or lamps.
        seconds: how long it is filmed.
        casting: those that may cast a shadow; None for all.
    """
    casters = shadow_casters(bodies if casting is None else casting, path, seconds) if light.shadow else None
    return World(packed(bodies), path, light, casters)
