"""Whether every byte of shards is the one that was written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from triptych.data.shard_manifest import MANIFEST_NAME, ShardFile, ShardManifest, manifest_of
from triptych.data.shard_reader import manifest_content
from triptych.data.shard_storage import ShardStorage
from triptych.data.shard_writer import file_checksum
from triptych.errors import InputError
from triptych.formats.atomic import StrPath

WAYS_OUT: Final = (
    "copy the files again from where they are whole, or make all shards anew: their `triptych prepare` with --overwrite"
)
"""What to do about faults."""


def length_faults(storage: ShardStorage, manifest: ShardManifest) -> list[str]:
    """A line for each file that is missing or of another length; no file is read.

    Args:
        storage: where the shards lie.
        manifest: what they hold.
    """
    found = ((file, file.length_fault(storage.size(file.name))) for file in manifest.files)
    return [f"{storage.where(file.name)}: {fault}" for file, fault in found if fault is not None]


def shard_faults(location: StrPath, *, progress: Callable[[int, int], None] | None = None) -> list[str]:
    """A line for each file that is missing, of another length, or not what was written.

    Args:
        location: of the shards.
        progress: called with (files done, files in all).

    Raises:
        InputError: no finished shards are there.
    """
    storage = ShardStorage(location)
    manifest = manifest_of(manifest_content(storage), where=storage.where(MANIFEST_NAME))
    faults = []
    for done, file in enumerate(manifest.files, start=1):
        fault = _fault(storage, file)
        if fault is not None:
            faults.append(f"{storage.where(file.name)}: {fault}")
        if progress is not None:
            progress(done, len(manifest.files))
    return faults


def _fault(storage: ShardStorage, file: ShardFile) -> str | None:
    """What is wrong with a file."""
    fault = file.length_fault(storage.size(file.name))
    if fault is not None:
        return fault
    try:
        if storage.folder is not None:
            checksum = file_checksum(storage.folder / file.name)
        else:
            checksum = hashlib.sha256(storage.read(file.name)).hexdigest()
    except (InputError, OSError) as error:
        return f"cannot be read ({error})"
    return None if checksum == file.sha256 else "is not what was written (checksum)"
