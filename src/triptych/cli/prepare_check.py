"""Tell whether every byte of shards is the one that was written.

Exit code 0: all is sound; 1: a file is not.
"""

from __future__ import annotations

from collections.abc import Sequence

from jsonargparse import ArgumentParser

from triptych.cli.parsing import parsed

UNSOUND = 1


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych prepare check`."""
    parser.add_argument("shards", help="a folder, or a URL of fsspec such as s3://bucket/kitti")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Check all files."""
    options = parsed(parser, words)
    from triptych.cli.console import counted
    from triptych.data.shard_check import WAYS_OUT, shard_faults

    with counted("checking") as progress:
        checked = shard_faults(options.shards, progress=progress)
    for line in checked:
        print(line)
    if checked:
        print(WAYS_OUT)
        raise SystemExit(UNSOUND)
    print(f"{options.shards}: every file is as it was written")
