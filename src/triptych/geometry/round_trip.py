"""Along the flow to the source and by its flow back."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.grid import in_frame, pixel_grid, sample


@dataclass(frozen=True)
class RoundTrip:
    """Where a pixel's way to the source and back leads.

    Attributes:
        back: the source's flow where the pixel lands, read from the border where that is outside (px).
        squared_gap: squared distance between the pixel and the end of its way (px^2).
        inside: where the pixel lands in the source's frame.
    """

    back: Float[Tensor, "batch 2 height width"]
    squared_gap: Float[Tensor, "batch 1 height width"]
    inside: Bool[Tensor, "batch 1 height width"]


def round_trip(
    flow_target_to_source: Float[Tensor, "batch 2 height width"],
    flow_source_to_target: Float[Tensor, "batch 2 height width"],
) -> RoundTrip:
    """The way of each target pixel to the source and back: p + f(p) + b(p + f(p)).

    Args:
        flow_target_to_source: f, on the target grid (px).
        flow_source_to_target: b, on the source grid (px).

    Returns:
        On the target grid; NaN where the flow is.

    Raises:
        TypeError: below float32.
    """
    height, width = flow_target_to_source.shape[-2:]
    grid = pixel_grid(height, width, dtype=flow_target_to_source.dtype, device=flow_target_to_source.device)
    landing = grid + flow_target_to_source
    back = sample(flow_source_to_target, landing, padding="border")
    gap = (flow_target_to_source + back).square().sum(1, keepdim=True)
    return RoundTrip(back=back, squared_gap=gap, inside=in_frame(landing, height=height, width=width))
