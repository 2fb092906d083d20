"""The range of depths that a disparity in (0, 1) stands for."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

MIN_DEPTH = 0.1
"""Nearest depth, in scene units, of a disparity of 1."""

MAX_DEPTH = 100.0
"""Farthest depth, in scene units, of a disparity of 0."""


def depth_from_disparity(
    disparity: Float[Tensor, "*shape"], *, min_depth: float = MIN_DEPTH, max_depth: float = MAX_DEPTH
) -> Float[Tensor, "*shape"]:
    """Depth whose inverse runs linearly from 1 / max_depth to 1 / min_depth.

    depth = 1 / (1 / max + (1 / min - 1 / max) disparity). Linear in *inverse* depth, so
    with the default range a disparity of 0.5 is a depth of 0.2, not of 50.

    Args:
        disparity: in [0, 1], 1 nearest.
        min_depth: depth of disparity 1 (scene units).
        max_depth: depth of disparity 0 (scene units).

    Returns:
        Depth along the optical axis in scene units; finite also at disparity 0.

    Raises:
        ValueError: unless 0 < min_depth < max_depth.
    """
    _check_range(min_depth, max_depth)
    return 1.0 / (1.0 / max_depth + (1.0 / min_depth - 1.0 / max_depth) * disparity)


def disparity_from_depth(
    depth: Float[Tensor, "*shape"], *, min_depth: float = MIN_DEPTH, max_depth: float = MAX_DEPTH
) -> Float[Tensor, "*shape"]:
    """Disparity of a depth: the inverse of `depth_from_disparity`.

    Args:
        depth: along the optical axis (scene units), above 0.
        min_depth: depth of disparity 1 (scene units).
        max_depth: depth of disparity 0 (scene units).

    Returns:
        Disparity; outside [0, 1] where the depth is outside the range.

    Raises:
        ValueError: unless 0 < min_depth < max_depth.
    """
    _check_range(min_depth, max_depth)
    return (1.0 / depth - 1.0 / max_depth) / (1.0 / min_depth - 1.0 / max_depth)


def _check_range(min_depth: float, max_depth: float) -> None:
    if not 0.0 < min_depth < max_depth:
        raise ValueError(f"need 0 < min_depth < max_depth, got {min_depth} and {max_depth}")
