"""A world to film: bodies, a camera path and light."""

from __future__ import annotations

from dataclasses import dataclass

from triptych.data.synthetic.cameras import CameraPath
from triptych.data.synthetic.scene import Scene
from triptych.data.synthetic.shade import Light


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
