"""From snippets of a data set to its shards: once, in any number of runs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import PurePath
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Int, Int64, Shaped

from triptych.data.frame_processing import FrameProcessing
from triptych.data.read_snippets import DamagedFrames
from triptych.data.shard_check import WAYS_OUT, length_faults
from triptych.data.shard_manifest import (
    CHECKSUMS_NAME,
    FRAME_NAMES_NAME,
    INDEX_NAME,
    MANIFEST_NAME,
    SNIPPETS_NAME,
    ShardDrive,
    ShardFile,
    ShardManifest,
    manifest_of,
)
from triptych.data.shard_plan import CHUNK_BYTES, ShardPlan, shard_plan
from triptych.data.shard_pool import all_chunks
from triptych.data.shard_storage import PARTIAL, ShardStorage, optional_module
from triptych.data.shard_writer import ChunkRecord
from triptych.data.snippet_index import SnippetIndex, listed
from triptych.errors import InputError
from triptych.formats.atomic import StrPath
from triptych.formats.counts import number_of

BEGUN_NAME: Final = "preparing.json"
"""Holds the settings while shards are not finished."""

OWN_NAME: Final = re.compile(
    rf"chunk-\d+\.(bin|json)|{BEGUN_NAME}|{MANIFEST_NAME}|{INDEX_NAME}|{SNIPPETS_NAME}|{FRAME_NAMES_NAME}"
    rf"|{CHECKSUMS_NAME}|{re.escape(PARTIAL)}.*"
)


def prepared_shards(
    index: SnippetIndex,
    location: StrPath,
    *,
    height: int,
    width: int,
    bottom_crop: float = 0.0,
    split: str | None = None,
    workers: int = 1,
    skip_limit: int = 20,
    overwrite: bool = False,
    chunk_bytes: int = CHUNK_BYTES,
    progress: Callable[[int, int], None] | None = None,
) -> ShardManifest:
    """The manifest of the shards of an index, which are written unless they are there.

    Of finished shards that are there only the lengths of the files are looked at.

    Interrupted, the same call goes on: chunks that are finished stay. Each frame is stored
    once, cut and resized to the bits that `LazySnippetDataset` has before its changes.
    The bytes written depend on the frames and the settings alone.

    Args:
        index: the snippets; may be of videos too (`folder_and_video_snippets`).
        location: a folder, or a URL of fsspec such as s3://bucket/kitti.
        height: of the processing size (px).
        width: of the processing size (px).
        bottom_crop: share of the rows that is cut off at the bottom, for a car bonnet.
        split: what the index is of, to be told by the manifest.
        workers: processes.
        skip_limit: more distinct damaged files than this are an error; snippets that need a
            damaged frame are left out.
        overwrite: make anew what is there, be it of other settings or damaged.
        chunk_bytes: length of a file at most.
        progress: called with (frames done, frames in all).

    Raises:
        InputError: a setting has no meaning, the place holds something else, holds these
            shards with files missing or of another length, or cannot be written to, too many
            frames are damaged, or litdata is missing.
    """
    if workers < 1:
        raise InputError(f"workers {workers}: must be 1 or more")
    damaged = DamagedFrames(skip_limit)
    plan = shard_plan(index, FrameProcessing(height, width, bottom_crop), chunk_bytes=chunk_bytes)
    optional_module("litdata.streaming.writer")
    storage = ShardStorage(location)
    finished = _begun(storage, plan.settings, overwrite=overwrite)
    if finished is not None:
        return finished
    records: dict[int, ChunkRecord] = {}
    planned = {chunk.number: chunk.frames for chunk in plan.chunks}
    done = 0
    with closing(all_chunks(plan, storage, workers=workers)) as chunks:
        for record in chunks:
            damaged.add(frame.line for frame in record.damaged)
            records[record.number] = record
            done += planned[record.number]
            if progress is not None:
                progress(done, plan.frames)
    manifest = _written(plan, storage, [records[number] for number in sorted(records)], split=split)
    _tidy(storage)
    return manifest


def _begun(storage: ShardStorage, settings: dict[str, Any], *, overwrite: bool) -> ShardManifest | None:
    """Makes the place ready; the manifest, if these very shards are finished."""
    names = storage.names()
    foreign = [name for name in names if OWN_NAME.fullmatch(name) is None]
    if foreign:
        raise InputError(
            f"{storage.location}: holds other files ({listed(foreign)}); name a folder for the shards alone"
        )
    manifest: ShardManifest | None = None
    if not overwrite:
        given: object = None
        if MANIFEST_NAME in names:
            manifest = manifest_of(storage.read(MANIFEST_NAME), where=storage.where(MANIFEST_NAME))
            given = dict(manifest.settings)
        elif BEGUN_NAME in names:
            given = _settings(storage)
        elif any(not name.startswith(PARTIAL) for name in names):
            raise InputError(f"{storage.location}: holds parts of shards without {BEGUN_NAME}; pass --overwrite")
        if given is not None and given != settings:
            raise InputError(
                f"{storage.location}: holds shards of other settings ({_difference(given, settings)}); choose another "
                "folder or pass --overwrite"
            )
    else:
        # The manifest first: without it nothing is taken for shards.
        storage.remove(sorted(names, key=lambda name: name != MANIFEST_NAME))
    storage.remove([name for name in names if name.startswith(PARTIAL)])
    if manifest is not None:
        faults = length_faults(storage, manifest)
        if faults:
            others = f" (and {number_of(len(faults) - 1, 'other', 'others')})" if len(faults) > 1 else ""
            raise InputError(f"{faults[0]}{others}; {WAYS_OUT}")
        _tidy(storage)
        return manifest
    storage.write(BEGUN_NAME, json.dumps(settings, indent=1).encode())
    return None


def _settings(storage: ShardStorage) -> object:
    try:
        settings: object = json.loads(storage.read(BEGUN_NAME))
    except ValueError:
        raise InputError(f"{storage.where(BEGUN_NAME)}: cannot be read; pass --overwrite") from None
    return settings


def _difference(there: object, wanted: dict[str, Any]) -> str:
    """The first settings in which two differ, for a person."""
    if not isinstance(there, dict):
        return "of another kind"
    differing = [key for key in wanted if there.get(key) != wanted[key]]
    told = [
        "frames, intrinsics or neighbors of the data set changed"
        if key == "frames"
        else f"{key} {there.get(key)}, now {wanted[key]}"
        for key in differing
    ]
    return listed(told) if told else "of another triptych"


def _tidy(storage: ShardStorage) -> None:
    """Takes away what was of use only while shards were made."""
    storage.remove([name for name in storage.names() if name == BEGUN_NAME or re.fullmatch(r"chunk-\d+\.json", name)])


def _written(
    plan: ShardPlan,
    storage: ShardStorage,
    records: Sequence[ChunkRecord],
    *,
    split: str | None,
) -> ShardManifest:
    """What makes shards of the chunks: names, checksums and snippets; the manifest comes last."""
    stored = [np.ones(len(used), dtype=np.bool_) for used in plan.used]
    for record in records:
        for frame in record.damaged:
            stored[frame.drive][np.searchsorted(plan.used[frame.drive], frame.position)] = False
    damaged = tuple(dict.fromkeys(frame.line for record in records for frame in record.damaged))
    snippets = _snippets(plan, stored)
    left_out = len(plan.index) - len(snippets)
    if not len(snippets):
        raise InputError(f"{plan.index.name}: not one of its {left_out} snippets can be read: {damaged[0]}")
    remarks = list(plan.index.remarks)
    if left_out:
        told = number_of(left_out, "snippet is left out, for it needs", "snippets are left out, for they need")
        remarks.append(f"{plan.index.name}: {told} damaged frames")
    filled = [record for record in records if record.frames]
    names = [plan.index.drives[n].file_names[used[stored[n]]] for n, used in enumerate(plan.used)]
    arrays = {
        SNIPPETS_NAME: snippets.astype("<i4"),
        FRAME_NAMES_NAME: _stems(names),
        CHECKSUMS_NAME: np.array([crc for record in filled for crc in record.checksums], dtype="<u4"),
    }
    contents = {name: _npy(array) for name, array in arrays.items()} | {INDEX_NAME: _litdata_index(plan, filled)}
    for name, content in contents.items():
        storage.write(name, content)
    chunk_names = {chunk.number: chunk.name for chunk in plan.chunks}
    files = [ShardFile(chunk_names[one.number], one.bytes, one.sha256, one.frames) for one in filled]
    files += [ShardFile(name, len(text), hashlib.sha256(text).hexdigest()) for name, text in contents.items()]
    manifest = ShardManifest(
        name=plan.index.name,
        split=split,
        size=(plan.processing.height, plan.processing.width),
        bottom_crop=plan.processing.bottom_crop,
        snippets=len(snippets),
        drives=_drives(plan, stored),
        files=tuple(files),
        remarks=tuple(remarks),
        damaged=damaged,
        settings=plan.settings,
    )
    storage.write(MANIFEST_NAME, manifest.text().encode())
    return manifest


def _drives(plan: ShardPlan, stored: Sequence[Bool[np.ndarray, " _"]]) -> tuple[ShardDrive, ...]:
    return tuple(
        ShardDrive(
            name=drive.name,
            frames=int(kept.sum()),
            intrinsics=tuple(tuple(row) for row in plan.processing.intrinsics(drive).tolist()),
            intrinsics_origin=drive.intrinsics_origin,
            assumed_intrinsics=drive.assumed_intrinsics,
            full_size=drive.size,
        )
        for drive, kept in zip(plan.index.drives, stored, strict=True)
    )


def _snippets(plan: ShardPlan, stored: Sequence[Bool[np.ndarray, " _"]]) -> Int64[np.ndarray, "snippets 3"]:
    """Numbers of the stored frames of each snippet that has all of them, in the order of the index."""
    index = plan.index
    begins = np.concatenate([[0], np.cumsum([int(kept.sum()) for kept in stored])])
    numbers: list[Int[np.ndarray, "_ 3"]] = []
    for drive, (used, kept) in enumerate(zip(plan.used, stored, strict=True)):
        places = np.searchsorted(used, index.frames[index.drive_numbers == drive])
        among_stored = begins[drive] + np.cumsum(kept) - 1
        numbers.append(np.where(kept[places], among_stored[places], -1))
    # Of each drive they are in order, but a split may name drives in turns.
    order = np.argsort(index.drive_numbers, kind="stable")
    found = np.empty((len(index), 3), dtype=np.int64)
    found[order] = np.concatenate(numbers)
    whole: Int64[np.ndarray, "snippets 3"] = found[(found >= 0).all(axis=1)]
    return whole


def _stems(names: Sequence[Shaped[np.ndarray, " _"]]) -> Shaped[np.ndarray, " all"]:
    """Names of files without suffix, as bytes."""
    stems = [PurePath(os.fsdecode(bytes(name))).stem for part in names for name in part]
    return np.array([os.fsencode(stem) for stem in stems], dtype=np.bytes_)


def _npy(array: Shaped[np.ndarray, "..."]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _litdata_index(plan: ShardPlan, records: Sequence[ChunkRecord]) -> bytes:
    """The index by which litdata itself reads the chunks."""
    names = {chunk.number: chunk.name for chunk in plan.chunks}
    chunks = [record.litdata | {"filename": names[record.number]} for record in records]
    return (json.dumps({"chunks": chunks, "config": records[0].config}, indent=1, sort_keys=True) + "\n").encode()
