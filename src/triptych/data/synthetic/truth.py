"""Exact correspondence between two views: flow and visibility of every pixel.

The point a pixel sees is carried along by its own body and projected into the other
camera. Whether it is seen there is asked of the world, not of a depth map: a ray is
cast through the very sub-pixel position where the point lands.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.data.synthetic.cast import Hits, Scattered, first_hits, in_image
from triptych.data.synthetic.view import NEAREST_M, View

SAME_SURFACE = 1e-6
"""Relative depth by which another surface must be nearer to cover a point; rounding is 1e-12."""

FARTHEST_PX = 1e5
"""Largest flow component, and both components of a point that moves behind the camera."""


def world_points(seen: View, hits: Hits, pixels: Float[Tensor, "2 rays"]) -> Float[Tensor, "3 rays"]:
    """The points met, in the world; where nothing is met, the direction of the ray."""
    directions = seen.directions(pixels)
    met = hits.body >= 0
    depth = torch.where(met, hits.depth, 1.0)
    return directions * depth + torch.where(met, seen.camera_to_world[:3, 3:], 0.0)


def flow_and_visibility(
    here: View,
    there: View,
    hits: Hits,
    pixels: Float[Tensor, "2 rays"],
    *,
    height: int,
    width: int,
) -> tuple[Float[Tensor, "2 rays"], Bool[Tensor, " rays"]]:
    """Displacement of what each pixel of one view sees, and whether the other view sees it too.

    The sky is infinitely far away: only the camera's rotation moves it.

    Args:
        here: the view whose pixels are followed.
        there: the other view; the same scene at another time.
        hits: what the pixels' rays meet.
        pixels: the pixels.
        height: of the images (px).
        width: of the images (px).

    Returns:
        Flow (px), always finite, and True where the point is in front of the other camera,
        in its frame, and not covered.
    """
    flow, landed, depth = _carried(here, there, hits, pixels)
    visible = (depth > NEAREST_M) & in_image(landed, height=height, width=width)
    asked = visible.nonzero().squeeze(1)
    first = first_hits(there, Scattered(landed[:, asked])).depth
    own = torch.where(hits.body >= 0, depth, torch.inf)[asked]
    visible[asked] = first >= own * (1 - SAME_SURFACE)
    return flow, visible


def flow_alone(here: View, there: View, hits: Hits, pixels: Float[Tensor, "2 rays"]) -> Float[Tensor, "2 rays"]:
    """The flow of `flow_and_visibility`, for which no ray is cast."""
    return _carried(here, there, hits, pixels)[0]


def _carried(
    here: View, there: View, hits: Hits, pixels: Float[Tensor, "2 rays"]
) -> tuple[Float[Tensor, "2 rays"], Float[Tensor, "2 rays"], Float[Tensor, " rays"]]:
    """Flow, place in the other view and depth there of what pixels see, each point carried by its body."""
    points = world_points(here, hits, pixels)
    met = hits.body >= 0
    body = hits.body.clamp_min(0)
    move = there.body_to_world @ torch.linalg.inv(here.body_to_world)
    rotation, shift = move[:, :3, :3].permute(1, 2, 0)[:, :, body], move[:, :3, 3].T[:, body]
    moved = (rotation * points).sum(1) + shift
    # A direction is a point one meter from the other camera: it projects alike.
    points = torch.where(met, moved, points + there.camera_to_world[:3, 3:])
    x, y, depth = there.projections(points)
    landed = torch.stack((x, y))
    in_front = depth > NEAREST_M
    flow = torch.where(in_front, landed - pixels, FARTHEST_PX).clamp(-FARTHEST_PX, FARTHEST_PX)
    return flow, landed, depth
