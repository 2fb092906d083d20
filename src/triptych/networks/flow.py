"""MaskFlowNet: optical flow with a learned mask of what is visible.

Zhao et al., MaskFlownet: Asymmetric Feature Matching with Learnable Occlusion Mask,
CVPR 2020. Here is the first stage (MaskFlowNet-S); `cascade.py` has the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from triptych.geometry.grid import resize_flow
from triptych.networks.cascade import Refinement
from triptych.networks.checkpointing import checkpointed
from triptych.networks.layers import LEAKY_SLOPE, multiple_size, resized, scaled_channels, upsampled
from triptych.networks.matching import DeformableWarp, matching_cost, warped_features
from triptych.networks.pyramid import (
    COARSEST,
    FINEST,
    HEAD_GAIN,
    ContextNetwork,
    DenseBlock,
    FeaturePyramid,
    Head,
    initialize,
    level_flow,
    upsampling_head,
)
from triptych.types import FlowEstimate

Matching = Literal["warp", "deformable", "masked"]
"""Plain warping; deformable warping; deformable warping with mask and trade-off tensor."""

SEARCH_RADIUS = 4


@dataclass(frozen=True)
class FrameFeatures:
    """What is computed once for each frame of a snippet, whatever pairs it is part of.

    Attributes:
        frames: working images: centered, sides multiples of 64.
        levels: pyramid features by level 1..6 (stride 2^level).
        size: height and width of the frames as given.
    """

    frames: Float[Tensor, "batch count 3 _ _"]
    levels: dict[int, Float[Tensor, "batch count _ _ _"]]
    size: tuple[int, int]


@dataclass(frozen=True)
class StageFlows:
    """What a stage of the network hands on.

    Attributes:
        flows: by level 6..2, in units of `pyramid.FLOW_SCALE` working pixels.
        mask: logits of the visibility at level 2; None for matching without masks.
    """

    flows: dict[int, Float[Tensor, "batch 2 _ _"]]
    mask: Float[Tensor, "batch 1 _ _"] | None


class MaskFlowNet(nn.Module):
    """Flow and visibility of pairs of frames.

    Three kinds of matching of one network: "masked" is MaskFlowNet, "warp" the PWC-Net-like
    baseline of its ablation, "deformable" the row between.

    Attributes:
        checkpointing: compute activations again in the backward pass instead of keeping them.
    """

    checkpointing = False

    def __init__(
        self,
        *,
        matching: Matching = "masked",
        width: float = 1.0,
        decoder_width: float | None = None,
        cascade: bool = False,
        normalized_costs: bool = False,
    ) -> None:
        """Build the network; with the defaults it is MaskFlowNet-S as published.

        Args:
            matching: how the source features are brought to the target's grid.
            width: factor on all channels.
            decoder_width: another factor for the channels of the decoders, which do nine
                tenths of the arithmetic; None is `width`.
            cascade: add the second stage (full MaskFlowNet).
            normalized_costs: normalize features before each cost volume, see `normalized_pair`.
                Not in the published network, which is trained for a million steps: on random
                textures that shift by up to 6 px, a narrow network is at an error below 0.9 px
                after 125 steps with it, and still stands still (3.2 px on average) without.

        Raises:
            ValueError: an unknown kind of matching, or a width that is not above 0.
        """
        super().__init__()
        if matching not in get_args(Matching):
            raise ValueError(f"matching must be one of {get_args(Matching)}, got {matching!r}")
        decoder_width = width if decoder_width is None else decoder_width
        if min(width, decoder_width) <= 0:
            raise ValueError(f"widths must be above 0, got {width} and {decoder_width}")
        self.matching = matching
        self.normalized_costs = normalized_costs
        self.pyramid = FeaturePyramid(3, width=width)
        channels = self.pyramid.channels
        handed = scaled_channels(16, decoder_width)
        self.blocks, self.flow_heads, self.mask_heads = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        self.feature_heads, self.warps, self.trade_offs = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        displacements = (2 * SEARCH_RADIUS + 1) ** 2
        for level in range(COARSEST, FINEST - 1, -1):
            key = str(level)
            inputs = displacements + (0 if level == COARSEST else channels[level] + handed + 2)
            block = self.blocks[key] = DenseBlock(inputs, width=decoder_width)
            self.flow_heads[key] = Head(block.outputs, 2)
            if level > FINEST:
                self.feature_heads[key] = upsampling_head(block.outputs, handed)
                if matching == "masked":
                    self.mask_heads[key] = Head(block.outputs, 1)
            if level < COARSEST and matching != "warp":
                self.warps[key] = DeformableWarp(channels[level])
            if level < COARSEST and matching == "masked":
                trade_off = self.trade_offs[key] = nn.Conv2d(handed, channels[level], 3, padding=1)
                initialize(trade_off, gain=HEAD_GAIN)  # small beside the features it is added to
        self.context = ContextNetwork(block.outputs, width=decoder_width)
        self.refinement: Refinement | None = None
        if cascade:
            self.refinement = Refinement(
                channels, width=width, decoder_width=decoder_width, normalized_costs=normalized_costs
            )

    def forward(
        self,
        target: Float[Tensor, "batch 3 height width"],
        source: Float[Tensor, "batch 3 height width"],
    ) -> FlowEstimate:
        """Flow from target to source, and where the target is seen in the source.

        Args:
            target: RGB in [0, 1], any size.
            source: RGB in [0, 1].

        Returns:
            The flow in px of the given images, visibility on their grid, and the flows of
            levels 2..6 (strides 4..64 of the image resized to multiples of 64).
        """
        return self.pairs(torch.stack((target, source), dim=1), ((0, 1),))

    def pairs(
        self, frames: Float[Tensor, "batch count 3 height width"], pairs: Sequence[tuple[int, int]]
    ) -> FlowEstimate:
        """Estimates of several pairs of frames of each snippet in one batch.

        Args:
            frames: RGB in [0, 1].
            pairs: indices (target, source) into `count`.

        Returns:
            Estimates with the batch and the pairs joined, batch major: (b0p0, b0p1, ..., b1p0, ...).
        """
        return self.matched(self.features(frames), pairs)

    def features(self, frames: Float[Tensor, "batch count 3 height width"]) -> FrameFeatures:
        """Centered working images and pyramid features, once for each frame.

        The mean that is subtracted is per channel over all frames given.
        """
        batch, count, _, height, width = frames.shape
        centered = frames - frames.mean(dim=(1, 3, 4), keepdim=True)
        working = resized(centered.flatten(0, 1), multiple_size(height, width, of=2**COARSEST))
        pyramid = checkpointed(self.pyramid, working, enabled=self.checkpointing)
        levels = {level: torch.unflatten(features, 0, (batch, count)) for level, features in pyramid.items()}
        return FrameFeatures(torch.unflatten(working, 0, (batch, count)), levels, (height, width))

    def matched(self, features: FrameFeatures, pairs: Sequence[tuple[int, int]]) -> FlowEstimate:
        """The estimates of `pairs` from features computed before."""
        targets, sources = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        target = {level: _picked(maps, targets) for level, maps in features.levels.items()}
        source = {level: _picked(maps, sources) for level, maps in features.levels.items()}
        stage = self._matched_features(target, source)
        flows = stage.flows
        if self.refinement is not None:
            images = (_picked(features.frames, targets), _picked(features.frames, sources))
            flows = self.refinement(images, target, source, first=flows, mask=stage.mask)
        finest = flows[FINEST]
        if stage.mask is None:
            visibility = finest.new_ones((finest.shape[0], 1, *features.size))
        else:
            visibility = resized(torch.sigmoid(stage.mask), features.size)
        levels = tuple(level_flow(flows[level], level) for level in range(FINEST, COARSEST + 1))
        return FlowEstimate(resize_flow(levels[0], features.size), visibility, levels)

    def _matched_features(self, target: dict[int, Tensor], source: dict[int, Tensor]) -> StageFlows:
        """First-stage flows from the coarsest level to the finest."""
        flows: dict[int, Tensor] = {}
        flow = mask = handed = None
        for level in range(COARSEST, FINEST - 1, -1):
            key = str(level)
            if flow is None or handed is None:
                x = self._decoded(key, self._cost(target[level], source[level]))
                flow = self.flow_heads[key](x)
            else:
                flow = upsampled(flow)
                mask = None if mask is None else upsampled(mask)
                moved = self._moved(key, source[level], level_flow(flow, level), mask, handed)
                x = torch.cat((self._cost(target[level], moved), target[level], handed, flow), dim=1)
                x = self._decoded(key, x)
                flow = flow + self.flow_heads[key](x)
            if level == FINEST:
                flow = flow + checkpointed(self.context, x, enabled=self.checkpointing)
            else:
                handed = self.feature_heads[key](x)
                mask = self.mask_heads[key](x) if self.matching == "masked" else None
            flows[level] = flow
        return StageFlows(flows, mask)

    def _decoded(self, key: str, x: Tensor) -> Tensor:
        return cast(Tensor, checkpointed(self.blocks[key], x, enabled=self.checkpointing))

    def _cost(self, target: Tensor, source: Tensor) -> Tensor:
        return matching_cost(target, source, search_radius=SEARCH_RADIUS, normalized=self.normalized_costs)

    def _moved(self, key: str, source: Tensor, flow: Tensor, mask: Tensor | None, handed: Tensor) -> Tensor:
        """Source features on the target's grid (asymmetric occlusion-aware matching)."""
        if self.matching == "warp":
            return warped_features(source, flow)
        moved = self.warps[key](source, flow)
        if mask is not None:
            moved = moved * torch.sigmoid(mask) + self.trade_offs[key](handed)
        return F.leaky_relu(moved, LEAKY_SLOPE)


def _picked(maps: Tensor, frames: list[int]) -> Tensor:
    return maps[:, frames].flatten(0, 1)
