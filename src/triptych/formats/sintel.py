"""Depth in the format of MPI Sintel (.dpt); its flow is Middlebury's .flo, see `maps`.

A tag, width and height in 32 bits each, then float32 row by row, all little endian.
"""

from __future__ import annotations

import struct

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import StrPath, atomic_path
from triptych.formats.content import file_content

_MAGIC = b"PIEH"  # the float 202021.25, little endian
_HEADER = struct.Struct("<4sii")
_BYTES_PER_PIXEL = 4


def save_dpt(path: StrPath, depth: Float[Tensor, "height width"]) -> None:
    """Writes depth as a Sintel .dpt file: float32, exact.

    Raises:
        InputError: the place cannot be written to.
    """
    height, width = depth.shape
    values = depth.detach().float().cpu().contiguous().numpy().astype("<f4")
    with atomic_path(path) as temporary:
        temporary.write_bytes(_HEADER.pack(_MAGIC, width, height) + values.tobytes())


def load_dpt(path: StrPath) -> Float[Tensor, "height width"]:
    """Depth from a Sintel .dpt file, float32, in the units of the file (m in Sintel).

    Raises:
        InputError: no such file, or not a whole .dpt file.
    """
    content = file_content(path)
    if len(content) < _HEADER.size or not content.startswith(_MAGIC):
        raise InputError(f"{path} is not a .dpt file: it must begin with PIEH")
    _, width, height = _HEADER.unpack_from(content)
    needed = _HEADER.size + _BYTES_PER_PIXEL * width * height
    if width < 1 or height < 1 or len(content) != needed:
        raise InputError(f"{path} is damaged: {width} x {height} pixels need {needed} bytes, found {len(content)}")
    values = np.frombuffer(content, dtype="<f4", offset=_HEADER.size).astype(np.float32)
    return torch.from_numpy(values.reshape(height, width))
