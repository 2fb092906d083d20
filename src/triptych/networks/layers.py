"""The convolutions that the networks are built of, and sizes they can take."""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from triptych.networks.convolutions import Convolution, UpsamplingFusion, is_plain_on_cpu

Norm = Literal["batch", "none"]

LEAKY_SLOPE = 0.1
"""Negative slope of every LeakyReLU of MaskFlowNet."""


def scaled_channels(channels: int, width: float) -> int:
    """Number of channels of a layer of a network made `width` times as wide.

    Args:
        channels: of the layer at width 1.
        width: factor, above 0.

    Returns:
        The published number at width 1; else the nearest multiple of 8, 8 at least,
        because CPU convolutions work on blocks of 8 or 16 channels.
    """
    return channels if width == 1 else max(8, 8 * round(channels * width / 8))


def leaky_convolution(inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """A 3x3 convolution with zero padding and LeakyReLU, as everywhere in MaskFlowNet."""
    convolution = Convolution(inputs, outputs, 3, stride=stride, padding=dilation, dilation=dilation)
    return nn.Sequential(convolution, nn.LeakyReLU(LEAKY_SLOPE, inplace=True))


def decoder_convolution(inputs: int, outputs: int, *, norm: Norm) -> nn.Sequential:
    """A 3x3 convolution with reflected borders, normalization and ELU, for the depth decoder."""
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect", bias=norm == "none")
    normalization = [nn.BatchNorm2d(outputs)] if norm == "batch" else []
    return nn.Sequential(convolution, *normalization, ExponentialLinearUnit())


class Fusion(nn.Sequential):
    """A step of the depth decoder to twice the size: `UpsamplingFusion`, normalization and ELU."""

    def __init__(self, inputs: int, skips: int, outputs: int, *, norm: Norm) -> None:
        normalization = [nn.BatchNorm2d(outputs)] if norm == "batch" else []
        convolution = UpsamplingFusion(inputs, skips, outputs, bias=norm == "none")
        super().__init__(convolution, *normalization, ExponentialLinearUnit())

    def forward(  # type: ignore[override]  # of two maps
        self, x: Float[Tensor, "batch inputs height width"], skip: Float[Tensor, "batch skips _ _"] | None
    ) -> Float[Tensor, "batch outputs 2*height 2*width"]:
        """The smaller map at full size, joined with the encoder's features where there are some."""
        convolution, *others = self
        x = convolution(x, skip)
        for layer in others:
            x = layer(x)
        return x


class ExponentialLinearUnit(nn.Module):
    """ELU: x above 0, exp(x) - 1 below.

    On the CPU without `expm1`, which PyTorch's takes and which costs twelve times as much; the
    values are right to the rounding of numbers near 1 (6e-8).
    """

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The activations; x is not changed."""
        if not is_plain_on_cpu(x):
            return F.elu(x)
        return cast(Tensor, _ExponentialLinearUnit.apply(x))


class _ExponentialLinearUnit(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        below = x.clamp(max=0).exp_().sub_(1)
        y = torch.maximum(x, below, out=below)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return cast(Tensor, torch.ops.aten.elu_backward(gradients[0], 1.0, 1.0, 1.0, True, y))


def multiple_size(height: int, width: int, *, of: int, least: int = 1) -> tuple[int, int]:
    """The size whose sides are the next multiples of a stride, and at least `least` of it."""
    return max(least, math.ceil(height / of)) * of, max(least, math.ceil(width / of)) * of


def resized(image: Float[Tensor, "batch channels _ _"], size: tuple[int, int]) -> Float[Tensor, "batch channels _ _"]:
    """The map resized bilinearly, pixel centers at whole numbers; itself where the size is right.

    Args:
        image: any per-pixel map whose values do not depend on the size (not flow).
        size: height and width of the result.

    Returns:
        The resized map. No low-pass filter is applied: meant for factors near 1 or above.
    """
    if tuple(image.shape[-2:]) == size:
        return image
    return F.interpolate(image, size, mode="bilinear", align_corners=False)


def upsampled(
    image: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels 2*height 2*width"]:
    """The map at twice the size, bilinear, pixel centers at whole numbers."""
    return F.interpolate(image, scale_factor=2.0, mode="bilinear", align_corners=False)


def single_precision(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The values in float32 where autocast made them narrower; else unchanged."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
