"""The protocols by which depth is scored, and the part of the picture that each looks at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.evaluation.resampling import ALL_ROWS, Resizing, Rows, row_range
from triptych.metrics.depth import DepthScaling

DepthProtocolName = Literal["eigen", "eigen_improved", "make3d", "cityscapes", "plain"]
Crop = Literal["none", "Garg", "Cityscapes", "Make3D"]
LaserDepth = Literal["forward", "camera_z"]

GARG_ROWS = (0.40810811, 0.99189189)
GARG_COLUMNS = (0.03594771, 0.96405229)
"""Shares of height and width between which Garg et al. 2016 look."""
CITYSCAPES_SIZE = (1024, 2048)
CITYSCAPES_ROWS = (0.0, 0.75)
"""Below it is the car's bonnet."""
CITYSCAPES_WINDOW = ((256, 768), (192, 1856))
"""Rows and columns, of pictures of 1024 x 2048."""
MAKE3D_ROWS = (17 / 55, 38 / 55)
"""Rows of the laser's grid of 55 that lie in the central crop of the picture to 2:1."""
GROUND_TRUTH = {
    "forward": "LiDAR, forward distance",
    "camera_z": "LiDAR, camera z",
}


@dataclass(frozen=True)
class DepthProtocol:
    """How depth is scored.

    Attributes:
        name: of the protocol.
        split: which images.
        ground_truth: what kind of truth, in words.
        crop: which part of the picture counts.
        min_depth_m: truth above it counts; predictions are clamped to it (m).
        cap_m: truth below it counts; predictions are clamped to it (m).
        truth_capped: False where truth beyond the cap counts too.
        scaling: how a prediction is brought to the truth's scale.
        resizing: how a prediction is brought to the truth's grid.
        laser_depth: which of a laser scan's depths counts.
        rows: shares of the picture's rows, from and to, that a prediction is of where it does
            not say.
        decades: True where the root mean square of logarithms to base 10 is reported too.
    """

    name: DepthProtocolName
    split: str
    ground_truth: str
    crop: Crop
    min_depth_m: float = 1e-3
    cap_m: float = 80.0
    truth_capped: bool = True
    scaling: DepthScaling = "median"
    resizing: Resizing = "disparity, bilinear"
    laser_depth: LaserDepth = "camera_z"
    rows: Rows = ALL_ROWS
    decades: bool = False

    def known(self, truth_m: Float[Tensor, "height width"]) -> Bool[Tensor, "height width"]:
        """True where the truth counts."""
        height, width = truth_m.shape
        rows, columns = crop_window(self.crop, height, width)
        inside = torch.zeros_like(truth_m, dtype=torch.bool)
        inside[slice(*rows), slice(*columns)] = True
        least = self.min_depth_m if self.truth_capped else 0.0
        most = self.cap_m if self.truth_capped else torch.inf
        return inside & (truth_m > least) & (truth_m < most)


PROTOCOLS: dict[DepthProtocolName, DepthProtocol] = {
    "eigen": DepthProtocol("eigen", "eigen_test", GROUND_TRUTH["forward"], "Garg", laser_depth="forward"),
    "eigen_improved": DepthProtocol(
        "eigen_improved", "eigen_improved", "improved annotated maps, all above 0", "none", truth_capped=False
    ),
    "make3d": DepthProtocol(
        "make3d",
        "make3d_test",
        "laser grid 55x305, rows 17 to 38 (C1)",
        "Make3D",
        cap_m=70.0,
        resizing="depth, nearest",
        rows=MAKE3D_ROWS,
        decades=True,
    ),
    "cityscapes": DepthProtocol(
        "cityscapes",
        "cityscapes_test",
        "stereo disparity",
        "Cityscapes",
        rows=CITYSCAPES_ROWS,
    ),
    "plain": DepthProtocol("plain", "all images", "depth maps", "none"),
}
"""Each protocol at the settings of its published tables."""


def with_laser_depth(protocol: DepthProtocol, laser_depth: LaserDepth) -> DepthProtocol:
    """The protocol of the Eigen split with one or the other depth of a laser scan."""
    return replace(protocol, laser_depth=laser_depth, ground_truth=GROUND_TRUTH[laser_depth])


def crop_window(crop: Crop, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns, each from and to (exclusive), that a crop keeps of a truth of this size.

    Args:
        crop: Garg et al.'s in shares of the size, rounded down; Cityscapes's in pixels of
            1024 x 2048; Make3D's rows of the laser's grid.
        height: of the truth (px).
        width: of the truth (px).

    Raises:
        ValueError: a Cityscapes truth of another size.
    """
    if crop == "Garg":
        rows = (int(GARG_ROWS[0] * height), int(GARG_ROWS[1] * height))
        return rows, (int(GARG_COLUMNS[0] * width), int(GARG_COLUMNS[1] * width))
    if crop == "Cityscapes":
        if (height, width) != CITYSCAPES_SIZE:
            raise ValueError(f"pictures of Cityscapes are 2048x1024, this truth is {width}x{height}")
        return CITYSCAPES_WINDOW
    if crop == "Make3D":
        return row_range(MAKE3D_ROWS, height), (0, width)
    return (0, height), (0, width)
