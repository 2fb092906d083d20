"""Disparity and cameras of the Cityscapes set.

Disparity is a 16-bit PNG, d = (p - 1) / 256 px and p = 0 where nothing was measured
(readme of cityscapesScripts). A camera is a JSON of `intrinsic` and `extrinsic`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.atomic import StrPath
from triptych.formats.content import file_content
from triptych.formats.maps import load_depth_png

_STEPS_PER_PX = 256.0
_STEP_OF_ZERO = 1.0  # a disparity of 0 is stored as 1, since 0 says that there is none


@dataclass(frozen=True)
class CityscapesCamera:
    """The rectified stereo camera of one image, at 1024 x 2048.

    Attributes:
        fx: focal length along x (px).
        fy: focal length along y (px).
        u0: principal point, x (px).
        v0: principal point, y (px).
        baseline_m: distance from the left to the right camera.
    """

    fx: float
    fy: float
    u0: float
    v0: float
    baseline_m: float


def load_cityscapes_disparity(path: StrPath) -> Float[Tensor, "height width"]:
    """Disparity (px), exact in float32; 0 where none was measured or it is 0.

    Raises:
        InputError: no such file, or not a 16-bit PNG of one channel.
    """
    steps = load_depth_png(path, scale=1.0)
    return (steps - _STEP_OF_ZERO).clamp(min=0.0) / _STEPS_PER_PX


def load_cityscapes_camera(path: StrPath) -> CityscapesCamera:
    """The camera in a `*_camera.json`.

    Raises:
        InputError: no such file, not such a JSON, or numbers that are no camera's.
    """
    content = file_content(path)
    try:
        camera: Any = json.loads(content)
        intrinsic, extrinsic = camera["intrinsic"], camera["extrinsic"]
        fx, fy, u0, v0 = (float(intrinsic[name]) for name in ("fx", "fy", "u0", "v0"))
        baseline_m = float(extrinsic["baseline"])
    except KeyError as error:
        raise InputError(f"{path}: has no {error.args[0]}; intrinsic and extrinsic of Cityscapes are needed") from None
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path} is not a Cityscapes camera: {' '.join(str(error).split())}") from None
    if not all(map(math.isfinite, (fx, fy, u0, v0, baseline_m))) or min(fx, fy, baseline_m) <= 0:
        raise InputError(f"{path}: fx={fx:g}, fy={fy:g} and baseline={baseline_m:g} must be positive, all finite")
    return CityscapesCamera(fx=fx, fy=fy, u0=u0, v0=v0, baseline_m=baseline_m)
