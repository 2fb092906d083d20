"""Per-pixel maps on disk: depth, flow and masks.

PNG is read and written by OpenCV, which keeps 16 bits in three channels (Pillow would
read them as 8) and refuses damaged files. Its channel order is BGR: flow is stored
as R = x, G = y, B = valid.
"""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import StrPath, atomic_path
from triptych.formats.content import ARRAY_DAMAGE, file_content

DEPTH_SCALE = 256.0
"""Steps per unit of depth in a 16-bit depth PNG (KITTI depth devkit)."""

UNKNOWN_FLOW = 1e9
"""Middlebury: a flow component above this in size marks an unknown pixel."""

_UINT16_MAX = 65535
_KITTI_FLOW_SCALE = 64.0  # KITTI flow devkit: u = (x - 2^15) / 64
KITTI_FLOW_LIMITS_PX = (-512.0, 512.0 - 1 / 64)
"""The smallest and the largest component of flow that KITTI's files hold."""
_KITTI_FLOW_ZERO = 32768.0
_FLO_MAGIC = b"PIEH"  # the float 202021.25, little endian
_FLO_HEADER = struct.Struct("<4sii")


def save_depth(path: StrPath, depth: Float[Tensor, "height width"]) -> None:
    """Writes depth without loss of range: npz with one float32 array, `depth`.

    Raises:
        InputError: the place cannot be written to.
    """
    stream = io.BytesIO()
    np.savez_compressed(stream, depth=_numpy(depth.float()))
    _write_bytes(path, stream.getvalue())


