"""A source image brought onto the target grid by a flow."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.grid import Padding, in_frame, pixel_grid, sample


def warped(
    source: Float[Tensor, "batch channels height width"],
    flow: Float[Tensor, "batch 2 height width"],
    *,
    padding: Padding = "border",
) -> tuple[Float[Tensor, "batch channels height width"], Bool[Tensor, "batch 1 height width"]]:
    """The source as seen from the target, and where that is known.

    warped(p) = source(p + flow(p)), bilinear. Where the flow leaves the image, `border`
    sends no gradient to it.

    Args:
        source: image or any other map of the source frame.
        flow: from target to source, on the target grid (px).
        padding: what is read outside the source, see `sample`.

    Returns:
        The warped source, and True where p + flow(p) lies in the source frame.

    Raises:
        TypeError: below float32.
    """
    height, width = flow.shape[-2:]
    pixels = pixel_grid(height, width, dtype=flow.dtype, device=flow.device) + flow
    return sample(source, pixels, padding=padding), in_frame(pixels, height=height, width=width)
