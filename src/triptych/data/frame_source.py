"""What every source of frames offers, whatever it reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.data.calibration import Calibration
from triptych.errors import InputError

# Pictures without times are taken to be 0.1 s apart, as KITTI's are; `timed` is then False.
UNTIMED_RATE_HZ = 10.0


class FrameSource(ABC):
    """Frames from outside, in order, one at a time.

    Attributes:
        path: what is read.
        name: what is read, without its folder.
        size: height and width of every frame (px).
        timestamps: time of each frame since the first (s, float64).
        timed: False where the source tells no times, and `timestamps` are a guess.
        intrinsics: the source's own calibration, at its own size, if it has one.
        frame_names: of each frame, where frames are files: their names without suffix; else empty.
        numbered: True where these are the frames' numbers in their data set, from 0.
    """

    def __init__(
        self,
        *,
        path: Path,
        name: str,
        size: tuple[int, int],
        timestamps: Float[Tensor, " frames"],
        timed: bool,
        intrinsics: Calibration | None,
        frame_names: tuple[str, ...] = (),
        numbered: bool = False,
    ) -> None:
        self.path = path
        self.name = name
        self.size = size
        self.timestamps = timestamps
        self.timed = timed
        self.intrinsics = intrinsics
        self.frame_names = frame_names
        self.numbered = numbered

    @property
    def length(self) -> int:
        """Number of frames that can be read."""
        return len(self.timestamps)

    @abstractmethod
    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[UInt8[Tensor, "3 height width"]]:
        """The frames from `start` up to, not including, `stop` (RGB), read as they are asked for.

        Raises:
            InputError: a frame cannot be read, or differs in size from the first.
        """

    def _check_frame_size(self, height: int, width: int, *, where: str) -> None:
        """Raise InputError where a frame has not the size of the first one."""
        if (height, width) != self.size:
            raise InputError(
                f"{where}: is {width}x{height}, the frames before it are {self.size[1]}x{self.size[0]}; "
                "a sequence needs frames of one size"
            )
