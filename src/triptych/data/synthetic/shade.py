"""Colors of what the rays met: material, daylight, haze and sky.

The sun's direction and strength are constant, surfaces are Lambertian and nothing is
mirrored, so a point keeps its brightness while it and the camera move.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from triptych.data.synthetic.cast import QUADRIC_FACE, Grid, Hits, Scattered, View, faces, first_hits
from triptych.data.synthetic.surface import Surface
from triptych.data.synthetic.textures import Lattice, mix

GRAZING = 0.02
"""Smallest cosine between ray and normal for which the pixel's extent is followed."""


@dataclass(frozen=True)
class Light:
    """Daylight, or a lamp far away, with haze.

    Attributes:
        direction: unit vector toward the sun, in world axes (y down).
        ambient: share of light that comes from everywhere.
        haze_m: distance at which two thirds of the contrast are gone; inf for clear air.
        sky: color of the sky high up.
        horizon: color of the sky near the horizon, and of the haze.
        lattice: random values of the clouds and of all textures.
    """

    direction: tuple[float, float, float]
    ambient: float
    haze_m: float
    sky: tuple[float, float, float]
    horizon: tuple[float, float, float]
    lattice: Lattice


def rendered(seen: View, light: Light, centers: Hits, *, height: int, width: int) -> Float[Tensor, "3 h w"]:
    """The image: one color for a pixel that lies on one face, the mean of four where faces meet.

    Patterns filter themselves to the pixel, so that only outlines need more samples.

    Args:
        seen: scene and camera.
        light: how it is lit.
        centers: what the rays through the pixel centers meet.
        height: of the image (px).
        width: of the image (px).

    Returns:
        RGB, about [0, 1], not clamped.
    """
    pixels = Grid(height, width).pixels
    image = pixels.new_empty((3, height * width), dtype=torch.float32)
    outline = _outlines(_face_map(seen, centers, pixels), height=height, width=width)
    whole = (~outline).nonzero().squeeze(1)
    image[:, whole] = _colors(seen, light, centers.chosen(whole), pixels[:, whole])
    edge = outline.nonzero().squeeze(1)
    if len(edge):
        quarters = pixels.new_tensor(((-0.25, 0.25, -0.25, 0.25), (-0.25, -0.25, 0.25, 0.25)))
        four = (pixels[:, None, edge] + quarters[..., None]).flatten(1)
        colors = _colors(seen, light, first_hits(seen, Scattered(four)), four)
        image[:, edge] = colors.unflatten(1, (4, -1)).mean(1)
    return image.unflatten(1, (height, width))


def _face_map(seen: View, hits: Hits, pixels: Float[Tensor, "2 rays"]) -> Int[Tensor, " rays"]:
    """A number for each face of each solid; -1 where nothing is met."""
    start, ray, _ = _body_rays(seen, hits, seen.directions(pixels))
    face = faces(seen.scene.planes[hits.solid], start, ray, hits.depth)
    return torch.where(hits.solid >= 0, hits.solid * (QUADRIC_FACE + 1) + face, -1)


def _outlines(face: Int[Tensor, " pixels"], *, height: int, width: int) -> Bool[Tensor, " pixels"]:
    """Pixels that lie on another face than one of their eight neighbors."""
    around = torch.nn.functional.pad(face.view(1, 1, height, width).double(), (1, 1, 1, 1), mode="replicate")
    high = torch.nn.functional.max_pool2d(around, 3, stride=1)
    low = -torch.nn.functional.max_pool2d(-around, 3, stride=1)
    return (high != low).flatten()


def _colors(seen: View, light: Light, hits: Hits, pixels: Float[Tensor, "2 rays"]) -> Float[Tensor, "3 rays"]:
    """Color of each ray."""
    directions = seen.directions(pixels)
    colors = _sky(light, directions, seen)
    met = (hits.solid >= 0).nonzero().squeeze(1)
    kinds = seen.scene.material[hits.solid[met]]
    for kind in kinds.unique().tolist():
        index = met[kinds == kind]
        some = hits.chosen(index)
        surface, normal = _surface(seen, light.lattice, some, directions[:, index])
        lit = seen.scene.materials[kind](surface) * _daylight(light, normal)
        distance = some.depth * directions[:, index].norm(dim=0)
        haze = 1 - torch.exp(distance.float() / -light.haze_m)
        colors[:, index] = mix(lit, light.horizon, haze)
    return colors


def _daylight(light: Light, normal: Float[Tensor, "3 rays"]) -> Float[Tensor, " rays"]:
    """Share of light that a surface of this normal (world axes) receives."""
    x, y, z = light.direction
    sun = (normal[0] * x + normal[1] * y + normal[2] * z).clamp_min(0)
    dome = 0.85 - 0.15 * normal[1]  # surfaces that look down see no sky
    return light.ambient * dome + (1 - light.ambient) * sun


