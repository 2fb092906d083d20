"""A small reader of COLMAP's text, by its documentation alone, and the errors of what it read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation


@dataclass(frozen=True)
class ReadImage:
    """One image: pose of the world in the camera, file name, and (x, y, point) of what was seen."""

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    name: str
    seen: NDArray[np.float64]


@dataclass(frozen=True)
class ReadModel:
    """A whole model: PINHOLE parameters, images and points by number, and the points' tracks."""

    size: tuple[int, int]
    camera: tuple[float, float, float, float]
    images: dict[int, ReadImage]
    points: dict[int, NDArray[np.float64]]
    errors: dict[int, float]
    tracks: dict[int, list[tuple[int, int]]]


def read_colmap(folder: Path) -> ReadModel:
    """The model in a folder."""
    (camera,) = _lines(folder / "cameras.txt")
    assert camera[:2] == ["1", "PINHOLE"]
    text = [line for line in (folder / "images.txt").read_text().splitlines() if not line.startswith("#")]
    images = {}
    for head, tail in zip(text[::2], text[1::2], strict=True):
        number, qw, qx, qy, qz, tx, ty, tz, camera_number, name = head.split()
        assert camera_number == "1"
        rotation = Rotation.from_quat([float(q) for q in (qx, qy, qz, qw)]).as_matrix()
        seen = np.array(tail.split(), dtype=float).reshape(-1, 3)
        images[int(number)] = ReadImage(rotation, np.array([float(t) for t in (tx, ty, tz)]), name, seen)
    points, errors, tracks = {}, {}, {}
    for number, x, y, z, _, _, _, error, *track in _lines(folder / "points3D.txt"):
        points[int(number)] = np.array([float(value) for value in (x, y, z)])
        errors[int(number)] = float(error)
        pairs = list(map(int, track))
        tracks[int(number)] = list(zip(pairs[::2], pairs[1::2], strict=True))
    width, height, *numbers = camera[2:]
    fx, fy, cx, cy = map(float, numbers)
    return ReadModel((int(height), int(width)), (fx, fy, cx, cy), images, points, errors, tracks)


def reprojection_errors(model: ReadModel) -> NDArray[np.float64]:
    """Distance of each observation from the image of its point (px)."""
    fx, fy, cx, cy = model.camera
    errors = []
    for image in model.images.values():
        for x, y, number in image.seen:
            px, py, pz = image.rotation @ model.points[int(number)] + image.translation
            errors.append(np.hypot(fx * px / pz + cx - x, fy * py / pz + cy - y))
    return np.array(errors)


def check_tracks(model: ReadModel) -> None:
    """Each track leads to observations that name its point, and each observation is in a track."""
    told = 0
    for number, track in model.tracks.items():
        assert len({image for image, _ in track}) == len(track) >= 2
        for image, place in track:
            assert model.images[image].seen[place, 2] == number
            told += 1
    assert told == sum(len(image.seen) for image in model.images.values())


def _lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")]
