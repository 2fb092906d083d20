"""Measures take tensors on any device, or arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
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


def _as_tensor(value: Tensor | Array) -> Tensor:
    if isinstance(value, Tensor):
        return value
    native = value.astype(value.dtype.newbyteorder("="), copy=False)
    readable = native.flags.writeable and all(stride >= 0 for stride in native.strides)
    return torch.from_numpy(native if readable else np.array(native))
