"""Named rows of numbers in the calibration files of KITTI, as matrices."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float64
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.content import file_content


def calibration_rows(path: Path) -> dict[str, tuple[float, ...]]:
    """The numbers of each line "name: numbers"; lines of something else, as a date, are left out.

    Raises:
        InputError: no such file, or not one such line.
    """
    rows = {}
    for line in file_content(path).decode("utf-8", errors="replace").splitlines():
        name, _, text = line.partition(":")
        try:
            numbers = tuple(float(word) for word in text.split())
        except ValueError:
            continue
        if numbers:
            rows[name.strip()] = numbers
    if not rows:
        raise InputError(f'{path} is not a calibration of KITTI: it has no line "name: numbers"')
    return rows


def calibration_matrix(path: Path, name: str, *, rows: int, columns: int) -> Float64[Tensor, "rows columns"]:
    """One matrix of a calibration file, float64.

    Raises:
        InputError: the file cannot be read, or has no such matrix.
    """
    held = calibration_rows(path)
    if name not in held:
        raise InputError(f"{path}: has no {name}; it has {', '.join(held)}")
    numbers = torch.tensor(held[name], dtype=torch.float64)
    if len(numbers) != rows * columns or not bool(numbers.isfinite().all()):
        raise InputError(f"{path}: {name} must be {rows * columns} finite numbers, found {len(numbers)}")
    return numbers.reshape(rows, columns)


def focal_and_baseline(path: Path) -> tuple[float, float]:
    """Focal length (px) and baseline (m) of the color cameras 02 and 03.

    P_rect = K [I | t] with t_x = -x of the camera, so that the baseline is
    (P_rect_02[0, 3] - P_rect_03[0, 3]) / focal.

    Raises:
        InputError: the file cannot be read, lacks the cameras, or the right one is not on the right.
    """
    left, right = (calibration_matrix(path, f"P_rect_{camera}", rows=3, columns=4) for camera in ("02", "03"))
    focal, baseline = float(left[0, 0]), 0.0
    if focal > 0:
        baseline = float(left[0, 3] - right[0, 3]) / focal
    if baseline <= 0:
        raise InputError(f"{path}: P_rect_03 must belong to a camera on the right of P_rect_02")
    return focal, baseline
