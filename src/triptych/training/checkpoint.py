"""A training's whole state on disk, so that it goes on as if never stopped.

A file is a mark, the SHA-256 of what follows, and what torch wrote. It appears whole or
not at all, and the one before it is kept: a disk that loses a file costs one epoch, not
the training.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import atomic_path
from triptych.training.budget import TrainingState
from triptych.training.identity import DataIdentity

FORMAT = "triptych-training-2"
MARK = b"TRIPTYCH CHECKPOINT 2\n"
DIGEST_BYTES = 32
LAST = "last.ckpt"
BEFORE_LAST = "before_last.ckpt"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        model: weights and buffers of all networks.
        optimizer: the optimizer's state.
        state: how far the training had come.
        settings: the settings of the run as YAML text, to be compared on resume.
        identity: of the data, to be compared too; of older files, and of a fit, it tells nothing.
    """

    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    state: TrainingState
    settings: str
    identity: DataIdentity = field(default_factory=DataIdentity)


def save_latest_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write `last.ckpt`; the one that stood there becomes `before_last.ckpt`.

    At every moment one of the two is whole.

    Args:
        folder: of the checkpoints; made where it is missing.
        checkpoint: the state.

    Raises:
        InputError: the disk is full, or the place cannot be written to.
    """
    last = folder / LAST
    with atomic_path(last) as temporary:
        _write(temporary, checkpoint)
        if last.is_file():
            last.replace(folder / BEFORE_LAST)


def load_latest_checkpoint(folder: Path, *, warn: Callable[[str], None]) -> Checkpoint:
    """The newest checkpoint of a folder that is whole.

    Args:
        folder: of the checkpoints.
        warn: told of one that is damaged and passed over.

    Raises:
        InputError: there is none, or none that is whole.
    """
    last, before = folder / LAST, folder / BEFORE_LAST
    if not before.is_file():
        return load_checkpoint(last)
    try:
        return load_checkpoint(last)
    except InputError as error:
        warn(f"{error}; going on from {before.name}, the one before it")
        return load_checkpoint(before)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; a crash leaves the old file, never half a new one.

    Raises:
        InputError: the disk is full, or the place cannot be written to.
    """
    with atomic_path(path) as temporary:
        _write(temporary, checkpoint)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Only tensors and plain values are unpickled (`weights_only`), so that a file from
    elsewhere cannot run code.

    Raises:
        InputError: there is no such file, it is damaged, or it is not a checkpoint of ours.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}: give a run folder that a fit has written")
    content = path.read_bytes()
    if not content.startswith(MARK):
        raise InputError(f"{path} is not a triptych checkpoint of format {FORMAT}: use one written by this version")
    digest, payload = content[len(MARK) :][:DIGEST_BYTES], content[len(MARK) + DIGEST_BYTES :]
    if hashlib.sha256(payload).digest() != digest:
        raise InputError(f"{path} is damaged: its checksum is not that of its content; start anew or use another")
    try:
        stored = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        return Checkpoint(
            model=stored["model"],
            optimizer=stored["optimizer"],
            state=TrainingState(**stored["state"]),
            settings=stored["settings"],
            identity=DataIdentity(**stored.get("identity", {})),
        )
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(f"{path} cannot be read as a checkpoint ({reason}): start anew or use another") from error


def _write(path: Path, checkpoint: Checkpoint) -> None:
    content = {
        "model": checkpoint.model,
        "optimizer": checkpoint.optimizer,
        "state": asdict(checkpoint.state),
        "settings": checkpoint.settings,
        "identity": asdict(checkpoint.identity),
    }
    stream = io.BytesIO()
    torch.save(content, stream)
    payload = stream.getvalue()
    with path.open("wb") as file:
        file.write(MARK + hashlib.sha256(payload).digest())
        file.write(payload)
