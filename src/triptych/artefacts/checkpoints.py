"""Weights of networks as safetensors files: no code inside, readable from any language."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import StrPath, atomic_path

FORMAT_KEY = "triptych"
FORMAT = "1"
"""What the header says under `triptych`; it changes when older files can no longer be read."""


def save_weights(path: StrPath, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Writes a state dict with a header of texts.

    Args:
        path: the file to write.
        tensors: a module's state dict; none may share memory with another.
        metadata: texts for the header; the key `triptych` is ours.

    Raises:
        ValueError: `metadata` holds the key `triptych`.
        InputError: the place cannot be written to.
    """
    if FORMAT_KEY in metadata:
        raise ValueError(f"the metadata key {FORMAT_KEY!r} is taken by the format itself")
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = safetensors.torch.save(plain, {**metadata, FORMAT_KEY: FORMAT})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def load_weights(path: StrPath) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A state dict (on the CPU) and its header's texts, without the key `triptych`.

    Raises:
        InputError: no such file, not a whole safetensors file, or one that
            `save_weights` has not written.
    """
    if not Path(path).is_file():
        raise InputError(f"there is no file of weights at {path}")
    try:
        with safetensors.safe_open(os.fspath(path), framework="pt", device="cpu") as file:
            metadata = dict(file.metadata() or {})
            _check_format(path, metadata)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except safetensors.SafetensorError as error:
        raise InputError(
            f"{path} is not a file of weights, or is damaged: use one that triptych has written"
        ) from error
    del metadata[FORMAT_KEY]
    return tensors, metadata


def _check_format(path: StrPath, metadata: Mapping[str, str]) -> None:
    found = metadata.get(FORMAT_KEY)
    if found is None:
        raise InputError(f"{path} holds weights, but not of triptych: use a file that triptych has written")
    if found != FORMAT:
        raise InputError(f"{path} is of format {found}, this version reads {FORMAT}: install a newer triptych")
