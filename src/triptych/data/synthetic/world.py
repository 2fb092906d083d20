"""A world to film: bodies, a camera path and light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from triptych.data.synthetic.scene import Scene
from triptych.data.synthetic.shade import Light


@runtime_checkable
class CameraPath(Protocol):
    """Where the camera is at each time."""

    def camera_to_world(self, time: float) -> Float[Tensor, "4 4"]:
        """Pose of the camera at a time (s)."""
        ...


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
