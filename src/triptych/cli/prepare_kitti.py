"""Make shards of KITTI raw to train on (--output), tell what of a split is missing (--check), or list it (--list).

A check names the archives that hold what is missing; its exit code is 0 where all is there, 1
where not. Nothing is downloaded, and nothing in the data set is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from triptych.cli.parsing import parsed
from triptych.cli.prepare_shards import add_shard_arguments, folder_of, stride_option, write_shards
from triptych.config.load import nearest_name
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.data.kitti_inventory import FileCount, Inventory

SOMETHING_MISSING = 1
SHOWN_FILES = 3


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych prepare kitti`."""
    from triptych.data.kitti_inventory import KITTI_SPLITS
    from triptych.data.kitti_snippets import RAW_TRAINING

    parser.add_argument(
        "root", nargs="?", help="folder that holds the dates, training (KITTI 2015), or sequences and poses"
    )
    parser.add_argument(
        "--split",
        help=f"one of {', '.join(KITTI_SPLITS)}; to make shards of: {', '.join(RAW_TRAINING)}, or none for all drives "
        "that are there but those of the Eigen test",
    )
    add_shard_arguments(parser, required=False)
    parser.add_argument("--check", action="store_true", help="tell what is missing in the folder")
    parser.add_argument("--list", help="file to write the names of the split's frames to, one a line")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """List, check and make shards."""
    options = parsed(parser, words)
    from triptych.data.kitti_inventory import KITTI_SPLITS, kitti_inventory

    if options.split is None:
        if not options.check and options.list is None and options.output is None:
            raise InputError("say what to do: --output SHARDS, or --split NAME with --check or --list FILE")
        if options.check or options.list is not None:
            raise InputError(f"needed and not given: --split; there are {', '.join(KITTI_SPLITS)}")
        _write_shards(options)
        return
    if options.split not in KITTI_SPLITS:
        hint = nearest_name(options.split, KITTI_SPLITS) or f"; there are {', '.join(KITTI_SPLITS)}"
        raise InputError(f"--split {options.split}: no split of KITTI{hint}")
    if not options.check and options.list is None and options.output is None:
        raise InputError("say what to do with the split: --output SHARDS, --check or --list FILE")
    if options.check and options.root is None:
        raise InputError("--check needs the folder to look in: triptych prepare kitti ROOT --split NAME --check")
    inventory = kitti_inventory(Path(options.root), options.split) if options.check else None
    if options.list is not None:
        _write_list(Path(options.list), options.split)
    if inventory is not None:
        print(_report(inventory))
        if not inventory.complete:
            raise SystemExit(SOMETHING_MISSING)
    if options.output is not None:
        _write_shards(options)


def _write_shards(options: Namespace) -> None:
    from triptych.data.kitti_snippets import RAW_TRAINING, kitti_raw_snippets
    from triptych.data.splits import eigen_test_scenes

    if options.root is None:
        raise InputError("--output needs the folder of the data set: triptych prepare kitti ROOT --output SHARDS")
    if options.split is not None and options.split not in RAW_TRAINING:
        raise InputError(f"--split {options.split}: shards are made of {', '.join(RAW_TRAINING)}")
    root = folder_of(options)
    left_out = eigen_test_scenes() if options.split is None else ()
    write_shards(
        options,
        lambda: kitti_raw_snippets(root, options.split, left_out=left_out, **stride_option(options)),
        split=options.split,
    )


def _write_list(file: Path, split: str) -> None:
    from triptych.data.splits import split_list
    from triptych.formats.atomic import atomic_path

    names = split_list(split)
    with atomic_path(file) as path:
        path.write_text("".join(f"{name}\n" for name in names), encoding="utf-8", newline="\n")
    print(f"{len(names):,} names of {split}: {file}")


def _report(inventory: Inventory) -> str:
    """What is missing, folder by folder; then the sum and the archives."""
    lines = []
    for group in inventory.incomplete_groups:
        lines += _lines_of([count for count in inventory.counts if count.group == group])
    if lines:
        lines.append("")
    groups = len(inventory.groups)
    complete = groups - len(inventory.incomplete_groups)
    lines.append(f"{inventory.split} in {inventory.root}:")
    lines.append(
        f"{inventory.present:,} of {inventory.wanted:,} files present, {complete} of {groups} folders complete"
    )
    if inventory.archives:
        lines.append("what is missing is in these archives of KITTI's download pages:")
        lines += [f"  {archive}" for archive in inventory.archives]
    return "\n".join(lines)


def _lines_of(counts: list[FileCount]) -> list[str]:
    """How many files of each kind a folder has, and the first few that it lacks."""
    group = counts[0].group
    if all(count.present == 0 for count in counts):
        return [f"{group}: all missing ({', '.join(f'{count.kind} {count.wanted:,}' for count in counts)})"]
    lines = [f"{group}:"]
    for count in counts:
        lines.append(f"  {count.kind}: {count.present:,} of {count.wanted:,}")
        if count.present:
            lines += [f"    missing: {name.partition(f'{group}/')[2] or name}" for name in count.missing[:SHOWN_FILES]]
            rest = len(count.missing) - SHOWN_FILES
            lines += [f"    and {rest:,} more"] if rest > 0 else []
    return lines
