"""The parts that both stages of MaskFlowNet are made of: pyramid, dense decoder, heads."""

from __future__ import annotations

import math
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.networks.convolutions import (
    BLOCK,
    NarrowConvolution,
    UpsamplingConvolution,
    is_channels_last,
    with_zeros,
)
from triptych.networks.layers import LEAKY_SLOPE, leaky_convolution, scaled_channels, single_precision

PYRAMID_CHANNELS = {1: 16, 2: 32, 3: 64, 4: 96, 5: 128, 6: 196}
"""Channels by level at width 1; level l has stride 2^l."""

DENSE_CHANNELS = (128, 128, 96, 64, 32)
CONTEXT_LAYERS = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))
"""Channels and dilations."""

COARSEST, FINEST = 6, 2
"""First and last level at which flow is estimated."""

FLOW_SCALE = 20.0
"""Working pixels that an output of 1 stands for."""

HEAD_GAIN = 0.1
"""Factor on the initial weights of heads: first flows are a fraction of a pixel, first masks even."""


class FeaturePyramid(nn.Module):
    """Six levels of three 3x3 convolutions, the first of each with stride 2."""

    def __init__(self, inputs: int, *, width: float = 1.0) -> None:
        super().__init__()
        self.channels = {level: scaled_channels(count, width) for level, count in PYRAMID_CHANNELS.items()}
        self.levels = nn.ModuleList()
        for outputs in self.channels.values():
            self.levels.append(
                nn.Sequential(
                    leaky_convolution(inputs, outputs, stride=2),
                    leaky_convolution(outputs, outputs),
                    leaky_convolution(outputs, outputs),
                )
            )
            inputs = outputs
        initialize(self)

    def forward(self, images: Float[Tensor, "batch inputs height width"]) -> dict[int, Tensor]:
        """Features by level, (batch, channels, height / 2^level, width / 2^level)."""
        features = {}
        x = images
        for level, convolutions in enumerate(self.levels, start=1):
            x = features[level] = convolutions(x)
        return features


class DenseBlock(nn.Module):
    """Five 3x3 convolutions, the output of each joined before its input."""

    def __init__(self, inputs: int, *, width: float = 1.0) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList()
        for count in DENSE_CHANNELS:
            outputs = scaled_channels(count, width)
            self.convolutions.append(leaky_convolution(inputs, outputs))
            inputs += outputs
        self.outputs = inputs
        initialize(self)

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs height width"]:
        """All outputs, last first, and the input behind them.

        With weights of channels last, zeros follow that make whole blocks of channels.
        """
        if is_channels_last(next(self.parameters())):
            x = with_zeros(x, -x.shape[1] % BLOCK, dim=1).contiguous(memory_format=torch.channels_last)
        for convolution in self.convolutions:
            x = torch.cat((convolution(x), x), dim=1)
        return x


class ContextNetwork(nn.Module):
    """Dilated convolutions that see far around each pixel of the finest level, to a flow residual."""

    def __init__(self, inputs: int, *, width: float = 1.0) -> None:
        super().__init__()
        layers = []
        for count, dilation in CONTEXT_LAYERS:
            outputs = scaled_channels(count, width)
            layers.append(leaky_convolution(inputs, outputs, dilation=dilation))
            inputs = outputs
        self.layers = nn.Sequential(*layers)
        initialize(self)
        self.head = Head(inputs, 2)

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch 2 height width"]:
        """What is added to the flow of the finest level (units of `FLOW_SCALE`)."""
        return cast(Tensor, self.head(self.layers(x)))


class Head(nn.Module):
    """A 3x3 convolution to flow or mask logits, near zero before training."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = NarrowConvolution(inputs, outputs)
        initialize(self, gain=HEAD_GAIN)

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch _ height width"]:
        """The map in float32 at least, also under autocast: bfloat16 rounds 40 px to 0.2 px."""
        return single_precision(self.convolution(x))


def upsampling_head(inputs: int, outputs: int) -> nn.Sequential:
    """A transposed 4x4 convolution with stride 2 and LeakyReLU: features handed to the next level."""
    head = nn.Sequential(
        UpsamplingConvolution(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(LEAKY_SLOPE, inplace=True)
    )
    initialize(head)
    return head


def level_flow(flow: Float[Tensor, "batch 2 height width"], level: int) -> Float[Tensor, "batch 2 height width"]:
    """The network's flow output as displacement in px of its own level's grid."""
    return flow * (FLOW_SCALE / 2.0**level)


def initialize(module: nn.Module, *, gain: float = 1.0) -> None:
    """Give all convolutions the initial weights of He et al. for the LeakyReLU, and no bias."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            taps: float = math.prod(layer.kernel_size)
            if isinstance(layer, nn.ConvTranspose2d):
                taps /= math.prod(layer.stride)  # a 4x4 kernel of stride 2 gives each output 2x2 taps
            squared_gain = 2.0 / (1.0 + LEAKY_SLOPE**2)
            nn.init.normal_(layer.weight, std=gain * math.sqrt(squared_gain / (layer.in_channels * taps)))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
