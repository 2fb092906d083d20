"""Graphs traced for every size of frames, not only the one they are traced with."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.export import Dim, ExportedProgram

from triptych.errors import InputError
from triptych.geometry.grid import Padding
from triptych.inference.graphs import STRIDE, Graph
from triptych.networks import matching, pose
from triptych.networks.flow import FrameFeatures, MaskFlowNet
from triptych.networks.layers import multiple_size, resized
from triptych.networks.pyramid import COARSEST

LEAST_SIDE, MOST_SIDE = 2 * STRIDE, 64 * STRIDE
"""Sides (px) for which a graph is traced; a side of one cell of the coarsest level is a case of its own."""


def traced(graph: Graph, size: tuple[int, int], *, fixed: bool = False) -> ExportedProgram:
    """The graph of a module for any batch and any size, or for one.

    Args:
        graph: to trace.
        size: height and width it is traced with; where not fixed, the next multiples of `STRIDE`.
        fixed: for this size alone, which may then be any.

    Raises:
        InputError: the size is beyond those that can be traced.
    """
    height, width = size if fixed else multiple_size(*size, of=STRIDE)
    if not fixed and not all(LEAST_SIDE <= side <= MOST_SIDE for side in (height, width)):
        raise InputError(
            f"size {height}x{width}: sides of {LEAST_SIDE} to {MOST_SIDE} px can be exported; others by --fixed"
        )
    batch, rows, columns = Dim("batch"), Dim("rows", min=2, max=64), Dim("columns", min=2, max=64)
    free = {0: batch} if fixed else {0: batch, 2: STRIDE * rows, 3: STRIDE * columns}
    with warnings.catch_warnings(), torch.no_grad(), plain_operations():
        warnings.simplefilter("ignore")  # of the tracer, about its own future
        return torch.export.export(
            graph.module, graph.example((height, width)), dynamic_shapes=tuple(free for _ in graph.inputs), strict=False
        )


@contextmanager
def plain_operations() -> Iterator[None]:
    """Operations of the networks replaced by others of the same values that suit a graph.

    The cost volume cuts maps into tiles, whose number is then a part of the graph; sampling
    makes a tensor of the sizes; the flow that the pose network sees asks which side is the
    longer; and a mean over whole frames is added up to four digits by onnxruntime. For the whole
    process: nothing else should run the networks meanwhile.
    """
    stand_ins: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (MaskFlowNet, "features", features_centered_by_rows),
        (matching, "cost_volume", shifted_cost_volume),
        (matching, "sample", zero_padded_sample),
        (pose, "_flow_picture", flow_picture),
    )
    kept = [getattr(module, name) for module, name, _ in stand_ins]
    try:
        for module, name, plain in stand_ins:
            setattr(module, name, plain)
        yield
    finally:
        for (module, name, _), own in zip(stand_ins, kept, strict=True):
            setattr(module, name, own)


def features_centered_by_rows(
    network: MaskFlowNet, frames: Float[Tensor, "batch count 3 height width"]
) -> FrameFeatures:
    """`MaskFlowNet.features` with the mean taken of rows first.

    onnxruntime adds one value after another: of a whole frame, its mean and the flow after it are off
    by up to a thousandth.

    Args:
        network: whose features.
        frames: RGB in [0, 1].
    """
    batch, count, _, height, width = frames.shape
    mean = frames.mean(4, keepdim=True).mean(3, keepdim=True).mean(1, keepdim=True)
    working = resized((frames - mean).flatten(0, 1), multiple_size(height, width, of=2**COARSEST))
    levels = {level: torch.unflatten(maps, 0, (batch, count)) for level, maps in network.pyramid(working).items()}
    return FrameFeatures(torch.unflatten(working, 0, (batch, count)), levels, (height, width))


def shifted_cost_volume(
    target: Float[Tensor, "batch channels height width"],
    source: Float[Tensor, "batch channels height width"],
    *,
    search_radius: int = 4,
) -> Float[Tensor, "batch displacements height width"]:
    """`cost_volume` as products of the target with the shifted source, a row of displacements at a time.

    Args:
        target: features of the target frame.
        source: features of the source frame, on the target's grid.
        search_radius: r (px of this grid).
    """
    height, width = target.shape[-2:]
    side = 2 * search_radius + 1
    padded = F.pad(source, (search_radius,) * 4)
    shifted = torch.stack([padded[..., x : x + width] for x in range(side)], dim=1)
    costs = [(target[:, None] * shifted[..., y : y + height, :]).mean(2) for y in range(side)]
    return torch.cat(costs, dim=1)


def zero_padded_sample(
    image: Float[Tensor, "batch channels height width"],
    pixels: Float[Tensor, "batch 2 rows columns"],
    *,
    padding: Padding = "zeros",
) -> Float[Tensor, "batch channels rows columns"]:
    """`sample` with zeros outside.

    Args:
        image: what is read.
        pixels: where, x then y (px).
        padding: must be `zeros`.

    Raises:
        ValueError: it is another one.
    """
    if padding != "zeros":
        raise ValueError(f"padding must be zeros, got {padding!r}")
    x, y = pixels.unbind(1)
    places = torch.stack(((2 * x + 1) / image.shape[-1] - 1, (2 * y + 1) / image.shape[-2] - 1), dim=-1)
    return F.grid_sample(image, places, mode="bilinear", padding_mode="zeros", align_corners=False)


def flow_picture(flow: Float[Tensor, "batch 2 height width"]) -> Float[Tensor, "batch 3 height width"]:
    """What the pose network sees of a flow, without asking which side is the longer.

    Args:
        flow: from target to source (px).
    """
    height, width = flow.shape[-2:]
    across = _from_minus_one_to_one(width, like=flow)
    down = _from_minus_one_to_one(height, like=flow)[:, None]
    shares = flow * cast(float, pose.FLOW_GAIN / torch.sym_max(height, width))
    outward = shares[:, :1] * across + shares[:, 1:] * down
    return 0.5 + torch.cat((shares, outward), dim=1)


def _from_minus_one_to_one(count: int, *, like: Tensor) -> Float[Tensor, " count"]:
    """`torch.linspace(-1, 1, count)`."""
    return torch.arange(count, device=like.device, dtype=like.dtype) * 2 / (count - 1) - 1
