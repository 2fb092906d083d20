"""Make shards of a data set to train on, check what is on a disk, or write a synthetic world in KITTI's layouts."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from jsonargparse import ArgumentParser

from triptych.cli import (
    prepare_check,
    prepare_cityscapes,
    prepare_folders,
    prepare_kitti,
    prepare_kitti_odometry,
    prepare_synthetic,
)
from triptych.config.load import nearest_name
from triptych.errors import InputError

KINDS: dict[str, ModuleType] = {
    "synthetic": prepare_synthetic,
    "kitti": prepare_kitti,
    "kitti_odometry": prepare_kitti_odometry,
    "cityscapes": prepare_cityscapes,
    "folders": prepare_folders,
    "check": prepare_check,
}


def add_arguments(parser: ArgumentParser) -> None:
    """What can be prepared; the options of each are told by `triptych prepare WHAT --help`."""
    parser.add_argument("what", choices=list(KINDS), help="what is prepared; `triptych prepare WHAT --help` tells how")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Hand over to what was named, as the first word or after options."""
    first = words[0] if words else ""
    name = first if first in KINDS else next((kind for kind in KINDS if kind in words), None)
    if name is None:
        if first and not first.startswith("-"):
            raise InputError(f"{first}: cannot be prepared{nearest_name(first, list(KINDS))} ({', '.join(KINDS)})")
        parser.parse_args(list(words))
        raise InputError(f"name what to prepare: {', '.join(KINDS)}")
    kind = KINDS[name]
    rest = list(words)
    rest.remove(name)
    own = ArgumentParser(prog=f"triptych prepare {name}", description=kind.__doc__, exit_on_error=False)
    kind.add_arguments(own)
    kind.run(own, rest)
