"""Write a procedural world with exact truth as KITTI-like folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from triptych.cli.parsing import parsed
from triptych.config.load import size_of
from triptych.errors import InputError


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych prepare synthetic`."""
    parser.add_argument("--output", required=True, help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace what the output folder holds")
    parser.add_argument("--layout", default="raw", choices=["raw", "odometry", "flow2015"], help="which KITTI layout")
    parser.add_argument("--family", default="street", choices=["street", "room"], help="kind of scene")
    parser.add_argument("--frames", type=int, default=60, help="length of the clip")
    parser.add_argument("--size", default="128x384", help="HEIGHTxWIDTH of the frames (px)")
    parser.add_argument("--seed", type=int, default=0, help="of the scene")
    parser.add_argument("--fov_deg", type=float, default=81.5, help="horizontal field of view")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Render and write."""
    options = parsed(parser, words)
    if options.frames < 2:
        raise InputError(f"--frames {options.frames}: two at least, for there to be a motion")
    from triptych.cli.console import say
    from triptych.data.synthetic import synthetic_clip
    from triptych.data.synthetic.kitti_writer import write_kitti_flow2015, write_kitti_odometry, write_kitti_raw
    from triptych.formats.atomic import atomic_folder

    height, width = size_of(options.size)
    with atomic_folder(Path(options.output), overwrite=options.overwrite) as folder:
        clip = synthetic_clip(
            options.family,
            seed=options.seed,
            frames=options.frames,
            height=height,
            width=width,
            horizontal_fov_deg=options.fov_deg,
        )
        if options.layout == "raw":
            write_kitti_raw(clip, folder)
        elif options.layout == "odometry":
            write_kitti_odometry(clip, folder)
        else:
            write_kitti_flow2015(clip, folder)
    say(f"{options.frames} frames of {clip.name} in KITTI's {options.layout} layout: {options.output}")
