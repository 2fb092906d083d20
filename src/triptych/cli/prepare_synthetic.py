"""Write procedural worlds: with exact truth in KITTI's layouts, as frames alone, or as the benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import ArgumentParser, Namespace

from triptych.cli.outputs import check_result_folder
from triptych.cli.parsing import parsed
from triptych.config.load import size_of
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.data.synthetic.random_world import Recipe
    from triptych.types import SyntheticClip

FAMILIES = ("street", "room", "clutter", "country", "corridor", "yard", "avenue", "hall")
"""Kinds of scenes; named here too, for the command line is read before anything is loaded."""

USUAL: dict[str, Any] = {"layout": "raw", "family": None, "clips": 1, "frames": 60, "seed": 0, "fov_deg": None}
"""Options that a benchmark has no use for, as they are where nobody gives them."""

MARK = "rendered.json"
"""What was asked for, in each folder that is written: nothing but such a folder is ever replaced."""

SEEDS = 2**63
"""Seeds of scenes without a part are below this: random generators take 64 bits, one of them for the sign."""

FIRST_DATE = date(2011, 9, 26)
"""Of the first clip; each camera of its own has a day of its own, as KITTI's calibrations do."""


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych prepare synthetic`."""
    parser.add_argument("--output", required=True, help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace worlds that the output folder holds")
    parser.add_argument(
        "--layout",
        default=USUAL["layout"],
        choices=["raw", "odometry", "flow2015", "folders"],
        help="which KITTI layout; `folders` are the frames and K alone, to learn from",
    )
    parser.add_argument(
        "--benchmark",
        action="store_true",
        help="the clips of `streets`, for `triptych evaluate streets`; those to choose settings by: --part validation",
    )
    parser.add_argument("--part", choices=["train", "validation", "test"], help="random worlds of a part of learning")
    parser.add_argument("--family", choices=list(FAMILIES), help="kind of scene: street, or with --part any of its own")
    parser.add_argument("--clips", type=int, default=USUAL["clips"], help="how many, one for each seed from --seed on")
    parser.add_argument("--frames", type=int, default=USUAL["frames"], help="length of a clip")
    parser.add_argument("--size", default="128x384", help="HEIGHTxWIDTH of the frames (px)")
    parser.add_argument("--seed", type=int, default=USUAL["seed"], help="of the first scene")
    parser.add_argument("--fov_deg", type=float, help="horizontal field of view: 81.5, or with --part random")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Render and write."""
    options = parsed(parser, words)
    _check(options)
    check_result_folder(Path(options.output), overwrite=options.overwrite, sources=[], marks=[MARK])
    if options.benchmark:
        _write_benchmark(options)
    elif options.layout == "folders":
        _write_folders(options)
    else:
        _write_kitti(options)


def _write_benchmark(options: Namespace) -> None:
    """The fixed clips of a benchmark, with the hash of their worlds."""
    from triptych.cli.console import counted, say
    from triptych.data.synthetic.benchmark import write_benchmark
    from triptych.formats.atomic import atomic_folder

    size = size_of(options.size)
    with atomic_folder(Path(options.output), overwrite=options.overwrite) as folder, counted("rendering") as progress:
        benchmark = write_benchmark(folder, options.part or "test", size=size, progress=progress)
        _mark(folder, options)
    say(f"{len(benchmark.clips)} clips of {benchmark.name}: {options.output}")


def _write_folders(options: Namespace) -> None:
    """The frames of each world in a folder of its own, with its K."""
    from triptych.cli.console import counted, say
    from triptych.data.synthetic.random_world import filmed_frames
    from triptych.formats.atomic import atomic_folder
    from triptych.formats.clips import save_frames

    height, width = size_of(options.size)
    with atomic_folder(Path(options.output), overwrite=options.overwrite) as folder, counted("rendering") as progress:
        for index in range(options.clips):
            recipe = _recipe(options, options.seed + index)
            sequence = filmed_frames(recipe, frames=options.frames, height=height, width=width)
            save_frames(folder / sequence.name, sequence.images, sequence.intrinsics)
            progress(index + 1, options.clips)
        _mark(folder, options)
    worlds = "1 world" if options.clips == 1 else f"{options.clips} worlds"
    say(f"{worlds} of {options.frames} frames: {options.output}")


def _write_kitti(options: Namespace) -> None:
    """The clips with their truth in one of KITTI's layouts."""
    from triptych.cli.console import say
    from triptych.data.synthetic.kitti_writer import write_kitti_flow2015, write_kitti_odometry, write_kitti_raw
    from triptych.formats.atomic import atomic_folder

    with atomic_folder(Path(options.output), overwrite=options.overwrite) as folder:
        for index, clip in enumerate(_clips(options)):
            if options.layout == "raw":
                day = FIRST_DATE + timedelta(days=index if options.part else 0)
                write_kitti_raw(clip, folder, date=f"{day:%Y_%m_%d}", drive=1 if options.part else 1 + index)
            elif options.layout == "odometry":
                write_kitti_odometry(clip, folder, sequence=f"{index:02d}")
            else:
                write_kitti_flow2015(clip, folder)
            say(f"{options.frames} frames of {clip.name} in KITTI's {options.layout} layout: {options.output}")
        _mark(folder, options)


def _mark(folder: Path, options: Namespace) -> None:
    """What this folder was made by."""
    asked = {name: value for name, value in vars(options).items() if name not in ("output", "overwrite")}
    (folder / MARK).write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")


def _check(options: Namespace) -> None:
    """Refuses what cannot be rendered or written.

    Raises:
        InputError: saying what was asked and what to do.
    """
    if options.frames < 2:
        raise InputError(f"--frames {options.frames}: two at least, for there to be a motion")
    if options.clips < 1:
        raise InputError(f"--clips {options.clips}: one at least")
    if options.benchmark and options.part == "train":
        raise InputError("--benchmark: is of the test worlds, or with --part validation of those; not of train")
    given = [f"--{name}" for name, usual in USUAL.items() if getattr(options, name) != usual]
    if options.benchmark and given:
        raise InputError(f"--benchmark: its clips are fixed but for --part and --size; leave out {' and '.join(given)}")
    if options.layout == "folders" and not options.part and not options.benchmark:
        raise InputError("--layout folders: is for random worlds; say which, --part train, validation or test")
    if options.clips > 1 and options.layout == "flow2015":
        raise InputError("--clips: the layout of KITTI flow 2015 has one folder; write each clip with its own --output")
    if options.fov_deg is not None and not 0 < options.fov_deg < 180:
        raise InputError(f"--fov_deg {options.fov_deg:g}: between 0 and 180")
    if not options.part:
        if not 0 <= options.seed <= SEEDS - options.clips:
            raise InputError(f"--seed {options.seed}: a scene's seeds, those of all --clips, go from 0 to {SEEDS - 1}")
        return
    from triptych.data.synthetic.families import FAMILIES as FAMILIES_OF
    from triptych.data.synthetic.families import SEEDS_PER_PART

    own = list(FAMILIES_OF[options.part])
    if options.family and options.family not in own:
        raise InputError(f"--family {options.family}: the {options.part} part has {', '.join(own)}")
    if not 0 <= options.seed <= SEEDS_PER_PART - options.clips:
        raise InputError(f"--seed {options.seed}: a part's seeds go from 0 to {SEEDS_PER_PART - 1}")


def _recipe(options: Namespace, seed: int) -> Recipe:
    """The recipe of a part's world, with the field of view that was asked for."""
    from dataclasses import replace

    from triptych.data.synthetic.random_world import random_recipe

    recipe = random_recipe(options.part, seed, family=options.family)
    if options.fov_deg is None:
        return recipe
    return replace(recipe, filming=replace(recipe.filming, horizontal_fov_deg=options.fov_deg))


def _clips(options: Namespace) -> Iterator[SyntheticClip]:
    """The clips, one after the other."""
    from triptych.data.synthetic.random_world import filmed_clip
    from triptych.data.synthetic.render import KITTI_FIELD_OF_VIEW_DEG, synthetic_clip

    height, width = size_of(options.size)
    size = {"frames": options.frames, "height": height, "width": width}
    for seed in range(options.seed, options.seed + options.clips):
        if options.part:
            yield filmed_clip(_recipe(options, seed), **size)
        else:
            fov_deg = KITTI_FIELD_OF_VIEW_DEG if options.fov_deg is None else options.fov_deg
            yield synthetic_clip(options.family or "street", seed=seed, horizontal_fov_deg=fov_deg, **size)