def load_depth(path: StrPath) -> Float[Tensor, "height width"]:
    """Depth as `save_depth` wrote it, float32.

    Raises:
        InputError: no such file, or not an npz with a two-dimensional array `depth`.
    """
    content = file_content(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            depth = archive["depth"]
    except ARRAY_DAMAGE as error:
        raise InputError(f"{path} is not a depth file: an npz with an array `depth` is needed") from error
    if depth.ndim != 2 or not np.issubdtype(depth.dtype, np.floating):
        raise InputError(f"{path}: `depth` must be floats of shape (H, W), found {depth.dtype} {depth.shape}")
    return torch.from_numpy(depth.astype(np.float32, copy=False))


def save_depth_png(path: StrPath, depth: Float[Tensor, "height width"], *, scale: float = DEPTH_SCALE) -> None:
    """Writes depth as a 16-bit PNG of round(depth * scale), 0 = invalid (KITTI).

    Depth that is zero, negative or not finite becomes invalid. Valid depth saturates
    at 1 / scale below and 65535 / scale above (256 units at the standard scale).

    Raises:
        InputError: the place cannot be written to.
    """
    values = depth.double()
    valid = values.isfinite() & (values > 0)
    steps = (values * scale).round().clamp(1, _UINT16_MAX)
    _write_png(path, _numpy(torch.where(valid, steps, 0)).astype(np.uint16))


def load_depth_png(path: StrPath, *, scale: float = DEPTH_SCALE) -> Float[Tensor, "height width"]:
    """Depth from a 16-bit PNG: value / scale, 0 where invalid.

    Raises:
        InputError: no such file, or not a 16-bit PNG of one channel.
    """
    steps = _read_png(path, dtype=np.uint16, channels=1)
    return torch.from_numpy(steps.astype(np.float32)) / scale


def save_kitti_flow(path: StrPath, flow: Float[Tensor, "2 height width"], valid: Bool[Tensor, "height width"]) -> None:
    """Writes flow as a PNG of 3 x 16 bits: round(64 u + 2^15), the same of v, valid (KITTI).

    Exact for multiples of 1/64 px in [-512, 511.984]. What lies outside or is not
    finite becomes invalid; invalid pixels are stored as zeros.

    Raises:
        InputError: the place cannot be written to.
    """
    steps = (flow.double() * _KITTI_FLOW_SCALE + _KITTI_FLOW_ZERO).round()
    stored = valid & ((steps >= 0) & (steps <= _UINT16_MAX)).all(dim=0)
    channels = torch.where(stored, torch.cat((steps, torch.ones_like(steps[:1]))), 0)
    _write_png(path, _numpy(channels.flip(0).permute(1, 2, 0)).astype(np.uint16))


def load_kitti_flow(
    path: StrPath,
) -> tuple[Float[Tensor, "2 height width"], Bool[Tensor, "height width"]]:
    """Flow (px) and validity from a KITTI flow PNG; flow is 0 where invalid.

    Raises:
        InputError: no such file, or not a PNG of 3 x 16 bits.
    """
    channels = _read_png(path, dtype=np.uint16, channels=3)[..., ::-1]
    values = torch.from_numpy(channels.astype(np.float32)).permute(2, 0, 1)
    valid = values[2] > 0
    flow = (values[:2] - _KITTI_FLOW_ZERO) / _KITTI_FLOW_SCALE
    return torch.where(valid, flow, 0.0).contiguous(), valid


def save_flo(path: StrPath, flow: Float[Tensor, "2 height width"]) -> None:
    """Writes flow as a Middlebury .flo file: float32, exact.

    Raises:
        InputError: the place cannot be written to.
    """
    _, height, width = flow.shape
    header = _FLO_HEADER.pack(_FLO_MAGIC, width, height)
    _write_bytes(path, header + _numpy(flow.float().permute(1, 2, 0)).astype("<f4").tobytes())


def load_flo(path: StrPath) -> Float[Tensor, "2 height width"]:
    """Flow (px) from a Middlebury .flo file; unknown pixels exceed `UNKNOWN_FLOW`.

    Raises:
        InputError: no such file, or not a whole .flo file.
    """
    content = file_content(path)
    if len(content) < _FLO_HEADER.size or not content.startswith(_FLO_MAGIC):
        raise InputError(f"{path} is not a .flo file: it must begin with PIEH")
    _, width, height = _FLO_HEADER.unpack_from(content)
    needed = _FLO_HEADER.size + 8 * width * height
    if width < 1 or height < 1 or len(content) != needed:
        raise InputError(f"{path} is damaged: {width} x {height} pixels need {needed} bytes, found {len(content)}")
    values = np.frombuffer(content, dtype="<f4", offset=_FLO_HEADER.size).astype(np.float32)
    return torch.from_numpy(values).reshape(height, width, 2).permute(2, 0, 1).contiguous()


def save_mask(path: StrPath, mask: Bool[Tensor, "height width"]) -> None:
    """Writes a bool map as an 8-bit PNG: 255 where True.

    Raises:
        InputError: the place cannot be written to.
    """
    _write_png(path, _numpy(mask).astype(np.uint8) * np.uint8(255))


def load_mask(path: StrPath) -> Bool[Tensor, "height width"]:
    """Bool map from an 8-bit PNG: True where the value is not 0.

    Raises:
        InputError: no such file, or not an 8-bit PNG of one channel.
    """
    return torch.from_numpy(_read_png(path, dtype=np.uint8, channels=1)) > 0


def save_visibility(path: StrPath, visibility: Float[Tensor, "height width"]) -> None:
    """Writes a map of [0, 1] as an 8-bit PNG, round(255 v); outside it is clipped, NaN is 0.

    Raises:
        InputError: the place cannot be written to.
    """
    steps = (visibility.double().nan_to_num(nan=0.0) * 255).round().clamp(0, 255)
    _write_png(path, _numpy(steps).astype(np.uint8))


def load_visibility(path: StrPath) -> Float[Tensor, "height width"]:
    """Map of [0, 1] from an 8-bit PNG, in steps of 1/255.

    Raises:
        InputError: no such file, or not an 8-bit PNG of one channel.
    """
    return torch.from_numpy(_read_png(path, dtype=np.uint8, channels=1).astype(np.float32)) / 255


def _numpy(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().contiguous().numpy()
    return array


def _write_bytes(path: StrPath, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def save_picture(path: StrPath, picture: UInt8[Tensor, "3 height width"]) -> None:
    """Write an RGB picture as PNG.

    Raises:
        InputError: the place cannot be written to.
    """
    with atomic_path(path) as temporary:
        _write_png(temporary, _numpy(picture.flip(0).permute(1, 2, 0).contiguous()))


def _write_png(path: StrPath, image: NDArray[Any]) -> None:
    encoded, content = cv2.imencode(".png", image)
    if not encoded:
        raise ValueError(f"no PNG of {image.dtype} {image.shape}")
    _write_bytes(path, content.tobytes())


def _read_png(path: StrPath, *, dtype: type[np.generic], channels: int) -> NDArray[Any]:
    """Pixels as stored, (H, W) or (H, W, channels) in OpenCV's order."""
    content = np.frombuffer(file_content(path), dtype=np.uint8)
    image: NDArray[Any] | None = None
    with suppress(cv2.error):  # a header that claims more pixels than OpenCV takes
        image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    if image is None:
        raise InputError(f"{path} is not an image, or is damaged")
    found = 1 if image.ndim == 2 else int(image.shape[2])
    if image.dtype != dtype or found != channels:
        bits = np.dtype(dtype).itemsize * 8
        raise InputError(
            f"{path}: a PNG of {channels} x {bits} bits is needed, found {found} x {image.dtype.itemsize * 8} bits"
        )
    return image
