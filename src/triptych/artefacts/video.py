"""H.264 video, written frame by frame."""

from __future__ import annotations

import os
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import torch.nn.functional as F
from av.video.reformatter import ColorRange, Colorspace
from jaxtyping import UInt8
from torch import Tensor

from triptych.formats.atomic import StrPath, atomic_path

QUALITY = 20  # x264's constant rate factor: 18 is visually lossless, 23 its default
_BT709 = 1  # code of ITU-T H.273, for primaries, transfer and matrix


class VideoWriter:
    """An mp4 file that takes frames one by one and appears when it is complete.

    Every player takes what is written: H.264, yuv420p, BT.709, index at the front. Odd
    sizes get a repeated last row or column. Memory does not grow with the length.

        with VideoWriter("overview.mp4", rate=25) as video:
            video.write(picture)
    """

    def __init__(self, path: StrPath, *, rate: float | int | Fraction, quality: int = QUALITY) -> None:
        """Sets up a video; nothing is written before the first frame.

        Args:
            path: the mp4 file; its suffix must be .mp4.
            rate: frames per second.
            quality: constant rate factor of x264, 0 (lossless) to 51.

        Raises:
            ValueError: for another suffix, or a rate that is not above 0.
        """
        if Path(path).suffix.lower() != ".mp4":
            raise ValueError(f"a path that ends with .mp4 is needed, got {os.fspath(path)}")
        if not rate > 0:
            raise ValueError(f"a rate above 0 frames per second is needed, got {rate}")
        self._path = path
        self._rate = Fraction(rate).limit_denominator(100_000)
        self._quality = quality
        self._stack = ExitStack()
        self._container: Any = None
        self._stream: Any = None
        self._size: tuple[int, int] | None = None

    def __enter__(self) -> VideoWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self._path))
            self._container = av.open(str(temporary), "w", options={"movflags": "+faststart"})
            stack.push(self._finish)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def write(self, frame: UInt8[Tensor, "3 height width"]) -> None:
        """Adds one RGB frame.

        Raises:
            ValueError: its size is not that of the first frame.
        """
        height, width = frame.shape[1:]
        if self._size is None:
            self._size = (height, width)
            self._stream = self._opened_stream(width + width % 2, height + height % 2)
        if self._size != (height, width):
            raise ValueError(f"frames of {self._size[1]} x {self._size[0]} are needed, got {width} x {height}")
        padded = F.pad(frame[None].float(), (0, width % 2, 0, height % 2), mode="replicate")[0].byte()
        picture = av.VideoFrame.from_ndarray(padded.permute(1, 2, 0).contiguous().cpu().numpy(), format="rgb24")
        picture = picture.reformat(
            format="yuv420p",
            src_colorspace=Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
        self._container.mux(self._stream.encode(picture))

    def _finish(self, kind: type[BaseException] | None, _: object, __: object) -> None:
        """Writes what the encoder still holds, unless the video is given up."""
        try:
            if kind is None and self._stream is None:
                raise ValueError(f"no frame was written to {os.fspath(self._path)}")
            if kind is None:
                self._container.mux(self._stream.encode())
        finally:
            self._container.close()

    def _opened_stream(self, width: int, height: int) -> Any:
        stream = self._container.add_stream("libx264", rate=self._rate, options={"crf": str(self._quality)})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = int(ColorRange.MPEG)
        return stream
