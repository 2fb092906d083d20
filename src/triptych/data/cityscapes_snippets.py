"""Snippets of the video sequences of Cityscapes (leftImg8bit_sequence)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np

from triptych.data.calibration import Calibration
from triptych.data.snippet_index import DriveSnippets, SnippetIndex, drive_frames, neighbor_positions, snippet_index
from triptych.errors import InputError
from triptych.formats.cityscapes import load_cityscapes_camera
from triptych.geometry.camera import intrinsics_matrix

NEIGHBOR_STRIDE = 2
"""Frames from a target to its neighbors: at 17 Hz two come near to the 10 Hz of KITTI, as SfMLearner has it."""

BOTTOM_CROP = 0.25
"""Share of the rows, at the bottom, that show the car's bonnet and its star."""

CAMERA_SIZE = (1024, 2048)
"""Height and width (px) that the camera files are for."""

IMAGE_NAME: Final = re.compile(r"(?P<sequence>.+_\d{6})_(?P<frame>\d{6})_leftImg8bit\.png")
CAMERA_NAME: Final = re.compile(r"(?P<sequence>.+_\d{6})_(?P<frame>\d{6})_camera\.json")


def cityscapes_snippets(root: Path, split: str = "train", *, stride: int = NEIGHBOR_STRIDE) -> SnippetIndex:
    """The snippets of a split's sequences, by city, sequence and frame; both neighbors are there.

    Images are `<root>/leftImg8bit_sequence/<split>/<city>/<city>_<sequence>_<frame>_leftImg8bit.png`,
    cameras `<root>/camera/<split>/<city>/<city>_<sequence>_<frame>_camera.json`, one for the
    annotated frame of each 30. A run of frames without a gap has the camera that was
    written nearest to its middle. The bonnet is in the pictures: cut `BOTTOM_CROP`.

    Args:
        root: folder of the data set.
        split: train, val or test.
        stride: frames from a target to its neighbors.

    Raises:
        InputError: no such sequences, or a sequence has no camera.
    """
    folder = root / "leftImg8bit_sequence" / split
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; unpack leftImg8bit_sequence_trainvaltest.zip into {root}")
    parts = []
    for city in sorted(place for place in folder.iterdir() if place.is_dir()):
        cameras = _frames(root / "camera" / split / city.name, CAMERA_NAME)
        size: tuple[int, int] | None = None
        for sequence, held in _frames(city, IMAGE_NAME).items():
            if sequence not in cameras:
                raise InputError(
                    f"{root / 'camera' / split / city.name}: has no {sequence}_*_camera.json; "
                    f"unpack camera_trainvaltest.zip into {root}"
                )
            for run in _runs(sorted(held)):
                files = [held[number] for number in run]
                place = root / "camera" / split / city.name
                calibration = _calibration(place, cameras[sequence], middle=run[len(run) // 2])
                name = f"{city.name}/{sequence}_{run[0]:06d}"
                numbers = np.array(run, dtype=np.int64)
                positions, found = neighbor_positions(numbers, numbers, stride=stride)
                drive = drive_frames(name, city, files, calibration, size=size)
                size = drive.size  # all of a city have one: one header is read instead of thousands
                parts.append(DriveSnippets(drive, positions[found.all(axis=1)]))
    return snippet_index(f"{split} of {root}", parts)


def _frames(folder: Path, pattern: re.Pattern[str]) -> dict[str, dict[int, str]]:
    """The file name of each frame number of each sequence, in the order of their names."""
    found: dict[str, dict[int, str]] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if match := pattern.fullmatch(file.name):
            found.setdefault(match["sequence"], {})[int(match["frame"])] = file.name
    return found


def _runs(numbers: list[int]) -> list[list[int]]:
    """Ascending numbers cut where one is missing."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _calibration(folder: Path, cameras: dict[int, str], *, middle: int) -> Calibration:
    """The camera written nearest to a frame."""
    file_name = cameras[min(cameras, key=lambda number: (abs(number - middle), number))]
    camera = load_cityscapes_camera(folder / file_name)
    matrix = intrinsics_matrix(camera.fx, camera.fy, camera.u0, camera.v0)
    return Calibration(matrix, f"from {file_name}", size=CAMERA_SIZE)
