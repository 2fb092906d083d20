"""Colors of what the rays met: material, daylight, haze and sky.

Unless the light is given shadows or gloss, the sun's direction and strength are constant,
surfaces are Lambertian and nothing is mirrored, so a point keeps its brightness while it
and the camera move.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from triptych.data.synthetic.cast import QUADRIC_FACE, Grid, Hits, Scattered, first_hits, joined
from triptych.data.synthetic.sunlight import highlight, mirrored, sunlit
from triptych.data.synthetic.surface import Surface
from triptych.data.synthetic.textures import Lattice, mix
from triptych.data.synthetic.view import View

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
        shadow: share of the sun's light that a cast shadow takes; 0 for no shadows.
        gloss: factor of the solids' gloss; 0 for highlights and mirrored sky nowhere.
    """

    direction: tuple[float, float, float]
    ambient: float
    haze_m: float
    sky: tuple[float, float, float]
    horizon: tuple[float, float, float]
    lattice: Lattice
    shadow: float = 0.0
    gloss: float = 0.0


def rendered(
    seen: View, light: Light, centers: Hits, *, height: int, width: int, sun: View | None = None
) -> Float[Tensor, "3 h w"]:
    """The image: one color for a pixel that lies on one face, the mean of four where faces meet.

    Patterns filter themselves to the pixel, so that only outlines need more samples.

    Args:
        seen: scene and camera.
        light: how it is lit.
        centers: what the rays through the pixel centers meet.
        height: of the image (px).
        width: of the image (px).
        sun: what casts shadows, seen from the sun; None for no shadows.

    Returns:
        RGB, about [0, 1], not clamped.
    """
    pixels = Grid(height, width).pixels
    shine = _sunlit(seen, sun, centers, pixels)
    outline = _outlines(centers, shine, height=height, width=width)
    whole, edge = (~outline).nonzero().squeeze(1), outline.nonzero().squeeze(1)
    quarters = pixels.new_tensor(((-0.25, 0.25, -0.25, 0.25), (-0.25, -0.25, 0.25, 0.25)))
    four = (pixels[:, None, edge] + quarters[..., None]).flatten(1)
    quarter_hits = first_hits(seen, Scattered(four))
    hits = joined(centers.chosen(whole), quarter_hits)
    shine = torch.cat((shine[whole], _sunlit(seen, sun, quarter_hits, four))) if len(shine) else shine
    colors = _colors(seen, light, hits, torch.cat((pixels[:, whole], four), 1), shine)
    image = colors.new_empty((3, height * width))
    image[:, whole] = colors[:, : len(whole)]
    image[:, edge] = colors[:, len(whole) :].reshape(3, 4, -1).mean(1)
    return image.view(3, height, width)


def _sunlit(seen: View, sun: View | None, hits: Hits, pixels: Float[Tensor, "2 rays"]) -> Float[Tensor, " some"]:
    """1 where the sun reaches what a ray meets, 0 in a cast shadow; empty where there are no shadows."""
    if sun is None:
        return torch.empty(0)
    shine = torch.ones(len(hits.depth))
    met = (hits.solid >= 0).nonzero().squeeze(1)
    points = seen.directions(pixels[:, met]) * hits.depth[met] + seen.camera_to_world[:3, 3:]
    shine[met] = sunlit(sun, points)
    return shine


def _outlines(hits: Hits, shine: Float[Tensor, " some"], *, height: int, width: int) -> Bool[Tensor, " pixels"]:
    """Pixels that lie on another face than one of their eight neighbors, or at a shadow's edge."""
    code = hits.solid * (QUADRIC_FACE + 1) + hits.face
    if len(shine):
        code = 2 * code + shine.long()
    face = code.view(1, height, width).float()  # exact below 2^24
    around = torch.nn.functional.pad(torch.cat((face, -face)), (1, 1, 1, 1), mode="replicate")
    high, low = torch.nn.functional.max_pool2d(around, 3, stride=1)
    differs: Tensor = high != -low
    return differs.flatten()


