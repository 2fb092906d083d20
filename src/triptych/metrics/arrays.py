"""Measures take tensors on any device, or arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
MAP_AXES = 4
Poses = Float[Tensor, "frames 4 4"] | Float[Array, "frames 4 4"]
TruePoses = Float[Tensor, "true_frames 4 4"] | Float[Array, "true_frames 4 4"]
FrameFlags = Bool[Tensor, " frames"] | Bool[Array, " frames"]
Maps = Float[Tensor, "batch 1 height width"] | Float[Array, "batch 1 height width"]
Flows = Float[Tensor, "batch 2 height width"] | Float[Array, "batch 2 height width"]
Flags = Bool[Tensor, "batch 1 height width"] | Bool[Array, "batch 1 height width"]


def as_tensors(*values: Tensor | Array) -> tuple[Tensor, ...]:
    """The same values as tensors; arrays share their memory where torch can read it.

    An array that is read-only, of the other byte order or of negative strides is copied.
    """
    return tuple(_as_tensor(value) for value in values)


def as_maps(*, channels: int = 1, **values: Tensor | Array) -> tuple[Tensor, ...]:
    """Maps as tensors, checked to be (batch, channels, height, width) of one size.

    Args:
        channels: of maps of numbers; masks of bools have one.
        values: by their names, for messages.

    Raises:
        ValueError: another number of axes or channels, or another batch or size than the first.
    """
    tensors = as_tensors(*values.values())
    for name, tensor in zip(values, tensors, strict=True):
        wanted = 1 if tensor.dtype == torch.bool else channels
        if tensor.ndim != MAP_AXES or tensor.shape[1] != wanted:
            raise ValueError(f"{name} must be (batch, {wanted}, height, width), got {tuple(tensor.shape)}")
        first = tensors[0].shape
        if (tensor.shape[0], *tensor.shape[2:]) != (first[0], *first[2:]):
            raise ValueError(f"{name} is {tuple(tensor.shape)}, {next(iter(values))} is {tuple(first)}: they must fit")
    return tensors


def as_mask(name: str, value: Tensor | Array) -> Tensor:
    """A mask as a tensor of bools.

    Raises:
        ValueError: it holds something else.
    """
    (tensor,) = as_tensors(value)
    if tensor.dtype != torch.bool:
        raise ValueError(f"{name} must be of bools, got {tensor.dtype}: compare it first, as in truth > 0")
    return tensor


def _as_tensor(value: Tensor | Array) -> Tensor:
    if isinstance(value, Tensor):
        return value
    native = value.astype(value.dtype.newbyteorder("="), copy=False)
    readable = native.flags.writeable and all(stride >= 0 for stride in native.strides)
    return torch.from_numpy(native if readable else np.array(native))
