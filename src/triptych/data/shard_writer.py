"""One file of the shards: frames brought to size, in litdata's chunk format, with what is to be known of it."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from jaxtyping import UInt8
from torch import Tensor

from triptych.data.frame_file import DamagedFileError, frame_from_file
from triptych.data.shard_plan import PlannedChunk, ShardPlan, is_video
from triptych.data.shard_storage import ShardStorage, optional_module
from triptych.data.video import VideoSource
from triptych.errors import InputError

READ_BYTES = 2**20
Tick = Callable[[], None]


@dataclass(frozen=True)
class DamagedFrame:
    """A frame that could not be read.

    Attributes:
        drive: its number in the index.
        position: in the drive.
        line: what ails it.
    """

    drive: int
    position: int
    line: str


Images = Iterator[UInt8[Tensor, "3 height width"] | DamagedFrame]


@dataclass(frozen=True)
class ChunkRecord:
    """A finished chunk.

    Attributes:
        number: of the chunk.
        bytes: length of its file; 0 where none of its frames can be read, and there is no file.
        sha256: of the file.
        checksums: CRC-32 of the pixels of each frame in it.
        damaged: the frames that are not in it.
        litdata: what its index says of such a file.
        config: what litdata's index says of all files.
    """

    number: int
    bytes: int
    sha256: str
    checksums: tuple[int, ...]
    damaged: tuple[DamagedFrame, ...]
    litdata: dict[str, Any]
    config: dict[str, Any]

    @property
    def frames(self) -> int:
        """How many are in the file."""
        return len(self.checksums)

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))


def finished_chunks(
    plan: ShardPlan, storage: ShardStorage, job: tuple[PlannedChunk, ...], tick: Tick
) -> Iterator[ChunkRecord]:
    """The chunks of a job, each made unless it is there and sound.

    A chunk that lacks damaged frames is made again: they may have been mended.

    Args:
        plan: that the job is of.
        storage: where chunks and their records go.
        job: the chunks.
        tick: called between frames; what it raises ends the work, and nothing half-made stays.

    Raises:
        InputError: the place cannot be written to, or litdata is missing.
    """
    there = {chunk.number: _finished(storage, chunk) for chunk in job}
    images = _images(plan, [chunk for chunk in job if there[chunk.number] is None])
    for chunk in job:
        yield there[chunk.number] or _made(plan, storage, chunk, images, tick)


def file_checksum(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    checksum = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(READ_BYTES):
            checksum.update(block)
    return checksum.hexdigest()


def _made(plan: ShardPlan, storage: ShardStorage, chunk: PlannedChunk, images: Images, tick: Tick) -> ChunkRecord:
    """A chunk from the next images, stored under its name, then its record."""
    frames: list[UInt8[Tensor, "3 height width"]] = []
    damaged: list[DamagedFrame] = []
    for _ in range(chunk.frames):
        tick()
        found = next(images)
        if isinstance(found, DamagedFrame):
            damaged.append(found)
        else:
            frames.append(found)
    record = ChunkRecord(chunk.number, 0, "", (), tuple(damaged), {}, {})
    if frames:
        with storage.workshop(chunk.name) as shop:
            record = replace(record, **_written(frames, shop, limit=plan.frames_per_chunk))
            (file,) = shop.glob("*.bin")
            record = replace(record, bytes=file.stat().st_size, sha256=file_checksum(file))
            storage.store(file, chunk.name)
    storage.write(chunk.record_name, record.text().encode())
    return record


def _written(frames: list[UInt8[Tensor, "3 height width"]], shop: Path, *, limit: int) -> dict[str, Any]:
    """The frames as a chunk of litdata in an empty folder; what its record says of them."""
    writer = optional_module("litdata.streaming.writer").BinaryWriter(str(shop), chunk_size=limit)
    for number, frame in enumerate(frames):
        writer.add_item(number, frame)
    writer.done()
    (index,) = shop.glob("*.index.json")
    content = json.loads(index.read_text(encoding="utf-8"))
    (told,) = content["chunks"]
    return {
        "checksums": tuple(zlib.crc32(frame.numpy().data) for frame in frames),
        "litdata": {key: value for key, value in told.items() if key != "filename"},
        "config": content["config"],
    }


def _finished(storage: ShardStorage, chunk: PlannedChunk) -> ChunkRecord | None:
    """The record of a chunk that is there, whole and with all of its frames.

    On this machine the content is checked, elsewhere the length: objects appear whole.
    """
    if storage.size(chunk.record_name) is None:
        return None
    try:
        given = json.loads(storage.read(chunk.record_name))
        given["checksums"] = tuple(given["checksums"])
        given["damaged"] = tuple(DamagedFrame(**frame) for frame in given["damaged"])
        record = ChunkRecord(**given)
    except (ValueError, TypeError, KeyError):
        return None
    whole = storage.size(chunk.name) == record.bytes and record.number == chunk.number
    if record.damaged or not whole or record.frames != chunk.frames:
        return None
    if storage.folder is not None and file_checksum(storage.folder / chunk.name) != record.sha256:
        return None
    return record


def _images(plan: ShardPlan, chunks: list[PlannedChunk]) -> Images:
    """The frames of chunks at the processing size, or what ails them, in order."""
    if not chunks:
        return
    runs = [run for chunk in chunks for run in chunk.runs]
    number = runs[0].drive
    if is_video(plan.index.drives[number]):
        positions = [int(position) for run in runs for position in plan.used[number][run.start : run.stop]]
        yield from _video_images(plan, number, positions)
        return
    for run in runs:
        drive = plan.index.drives[run.drive]
        for position in plan.used[run.drive][run.start : run.stop].tolist():
            try:
                image = frame_from_file(drive.file(position), size=drive.size)
            except DamagedFileError as error:
                yield DamagedFrame(run.drive, position, str(error))
                continue
            yield plan.processing.frame(image).contiguous()


def _video_images(plan: ShardPlan, number: int, positions: list[int]) -> Images:
    """The frames of a video at ascending positions; behind damage none can be had."""
    drive = plan.index.drives[number]
    wanted = iter(positions)
    awaited = next(wanted, None)
    try:
        source = VideoSource(drive.folder)
        for position, image in enumerate(source.frames(positions[0], positions[-1] + 1), start=positions[0]):
            if position == awaited:
                yield plan.processing.frame(image).contiguous()
                awaited = next(wanted, None)
    except InputError as error:
        while awaited is not None:
            yield DamagedFrame(number, awaited, str(error))
            awaited = next(wanted, None)
