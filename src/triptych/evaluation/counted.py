"""The pixels of a true depth map that count, and the figures over them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from triptych.errors import InputError
from triptych.evaluation.depth_protocols import DepthProtocol
from triptych.metrics.depth import DepthScaling, depth_metrics
from triptych.metrics.edges import near_depth_edges
from triptych.types import DepthTruth

DENSE_SHARE = 0.5
"""Truth known on more of the picture than this has edges to look at."""


@dataclass(frozen=True)
class CountedTruth:
    """The pixels that count, as lists: laser truth is sparse, and sums over few are quick.

    Attributes:
        size: rows and columns of the picture.
        place: positions in the flattened picture.
        depth_m: true depth there (m).
        near_edge: True near a jump in depth; None where the truth is too sparse to tell.
    """

    size: tuple[int, int]
    place: Int[Tensor, " pixels"]
    depth_m: Float64[Tensor, " pixels"]
    near_edge: Bool[Tensor, " pixels"] | None

    def of(self, values: Float[Tensor, "height width"]) -> Float64[Tensor, " pixels"]:
        """The values of a map of the same size at these pixels."""
        return values.flatten()[self.place].double()

    def where(self, kept: Bool[Tensor, " pixels"]) -> CountedTruth:
        """Only some of these pixels."""
        near_edge = None if self.near_edge is None else self.near_edge[kept]
        return CountedTruth(self.size, self.place[kept], self.depth_m[kept], near_edge)


def counted_truth(truth: DepthTruth, protocol: DepthProtocol) -> CountedTruth:
    """The pixels of a truth that count by a protocol.

    Raises:
        InputError: there is none, or the truth has not the size that the protocol knows.
    """
    depth = truth_map(truth, protocol)
    try:
        known = protocol.known(depth)
    except ValueError as error:
        raise InputError(f"{truth.file}: {error}") from error
    place = known.flatten().nonzero().squeeze(1)
    if len(place) == 0:
        raise InputError(
            f"{truth.file}: has no depth from {protocol.min_depth_m:g} to {protocol.cap_m:g} m where the "
            f"protocol looks (its largest is {float(depth.max()):g}); truth must be in meters, 0 where unknown"
        )
    near_edge = None
    if len(place) > DENSE_SHARE * depth.numel():
        near_edge = near_depth_edges(depth[None, None], known[None, None]).flatten()[place]
    return CountedTruth((depth.shape[0], depth.shape[1]), place, depth.flatten()[place].double(), near_edge)


def truth_map(truth: DepthTruth, protocol: DepthProtocol) -> Float[Tensor, "height width"]:
    """The depth of a truth that a protocol goes by."""
    forward = protocol.laser_depth == "forward" and truth.forward_m is not None
    return truth.forward_m if forward and truth.forward_m is not None else truth.depth_m


def depth_figures(
    predicted: Float64[Tensor, " pixels"],
    truth: CountedTruth,
    protocol: DepthProtocol,
    *,
    scaling: DepthScaling | None = None,
) -> tuple[dict[str, float], float]:
    """Figures of one image by the names of `MEASURES`, and the factor to the truth's scale.

    Args:
        predicted: depth at the pixels that count.
        truth: those pixels.
        protocol: how they are scored.
        scaling: another one than the protocol's.
    """
    row = (1, 1, 1, -1)
    scores = depth_metrics(
        predicted.view(row),
        truth.depth_m.view(row),
        torch.ones(1, 1, 1, len(predicted), dtype=torch.bool),
        scaling=scaling or protocol.scaling,
        min_depth_m=protocol.min_depth_m,
        max_depth_m=protocol.cap_m,
    )
    figures = {entry.name: float(getattr(scores, entry.name)) for entry in fields(scores)}
    scale = figures.pop("scale")
    if not protocol.decades:
        del figures["rmse_log10"]
    if truth.near_edge is not None:
        depth_m = (predicted * scale).clamp(protocol.min_depth_m, protocol.cap_m)
        off = ((depth_m - truth.depth_m).abs() / truth.depth_m)[truth.near_edge]
        figures["edge_abs_rel"] = float(off.mean()) if off.numel() else math.nan
    return figures, scale
