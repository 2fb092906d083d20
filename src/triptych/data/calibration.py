"""Camera intrinsics from outside: a flag, a file of one of four kinds, or an assumption.

Convention: K is the 3x3 pinhole matrix in pixels, pixel centers at whole numbers, no
skew. A calibration knows the picture size it belongs to where its file says so.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.geometry.camera import (
    intrinsics_from_field_of_view,
    intrinsics_matrix,
    resized_intrinsics,
)

# A focal length below this share of the width is a field of view above 157 degrees, which
# no pinhole camera has: such a K is in other units (most often divided by the width).
SMALLEST_FOCAL_SHARE = 0.1
# Sizes whose scales in x and y differ by more than this are not of one picture: 1 %, since
# resized pictures have sides rounded to whole (often even) numbers.
ASPECT_TOLERANCE = 0.01
SKEW_TOLERANCE = 1e-4  # of the focal length: printed matrices carry rounding, not skew
FLAG_NAMES = ("fx", "fy", "cx", "cy")
WAY_OUT = "give fx,fy,cx,cy or a calibration file with --intrinsics (of a training --data or --validation.intrinsics)"


@dataclass(frozen=True)
class Calibration:
    """A camera's intrinsics and where they came from.

    Attributes:
        intrinsics: K (px).
        origin: where K came from, in words for a person.
        size: height and width of the pictures K belongs to; None where nothing says so,
            and then K is for the pictures it is used with.
        assumed: True where K rests on an assumed field of view.
    """

    intrinsics: Float[Tensor, "3 3"]
    origin: str
    size: tuple[int, int] | None = None
    assumed: bool = False


def given_calibration(given: str, *, camera: str | None = None) -> Calibration:
    """The calibration that a person gave: four numbers "fx,fy,cx,cy", or the path of a file.

    Args:
        given: what was written on the command line.
        camera: number of the camera, for files that hold several.

    Raises:
        InputError: neither four numbers nor a file that can be read as a calibration.
    """
    path = Path(given)
    if path.is_file():
        return calibration_from_file(path, camera=camera)
    if "," not in given:
        raise InputError(f"intrinsics {given!r}: no such file, and not four numbers; {WAY_OUT}")
    return calibration_from_text(given)


def calibration_from_text(text: str) -> Calibration:
    """The calibration of a flag "fx,fy,cx,cy" (px).

    Raises:
        InputError: not four numbers.
    """
    parts = [part for part in re.split(r"[,\s]+", text.strip()) if part]
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != len(FLAG_NAMES):
        raise InputError(f"intrinsics {text!r}: four numbers fx,fy,cx,cy (px) are needed; {WAY_OUT}")
    return Calibration(intrinsics_matrix(*numbers), f"given as {text}")


def calibration_from_file(path: Path, *, camera: str | None = None) -> Calibration:
    """The calibration in a file, whose kind is told from its content.

    Kinds: KITTI raw `calib_cam_to_cam.txt` (P_rect_02), KITTI odometry `calib.txt` (P2),
    `K.txt` with a 3x3 matrix, and YAML with width, height, fx, fy, cx, cy or intrinsics.

    Args:
        path: the file.
        camera: number of the camera in a KITTI file; 2, the left color camera, by default.

    Raises:
        InputError: the file is missing, is none of these, or lacks the camera.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a calibration file ({error}); {WAY_OUT}") from None
    if path.suffix.lower() in {".yaml", ".yml", ".json"}:
        return _calibration_from_yaml(text, path)
    rows = _keyed_rows(text)
    if any(key.startswith("P_rect_") or re.fullmatch(r"P\d", key) for key in rows):
        return _calibration_from_kitti(rows, path, camera)
    numbers = _numbers(text)
    if numbers is None or len(numbers) != 9:
        found = "no matrix" if numbers is None else f"{len(numbers)} numbers"
        raise InputError(f"{path}: a 3x3 matrix K was expected, the file holds {found}; {WAY_OUT}")
    return Calibration(torch.tensor(numbers).reshape(3, 3), f"from {path.name}")


def assumed_calibration(*, height: int, width: int, horizontal_deg: float) -> Calibration:
    """The calibration of square pixels, a centered axis and an assumed field of view.

    Args:
        height: of the uncropped picture (px).
        width: of the uncropped picture (px).
        horizontal_deg: the angle that the width of the picture spans.

    Raises:
        InputError: the angle is not that of a pinhole camera.
    """
    if not 1.0 <= horizontal_deg <= 170.0:
        raise InputError(f"assumed field of view {horizontal_deg:g}: give degrees between 1 and 170")
    return Calibration(
        intrinsics_from_field_of_view(width, height, horizontal_deg=horizontal_deg),
        f"assumed: a horizontal field of view of {horizontal_deg:g} degrees",
        size=(height, width),
        assumed=True,
    )


