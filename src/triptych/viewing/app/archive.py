"""A zip archive that is made while it is sent, so that it needs no room on the disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import final

_PACKED = frozenset({".txt", ".json", ".jsonl", ".yaml", ".ply", ".html", ".flo"})
"""Ends of names of files that get smaller; the others are packed already."""
_CHUNK_BYTES = 1 << 20


@final
class _Pipe(io.RawIOBase):
    """Takes what is written and hands it out; cannot be rewound."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:
        held = bytes(content)  # type: ignore[call-overload]
        self._held += held
        return len(held)

    def drained(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held


def zip_chunks(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """The archive of files, piece by piece.

    Args:
        files: name within the archive and place of each.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", allowZip64=True) as archive:
        for name, path in files:
            info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            info.compress_type = zipfile.ZIP_DEFLATED if path.suffix in _PACKED else zipfile.ZIP_STORED
            with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                while content := source.read(_CHUNK_BYTES):
                    target.write(content)
                    yield pipe.drained()
            yield pipe.drained()
    yield pipe.drained()
