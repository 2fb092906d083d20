"""Clips of random worlds: family, camera, objects and appearance drawn from a part's seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.data.synthetic.appearance import Appearance, random_appearance
from triptych.data.synthetic.cast import Grid, first_hits
from triptych.data.synthetic.families import Part, builder_of, camera_kinds, family_shares, world_seed
from triptych.data.synthetic.filming import Filming
from triptych.data.synthetic.movers import MOST
from triptych.data.synthetic.render import Film, suns_of
from triptych.data.synthetic.view import View, view
from triptych.data.synthetic.world import World
from triptych.geometry.camera import intrinsics_from_field_of_view
from triptych.types import FrameSequence, SyntheticClip

FIELDS_OF_VIEW_DEG = (40.0, 100.0)
"""Narrowest and widest, horizontal."""

FRAME_RATE_HZ = 10.0

STILL_SHARE = 0.1
"""Share of the worlds in which nothing moves."""


@dataclass(frozen=True)
class Recipe:
    """What a random world is made from.

    Attributes:
        family: of scenes.
        seed: of the world.
        filming: camera motion and field of view.
        moving_objects: how many move, at most.
        appearance: of the frames.
    """

    family: str
    seed: int
    filming: Filming
    moving_objects: int
    appearance: Appearance


def random_recipe(part: Part, seed: int, *, family: str | None = None) -> Recipe:
    """The recipe of a part's world.

    Args:
        part: of learning; the parts share no family and no seed.
        seed: from 0.
        family: one of the part's; None for any.

    Raises:
        ValueError: for an unknown part, a family of another part, or a negative or too large seed.
    """
    own = world_seed(part, seed)
    dice = random.Random(f"recipe/{own}")
    shares = family_shares(part)
    if family is not None and family not in shares:
        raise ValueError(f"{family!r} is no family of the {part} part, which has {', '.join(shares)}")
    drawn = dice.choices(list(shares), weights=list(shares.values()))[0]
    name = family or drawn
    kind = dice.choice(camera_kinds(name))
    return Recipe(
        family=name,
        seed=own,
        filming=Filming(kind, dice.uniform(*FIELDS_OF_VIEW_DEG)),
        moving_objects=0 if dice.random() < STILL_SHARE else dice.randint(1, MOST),
        appearance=random_appearance(dice),
    )


def random_world_clip(part: Part, seed: int, *, frames: int, height: int, width: int) -> SyntheticClip:
    """A clip of a part's random world, with its exact truth.

    Args:
        part: of learning.
        seed: from 0; the same seed gives the same bytes.
        frames: how many, at 10 Hz.
        height: of the images (px).
        width: of the images (px).

    Raises:
        ValueError: as `random_recipe`, or for fewer than 2 frames or an empty image.
    """
    return filmed_clip(random_recipe(part, seed), frames=frames, height=height, width=width)


def random_world_frames(part: Part, seed: int, *, frames: int, height: int, width: int) -> FrameSequence:
    """The frames of `random_world_clip` without its truth, which takes half the time."""
    return filmed_frames(random_recipe(part, seed), frames=frames, height=height, width=width)


def filmed_clip(recipe: Recipe, *, frames: int, height: int, width: int) -> SyntheticClip:
    """The clip of a recipe."""
    take = _take(recipe, frames, height, width)
    return _film(recipe, height, width).clip(
        take.views, take.world.light, frame_rate=FRAME_RATE_HZ, name=f"{recipe.family}-{recipe.seed}", suns=take.suns
    )


def filmed_frames(recipe: Recipe, *, frames: int, height: int, width: int) -> FrameSequence:
    """The frames of a recipe: the same bytes as the clip's."""
    take = _take(recipe, frames, height, width)
    grid = Grid(height, width)
    hits = [first_hits(seen, grid) for seen in take.views]
    images = _film(recipe, height, width).images(take.views, hits, take.world.light, take.suns)
    return rendered_sequence(images, take.intrinsics, frame_rate=FRAME_RATE_HZ, name=f"{recipe.family}-{recipe.seed}")


def rendered_sequence(
    images: UInt8[Tensor, "frames 3 height width"], intrinsics: Float[Tensor, "3 3"], *, frame_rate: float, name: str
) -> FrameSequence:
    """Rendered frames as if read from a file with a calibration.

    Args:
        images: the frames.
        intrinsics: K (px).
        frame_rate: frames per second.
        name: of what was rendered.
    """
    count = len(images)
    return FrameSequence(
        images=images,
        intrinsics=intrinsics.float(),
        timestamps=torch.arange(count, dtype=torch.float64) / frame_rate,
        source_indices=torch.arange(count),
        source_length=count,
        intrinsics_origin="of the synthetic camera",
        name=name,
    )


@dataclass(frozen=True)
class _Take:
    """A world and what its camera and its sun see at each frame."""

    world: World
    intrinsics: Float[Tensor, "3 3"]
    views: list[View]
    suns: list[View | None]


def _take(recipe: Recipe, frames: int, height: int, width: int) -> _Take:
    """The world of a recipe, ready to be rendered."""
    if frames < 2 or height < 2 or width < 2:
        raise ValueError(f"a clip needs 2 frames of 2x2 pixels at least, not {frames} of {height}x{width}")
    world = builder_of(recipe.family)(
        recipe.seed, seconds=frames / FRAME_RATE_HZ, moving_objects=recipe.moving_objects, filming=recipe.filming
    )
    fov = recipe.filming.horizontal_fov_deg
    intrinsics = intrinsics_from_field_of_view(width, height, horizontal_deg=fov).double()
    times = [index / FRAME_RATE_HZ for index in range(frames)]
    return _Take(
        world=world,
        intrinsics=intrinsics,
        views=[view(world.scene, world.path.camera_to_world(time), intrinsics, time) for time in times],
        suns=suns_of(world, times),
    )


def _film(recipe: Recipe, height: int, width: int) -> Film:
    """What takes the frames."""
    return Film(height, width, seed=recipe.seed, appearance=recipe.appearance)