def calibration_at_size(calibration: Calibration, *, height: int, width: int) -> Calibration:
    """The calibration scaled to pictures of another size, and checked against them.

    A calibration that knows no size is taken as already true for these pictures.

    Args:
        calibration: the one to scale.
        height: of the pictures (px).
        width: of the pictures (px).

    Raises:
        InputError: the shapes of the two pictures differ, or K cannot belong to a picture
            of that size.
    """
    size = calibration.size or (height, width)
    scale_y, scale_x = height / size[0], width / size[1]
    if abs(scale_x / scale_y - 1.0) > ASPECT_TOLERANCE:
        raise InputError(
            f"intrinsics ({calibration.origin}) are for pictures of {size[1]}x{size[0]}, these are "
            f"{width}x{height}, of another shape; {WAY_OUT} for these pictures"
        )
    _check_intrinsics(calibration, size)
    scaled = resized_intrinsics(calibration.intrinsics.float(), scale_x=scale_x, scale_y=scale_y)
    return replace(calibration, intrinsics=scaled, size=(height, width))


def _check_intrinsics(calibration: Calibration, size: tuple[int, int]) -> None:
    """Raise InputError where K is no pinhole matrix of a picture of this (height, width)."""
    matrix, origin = calibration.intrinsics, f"intrinsics ({calibration.origin})"
    height, width = size
    fx, fy, cx, cy = (float(matrix[i, j]) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    if not bool(torch.isfinite(matrix).all()) or fx <= 0 or fy <= 0:
        raise InputError(f"{origin}: fx={fx:g} and fy={fy:g} must be positive, all finite; {WAY_OUT}")
    lower = torch.tensor([matrix[1, 0], matrix[2, 0], matrix[2, 1], matrix[2, 2] - 1.0])
    if bool(lower.abs().max() > 1e-6) or abs(float(matrix[0, 1])) > SKEW_TOLERANCE * fx:
        raise InputError(f"{origin}: K must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]; {WAY_OUT}")
    if min(fx / width, fy / height) < SMALLEST_FOCAL_SHARE:
        raise InputError(
            f"{origin}: fx={fx:g}, fy={fy:g} are too short for a {width}x{height} picture; "
            "K must be in pixels, not divided by the picture's size"
        )
    if not (0 <= cx <= width - 1 and 0 <= cy <= height - 1):
        raise InputError(
            f"{origin}: the principal point ({cx:g}, {cy:g}) lies outside the {width}x{height} picture; "
            "give K at the resolution of the frames"
        )


def _keyed_rows(text: str) -> dict[str, str]:
    """The lines "key: values" of a text by key."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value for key, value in pairs}


def _numbers(text: str) -> list[float] | None:
    """All numbers of a text, between commas or spaces; None where something else stands there."""
    try:
        return [float(part) for part in re.split(r"[,\s]+", text.strip()) if part]
    except ValueError:
        return None


def _calibration_from_kitti(rows: dict[str, str], path: Path, camera: str | None) -> Calibration:
    """The left 3x3 block of the 3x4 projection of one camera."""
    number = camera_number(camera) if camera is not None else 2
    key = f"P_rect_{number:02d}" if any(name.startswith("P_rect_") for name in rows) else f"P{number}"
    if key not in rows:
        raise InputError(f"{path}: has no {key}; choose another camera, or {WAY_OUT}")
    numbers = _numbers(rows[key])
    if numbers is None or len(numbers) != 12:
        raise InputError(f"{path}: {key} must be 12 numbers, a 3x4 projection; {WAY_OUT}")
    size = _numbers(rows.get(f"S_rect_{number:02d}", ""))
    if size and not all(1 <= side < math.inf for side in size):
        raise InputError(f"{path}: S_rect_{number:02d} must be the width and height of the pictures; {WAY_OUT}")
    return Calibration(
        torch.tensor(numbers).reshape(3, 4)[:, :3].contiguous(),
        f"{key} of {path.name}",
        size=(round(size[1]), round(size[0])) if size and len(size) == 2 else None,
    )


def camera_number(camera: str) -> int:
    """The number of a camera written as "2", "02" or "image_02".

    Raises:
        InputError: it is none of the four cameras of KITTI.
    """
    match = re.fullmatch(r"(?:image_)?0?([0-3])", camera)
    if match is None:
        raise InputError(f"camera {camera!r}: KITTI has the cameras 0, 1, 2 and 3; choose one of them")
    return int(match.group(1))


def _calibration_from_yaml(text: str, path: Path) -> Calibration:
    """The calibration in a YAML (or JSON) mapping."""
    try:
        content: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that is none
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: is not YAML ({reason}); {WAY_OUT}") from None
    wanted = "width, height, fx, fy, cx, cy, or intrinsics: [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]"
    if not isinstance(content, dict):
        raise InputError(f"{path}: a mapping was expected, of {wanted}")
    try:
        if "intrinsics" in content:
            matrix = torch.tensor(content["intrinsics"], dtype=torch.float32)
        else:
            matrix = intrinsics_matrix(*(float(content[name]) for name in FLAG_NAMES))
        size = None
        if "width" in content or "height" in content:
            size = (int(content["height"]), int(content["width"]))
    except KeyError as error:
        raise InputError(f"{path}: has no {error.args[0]}; needed are {wanted}") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: {error}; needed are {wanted}") from None
    if tuple(matrix.shape) != (3, 3):
        shape = "x".join(str(side) for side in matrix.shape) or "a single number"
        raise InputError(f"{path}: intrinsics must be 3x3, not {shape}; needed are {wanted}")
    if size is not None and min(size) < 1:
        raise InputError(f"{path}: width and height must be positive; needed are {wanted}")
    return Calibration(matrix, f"from {path.name}", size=size)
