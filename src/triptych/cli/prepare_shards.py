"""What the making of shards has in common, whatever data set they are of."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from triptych.config.load import size_of
from triptych.errors import InputError
from triptych.formats.counts import number_of

if TYPE_CHECKING:
    from triptych.data.shard_manifest import ShardManifest
    from triptych.data.snippet_index import SnippetIndex

MEGABYTE = 2**20


def add_shard_arguments(
    parser: ArgumentParser, *, required: bool, size: str = "192x640", bottom_crop: float = 0.0
) -> None:
    """The options of every making of shards."""
    parser.add_argument(
        "--output",
        required=required,
        help="where to: a folder, or a URL of fsspec such as s3://bucket/kitti; the same command goes on with what an "
        "interrupted one left there",
    )
    parser.add_argument("--size", default=size, help="HEIGHTxWIDTH that frames are brought to (px)")
    parser.add_argument(
        "--bottom_crop", type=float, default=bottom_crop, help="share of the rows cut off at the bottom before"
    )
    parser.add_argument("--stride", type=int, help="frames from a target to its neighbors")
    parser.add_argument("--workers", type=int, help="processes; by default one a core")
    parser.add_argument("--skip_limit", type=int, default=20, help="so many damaged frames are put up with")
    parser.add_argument(
        "--overwrite", action="store_true", help="make anew what is there, damaged or of other settings"
    )
    parser.add_argument("--chunk_mb", type=int, default=64, help="size of a file at most (MiB)")


def write_shards(options: Namespace, index_of: Callable[[], SnippetIndex], *, split: str | None = None) -> None:
    """Make shards of an index by the options, and tell what they hold.

    Args:
        options: those of `add_shard_arguments`.
        index_of: finds the snippets, called once the options are known to make sense.
        split: of the data set.
    """
    from triptych.cli.console import counted, say, warn
    from triptych.data.read_snippets import DamagedFrames
    from triptych.data.shard_manifest import MANIFEST_NAME
    from triptych.data.shard_preparing import prepared_shards
    from triptych.data.shard_storage import ShardStorage

    height, width = size_of(options.size)
    workers = usable_cores() if options.workers is None else options.workers
    if workers < 1:
        raise InputError(f"--workers {workers}: must be 1 or more")
    DamagedFrames(options.skip_limit)
    # Looked at before the data set is: a place that cannot be reached is told at once.
    finished = MANIFEST_NAME in ShardStorage(options.output).names() and not options.overwrite
    index = index_of()
    try:
        with counted("preparing") as progress:
            manifest = prepared_shards(
                index,
                options.output,
                height=height,
                width=width,
                bottom_crop=options.bottom_crop,
                split=split,
                workers=workers,
                skip_limit=options.skip_limit,
                overwrite=options.overwrite,
                chunk_bytes=options.chunk_mb * MEGABYTE,
                progress=progress,
            )
    except KeyboardInterrupt:
        say("what is finished is kept: the same command goes on from there")
        raise
    for line in (*manifest.damaged, *manifest.remarks):
        warn(line)
    say(f"{_counts(manifest)}: {options.output}")
    if finished:
        say("they were there already; `triptych prepare check` tells whether every byte is still right")


def stride_option(options: Namespace) -> dict[str, int]:
    """The stride as a keyword, where it is given; the readers have their own."""
    return {} if options.stride is None else {"stride": options.stride}


def folder_of(options: Namespace) -> Path:
    """The data set's folder.

    Raises:
        InputError: there is none.
    """
    root = Path(options.root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; name the folder of the data set")
    return root


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _counts(manifest: ShardManifest) -> str:
    height, width = manifest.size
    snippets, frames = (
        number_of(manifest.snippets, "snippet", "snippets"),
        number_of(manifest.frames, "frame", "frames"),
    )
    drives = number_of(len(manifest.drives), "drive", "drives")
    return f"{snippets} of {frames} at {height}x{width} in {drives}, {manifest.bytes / MEGABYTE:,.1f} MiB"