def _colors(
    seen: View, light: Light, hits: Hits, pixels: Float[Tensor, "2 rays"], shine: Float[Tensor, " some"]
) -> Float[Tensor, "3 rays"]:
    """Color of each ray."""
    directions = seen.directions(pixels)
    colors = directions.new_empty(directions.shape, dtype=torch.float32)
    above = (hits.solid < 0).nonzero().squeeze(1)
    colors[:, above] = _sky(light, directions[:, above], seen)
    met = (hits.solid >= 0).nonzero().squeeze(1)
    kinds = seen.scene.material[hits.solid[met]]
    index = met[kinds.argsort(stable=True)]
    some, directions = hits.chosen(index), directions[:, index]
    surface, normal = _surface(seen, light.lattice, some, directions)
    sun = 1 - light.shadow * (1 - shine[index]) if len(shine) else None
    lit = _materials(seen, surface, kinds) * _daylight(light, normal, sun)
    if light.gloss:
        lit = _glossy(lit, seen, light, some, normal=normal, directions=directions, shine=sun)
    haze = 1 - torch.exp(some.depth.float() / -light.haze_m)
    colors[:, index] = mix(lit, light.horizon, haze)
    return colors


def _materials(seen: View, surface: Surface, kinds: Int[Tensor, " rays"]) -> Float[Tensor, "3 rays"]:
    """Colors of a surface's points, which lie in the order of their materials' numbers."""
    colors = torch.empty_like(surface.color)
    start = 0
    for material, count in zip(
        seen.scene.materials, kinds.bincount(minlength=len(seen.scene.materials)).tolist(), strict=True
    ):
        if count:
            colors[:, start : start + count] = material(surface.part(start, start + count))
        start += count
    return colors


def _daylight(
    light: Light, normal: Float[Tensor, "3 rays"], shine: Float[Tensor, " rays"] | None
) -> Float[Tensor, " rays"]:
    """Share of light that a surface of this normal (world axes) receives, given the sun's share there."""
    x, y, z = light.direction
    sun = (normal[0] * x + normal[1] * y + normal[2] * z).clamp_min(0)
    if shine is not None:
        sun = sun * shine
    dome = 0.85 - 0.15 * normal[1]  # surfaces that look down see no sky
    return light.ambient * dome + (1 - light.ambient) * sun


def _glossy(
    lit: Float[Tensor, "3 rays"],
    seen: View,
    light: Light,
    hits: Hits,
    *,
    normal: Float[Tensor, "3 rays"],
    directions: Float[Tensor, "3 rays"],
    shine: Float[Tensor, " rays"] | None,
) -> Float[Tensor, "3 rays"]:
    """The colors with highlight and mirrored sky where the solid has gloss; below the horizon it mirrors dusk."""
    gloss = light.gloss * seen.scene.gloss[hits.solid]
    some = gloss.nonzero().squeeze(1)
    if not len(some):
        return lit
    toward_eye = -(directions[:, some] / _length(directions[:, some])).float()
    normal, gloss = normal[:, some], gloss[some]
    mirror, share = mirrored(normal, toward_eye)
    sky = _sky(light, mirror.double(), seen) * (0.35 + 0.65 * (mirror[1] < 0))
    glint = highlight(normal, toward_eye, light.direction) * (1 - light.ambient)
    if shine is not None:
        glint = glint * shine[some]
    lit = lit.clone()
    lit[:, some] = mix(lit[:, some], sky, gloss * share) + gloss * glint
    return lit


