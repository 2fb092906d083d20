"""Make shards of your own drives to train on: folders of images and videos."""

from __future__ import annotations

from collections.abc import Sequence

from jsonargparse import ArgumentParser

from triptych.cli.parsing import parsed
from triptych.cli.prepare_shards import add_shard_arguments, folder_of, stride_option, write_shards


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych prepare folders`."""
    parser.add_argument("root", help="folder of the drives: every folder of images and every video below it is one")
    parser.add_argument(
        "--intrinsics",
        help="of all cameras: fx,fy,cx,cy in pixels of the frames, or a calibration file; by default the file beside "
        "the frames, or an assumed field of view",
    )
    parser.add_argument(
        "--assumed_fov_deg", type=float, default=80.0, help="horizontal field of view where no calibration is found"
    )
    add_shard_arguments(parser, required=True)


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Make shards."""
    options = parsed(parser, words)
    from triptych.data.calibration import given_calibration
    from triptych.data.shard_videos import folder_and_video_snippets

    root = folder_of(options)
    calibration = None if options.intrinsics is None else given_calibration(options.intrinsics)
    write_shards(
        options,
        lambda: folder_and_video_snippets(
            root, calibration=calibration, assumed_fov_deg=options.assumed_fov_deg, **stride_option(options)
        ),
    )
