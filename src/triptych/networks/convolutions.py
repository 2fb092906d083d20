"""Convolutions that suit a CPU: on whole blocks of channels, or to a few of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

BLOCK = 16
"""Channels that CPU convolutions work on at a time; maps with channels last are best whole multiples."""

TAPS = tuple((row, column) for row in range(3) for column in range(3))
"""Places of a 3x3 kernel, row by row."""


class Convolution(nn.Conv2d):
    """A convolution that also takes maps with more channels than it was made for, of zeros, at the end."""

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        """The convolved map."""
        weight = with_zeros(self.weight, x.shape[1] - self.in_channels, dim=1)
        return cast(Tensor, self._conv_forward(x, weight, self.bias))


class UpsamplingConvolution(nn.ConvTranspose2d):
    """A transposed convolution that takes further channels of zeros like `Convolution`."""

    def forward(  # type: ignore[override]  # without an output size
        self, x: Float[Tensor, "batch _ _ _"]
    ) -> Float[Tensor, "batch _ _ _"]:
        """The map at a multiple of the size."""
        weight = with_zeros(self.weight, x.shape[1] - self.in_channels, dim=0)
        stride, padding = cast(tuple[int, int], self.stride), cast(tuple[int, int], self.padding)
        return F.conv_transpose2d(x, weight, self.bias, stride, padding)


class NarrowConvolution(Convolution):
    """A 3x3 convolution with stride 1 to a few channels, at a tenth of the time on a CPU.

    Libraries work on blocks of 8 or 16 outputs. Here all nine taps of all outputs are one
    matrix product over the channels, and shifted sums of its rows are the outputs.
    """

    def __init__(self, inputs: int, outputs: int, *, padding_mode: Literal["zeros", "reflect"] = "zeros") -> None:
        super().__init__(inputs, outputs, 3, padding=1, padding_mode=padding_mode)

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs height width"]:
        """The convolved map, of the same size."""
        weight = with_zeros(self.weight, x.shape[1] - self.in_channels, dim=1)
        if not is_plain_on_cpu(x):
            return cast(Tensor, self._conv_forward(x, weight, self.bias))
        if self.padding_mode == "reflect":
            x = F.pad(x, (1, 1, 1, 1), mode="reflect")
        outputs: Tensor = _NarrowConvolution.apply(x, weight, int(self.padding_mode == "zeros"))
        return outputs + cast(Tensor, self.bias)[:, None, None]


class _NarrowConvolution(torch.autograd.Function):
    """Matrix products of pixels with taps; the pixels lie as rows or as columns, as memory has them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, padding: int) -> Tensor:
        batch, channels, height, width = x.shape
        taps = weight.permute(2, 3, 0, 1).reshape(-1, channels)
        products = taps @ (x.flatten(2) if _is_planar(x) else _pixel_rows(x).mT)
        products = products.reshape(batch, 3, 3, -1, height, width)
        if padding:
            products = F.pad(products, (1, 1, 1, 1))
        height, width = products.shape[-2] - 2, products.shape[-1] - 2
        outputs = products[:, 0, 0, :, :height, :width].clone()
        for row, column in TAPS[1:]:
            outputs += products[:, row, column, :, row : row + height, column : column + width]
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        channels = x.shape[1]
        margin = 2 - ctx.padding
        padded = F.pad(gradients[0], (margin,) * 4)
        height, width = x.shape[-2:]
        shifted = [padded[..., 2 - row : 2 - row + height, 2 - column : 2 - column + width] for row, column in TAPS]
        spread = torch.stack(shifted, dim=1).flatten(3).flatten(1, 2)
        taps = weight.permute(2, 3, 0, 1).reshape(-1, channels)
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            if _is_planar(x):
                of_x = (taps.mT @ spread).view(x.shape)
            else:
                rows = spread.mT @ taps
                of_x = rows.view(x.shape[0], height, width, channels).permute(0, 3, 1, 2)
        if ctx.needs_input_grad[1]:
            of_taps = spread @ (x.flatten(2).mT if _is_planar(x) else _pixel_rows(x))
            of_weight = of_taps.sum(0).view(3, 3, -1, channels).permute(2, 3, 0, 1)
        return of_x, of_weight, None


def _is_planar(x: Tensor) -> bool:
    """Whether each channel lies in one piece; else each pixel does (channels last)."""
    return x.is_contiguous()


def _pixel_rows(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1).flatten(1, 2)


