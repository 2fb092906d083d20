"""Videos that were sent: refused before they are read, or kept under a name of our own until they are used."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from triptych.data.video import VideoSource
from triptych.errors import InputError
from triptych.viewing.app.order import FEWEST_FRAMES
from triptych.viewing.app.steps import VIDEO

ENDINGS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm")
"""Of names of videos that are taken."""
_HEAD_BYTES = 12
WAITING_AT_MOST = 8
WAITING_S = 1800.0  # an upload that nobody uses by then makes room
_LONGEST_NAME = 200


class TooLargeError(InputError):
    """More was sent, or declared, than is taken."""


@dataclass(frozen=True)
class Upload:
    """A video that was sent and is not used yet.

    Attributes:
        path: where it lies.
        name: what its owner calls it; to be shown, never a path.
        frames: how many it has.
        size: height and width (px).
        since: when it came, by the clock that makes it old (s).
    """

    path: Path
    name: str
    frames: int
    size: tuple[int, int]
    since: float


class Uploads:
    """The uploads of all browsers; each is reached by its token alone.

    Args:
        folder: for the files; exists.
        largest_bytes: of a file.
        clock: time (s); for tests.
    """

    def __init__(self, folder: Path, *, largest_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.largest_bytes = largest_bytes
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, Upload] = {}

    def check(self, name: str, declared: int | None) -> None:
        """Refuse a file by its name and the length that is declared for it, before anything is read.

        Raises:
            TooLargeError: it is too long.
            InputError: the name is no plain name, or not that of a video; the file is empty.
        """
        shown = _shown(name)
        if not name or len(name) > _LONGEST_NAME or any(char in "/\\" or not char.isprintable() for char in name):
            raise InputError(f"{shown}: is not a plain file name; rename the file")
        if Path(name).suffix.lower() not in ENDINGS:
            raise InputError(f"{shown}: is not a video by its name; give one of {', '.join(ENDINGS)}")
        if declared is not None and declared > self.largest_bytes:
            raise self._too_large(shown)
        if declared == 0:
            raise InputError(f"{shown}: is empty; give a whole video file")

    async def receive(self, name: str, chunks: AsyncIterable[bytes], *, declared: int | None) -> Path:
        """The file with what is sent; nothing is left of one that is refused or cut off.

        Args:
            name: what its owner calls it.
            chunks: its content.
            declared: its length, if that was told.

        Raises:
            TooLargeError: it is longer than is taken, or than declared.
            InputError: as `check`, or the disk is full.
        """
        self.check(name, declared)
        path = self._folder / f"{secrets.token_hex(16)}{Path(name).suffix.lower()}"
        room = self.largest_bytes if declared is None else declared
        try:
            with path.open("xb") as file:
                async for chunk in chunks:
                    room -= len(chunk)
                    if room < 0:
                        raise self._too_large(_shown(name))
                    file.write(chunk)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise InputError(f"{_shown(name)}: cannot be kept here ({error.strerror or error})") from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def keep(self, path: Path, name: str, *, instead: str = "") -> tuple[str, Upload]:
        """The token and the upload of a file that was received, once it is seen to be a video.

        Args:
            path: of the file, which is deleted where it is refused.
            name: what its owner calls it.
            instead: token of an upload that it replaces.

        Raises:
            InputError: it is no video, or too short.
        """
        try:
            source = _opened(path, name)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        token = secrets.token_urlsafe(16)
        upload = Upload(path, name, source.length, source.size, self._clock())
        self.discard(instead)
        with self._lock:
            self._kept[token] = upload
            old = [key for key, kept in self._kept.items() if upload.since - kept.since > WAITING_S]
            crowded = list(self._kept)[:-WAITING_AT_MOST]
        for key in {*old, *crowded}:
            self.discard(key)
        return token, upload

    def find(self, token: str) -> Upload:
        """An upload, which stays.

        Raises:
            InputError: it is not there.
        """
        with self._lock:
            upload = self._kept.get(token)
        if upload is None:
            raise InputError(
                "there is no video: choose a file and wait until it is sent, or choose it again if it was a while ago"
            )
        return upload

    def take(self, token: str) -> Upload:
        """An upload, whose file belongs to the caller from now on.

        Raises:
            InputError: it is not there.
        """
        upload = self.find(token)
        with self._lock:
            taken = self._kept.pop(token, None)
        if taken is None:
            raise InputError("this video is used already")
        return upload

    @contextmanager
    def lent(self, token: str) -> Iterator[Upload]:
        """An upload whose file the block moves away; where the block fails and the file is left, it is kept again.

        Raises:
            InputError: it is not there.
        """
        upload = self.take(token)
        try:
            yield upload
        except BaseException:
            if upload.path.exists():
                with self._lock:
                    self._kept[token] = upload
            raise

    def discard(self, token: str) -> None:
        """Delete an upload, if it is there."""
        with self._lock:
            upload = self._kept.pop(token, None)
        if upload is not None:
            with suppress(OSError):
                upload.path.unlink(missing_ok=True)

    def _too_large(self, shown: str) -> TooLargeError:
        return TooLargeError(
            f"{shown}: is larger than {self.largest_bytes / 1e6:.0f} MB; give a shorter or smaller video "
            "(--max_upload_mb of the command allows more)"
        )


def _opened(path: Path, name: str) -> VideoSource:
    """The video, opened only if its first bytes are those of a kind that names no other files.

    A playlist would make the decoder open whatever it names.

    Raises:
        InputError: it is none, or too short; the message has the owner's name of it.
    """
    shown = _shown(name)
    if kind_of_content(path) is None:
        raise InputError(
            f"{shown}: is no mp4, mov, avi, mkv or webm inside, whatever its name; give a whole video file"
        )
    try:
        source = VideoSource(path)
    except InputError as error:
        raise InputError(str(error).replace(str(path), shown).replace(path.name, shown)) from None
    if source.fault is not None:
        raise InputError(f"{shown}: {source.fault}; copy or record it again")
    if source.length < FEWEST_FRAMES:
        raise InputError(f"{shown}: has {source.length} frames; at least {FEWEST_FRAMES} are needed")
    return source


def kind_of_content(path: Path) -> str | None:
    """Which kind of video a file is by its first bytes; None for any other file."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
        return "mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return None


def stored_name(upload: Upload) -> str:
    """What the file is called in a job's folder."""
    return VIDEO + upload.path.suffix


def _shown(name: str) -> str:
    """A name as a part of a message: one line, printable, not long."""
    plain = "".join(char if char.isprintable() else "?" for char in name)
    return plain if len(plain) <= _LONGEST_NAME else plain[:60] + "…"
