"""The second stage of full MaskFlowNet: a refinement that sees where the first one failed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from triptych.networks.layers import LEAKY_SLOPE, resized, scaled_channels, upsampled
from triptych.networks.matching import DeformableWarp, matching_cost, warped_features
from triptych.networks.pyramid import (
    COARSEST,
    FINEST,
    FLOW_SCALE,
    ContextNetwork,
    DenseBlock,
    FeaturePyramid,
    Head,
    level_flow,
    upsampling_head,
)

SEARCH_RADIUS = 2


class Refinement(nn.Module):
    """Residual flow from two pyramids: the first stage's, and one of the warped images.

    The second pyramid sees [target, 0] and [source warped by the first stage's flow,
    sigmoid(mask) - 0.5], so that its features differ where the first flow is wrong. Both
    give a cost volume of radius 2 at each level. The released original puts features of
    the first image in the place of the second's at levels 2 and 3; here each is its own.
    """

    def __init__(
        self,
        channels: dict[int, int],
        *,
        width: float = 1.0,
        decoder_width: float = 1.0,
        normalized_costs: bool = False,
    ) -> None:
        """Build the stage.

        Args:
            channels: of the first stage's pyramid, by level.
            width: factor on the channels of this stage's pyramid.
            decoder_width: factor on those of its decoders.
            normalized_costs: as in the first stage.
        """
        super().__init__()
        self.normalized_costs = normalized_costs
        self.pyramid = FeaturePyramid(4, width=width)
        handed = scaled_channels(16, decoder_width)
        self.blocks, self.flow_heads = nn.ModuleDict(), nn.ModuleDict()
        self.feature_heads, self.warps = nn.ModuleDict(), nn.ModuleDict()
        displacements = 2 * (2 * SEARCH_RADIUS + 1) ** 2
        for level in range(COARSEST, FINEST - 1, -1):
            key = str(level)
            # Both cost volumes and the first stage's flow; below the coarsest level also the
            # target's features, those handed down, and the refined flow of the level above.
            inputs = displacements + 2 + (0 if level == COARSEST else channels[level] + handed + 2)
            block = self.blocks[key] = DenseBlock(inputs, width=decoder_width)
            self.flow_heads[key] = Head(block.outputs, 2)
            self.warps[key] = DeformableWarp(channels[level])
            if level > FINEST:
                self.feature_heads[key] = upsampling_head(block.outputs, handed)
        self.context = ContextNetwork(block.outputs, width=decoder_width)

    def forward(
        self,
        images: tuple[Tensor, Tensor],
        target: dict[int, Tensor],
        source: dict[int, Tensor],
        *,
        first: dict[int, Tensor],
        mask: Tensor | None,
    ) -> dict[int, Tensor]:
        """Refined flows by level 6..2, in units of `FLOW_SCALE` working pixels.

        Args:
            images: centered working images of the targets and of the sources.
            target: first-stage pyramid of the targets by level.
            source: first-stage pyramid of the sources by level.
            first: first-stage flows by level, in the same units.
            mask: first-stage logits of visibility at level 2; None counts as undecided.
        """
        unwarped, rewarped = self._image_features(*images, first[FINEST], mask)
        flows: dict[int, Tensor] = {}
        flow, handed = first[COARSEST], None
        for level in range(COARSEST, FINEST - 1, -1):
            key = str(level)
            if handed is not None:
                flow = upsampled(flow)
            moved = F.leaky_relu(self.warps[key](source[level], level_flow(flow, level)), LEAKY_SLOPE)
            costs = (self._cost(target[level], moved), self._cost(unwarped[level], rewarped[level]))
            if handed is None:
                x = torch.cat((*costs, flow), dim=1)
            else:
                x = torch.cat((target[level], handed, *costs, flow, first[level]), dim=1)
            x = self.blocks[key](x)
            flow = flow + self.flow_heads[key](x)
            if level > FINEST:
                handed = self.feature_heads[key](x)
            else:
                flow = flow + self.context(x)
            flows[level] = flow
        return flows

    def _cost(self, target: Tensor, source: Tensor) -> Tensor:
        return matching_cost(target, source, search_radius=SEARCH_RADIUS, normalized=self.normalized_costs)

    def _image_features(
        self, target: Tensor, source: Tensor, flow: Tensor, mask: Tensor | None
    ) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Second-pyramid features of the targets, and of the warped sources."""
        size = (target.shape[-2], target.shape[-1])
        undecided = torch.zeros_like(target[:, :1])
        seen = undecided if mask is None else torch.sigmoid(resized(mask, size)) - 0.5
        warped = warped_features(source, FLOW_SCALE * resized(flow, size))
        images = torch.cat((torch.cat((target, undecided), dim=1), torch.cat((warped, seen), dim=1)))
        features = self.pyramid(images)
        split = {level: maps.chunk(2) for level, maps in features.items()}
        return (
            {level: pair[0] for level, pair in split.items()},
            {level: pair[1] for level, pair in split.items()},
        )
