"""Clips with exact truth, rendered from a world."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Shaped, UInt8
from torch import Tensor

from triptych.data.synthetic.appearance import Appearance, photographed
from triptych.data.synthetic.cast import Grid, Hits, first_hits
from triptych.data.synthetic.families import builder_of
from triptych.data.synthetic.room import room
from triptych.data.synthetic.shade import Light, rendered
from triptych.data.synthetic.street import street
from triptych.data.synthetic.sunlight import sun_view
from triptych.data.synthetic.truth import flow_alone, flow_and_visibility
from triptych.data.synthetic.view import View, view
from triptych.data.synthetic.world import World
from triptych.geometry.camera import intrinsics_from_field_of_view
from triptych.types import SyntheticClip

KITTI_FIELD_OF_VIEW_DEG = 81.5
"""Horizontal: the focal length is 0.58 of the width."""

MOVES = 1e-9
"""Change of a pose (m, or of the rotation's entries) above which a body moves by itself."""


def synthetic_clip(
    family: str,
    *,
    seed: int,
    frames: int,
    height: int,
    width: int,
    horizontal_fov_deg: float | int = KITTI_FIELD_OF_VIEW_DEG,
    frame_rate: float | int = 10.0,
    moving_objects: int | None = None,
    start_time: float | int = 0.0,
    exposure_change: float = 0.0,
    noise: float = 0.004,
) -> SyntheticClip:
    """A rendered clip of a procedural world with its exact truth.

    Args:
        family: which kind of world: a name of `families.FAMILIES`; street and room are here without
            the shadows and mirrors that random worlds have.
        seed: of everything random; the same seed gives the same bytes.
        frames: how many.
        height: of the images (px).
        width: of the images (px).
        horizontal_fov_deg: angle between the image's left and right edge.
        frame_rate: frames per second.
        moving_objects: at most how many things move by themselves; None for a natural number.
        start_time: time of the first frame (s).
        exposure_change: amplitude of a slow change of brightness, as a share.
        noise: deviation of each pixel's noise, in units of full brightness.

    Returns:
        The clip; world axes are those of the first camera.

    Raises:
        ValueError: for an unknown family, fewer than 2 frames or an empty image.
    """
    if frames < 2 or height < 2 or width < 2:
        raise ValueError(f"a clip needs 2 frames of 2x2 pixels at least, not {frames} of {height}x{width}")
    build = {"street": street, "room": room}.get(family) or builder_of(family)
    world = build(seed, seconds=start_time + frames / frame_rate, moving_objects=moving_objects)
    intrinsics = intrinsics_from_field_of_view(width, height, horizontal_deg=horizontal_fov_deg).double()
    times = [start_time + index / frame_rate for index in range(frames)]
    views = [view(world.scene, world.path.camera_to_world(time), intrinsics, time) for time in times]
    film = Film(height, width, seed=seed, exposure_change=exposure_change, noise=noise)
    suns = suns_of(world, times)
    return film.clip(views, world.light, frame_rate=float(frame_rate), name=f"{family}-{seed}", suns=suns)


def suns_of(world: World, times: Sequence[float]) -> list[View | None]:
    """What casts shadows, seen from the world's sun at each time (s); None for no shadows."""
    if world.casters is None:
        return [None] * len(times)
    return [sun_view(world.casters, world.light.direction, time) for time in times]


@dataclass(frozen=True)
class Film:
    """How views become frames.

    Attributes:
        height: of the images (px).
        width: of the images (px).
        seed: of the noise.
        exposure_change: amplitude of a slow change of brightness, as a share.
        noise: deviation of each pixel's noise, in units of full brightness.
        appearance: what lens, sensor and weather do instead of the two before; None for nothing.
    """

    height: int
    width: int
    seed: int
    exposure_change: float = 0.0
    noise: float = 0.0
    appearance: Appearance | None = None

    def images(
        self, views: Sequence[View], hits: Sequence[Hits], light: Light, suns: Sequence[View | None]
    ) -> UInt8[Tensor, "frames 3 height width"]:
        """The frames.

        Args:
            views: what the camera sees.
            hits: what its rays meet, in each view.
            light: how it is lit.
            suns: what casts shadows, seen from the sun; None for no shadows.
        """
        colors = [
            rendered(seen, light, met, height=self.height, width=self.width, sun=sun)
            for seen, met, sun in zip(views, hits, suns, strict=True)
        ]
        if self.appearance is None:
            return torch.stack([self._exposed(image, index) for index, image in enumerate(colors)])
        pixels, motion = Grid(self.height, self.width).pixels, []
        for index, (seen, met) in enumerate(zip(views, hits, strict=True)):
            sign, other = (1, index + 1) if index + 1 < len(views) else (-1, index - 1)
            motion.append(self._map(sign * flow_alone(seen, views[other], met, pixels).float()))
        return photographed(torch.stack(colors), torch.stack(motion), self.appearance, seed=self.seed)

    def clip(
        self,
        views: Sequence[View],
        light: Light,
        *,
        frame_rate: float,
        name: str,
        suns: Sequence[View | None] | None = None,
    ) -> SyntheticClip:
        """The clip of these views, with the truth of each frame and of each pair of neighbors."""
        grid = Grid(self.height, self.width)
        hits = [first_hits(seen, grid) for seen in views]
        images = self.images(views, hits, light, suns or [None] * len(views))
        forward = [self._pair(*pair) for pair in zip(views, views[1:], hits, strict=False)]
        backward = [self._pair(*pair) for pair in zip(views[1:], views, hits[1:], strict=False)]
        neighbors = [*views[1:], views[-2]]
        moving = [_moving(seen, other, met) for seen, other, met in zip(views, neighbors, hits, strict=True)]
        first = torch.linalg.inv(views[0].camera_to_world)
        return SyntheticClip(
            images=images,
            depth_m=torch.stack([self._map(met.depth.float()[None]) for met in hits]),
            camera_to_world=torch.stack([first @ seen.camera_to_world for seen in views]).float(),
            intrinsics=views[0].intrinsics.float(),
            flow_forward=torch.stack([flow for flow, _ in forward]),
            flow_backward=torch.stack([flow for flow, _ in backward]),
            visible_forward=torch.stack([visible for _, visible in forward]),
            visible_backward=torch.stack([visible for _, visible in backward]),
            moving=torch.stack([self._map(own[None]) for own in moving]),
            role=torch.stack(
                [self._map(_role(seen, met, own)[None]) for seen, met, own in zip(views, hits, moving, strict=True)]
            ),
            frame_rate=frame_rate,
            name=name,
        )

    def _exposed(self, image: Float[Tensor, "3 height width"], index: int) -> UInt8[Tensor, "3 height width"]:
        """The frame: exposed, with noise, in bytes."""
        if self.exposure_change:
            image = image * (1 + self.exposure_change * math.sin(0.21 * index))
        if self.noise:
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + index) % 2**63)
            image = image + self.noise * torch.randn(image.shape, generator=generator)
        return (image.clamp(0, 1) * 255).round().to(torch.uint8)

    def _pair(
        self, here: View, there: View, hits: Hits
    ) -> tuple[Float[Tensor, "2 height width"], Bool[Tensor, "1 height width"]]:
        """Flow from one view to the other, and where it is seen there."""
        pixels = Grid(self.height, self.width).pixels
        flow, visible = flow_and_visibility(here, there, hits, pixels, height=self.height, width=self.width)
        return self._map(flow.float()), self._map(visible[None])

    def _map(self, values: Shaped[Tensor, "channels pixels"]) -> Shaped[Tensor, "channels height width"]:
        """Values of pixels, row by row, as a map."""
        return values.reshape(-1, self.height, self.width)


def _moving(seen: View, other: View, hits: Hits) -> Bool[Tensor, " rays"]:
    """Where a ray meets a body whose pose differs between two times."""
    change = (seen.body_to_world - other.body_to_world).abs().amax((1, 2))
    return (change > MOVES)[hits.body.clamp_min(0)] & (hits.body >= 0)


def _role(seen: View, hits: Hits, moving: Bool[Tensor, " rays"]) -> UInt8[Tensor, " rays"]:
    """The role of the body that each ray meets, 0 (`Role.STATIC`) where it does not move."""
    roles = torch.tensor([body.role for body in seen.scene.bodies], dtype=torch.uint8)
    return roles[hits.body.clamp_min(0)] * moving.to(torch.uint8)
