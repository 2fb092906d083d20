"""Disparity of one image: an encoder and a decoder with skip connections."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.errors import InputError
from triptych.geometry.depth_range import MAX_DEPTH, MIN_DEPTH, disparity_from_depth
from triptych.networks.checkpointing import checkpointed
from triptych.networks.convolutions import NarrowConvolution
from triptych.networks.encoder import Encoder
from triptych.networks.layers import (
    Fusion,
    Norm,
    decoder_convolution,
    multiple_size,
    resized,
    scaled_channels,
    single_precision,
)

OUTPUT_STRIDES = (1, 2, 4, 8)
"""Strides of the disparities that the losses see, fine to coarse."""

DECODER_CHANNELS = {1: 16, 2: 32, 4: 64, 8: 128, 16: 256}
"""Channels of the decoder by stride, at width 1."""

HEAD_GAIN = 0.1
"""Factor on the initial weights of the heads: the first disparity is nearly uniform."""


class DepthNetwork(nn.Module):
    """Disparity in (0, 1) of single images, at four resolutions.

    The decoder walks from the coarsest features of the encoder to full resolution in
    steps of two, and joins the encoder's features of each stride that it has: any
    number of levels from any first stride will do.

    Attributes:
        checkpointing: compute activations again in the backward pass instead of keeping them.
    """

    checkpointing = False

    def __init__(
        self,
        encoder: str = "resnet18",
        *,
        pretrained: str | None = None,
        encoder_options: Mapping[str, Any] | None = None,
        width: float = 1.0,
        norm: Norm = "batch",
        initial_depth: float = 1.0,
        min_depth: float = MIN_DEPTH,
        max_depth: float = MAX_DEPTH,
    ) -> None:
        """Build the network.

        Args:
            encoder: a timm model that yields features.
            pretrained: see `Encoder`.
            encoder_options: see `Encoder`.
            width: factor on the channels of the decoder; the encoder's are its own.
            norm: normalization of the decoder.
            initial_depth: uniform depth that an untrained network says, about. In the range
                0.1 to 100 a sigmoid of 0.5 would be a depth of 0.2: every surface at the near
                limit. At 1 the logarithm of depth is almost linear in the head's output, there
                is a decade of room towards near, and a translation of a tenth is a usual
                camera step.
            min_depth: what a disparity of 1 means to those who read it.
            max_depth: what a disparity of 0 means to them.

        Raises:
            InputError: where the encoder cannot be had, or ends at a stride below 16; the initial
                depth is not between the nearest and the farthest.
        """
        super().__init__()
        if not min_depth < initial_depth < max_depth:
            raise InputError(f"initial_depth {initial_depth:g}: must be between {min_depth:g} and {max_depth:g}")
        self.encoder = Encoder(encoder, pretrained=pretrained, options=encoder_options)
        self.stride = self.encoder.strides[-1]
        if any(math.log2(stride) % 1 for stride in self.encoder.strides) or self.stride < 2 * OUTPUT_STRIDES[-1]:
            raise InputError(
                f"encoder {encoder!r} has strides {self.encoder.strides}: the depth decoder "
                f"needs powers of two that end at {2 * OUTPUT_STRIDES[-1]} or above"
            )
        skips = dict(zip(self.encoder.strides, self.encoder.channels, strict=True))
        self.reductions, self.fusions, self.heads = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        channels, stride = self.encoder.channels[-1], self.stride
        initial = disparity_from_depth(torch.tensor(initial_depth), min_depth=min_depth, max_depth=max_depth)
        bias = torch.logit(initial).item()
        while stride > 1:
            stride //= 2
            outputs = scaled_channels(DECODER_CHANNELS.get(stride, max(DECODER_CHANNELS.values())), width)
            self.reductions[str(stride)] = decoder_convolution(channels, outputs, norm=norm)
            self.fusions[str(stride)] = Fusion(outputs, skips.get(stride, 0), outputs, norm=norm)
            if stride in OUTPUT_STRIDES:
                self.heads[str(stride)] = _head(outputs, bias=bias)
            channels = outputs

    def forward(
        self, image: Float[Tensor, "batch 3 height width"], *, levels: int = len(OUTPUT_STRIDES)
    ) -> tuple[Float[Tensor, "batch 1 _ _"], ...]:
        """Disparities in (0, 1) at strides 1, 2, 4, 8 of the input.

        Args:
            image: RGB in [0, 1]. Sides that are not multiples of the encoder's last stride are
                resized to the next ones, and the disparities back.
            levels: how many are wanted, from the finest; the heads of the others do not run.

        Returns:
            The disparities, fine to coarse, of sides ceil(side / stride).

        Raises:
            ValueError: none is wanted, or more than there are.
        """
        if not 1 <= levels <= len(OUTPUT_STRIDES):
            raise ValueError(f"depth has 1 to {len(OUTPUT_STRIDES)} levels, got {levels}")
        return self._disparities(image, OUTPUT_STRIDES[:levels])

    def finest(self, image: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 height width"]:
        """The full-resolution disparity alone, without the work of the coarser heads."""
        return self._disparities(image, OUTPUT_STRIDES[:1])[0]

    def _disparities(self, image: Tensor, strides: tuple[int, ...]) -> tuple[Tensor, ...]:
        height, width = image.shape[-2:]
        # Two cells at least: a border of one cell cannot be reflected.
        working = resized(image, multiple_size(height, width, of=self.stride, least=2))
        encoded = checkpointed(self.encoder, working, enabled=self.checkpointing)
        features = dict(zip(self.encoder.strides, encoded, strict=True))
        x = features.pop(self.stride)
        disparities = {}
        for key, reduction in self.reductions.items():
            stride = int(key)
            x = checkpointed(reduction, x, enabled=self.checkpointing)
            x = checkpointed(self.fusions[key], x, features.pop(stride, None), enabled=self.checkpointing)
            if stride in strides:
                size = (math.ceil(height / stride), math.ceil(width / stride))
                disparities[stride] = resized(torch.sigmoid(single_precision(self.heads[key](x))), size)
        return tuple(disparities[stride] for stride in strides)


def _head(channels: int, *, bias: float) -> nn.Conv2d:
    head = NarrowConvolution(channels, 1, padding_mode="reflect")
    with torch.no_grad():
        head.weight.mul_(HEAD_GAIN)
        cast(Tensor, head.bias).fill_(bias)
    return head