def _surface(
    seen: View, lattice: Lattice, hits: Hits, directions: Float[Tensor, "3 rays"]
) -> tuple[Surface, Float[Tensor, "3 rays"]]:
    """The points met, and their normals in world axes."""
    scene, solid = seen.scene, hits.solid
    start, ray, rotation = _body_rays(seen, hits, directions)
    points = start + ray * hits.depth
    local = points - scene.centers.T[:, solid]
    inverse_radii = scene.inverse_radii.T[:, solid]
    face = faces(scene.planes[solid], start, ray, hits.depth)
    curved = face == QUADRIC_FACE
    flat_normal = scene.planes[solid, face.clamp_max(QUADRIC_FACE - 1), :3].T
    normal = torch.where(curved, torch.nn.functional.normalize(local * inverse_radii**2, dim=0), flat_normal)
    facing = (normal * ray).sum(0)
    normal = torch.where(facing > 0, -normal, normal)  # the walls of a room, seen from inside
    facing = torch.minimum(-facing.abs(), -GRAZING * ray.norm(dim=0))
    across, down = (
        _displacement(rotation, seen.world_from_pixel[:, axis], ray, normal, facing, hits.depth)
        for axis in (0, 1)
    )
    tangent = _tangent(normal)
    side = torch.linalg.cross(normal, tangent, dim=0)
    radius = 1 / inverse_radii[0].clamp_min(1e-9)
    around = torch.atan2(local[0], local[2]) * radius
    look = scene.look.T[:, solid]
    u = torch.where(curved, around, (tangent * points).sum(0)) + look[6]
    v = torch.where(curved, points[1], (side * points).sum(0)) + look[7]
    footprint = tuple((axis * across).sum(0).abs() + (axis * down).sum(0).abs() for axis in (tangent, side))
    colors = look[:6].float()
    surface = Surface(
        points, local, normal.float(), across, down, u, v, (footprint[0].float(), footprint[1].float()),
        colors[:3], colors[3:], look[6:], lattice,
    )  # fmt: skip
    return surface, (rotation * normal[None]).sum(1).float()


def _body_rays(
    seen: View, hits: Hits, directions: Float[Tensor, "3 rays"]
) -> tuple[Float[Tensor, "3 rays"], Float[Tensor, "3 rays"], Float[Tensor, "3 3 rays"]]:
    """Each ray's start and direction in the axes of the body it meets, and that body's rotation."""
    poses = seen.body_to_world
    rotation = poses[:, :3, :3].permute(1, 2, 0)[:, :, hits.body]
    shift = seen.camera_to_world[:3, 3] - poses[:, :3, 3]
    start = (poses[:, :3, :3].mT @ shift[..., None]).squeeze(2).T[:, hits.body]
    return start, (rotation * directions[:, None]).sum(0), rotation


def _displacement(
    rotation: Float[Tensor, "3 3 rays"],
    step: Float[Tensor, "3"],
    ray: Float[Tensor, "3 rays"],
    normal: Float[Tensor, "3 rays"],
    facing: Float[Tensor, " rays"],
    depth: Float[Tensor, " rays"],
) -> Float[Tensor, "3 rays"]:
    """How the point met moves (body axes) when the ray's direction takes a step (world axes).

    It stays on the tangent plane: d(t ray) = t (step - ray (n . step) / (n . ray)).
    """
    turned = (rotation * step[:, None, None]).sum(0)
    return depth * (turned - ray * ((normal * turned).sum(0) / facing))


def _tangent(normal: Float[Tensor, "3 rays"]) -> Float[Tensor, "3 rays"]:
    """The horizontal direction along a surface; x where the surface is level."""
    length = torch.hypot(normal[0], normal[2])
    level = length < 0.05
    length = length.clamp_min(0.05)
    x = torch.where(level, 1.0, normal[2] / length)
    z = torch.where(level, 0.0, -normal[0] / length)
    return torch.stack((x, torch.zeros_like(x), z))


def _sky(light: Light, directions: Float[Tensor, "3 rays"], seen: View) -> Float[Tensor, "3 rays"]:
    """A gradient from the horizon up, with soft clouds at infinity."""
    unit = torch.nn.functional.normalize(directions, dim=0)
    up = (-unit[1]).clamp_min(0)
    colors = torch.tensor(light.horizon)[:, None].expand(-1, unit.shape[1])
    colors = mix(colors, light.sky, (up * 2.2).clamp(0, 1))
    ceiling = 1 / (up + 0.18)
    u, v = unit[0] * ceiling, unit[2] * ceiling
    extent = (ceiling * ceiling).float() / float(seen.intrinsics[0, 0])
    cloud = light.lattice.fractal(u, v, (extent, extent), frequency=1.3, octaves=5, gain=0.55)
    return mix(colors, (0.97, 0.97, 0.98), (cloud * 2.2 + 0.25).clamp(0, 0.9) * (up * 8).clamp(0, 1))
