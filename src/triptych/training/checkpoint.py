"""A training's whole state on disk, so that it goes on as if never stopped."""

from __future__ import annotations

import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import atomic_path
from triptych.training.budget import TrainingState

FORMAT = "triptych-training-1"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        model: weights and buffers of all networks.
        optimizer: the optimizer's state.
        state: how far the training had come.
        settings: the settings of the run as YAML text, to be compared on resume.
    """

    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    state: TrainingState
    settings: str


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; a crash leaves the old file, never half a new one."""
    content = {
        "format": FORMAT,
        "model": checkpoint.model,
        "optimizer": checkpoint.optimizer,
        "state": asdict(checkpoint.state),
        "settings": checkpoint.settings,
    }
    # Through a stream of our own: torch's writer would hide a full disk behind a RuntimeError.
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        torch.save(content, stream)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Only tensors and plain values are unpickled (`weights_only`), so that a file from
    elsewhere cannot run code.

    Raises:
        InputError: there is no such file, it is damaged, or it is not a checkpoint of ours.
    """
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}: give a run folder that a fit has written")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(
            f"{path} cannot be read as a checkpoint ({reason}): it is damaged or not ours; start anew or use another"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path} is not a triptych checkpoint of format {FORMAT}: use one written by this version")
    return Checkpoint(
        model=content["model"],
        optimizer=content["optimizer"],
        state=TrainingState(**content["state"]),
        settings=content["settings"],
    )
