"""The number formats that geometry accepts, and products that keep them.

A coordinate of 513 px is 512 in bfloat16, so geometry refuses to work below float32.
Networks may run under autocast; what they return is cast before it comes here.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

NARROWEST_BITS = 32  # float32: 24 bits of mantissa place a pixel of an 8k image to 5e-4 px


def check_precision(*tensors: Tensor) -> None:
    """Refuse tensors of floating point below float32; integers and bools pass.

    Args:
        tensors: what a function was given.

    Raises:
        TypeError: below float32, as under autocast.
    """
    for tensor in tensors:
        if tensor.is_floating_point() and torch.finfo(tensor.dtype).bits < NARROWEST_BITS:
            raise TypeError(f"float32 or float64 is needed, {tensor.dtype} came: call .float() on it first")


def matrix_product(
    left: Float[Tensor, "... rows inner"], right: Float[Tensor, "... inner columns"]
) -> Float[Tensor, "... rows columns"]:
    """Product of small matrices, rounded in their own number format.

    `left @ right` would round to bfloat16 under autocast and to TF32 where a GPU is
    allowed to; for poses and intrinsics that is an error of whole pixels.

    Args:
        left: matrices of a few rows; leading axes broadcast.
        right: matrices of as many rows as `left` has columns.

    Returns:
        left @ right.
    """
    return (left.unsqueeze(-1) * right.unsqueeze(-3)).sum(-2)
