"""The frames of one snippet under the random changes of an epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Generator, Tensor

from triptych.data.augment import Augmentation, GeometricChange, recolored, reframed


@dataclass(frozen=True)
class AugmentedFrames:
    """Frames after the changes.

    Attributes:
        frames: after zoom, crop and flip.
        jittered: the same with the color jitter.
        intrinsics: K of these frames (px).
        window: what the frames went through; None without augmentation.
    """

    frames: Float[Tensor, "count 3 height width"]
    jittered: Float[Tensor, "count 3 height width"]
    intrinsics: Float[Tensor, "3 3"]
    window: GeometricChange | None


def augmented_frames(
    frames: Float[Tensor, "count 3 height width"],
    intrinsics: Float[Tensor, "3 3"],
    augmentation: Augmentation | None,
    *,
    key: tuple[int, int, int],
) -> AugmentedFrames:
    """The frames of a snippet and their K under changes that depend on the key alone.

    Args:
        frames: RGB in [0, 1].
        intrinsics: K of the frames (px).
        augmentation: the changes to draw from; None leaves all as it is.
        key: (seed, epoch, index) of the snippet.
    """
    if augmentation is None:
        return AugmentedFrames(frames, frames, intrinsics, None)
    generator = snippet_generator(key)
    height, width = frames.shape[-2:]
    window = augmentation.geometric_change(height, width, generator)
    frames, intrinsics = reframed(frames, intrinsics, window)
    colors = augmentation.color_change(generator)
    jittered = frames if colors is None else recolored(frames, colors)
    return AugmentedFrames(frames, jittered, intrinsics, window)


def snippet_generator(key: tuple[int, int, int]) -> Generator:
    """A generator of its own for each (seed, epoch, index), unrelated to its neighbors'."""
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)
    # torch takes seeds below 2**63 on every platform
    return Generator().manual_seed(int(state[0]) >> 1)
