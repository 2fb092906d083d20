"""Make shards of KITTI odometry to train on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser

from triptych.cli.parsing import parsed
from triptych.cli.prepare_shards import add_shard_arguments, folder_of, stride_option, write_shards
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.data.snippet_index import SnippetIndex


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych prepare kitti_odometry`."""
    from triptych.data.kitti_snippets import ODOMETRY_TRAINING

    parser.add_argument("root", help="folder that holds `sequences`")
    parser.add_argument("--split", help=f"one of {', '.join(ODOMETRY_TRAINING)}; without, all sequences that are there")
    parser.add_argument("--sequences", help="numbers of those to use in place of a split, such as 00,01,02")
    add_shard_arguments(parser, required=True)


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Make shards."""
    options = parsed(parser, words)
    from triptych.data.kitti_snippets import ODOMETRY_TRAINING, kitti_odometry_snippets

    if options.split is not None and options.sequences is not None:
        raise InputError("give --split or --sequences, not both")
    if options.split is not None and options.split not in ODOMETRY_TRAINING:
        raise InputError(f"--split {options.split}: shards are made of {', '.join(ODOMETRY_TRAINING)}")
    numbers = None if options.sequences is None else _numbers(str(options.sequences))
    root = folder_of(options)

    def index_of() -> SnippetIndex:
        index = kitti_odometry_snippets(root, options.split, **stride_option(options))
        return index if numbers is None else _only(index, numbers)

    write_shards(options, index_of, split=options.split)


def _numbers(text: str) -> list[str]:
    """Sequences as their folders are named."""
    words = [word for word in re.split(r"[,\s\[\]'\"]+", text) if word]
    if not words or not all(word.isdecimal() for word in words):
        raise InputError(f"--sequences {text}: write numbers with commas between, such as 00,01,02")
    return [f"{int(word):02d}" for word in words]


def _only(index: SnippetIndex, sequences: Sequence[str]) -> SnippetIndex:
    """The snippets of some sequences, all of which must be there."""
    from triptych.data.snippet_index import DriveSnippets, snippet_index

    places = {number: sequence for number, drive in enumerate(index.drives) if (sequence := drive.folder.parent.name)}
    lacking = [sequence for sequence in sequences if sequence not in places.values()]
    if lacking:
        raise InputError(f"{index.name}: has no sequence {', '.join(lacking)}; there are {_listed(places)}")
    parts = [
        DriveSnippets(index.drives[number], index.frames[index.drive_numbers == number])
        for number, sequence in places.items()
        if sequence in sequences
    ]
    return snippet_index(f"sequences {', '.join(sequences)} of {index.name}", parts)


def _listed(places: dict[int, str]) -> str:
    return ", ".join(sorted(set(places.values())))
