"""The three networks of the method, and what they say of a snippet."""

from __future__ import annotations

from contextlib import nullcontext
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.geometry.pose import inverse_transform
from triptych.networks.depth import OUTPUT_STRIDES, DepthNetwork
from triptych.networks.encoder import IMAGENET
from triptych.networks.flow import MaskFlowNet
from triptych.networks.pose import PoseNetwork
from triptych.types import FlowEstimate, Snippet, SnippetEstimate

PREVIOUS, TARGET, NEXT = 0, 1, 2
"""Places of the frames in a snippet."""

SOURCES = (PREVIOUS, NEXT)
FORWARD_PAIRS = tuple((TARGET, source) for source in SOURCES)
BACKWARD_PAIRS = tuple((source, TARGET) for source in SOURCES)


class JointModel(nn.Module):
    """Depth of the target, pose and flow between target and sources."""

    def __init__(self, depth: DepthNetwork, pose: PoseNetwork, flow: MaskFlowNet) -> None:
        super().__init__()
        self.depth = depth
        self.pose = pose
        self.flow = flow

    @property
    def checkpointing(self) -> bool:
        """Whether activations are computed again in the backward pass instead of being kept.

        Setting it sets it in all networks: a quarter more arithmetic, the same gradients and batch
        statistics. The second stage of full MaskFlowNet and the losses keep theirs. A joint
        step of one 192x640 snippet then needs 1.1 GB instead of 1.3, 0.6 of it for the weights.
        """
        return all(network.checkpointing for network in self.children())

    @checkpointing.setter
    def checkpointing(self, enabled: bool) -> None:
        for network in self.children():
            cast(DepthNetwork | PoseNetwork | MaskFlowNet, network).checkpointing = enabled

    def estimate(
        self,
        snippet: Snippet,
        *,
        depth: bool = True,
        pose: bool = True,
        flow: bool = True,
        flow_gradient: bool = True,
        backward_flow: bool = True,
        backward_flow_gradient: bool = False,
        reversed_pose: bool = False,
        depth_levels: int = len(OUTPUT_STRIDES),
        source_depth: bool = False,
    ) -> SnippetEstimate:
        """What the networks say of a batch of snippets of three frames.

        The networks see the jittered frames. Each frame passes the flow pyramid once.

        Args:
            snippet: frames previous, target, next.
            depth: run the depth network.
            pose: run the pose network.
            flow: run the flow network from the target to both sources.
            flow_gradient: False while the flow network is frozen: no graph is kept of it.
            backward_flow: also run it from both sources to the target.
            backward_flow_gradient: keep a graph of these too. They serve range maps, which
                send no gradient, so by default none is kept and they cost a third.
            reversed_pose: also predict the pose of the pairs (source, target).
            depth_levels: how many disparities, from the finest; the heads of the others do not
                run, and get no gradient.
            source_depth: run the depth network on the sources too, with gradient, in one batch
                with the target: batch normalization then goes by all three frames. Without
                `depth` it does not run.

        Returns:
            The estimate; parts that were not run are None.

        Raises:
            ValueError: where the snippet is not of three frames.
        """
        frames = snippet.jittered
        if frames.shape[1] != 3:
            raise ValueError(f"a snippet of three frames is needed, got {frames.shape[1]}")
        forward_flow = backward = None
        if flow:
            with nullcontext() if flow_gradient else torch.no_grad():
                forward_flow, backward = self._flows(
                    frames, backward=backward_flow, apart=flow_gradient and not backward_flow_gradient
                )
        disparity = forward_pose = reverse_pose = of_sources = None
        if depth and source_depth:
            disparity, of_sources = self._disparities(frames, levels=depth_levels)
        elif depth:
            disparity = self.depth(frames[:, TARGET], levels=depth_levels)
        if pose:
            forward_pose, reverse_pose = self._poses(frames, forward_flow, backward, reverse=reversed_pose)
        return SnippetEstimate(disparity, forward_pose, reverse_pose, forward_flow, backward, of_sources)

    def _disparities(
        self, frames: Float[Tensor, "batch 3 3 height width"], *, levels: int
    ) -> tuple[tuple[Float[Tensor, "batch 1 _ _"], ...], Float[Tensor, "batch sources 1 height width"]]:
        """All levels of the target, and the finest of the sources."""
        count = frames.shape[:2]
        parted = [torch.unflatten(level, 0, count) for level in self.depth(frames.flatten(0, 1), levels=levels)]
        return tuple(level[:, TARGET] for level in parted), parted[0][:, SOURCES]

    def _poses(
        self,
        frames: Float[Tensor, "batch 3 3 height width"],
        forward_flow: FlowEstimate | None,
        backward_flow: FlowEstimate | None,
        *,
        reverse: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Poses (batch, sources, 4, 4) of target to source and back, from one batch.

        The pose network is shown (previous, target) and (target, next), in the order of
        time, and its pose of the former is inverted: which way the camera drives is then
        the same for all pairs, where else it would first have to learn to tell forward
        from backward. The poses back come from the same pairs in the reversed order.
        """
        first = frames[:, (PREVIOUS, TARGET)].flatten(0, 1)
        second = frames[:, (TARGET, NEXT)].flatten(0, 1)
        count = (frames.shape[0], len(SOURCES))
        in_time = against_time = None
        if self.pose.sees_flow and forward_flow is not None and backward_flow is not None:
            there, back = (torch.unflatten(flow.flow, 0, count) for flow in (forward_flow, backward_flow))
            in_time = torch.stack((back[:, 0], there[:, 1]), dim=1).flatten(0, 1)
            against_time = torch.stack((there[:, 0], back[:, 1]), dim=1).flatten(0, 1)
        if not reverse:
            return _with_previous_inverted(self.pose(first, second, in_time), count), None
        flows = None if in_time is None or against_time is None else torch.cat((in_time, against_time))
        both = self.pose(torch.cat((first, second)), torch.cat((second, first)), flows)
        forward_pose, reverse_pose = both.chunk(2)
        return _with_previous_inverted(forward_pose, count), _with_previous_inverted(reverse_pose, count)

    def _flows(
        self, frames: Float[Tensor, "batch 3 3 height width"], *, backward: bool, apart: bool
    ) -> tuple[FlowEstimate, FlowEstimate | None]:
        """Flows of target to sources and back; backward ones without a graph where `apart`."""
        features = self.flow.features(frames)
        if not backward:
            return self.flow.matched(features, FORWARD_PAIRS), None
        if apart:
            forward_flow = self.flow.matched(features, FORWARD_PAIRS)
            with torch.no_grad():
                return forward_flow, self.flow.matched(features, BACKWARD_PAIRS)
        return _halves(self.flow.matched(features, FORWARD_PAIRS + BACKWARD_PAIRS), frames.shape[0])


def _with_previous_inverted(poses: Tensor, count: tuple[int, int]) -> Float[Tensor, "batch sources 4 4"]:
    """Poses with batch and sources parted, those between previous and target inverted."""
    previous, following = torch.unflatten(poses, 0, count).unbind(1)
    return torch.stack((inverse_transform(previous), following), dim=1)


def _halves(estimate: FlowEstimate, batch: int) -> tuple[FlowEstimate, FlowEstimate]:
    """The first and the second half of the pairs of every snippet."""

    def half(index: int) -> FlowEstimate:
        def part(maps: Tensor) -> Tensor:
            return torch.unflatten(maps, 0, (batch, 2, -1))[:, index].flatten(0, 1)

        return FlowEstimate(
            part(estimate.flow), part(estimate.visibility), tuple(part(level) for level in estimate.levels)
        )

    return half(0), half(1)


SMALL_DEPTH_ENCODER = {
    "layers": (2, 2, 2, 2),
    "channels": (32, 64, 96, 128),
    "stem_type": "deep",
    "stem_width": 16,
}
"""A ResNet18 of half and quarter width; the stem of three 3x3 convolutions ends at 2 x 16 channels."""

SMALL_POSE_ENCODER = {
    "layers": (1, 1, 1, 1),
    "channels": (16, 32, 64, 128),
    "stem_type": "deep",
    "stem_width": 8,
}
"""A ResNet10 of quarter width."""


def small_model() -> JointModel:
    """Networks of about five million parameters that a two-core machine can train.

    Plain 3x3 convolutions throughout: depthwise ones are cheap in arithmetic and slow on a CPU.
    """
    return JointModel(
        DepthNetwork("resnet18", encoder_options=SMALL_DEPTH_ENCODER, width=0.5),
        PoseNetwork("resnet18", encoder_options=SMALL_POSE_ENCODER, channels=64),
        MaskFlowNet(width=0.5, normalized_costs=True),
    )


def paper_model(*, pretrained: str | None = IMAGENET) -> JointModel:
    """The networks of the paper: ResNet18 for depth and pose, MaskFlowNet-S for flow.

    Args:
        pretrained: of both encoders, see `Encoder`.
    """
    return JointModel(
        DepthNetwork("resnet18.tv_in1k", pretrained=pretrained),
        PoseNetwork("resnet18.tv_in1k", pretrained=pretrained),
        MaskFlowNet(),
    )
