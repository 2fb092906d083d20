"""Frames out of shards, in any order: read where they lie, or through a cache of bounded size.

litdata's own reader is not used: see docs/decisions/0008-shards.md.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

import numpy as np
from jaxtyping import UInt8, UInt32
from torch import Tensor

from triptych.data.frame_file import DamagedFileError
from triptych.data.shard_manifest import MANIFEST_NAME, ShardFile, ShardManifest, manifest_of
from triptych.data.shard_storage import ShardStorage, optional_module
from triptych.data.shard_writer import file_checksum
from triptych.errors import InputError
from triptych.formats.atomic import StrPath

CACHE_LIMIT: Final = 64 * 10**9
"""Bytes: three times KITTI's Zhou split at 192x640."""

CACHE_VARIABLE: Final = "TRIPTYCH_CACHE"
"""Environment variable that names the folder of the cache."""

OFFSET_BYTES = 4  # of a number in the head of a chunk: the count, then count + 1 offsets


@final
class ShardReader:
    """The frames of finished shards, by number.

    Nothing is held open or in memory between two reads, so that processes may be forked and
    spawned at any time and stay as small as they are.

    Of a remote place the first chunks, as many as the limit allows, are copied to the cache
    when one of their frames is first asked for, and stay there; frames of the others are
    fetched alone each time. Under a shuffled order no choice of chunks is better, and it is
    the same for all processes of a machine, which share the cache.

    Args:
        location: of the shards.
        cache: folder of the cache, for remote places; by default that of the environment
            variable `TRIPTYCH_CACHE`, or one in the user's own.
        cache_limit: bytes of these shards that are kept there at most.

    Attributes:
        storage: where they lie.
        manifest: what they hold.

    Raises:
        InputError: no finished shards are there, or one of their files is missing or of
            another length.
    """

    def __init__(self, location: StrPath, *, cache: Path | None = None, cache_limit: int = CACHE_LIMIT) -> None:
        if cache_limit < 0:
            raise InputError(f"cache limit {cache_limit}: give bytes, 0 for no cache")
        self.storage = ShardStorage(location)
        content = manifest_content(self.storage)
        self.manifest: ShardManifest = manifest_of(content, where=self.storage.where(MANIFEST_NAME))
        self._chunks = self.manifest.chunks
        self._begins = np.cumsum([0, *(chunk.frames for chunk in self._chunks)])
        self._pixels = 3 * self.manifest.size[0] * self.manifest.size[1]
        if self.storage.folder is not None:
            for file in self.manifest.files:
                self._check_length(file, self.storage.size(file.name))
        else:
            ends = np.cumsum([chunk.bytes for chunk in self._chunks])
            self._kept = int(np.searchsorted(ends, cache_limit, side="right"))
            place = hashlib.sha256(self.storage.location.encode()).hexdigest()[:16]
            folder = (cache or cache_folder()) / "shards" / place
            self._cache = folder / hashlib.sha256(content).hexdigest()[:16]
            if folder.is_dir():
                for other in folder.iterdir():  # of shards that were there before
                    if other != self._cache:
                        shutil.rmtree(other, ignore_errors=True)

    def content(self, name: str) -> bytes:
        """All of a file that the manifest lists, checked.

        Raises:
            InputError: it cannot be read, or is not what was written.
        """
        file = self.manifest.file(name)
        content = self.storage.read(name)
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise InputError(f"{self.storage.where(name)}: is not what was written (checksum); prepare the shards anew")
        return content

    def read(
        self,
        frames: Sequence[int],
        checksums: UInt32[np.ndarray, " all"],
        into: UInt8[Tensor, "count 3 height width"],
    ) -> None:
        """Fill in the frames of these numbers.

        Args:
            frames: numbers, counted over all drives.
            checksums: CRC-32 of every frame there is.
            into: what is filled.

        Raises:
            DamagedFileError: a frame is not what was written.
            InputError: a chunk is missing, cut off or cannot be fetched.
        """
        pixels = into.numpy()
        places = (np.searchsorted(self._begins, frames, side="right") - 1).tolist()
        for place in dict.fromkeys(places):
            rows = [row for row, other in enumerate(places) if other == place]
            self._read_chunk(place, [frames[row] - int(self._begins[place]) for row in rows], pixels, rows)
        for row, frame in enumerate(frames):
            if zlib.crc32(pixels[row]) != int(checksums[frame]):
                slot = frame - int(self._begins[places[row]])
                where = self.storage.where(self._chunks[places[row]].name)
                raise DamagedFileError(f"{where}: frame {slot} is not what was written (checksum)")

    def _read_chunk(
        self, place: int, slots: list[int], pixels: UInt8[np.ndarray, "count 3 height width"], rows: list[int]
    ) -> None:
        """Frames of one chunk into rows of an array."""
        chunk = self._chunks[place]
        head = OFFSET_BYTES * (chunk.frames + 2)
        item = (chunk.bytes - head) // chunk.frames
        # An item ends with its pixels; what stands before them tells type and shape.
        begins = [head + (slot + 1) * item - self._pixels for slot in slots]
        file = self._local_file(place)
        if file is None:
            for row, content in zip(rows, self.storage.spans(chunk.name, begins, self._pixels), strict=True):
                self._check_read(chunk, len(content))
                pixels[row] = np.frombuffer(content, dtype=np.uint8).reshape(pixels.shape[1:])
            return
        try:
            with file.open("rb", buffering=0) as stream:
                for row, begin in zip(rows, begins, strict=True):
                    stream.seek(begin)
                    self._check_read(chunk, stream.readinto(memoryview(pixels[row]).cast("B")))
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error.strerror})") from None

    def _local_file(self, place: int) -> Path | None:
        """Where a chunk lies on this machine, fetched if need be; None if it is not kept here."""
        chunk = self._chunks[place]
        if self.storage.folder is not None:
            return self.storage.folder / chunk.name
        if place >= self._kept:
            return None
        file = self._cache / chunk.name
        if file.is_file():
            return file
        self._cache.mkdir(parents=True, exist_ok=True)
        # One process fetches, the others wait for it.
        with optional_module("filelock").FileLock(f"{file}.lock"):
            if not file.is_file():
                fetched = self._cache / f"fetched-{os.getpid()}-{chunk.name}"
                try:
                    self.storage.fetch(chunk.name, fetched)
                    if file_checksum(fetched) != chunk.sha256:
                        where = self.storage.where(chunk.name)
                        raise InputError(f"{where}: is not what was written (checksum); prepare the shards anew")
                    fetched.replace(file)
                finally:
                    fetched.unlink(missing_ok=True)
        return file

    def _check_read(self, chunk: ShardFile, count: int) -> None:
        if count != self._pixels:
            raise InputError(f"{self.storage.where(chunk.name)}: is cut off; copy it again, or prepare the shards anew")

    def _check_length(self, file: ShardFile, found: int | None) -> None:
        fault = file.length_fault(found)
        if fault is not None:
            raise InputError(f"{self.storage.where(file.name)}: {fault}; copy it again, or prepare the shards anew")


def cache_folder() -> Path:
    """Where copies of what lies elsewhere are kept."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "triptych"


def manifest_content(storage: ShardStorage) -> bytes:
    """The manifest of finished shards.

    Raises:
        InputError: none are there.
    """
    names = storage.names()
    if MANIFEST_NAME in names:
        return storage.read(MANIFEST_NAME)
    if any(name.startswith("preparing") for name in names):
        raise InputError(f"{storage.location}: shards that are not finished; run their `triptych prepare` again")
    raise InputError(f"{storage.location}: no shards are there (no {MANIFEST_NAME}); make some by `triptych prepare`")