class UpsamplingFusion(nn.Conv2d):
    """A 3x3 convolution of a map at half the size and one at full size, the borders reflected.

    The smaller map is enlarged by repeating each pixel. The nine taps of an output then fall
    on four of its pixels alone, which four depend on whether row and column are even: four
    kernels of 2x2 with summed weights do the work of one of 3x3 in four ninths of the
    arithmetic, and neither the enlarged nor the joined map is ever made.

    Args:
        inputs: channels of the smaller map.
        skips: channels of the other; 0 is without.
        outputs: channels of the result.
        bias: add one.
    """

    def __init__(self, inputs: int, skips: int, outputs: int, *, bias: bool) -> None:
        super().__init__(inputs + skips, outputs, 3, padding=1, padding_mode="reflect", bias=bias)
        self.inputs = inputs

    def forward(  # type: ignore[override]  # of two maps
        self, x: Float[Tensor, "batch inputs height width"], skip: Float[Tensor, "batch skips _ _"] | None
    ) -> Float[Tensor, "batch outputs 2*height 2*width"]:
        """The convolved map at full size."""
        if not is_plain_on_cpu(x):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            return super().forward(x if skip is None else torch.cat((x, skip), dim=1))
        layout = torch.channels_last if is_channels_last(self.weight) else torch.contiguous_format
        kernels = self.weight[:, : self.inputs].flatten(2) @ self.weight.new_tensor(_PARITY_TAPS)
        # (outputs, inputs, parity of row and column, 2x2 taps) to one kernel for all four parities.
        kernels = (
            torch.unflatten(kernels, 2, (4, 2, 2)).permute(2, 0, 1, 3, 4).flatten(0, 1).contiguous(memory_format=layout)
        )
        # Repeated pixels reflected at the border are the border's pixels again.
        by_parity = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernels)
        outputs: Tensor = _Interleaved.apply(by_parity)
        if skip is not None:
            weight = self.weight[:, self.inputs :].contiguous(memory_format=layout)
            outputs = outputs + F.conv2d(F.pad(skip, (1, 1, 1, 1), mode="reflect"), weight)
        return outputs if self.bias is None else outputs + self.bias[:, None, None]


def _parity_taps() -> list[list[float]]:
    """Which of the 3x3 taps fall on which of 2x2 smaller pixels, for each parity of row and column: (9, 4 x 4)."""
    falls = (((1, 0, 0), (0, 1, 1)), ((1, 1, 0), (0, 0, 1)))  # [parity][smaller pixel][tap]
    places = [(row, column, y, x) for row in (0, 1) for column in (0, 1) for y in (0, 1) for x in (0, 1)]
    return [
        [float(falls[row][y][tap_y] * falls[column][x][tap_x]) for row, column, y, x in places] for tap_y, tap_x in TAPS
    ]


_PARITY_TAPS = _parity_taps()


class _Interleaved(torch.autograd.Function):
    """Maps of the four parities, one row and column too large, put in their places."""

    @staticmethod
    def forward(ctx: Any, by_parity: Tensor) -> Tensor:
        batch, channels, height, width = by_parity.shape
        last = is_channels_last(by_parity)
        ctx.layout = torch.channels_last if last else torch.contiguous_format
        size = (batch, channels // 4, 2 * height - 2, 2 * width - 2)
        joined = torch.empty(size, dtype=by_parity.dtype, memory_format=ctx.layout)
        for place, part in _parity_places(joined, by_parity):
            place.copy_(part)
        return joined

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        batch, channels, height, width = gradients[0].shape
        size = (batch, 4 * channels, height // 2 + 1, width // 2 + 1)
        by_parity = torch.empty(size, dtype=gradients[0].dtype, memory_format=ctx.layout).zero_()
        for place, part in _parity_places(gradients[0], by_parity):
            part.copy_(place)
        return by_parity


def _parity_places(joined: Tensor, by_parity: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    height, width = joined.shape[-2] // 2, joined.shape[-1] // 2
    for parity, part in enumerate(by_parity.chunk(4, dim=1)):
        row, column = divmod(parity, 2)
        yield joined[..., row::2, column::2], part[..., row : row + height, column : column + width]


def with_zeros(maps: Tensor, count: int, *, dim: int) -> Tensor:
    """The tensor with `count` zeros more at the end of an axis; itself where that is none."""
    return F.pad(maps, (0, 0) * (maps.ndim - 1 - dim) + (0, count)) if count else maps


def is_channels_last(weight: Tensor) -> bool:
    """Whether the weights of a convolution ask for maps whose pixels each lie in one piece."""
    return weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()


def is_plain_on_cpu(x: Tensor) -> bool:
    """Whether the ways of this module that suit a CPU are to be taken: not under autocast, compilation or export."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
    )
