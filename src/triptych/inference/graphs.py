"""The networks as graphs of tensors alone: what goes in, what comes out, and in which units.

One graph for each network and one for all, to be written for other runtimes by `graphs_files`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.geometry.depth_range import depth_from_disparity
from triptych.geometry.visibility import range_visibility
from triptych.networks.joint import JointModel

STRIDE = 64
"""Sides of the frames are multiples of this: the stride of the flow network's coarsest level."""

Shape = tuple[int | str, ...]

IMAGE_SHAPE: Shape = ("batch", 3, "height", "width")
MAP_SHAPE: Shape = ("batch", 1, "height", "width")
FLOW_SHAPE: Shape = ("batch", 2, "height", "width")
TRANSFORM_SHAPE: Shape = ("batch", 4, 4)


@dataclass(frozen=True)
class Port:
    """An input or an output of a graph, float32.

    Attributes:
        name: as the runtime knows it.
        shape: numbers where fixed, names where they vary.
        meaning: with its unit, in words for a person.
    """

    name: str
    shape: Shape
    meaning: str


@dataclass(frozen=True)
class Graph:
    """A network to be written for other runtimes.

    Attributes:
        name: of the file, without suffix.
        module: takes the inputs in order, returns the outputs in order.
        inputs: what it takes.
        outputs: what it returns.
    """

    name: str
    module: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def example(self, size: tuple[int, int], *, batch: int = 2) -> tuple[Tensor, ...]:
        """Inputs of the right shapes, of noise from a fixed seed."""
        known = {"batch": batch, "height": size[0], "width": size[1]}
        generator = torch.Generator().manual_seed(0)
        shapes = [[known[side] if isinstance(side, str) else side for side in port.shape] for port in self.inputs]
        return tuple(torch.rand(*shape, generator=generator) for shape in shapes)


IMAGE = Port("image", IMAGE_SHAPE, "RGB in [0, 1]")
FIRST = Port("first", IMAGE_SHAPE, "RGB in [0, 1]")
SECOND = Port("second", IMAGE_SHAPE, "the next frame, RGB in [0, 1]")
FLOW = Port("flow", FLOW_SHAPE, "first to second (px, x then y): first(p) matches second(p + flow(p))")
DISPARITY = Port("disparity", MAP_SHAPE, "the network's output in (0, 1), 1 nearest, linear in 1 / depth")
DEPTH = Port("depth", MAP_SHAPE, "along the optical axis, up to scale, within depth_range")
LEARNED = Port("visibility", MAP_SHAPE, "learned mask: 1 where a pixel of first is seen in second")
SEEN = Port("visibility", MAP_SHAPE, "by the range map of the flow back: 1 where a pixel of first is seen in second")
MOTION = Port("next_from_current", TRANSFORM_SHAPE, "maps points of first's camera to second's, in units of depth")


def graphs_of(model: JointModel, *, min_depth: float, max_depth: float) -> tuple[Graph, ...]:
    """The graphs `depth`, `pose`, `flow` and `triptych` of a model.

    Args:
        model: put into evaluation mode, in place.
        min_depth: nearest depth of the model.
        max_depth: farthest depth of the model.
    """
    model.eval()
    sees = (FLOW,) if model.pose.sees_flow else ()
    return (
        Graph("depth", _Depth(model, min_depth, max_depth), (IMAGE,), (DISPARITY, DEPTH)),
        Graph("pose", _Pose(model), (FIRST, SECOND, *sees), (MOTION,)),
        Graph("flow", _Flow(model), (FIRST, SECOND), (FLOW, LEARNED)),
        Graph("triptych", _All(model, min_depth, max_depth), (FIRST, SECOND), (DEPTH, FLOW, SEEN, MOTION)),
    )


def relative_error(port: Port, found: Float[Tensor, "..."], expected: Float[Tensor, "..."]) -> float:
    """The largest difference of an output between two runtimes, as a share.

    Of depth and disparity each value's own; of flow the longest component; of visibility 1; of a
    motion the largest entry by which it differs from none.

    Args:
        port: which output it is.
        found: by the one runtime.
        expected: by the other.
    """
    difference = (found - expected).abs()
    if port.name in (DEPTH.name, DISPARITY.name):
        return float((difference / expected).max())
    largest = expected
    if port.name == MOTION.name:
        largest = expected - torch.eye(4)
    elif port.name == SEEN.name:
        largest = torch.ones(1)
    return float(difference.max() / largest.abs().max())


class _Depth(nn.Module):
    def __init__(self, model: JointModel, min_depth: float, max_depth: float) -> None:
        super().__init__()
        self.depth = model.depth
        self.min_depth, self.max_depth = min_depth, max_depth

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> tuple[Tensor, Tensor]:
        disparity = self.depth.finest(image)
        return disparity, depth_from_disparity(disparity, min_depth=self.min_depth, max_depth=self.max_depth)


class _Pose(nn.Module):
    def __init__(self, model: JointModel) -> None:
        super().__init__()
        self.pose = model.pose

    def forward(
        self,
        first: Float[Tensor, "batch 3 height width"],
        second: Float[Tensor, "batch 3 height width"],
        flow: Float[Tensor, "batch 2 height width"] | None = None,
    ) -> Tensor:
        motion: Tensor = self.pose(first, second, flow)
        return motion


class _Flow(nn.Module):
    def __init__(self, model: JointModel) -> None:
        super().__init__()
        self.flow = model.flow

    def forward(
        self, first: Float[Tensor, "batch 3 height width"], second: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Tensor, Tensor]:
        estimate = self.flow(first, second)
        return estimate.flow, estimate.visibility


class _All(nn.Module):
    """What `Predictor` has of two frames with `refinement="none"`."""

    def __init__(self, model: JointModel, min_depth: float, max_depth: float) -> None:
        super().__init__()
        self.depth, self.pose, self.flow = model.depth, model.pose, model.flow
        self.min_depth, self.max_depth = min_depth, max_depth

    def forward(
        self, first: Float[Tensor, "batch 3 height width"], second: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        disparity = self.depth.finest(first)
        depth = depth_from_disparity(disparity, min_depth=self.min_depth, max_depth=self.max_depth)
        both = self.flow.pairs(torch.stack((first, second), dim=1), ((0, 1), (1, 0))).flow
        flow, flow_back = both[0::2], both[1::2]
        return depth, flow, range_visibility(flow_back), self.pose(first, second, flow)
