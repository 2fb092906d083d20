"""Make shards of the video sequences of Cityscapes to train on."""

from __future__ import annotations

from collections.abc import Sequence

from jsonargparse import ArgumentParser

from triptych.cli.parsing import parsed
from triptych.cli.prepare_shards import add_shard_arguments, folder_of, stride_option, write_shards

BOTTOM_CROP = 0.25
"""The bonnet and its star, as `data.cityscapes_snippets` has it; that is not imported for the sake of --help."""


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych prepare cityscapes`."""
    parser.add_argument("root", help="folder that holds leftImg8bit_sequence and camera")
    parser.add_argument("--split", default="train", choices=["train", "val", "test"], help="of the data set")
    # Three quarters of 1024x2048 keep their shape at this size.
    add_shard_arguments(parser, required=True, size="192x512", bottom_crop=BOTTOM_CROP)


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Make shards."""
    options = parsed(parser, words)
    from triptych.data.cityscapes_snippets import cityscapes_snippets

    root = folder_of(options)
    write_shards(
        options, lambda: cityscapes_snippets(root, options.split, **stride_option(options)), split=options.split
    )
