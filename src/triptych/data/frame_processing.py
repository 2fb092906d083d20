"""How frames of a drive come to the processing size, and what becomes of its K."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.data.sequence import resized_image
from triptych.data.snippet_index import DriveFrames
from triptych.errors import InputError
from triptych.geometry.camera import resized_intrinsics


@dataclass(frozen=True)
class FrameProcessing:
    """A cut at the bottom, then a resize with antialiasing.

    Attributes:
        height: of the processing size (px).
        width: of the processing size (px).
        bottom_crop: share of the rows that is cut off at the bottom, for a car bonnet.

    Raises:
        InputError: a setting has no meaning.
    """

    height: int
    width: int
    bottom_crop: float = 0.0

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise InputError(f"processing size {self.width}x{self.height}: both sides must be positive")
        if not 0.0 <= self.bottom_crop < 1.0:
            raise InputError(f"bottom crop {self.bottom_crop:g}: give the share of rows to cut, from 0 to below 1")

    def frame(self, image: UInt8[Tensor, "3 rows columns"]) -> UInt8[Tensor, "3 height width"]:
        """A frame at the processing size."""
        return resized_image(image[:, : self._rows(image.shape[1])], height=self.height, width=self.width)

    def intrinsics(self, drive: DriveFrames) -> Float[Tensor, "3 3"]:
        """K of a drive at the processing size (px)."""
        full_height, full_width = drive.size
        return resized_intrinsics(
            torch.from_numpy(drive.intrinsics),
            scale_x=self.width / full_width,
            scale_y=self.height / self._rows(full_height),
        )

    def _rows(self, height: int) -> int:
        """Rows of a frame that are left above the cut."""
        return max(height - round(height * self.bottom_crop), 1)
