"""Depth of the Make3D set: Matlab files with the laser's grid of 55 x 305 rays.

`depth_sph_corr-<name>.mat` holds `Position3DGrid` (rows, columns, 4): y, x and z of the
point that each ray met, and its depth d, all in m (readme of the set).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import StrPath
from triptych.formats.content import file_content
from triptych.formats.matlab import matlab_array

DEPTH_PREFIX = "depth_sph_corr-"
"""How the names of the depth files begin; what follows names the image."""

_VARIABLE = "Position3DGrid"
_CHANNELS = 4
_DEPTH_CHANNEL = 3  # d, which all published figures take; not channel 2, z


def make3d_name(path: StrPath) -> str:
    """The name of the image that a depth file belongs to, such as 060705-17.10.14-p-049t000."""
    return Path(path).name.removesuffix(".mat").removeprefix(DEPTH_PREFIX)


def load_make3d_depth(path: StrPath) -> Float[Tensor, "rows columns"]:
    """Depth d (m) of the laser's grid, float32, as the file has it.

    Raises:
        InputError: no such file, or not a whole Make3D depth file.
    """
    content = file_content(path)
    way_out = f"fetch it again, or leave {make3d_name(path)} out"
    try:
        grid = matlab_array(content, _VARIABLE)
    except ValueError as error:
        raise InputError(f"{path} is damaged, or no depth of Make3D ({error}): {way_out}") from error
    if grid is None or grid.ndim != 3 or grid.shape[2] != _CHANNELS:
        found = "none" if grid is None else str(grid.shape)
        raise InputError(f"{path}: {_VARIABLE} of shape (rows, columns, 4) is needed, found {found}: {way_out}")
    return torch.from_numpy(grid[:, :, _DEPTH_CHANNEL].astype(np.float32, order="C"))
