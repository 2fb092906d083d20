"""Frames of a video file, decoded by the libraries that PyAV carries with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import av
import torch
from jaxtyping import Float64, UInt8
from torch import Tensor

from triptych.data.frame_source import UNTIMED_RATE_HZ, FrameSource
from triptych.errors import InputError

# A file that lacks more than both of these against the length in its header was cut off.
# (Headers round, and a last frame may be shorter than the others.)
MISSING_SECONDS = 1.0
MISSING_SHARE = 0.05
REENCODE = "re-encode it, for example with: ffmpeg -i {name} -c:v libx264 whole.mp4"


@final
class VideoSource(FrameSource):
    """The first video stream of a file.

    Frames are turned as the file's rotation says, and brought to square pixels. The
    packets are counted at construction (read, not decoded), so that the number and the
    times of the frames are known and a file that was cut off is noticed at once. Damage
    inside a frame is noticed where the decoder tells of it, which not all of them do.

    Attributes:
        fault: what is wrong with the file behind its last whole frame; None if nothing.

    Raises:
        InputError: the file is no video, or its first frame cannot be decoded.
    """

    def __init__(self, path: Path) -> None:
        with _opened_stream(path) as (container, stream):
            index = _packet_index(container, stream)
            first = next(_decoded(container, stream, path, rewind=True), None)
        if first is None or len(index.times) == 0:
            raise InputError(f"{path}: holds no frame that can be decoded; give another file")
        super().__init__(
            path=path,
            name=path.name,
            size=(first.shape[1], first.shape[2]),
            timestamps=index.times,
            timed=index.timed,
            intrinsics=None,
        )
        self.fault = index.fault

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[UInt8[Tensor, "3 height width"]]:
        """The frames from `start` up to, not including, `stop` (RGB), decoded as they are asked for.

        Of a file that was cut off only the frames before the break can be had, with `stop`.

        Raises:
            InputError: a frame asked for is missing, damaged, or of another size.
        """
        if self.fault is not None and (stop is None or stop > self.length):
            raise InputError(
                f"{self.path}: {self.fault}; copy or record it again, or limit the frames to the first {self.length}"
            )
        end = self.length if stop is None else min(stop, self.length)
        position = 0
        with _opened_stream(self.path) as (container, stream):
            images = _decoded(container, stream, self.path)
            while position < end:
                image = next(images, None)
                if image is None:
                    raise InputError(
                        f"{self.path}: only {position} of {self.length} frames could be decoded; "
                        f"{REENCODE.format(name=self.path.name)}"
                    )
                self._check_frame_size(image.shape[1], image.shape[2], where=f"{self.path}: frame {position}")
                if position >= start:
                    yield image
                position += 1


@dataclass(frozen=True)
class _PacketIndex:
    """What the packets of a stream tell without decoding: times (s), and whether they are whole."""

    times: Float64[Tensor, " frames"]
    timed: bool
    fault: str | None


@contextmanager
def _opened_stream(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its first video stream, closed again at the end."""
    try:
        container = av.open(str(path))
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as a video ({_reason(error)}), it may be cut off or of another "
            "kind; give a whole video file or a folder of images"
        ) from None
    with container:
        if not container.streams.video:
            raise InputError(f"{path}: holds no video stream; give a video file or a folder of images")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield container, stream


def _packet_index(container: Any, stream: Any) -> _PacketIndex:
    """The frames' times from the packets, and whether packets are missing at the end.

    Packets before the first key frame, those after it that are shown before it (their references
    are not there), and those an edit list discards, show no frame.
    """
    stamps: list[int | None] = []
    first: int | None = None
    total, started, damaged = 0, False, False
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            total += 1
            if packet.is_keyframe and not started:
                started, first = True, packet.pts
            if packet.is_corrupt:
                damaged = True
                break
            leading = packet.pts is not None and first is not None and packet.pts < first
            if started and not leading and not packet.is_discard:
                stamps.append(packet.pts if packet.pts is not None else packet.dts)
    except av.FFmpegError:
        damaged = True
    known = [stamp for stamp in stamps if stamp is not None]
    timed = len(known) == len(stamps) > 0 and stream.time_base is not None
    if timed:
        ticks = torch.tensor(sorted(known), dtype=torch.float64)
        times = (ticks - ticks[0]) * float(stream.time_base)
    else:
        rate = float(stream.average_rate or UNTIMED_RATE_HZ)
        times = torch.arange(len(stamps), dtype=torch.float64) / rate
        timed = stream.average_rate is not None
    fault = None
    if damaged:
        fault = f"is damaged or cut off after frame {len(stamps) - 1}"
    elif 0 < total < stream.frames:
        fault = f"is cut off: {len(stamps)} of {stream.frames} frames are there"
    elif stream.frames == 0 and len(stamps) > 0:
        end, promised = float(times[-1]), _promised_seconds(container, stream)
        if promised is not None and promised - end > max(MISSING_SECONDS, MISSING_SHARE * promised):
            fault = f"is cut off after {end:.1f} of {promised:.1f} seconds"
    return _PacketIndex(times=times, timed=timed, fault=fault)


def _promised_seconds(container: Any, stream: Any) -> float | None:
    """How long the header says that the frames last (s): by Matroska's tag of the stream, or by a file of no other."""
    clock = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if clock:
        hours, minutes, seconds = map(float, clock.groups())
        return 3600 * hours + 60 * minutes + seconds
    if container.duration is None or len(container.streams) > 1:  # sound may outlast the frames
        return None
    return float(container.duration / av.time_base)


def _decoded(
    container: Any, stream: Any, path: Path, *, rewind: bool = False
) -> Iterator[UInt8[Tensor, "3 height width"]]:
    """The stream's frames as RGB, upright, with square pixels."""
    position = 0
    try:
        if rewind:
            container.seek(0)
        for frame in _frames_of_whole_packets(container, stream):
            if frame.is_corrupt:
                raise InputError(_damage(path, position, "damaged data"))
            yield _rgb(frame, stream)
            position += 1
    except (av.FFmpegError, OSError) as error:
        raise InputError(_damage(path, position, _reason(error))) from None


def _frames_of_whole_packets(container: Any, stream: Any) -> Iterator[Any]:
    """The frames before the first packet that is cut off: given that one, a decoder loses those it holds back."""
    for packet in container.demux(stream):
        if packet.is_corrupt:
            yield from stream.decode(None)
            return
        yield from packet.decode()


def _rgb(frame: Any, stream: Any) -> UInt8[Tensor, "3 height width"]:
    """A decoded frame as RGB. The rotation in a file is counterclockwise, as is torch.rot90's on (y, x)."""
    aspect = float(stream.sample_aspect_ratio or 1)
    if aspect not in (0.0, 1.0):
        frame = frame.reformat(width=max(round(frame.width * aspect), 1), format="rgb24")
    image = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)
    quarter_turns = round(frame.rotation / 90) % 4
    return torch.rot90(image, quarter_turns, dims=(1, 2)) if quarter_turns else image


def _damage(path: Path, position: int, reason: str) -> str:
    return (
        f"{path}: frame {position} cannot be decoded ({reason}); limit the frames to the first "
        f"{position}, or {REENCODE.format(name=path.name)}"
    )


def _reason(error: BaseException) -> str:
    """The error's own words on one line, without the path that the message has already."""
    words = getattr(error, "strerror", None) or str(error)
    return " ".join(str(words).split())
