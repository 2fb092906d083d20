"""Rendered clips with their exact truth, as folders: frames, K and one archive of truth."""

from __future__ import annotations

import io
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import atomic_path
from triptych.formats.content import ARRAY_DAMAGE
from triptych.formats.maps import save_picture
from triptych.types import SyntheticClip

FRAMES, INTRINSICS, TRUTH = "frames", "K.txt", "truth.npz"
FACTS = ("frame_rate", "name")
"""Fields of a clip that are no arrays."""


def save_clip(folder: Path, clip: SyntheticClip) -> None:
    """Write `frames/000000.png`..., `K.txt` (px, of these frames) and `truth.npz` into a folder.

    The archive holds every array of `SyntheticClip` but the images, by its name there; flows
    and depth as float32, and `facts`, a JSON text of the others.
    """
    save_frames(folder, clip.images, clip.intrinsics)
    facts = json.dumps({name: getattr(clip, name) for name in FACTS})
    with atomic_path(folder / TRUTH) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, facts=np.array(facts), **{name: _array(clip, name) for name in _ARRAYS})


def save_frames(folder: Path, images: UInt8[Tensor, "frames 3 height width"], intrinsics: Float[Tensor, "3 3"]) -> None:
    """Write `frames/000000.png`... and `K.txt` (px, of these frames) into a folder, as a drive to learn from."""
    for index, image in enumerate(images):
        save_picture(folder / FRAMES / f"{index:06d}.png", image)
    with atomic_path(folder / INTRINSICS) as temporary:
        np.savetxt(temporary, intrinsics.double().numpy(), fmt="%.12g")


def load_clip(folder: Path) -> SyntheticClip:
    """The clip that `save_clip` wrote into a folder.

    Raises:
        InputError: there is none, a file is damaged, or frames are missing.
    """
    path = folder / TRUTH
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            facts = json.loads(str(archive["facts"]))
            parts: dict[str, Any] = {name: torch.from_numpy(archive[name]) for name in _ARRAYS}
            parts |= {name: facts[name] for name in FACTS}
    except FileNotFoundError:
        raise InputError(f"{folder}: holds no {TRUTH}; `triptych prepare synthetic --benchmark` writes clips") from None
    except (*ARRAY_DAMAGE, RecursionError) as error:
        raise InputError(f"{path}: is damaged, or of another version; prepare it anew") from error
    frames = range(len(parts["depth_m"]))
    size = tuple(parts["depth_m"].shape[-2:])
    images = torch.stack([_frame(folder / FRAMES / f"{index:06d}.png", size) for index in frames])
    return SyntheticClip(images=images, **parts)


_ARRAYS = tuple(field.name for field in fields(SyntheticClip) if field.name not in ("images", *FACTS))


def _array(clip: SyntheticClip, name: str) -> Any:
    value: Tensor = getattr(clip, name)
    wide = value.is_floating_point() and value.dim() == 4  # maps; matrices keep their digits
    return (value.float() if wide else value).numpy()


def _frame(path: Path, size: tuple[int, ...]) -> Tensor:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if picture is None or picture.shape[:2] != size:
        raise InputError(f"{path}: is missing or damaged; prepare the clip anew")
    return torch.from_numpy(np.ascontiguousarray(picture[..., ::-1])).permute(2, 0, 1)
