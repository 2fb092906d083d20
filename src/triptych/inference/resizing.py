"""Predictions on a grid of another size."""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.grid import resize_flow
from triptych.networks.layers import resized
from triptych.types import Prediction

MOVES = 0.5  # a pixel moves where at least half of what it is interpolated from does


def resized_prediction(prediction: Prediction, size: tuple[int, int]) -> Prediction:
    """A prediction on a grid of another size, flow in pixels of that grid.

    Depth is interpolated as inverse depth, which is linear on planes; all else bilinearly, pixel
    centers at whole numbers.

    Args:
        prediction: of one frame.
        size: rows and columns wanted.
    """

    def at(values: Float[Tensor, "height width"] | Bool[Tensor, "height width"] | None) -> Tensor | None:
        return None if values is None else resized(values[None, None].float(), size)[0, 0]

    moving = at(prediction.motion)
    return replace(
        prediction,
        depth=resized_depth(prediction.depth, size),
        flow=None if prediction.flow is None else resize_flow(prediction.flow[None], size)[0],
        visibility=at(prediction.visibility),
        motion=None if moving is None else moving >= MOVES,
        learned_visibility=at(prediction.learned_visibility),
    )


def resized_depth(depth: Float[Tensor, "_ _"], size: tuple[int, int]) -> Float[Tensor, "{size[0]} {size[1]}"]:
    """Depth on a grid of another size, interpolated as inverse depth, pixel centers at whole numbers.

    Args:
        depth: along the optical axis, above 0.
        size: rows and columns wanted.
    """
    return 1 / resized((1 / depth)[None, None], size)[0, 0]