def _surface(
    seen: View, lattice: Lattice, hits: Hits, directions: Float[Tensor, "3 rays"]
) -> tuple[Surface, Float[Tensor, "3 rays"]]:
    """The points met, and their normals in world axes; what was found in float64 is colored in float32."""
    scene, solid = seen.scene, hits.solid
    start, ray, rotation = _body_rays(seen, hits, directions)
    depth, ray, rotation = hits.depth.float(), ray.float(), rotation.float()
    points = start.float() + ray * depth
    local = points - scene.centers.float().T[:, solid]
    inverse_radii = scene.inverse_radii.float().T[:, solid]
    curved = hits.face == QUADRIC_FACE
    flat_normal = scene.planes[:, :, :3].float()[solid, hits.face.clamp_max(QUADRIC_FACE - 1)].T
    round_normal = local * inverse_radii.square()
    round_normal = round_normal / _length(round_normal).clamp_min(1e-9)
    normal = torch.where(curved, round_normal, flat_normal)
    facing = (normal * ray).sum(0)
    normal = torch.where(facing > 0, -normal, normal)  # the walls of a room, seen from inside
    facing = torch.minimum(-facing.abs(), -GRAZING * _length(ray))
    steps = (rotation * seen.world_from_pixel.T[:2, :, None, None].float()).sum(1)
    across, down = (depth * _slide(step, ray, normal, facing) for step in steps)
    tangent = _tangent(normal)
    side = torch.linalg.cross(normal, tangent, dim=0)
    around = torch.atan2(local[0], local[2]) / inverse_radii[0].clamp_min(1e-9)
    look = scene.look.float().T[:, solid]
    u = torch.where(curved, around, (tangent * points).sum(0)) + look[6]
    v = torch.where(curved, points[1], (side * points).sum(0)) + look[7]
    wide, tall = ((axis * across).sum(0).abs() + (axis * down).sum(0).abs() for axis in (tangent, side))
    surface = Surface(points, local, normal, across, down, u, v, (wide, tall), look[:3], look[3:6], look[6:], lattice)
    return surface, (rotation * normal[None]).sum(1)


def _length(vectors: Float[Tensor, "3 rays"]) -> Float[Tensor, " rays"]:
    """Length of each vector; several times faster than the norm along a short first axis."""
    return vectors.square().sum(0).sqrt()


def _body_rays(
    seen: View, hits: Hits, directions: Float[Tensor, "3 rays"]
) -> tuple[Float[Tensor, "3 rays"], Float[Tensor, "3 rays"], Float[Tensor, "3 3 rays"]]:
    """Each ray's start and direction in the axes of the body it meets, and that body's rotation."""
    poses = seen.body_to_world
    rotation = poses[:, :3, :3].permute(1, 2, 0)[:, :, hits.body]
    shift = seen.camera_to_world[:3, 3] - poses[:, :3, 3]
    start = (poses[:, :3, :3].mT @ shift[..., None]).squeeze(2).T[:, hits.body]
    return start, (rotation * directions[:, None]).sum(0), rotation


def _slide(
    step: Float[Tensor, "3 rays"],
    ray: Float[Tensor, "3 rays"],
    normal: Float[Tensor, "3 rays"],
    facing: Float[Tensor, " rays"],
) -> Float[Tensor, "3 rays"]:
    """How a point at depth 1 moves on its tangent plane when the ray's direction takes a step.

    d(t ray) = t (step - ray (normal . step) / facing) with facing = normal . ray.
    """
    return step - ray * ((normal * step).sum(0) / facing)


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
    unit = (directions / _length(directions)).float()
    up = (-unit[1]).clamp_min(0)
    colors = torch.tensor(light.horizon)[:, None].expand(-1, unit.shape[1])
    colors = mix(colors, light.sky, (up * 2.2).clamp(0, 1))
    ceiling = 1 / (up + 0.18)
    u, v = unit[0] * ceiling, unit[2] * ceiling
    extent = ceiling * ceiling / float(seen.intrinsics[0, 0])
    cloud = light.lattice.fractal(u, v, (extent, extent), frequency=1.3, octaves=5, gain=0.55)
    return mix(colors, (0.97, 0.97, 0.98), (cloud * 2.2 + 0.25).clamp(0, 0.9) * (up * 8).clamp(0, 1))
