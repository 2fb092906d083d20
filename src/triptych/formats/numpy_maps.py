"""Depth as NumPy arrays, as other programs write it: .npy, .npz, and stacks of many maps."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import StrPath
from triptych.formats.content import ARRAY_DAMAGE, file_content

_DEPTH = "depth"
MAP_AXES = 2


def load_npy_depth(path: StrPath) -> Float[Tensor, "height width"]:
    """Depth from a .npy file of floats (H, W), as float32; NaN and infinities stay.

    Raises:
        InputError: no such file, or not a whole .npy of two axes.
    """
    return _depth_map(np.array(_mapped(path)), str(path))


def load_npz_depth(path: StrPath) -> Float[Tensor, "height width"]:
    """Depth from an .npz file, as float32: its array `depth`, or the only array that it holds.

    Unlike `maps.load_depth`, which reads what `maps.save_depth` wrote, any name will do.

    Raises:
        InputError: no such file, several arrays and none called depth, or no floats (H, W).
    """
    content = file_content(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            names = list(archive.files)
            name = _DEPTH if _DEPTH in names or len(names) != 1 else names[0]
            array = archive[name] if name in names else None
    except (*ARRAY_DAMAGE, AttributeError) as error:  # a lone array, not an archive, has no `files`
        raise InputError(f"{path} is not an .npz file of numbers, or is damaged") from error
    if array is None:
        held = ", ".join(names) or "none"
        raise InputError(f"{path}: an array `depth` is needed, or one array alone; it holds {held}")
    return _depth_map(array, f"{path}, array {name}")


def npy_axes(path: StrPath) -> int:
    """Number of axes of the array in a .npy file.

    Raises:
        InputError: no such file, or not a whole .npy.
    """
    return _mapped(path).ndim


def open_depth_stack(path: StrPath) -> NDArray[np.floating[Any]]:
    """Maps (N, H, W) in a .npy file, left on the disk: indexing reads one map.

    Raises:
        InputError: no such file, or not a whole .npy of floats with three axes.
    """
    stack = _mapped(path)
    if stack.ndim != MAP_AXES + 1 or not np.issubdtype(stack.dtype, np.floating):
        raise InputError(f"{path}: a stack must be floats of shape (N, H, W), found {stack.dtype} {stack.shape}")
    return stack


def depth_of_stack(stack: NDArray[np.floating[Any]], index: int) -> Float[Tensor, "height width"]:
    """One map of a stack, as float32."""
    return _depth_map(np.array(stack[index]), "the stack")


def _mapped(path: StrPath) -> NDArray[Any]:
    """The array of a .npy file, left on the disk."""
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(Path(path), mode="r")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ARRAY_DAMAGE as error:
        raise InputError(f"{path} is not a .npy file of numbers, or is damaged") from error
    return array


def _depth_map(array: NDArray[Any], where: str) -> Float[Tensor, "height width"]:
    """The array as a map of float32."""
    if array.ndim != MAP_AXES or not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{where}: depth must be floats of shape (H, W), found {array.dtype} {array.shape}")
    with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 it is as good as infinite
        return torch.from_numpy(array.astype(np.float32))
