"""A prediction read back from the folder that `write_prediction` wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.maps import load_depth, load_kitti_flow, load_mask, load_visibility
from triptych.formats.photos import load_photo
from triptych.formats.trajectories import load_kitti_trajectory, load_tum_trajectory

RESULT_FILE = "result.json"
FRAMES = "frames"
PREDICTION = "prediction"
"""Folder of the prediction within that of a run."""
KITTI_TRAJECTORY = "trajectory.kitti.txt"
TUM_TRAJECTORY = "trajectory.tum.txt"
"""Files of the camera path."""


@dataclass(frozen=True)
class PredictionFolder:
    """A prediction on the disk; maps are read, and their size checked, when they are asked for.

    Attributes:
        folder: where it lies.
        name: of the source.
        size: height and width of all maps (px).
        intrinsics: K at this size (px).
        camera_to_world: pose of each frame, up to scale.
        timestamps: time of each frame (s).
        facts: all that `result.json` says.
    """

    folder: Path
    name: str
    size: tuple[int, int]
    intrinsics: Float[Tensor, "3 3"]
    camera_to_world: Float[Tensor, "frames 4 4"]
    timestamps: Float[Tensor, " frames"]
    facts: dict[str, Any]

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.camera_to_world)

    def photo_path(self, index: int) -> Path:
        """The file of a frame itself."""
        return self.folder / FRAMES / f"{index:06d}.jpg"

    def image(self, index: int) -> UInt8[Tensor, "3 height width"]:
        """A frame itself, RGB."""
        file = self.photo_path(index)
        return self._of_its_size(load_photo(file), file)

    def depth(self, index: int) -> Float[Tensor, "height width"]:
        """Depth of a frame, up to scale."""
        file = self.folder / "depth" / f"{index:06d}.npz"
        return self._of_its_size(load_depth(file), file)

    def flow(self, index: int) -> Float[Tensor, "2 height width"] | None:
        """Flow to the next frame (px); None of the last one."""
        file = self.folder / "flow" / f"{index:06d}.png"
        return None if self._is_last(index) else self._of_its_size(load_kitti_flow(file)[0], file)

    def visibility(self, index: int) -> Float[Tensor, "height width"] | None:
        """1 where a pixel is seen in the next frame; None of the last one."""
        file = self.folder / "visibility" / f"{index:06d}.png"
        return None if self._is_last(index) else self._of_its_size(load_visibility(file), file)

    def motion(self, index: int) -> Bool[Tensor, "height width"] | None:
        """True where something moves by itself; None of the last frame."""
        file = self.folder / "motion" / f"{index:06d}.png"
        return None if self._is_last(index) else self._of_its_size(load_mask(file), file)

    def _is_last(self, index: int) -> bool:
        return index == len(self) - 1

    def _of_its_size(self, found: Tensor, file: Path) -> Tensor:
        """What a file holds, once it is seen to be of the prediction's size.

        Raises:
            InputError: it is of another one.
        """
        height, width = found.shape[-2:]
        if (height, width) != self.size:
            raise InputError(
                f"{file}: is {width}x{height} px, but the prediction {self.size[1]}x{self.size[0]}; predict anew"
            )
        return found


def prediction_folder(place: Path) -> PredictionFolder:
    """The prediction in a folder: that of `triptych predict`, or the run of a fit or demo that holds one.

    Raises:
        InputError: there is none, it is damaged, or an earlier version wrote it.
    """
    folder = next((path for path in (place, place / PREDICTION) if (path / RESULT_FILE).is_file()), None)
    if folder is None:
        what = "is not there" if not place.exists() else f"holds no {RESULT_FILE}"
        raise InputError(f"{place}: {what}; name a folder that `triptych predict` or `triptych fit` wrote")
    file = folder / RESULT_FILE
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        name = str(facts["source"])
        size = (int(facts["size"]["height"]), int(facts["size"]["width"]))
        intrinsics = torch.tensor(facts["intrinsics"]["matrix"], dtype=torch.float32)
        if intrinsics.shape != (3, 3):
            raise ValueError("K is not 3x3")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{file}: is not what `triptych predict` writes of a video ({error!r})") from error
    path = load_kitti_trajectory(folder / KITTI_TRAJECTORY)
    times, _ = load_tum_trajectory(folder / TUM_TRAJECTORY)
    found = PredictionFolder(folder, name, size, intrinsics, path, times, facts)
    if len(times) != len(path) or not found.photo_path(len(path) - 1).is_file():
        raise InputError(
            f"{folder}: is not whole, or keeps no frames (of an earlier version, or of `evaluate streets`); "
            "predict again"
        )
    return found
