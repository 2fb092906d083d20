"""Predict depth, flow, visibility, motion and camera path of frames with a fitted model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jsonargparse import ArgumentParser

from triptych.cli.outputs import check_result_folder
from triptych.cli.parsing import parsed
from triptych.cli.predict_split import predict_split
from triptych.config.schema import PACKAGED, FitSettings
from triptych.errors import InputError
from triptych.formats.counts import number_of

if TYPE_CHECKING:
    from triptych.inference.writer import PointSettings
    from triptych.networks.joint import JointModel
    from triptych.types import FrameSequence

FRAME_OPTIONS = ("start", "limit", "stride", "rate", "camera", "bottom_crop", "assumed_fov_deg")


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych predict`."""
    parser.add_argument("source", help="video file, folder of images, or KITTI sequence folder")
    parser.add_argument(
        "--model", default=PACKAGED, help="run folder of a fit, or its model.safetensors; by default the package's own"
    )
    parser.add_argument("--output", required=True, help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace what the output folder holds")
    parser.add_argument("--intrinsics", help="fx,fy,cx,cy of the source's own frames (px), or a calibration file")
    parser.add_argument("--visibility", default="range_map", type=Literal["range_map", "learned"], help="which mask")
    parser.add_argument(
        "--refinement",
        default="geometry",
        type=Literal["geometry", "none"],
        help="let the geometry of neighboring frames refine path, flow and depth, or leave them as learned",
    )
    parser.add_argument("--flo", action="store_true", help="write flow as .flo too")
    parser.add_argument("--points", help="frames START:END whose points go into points.ply; all by default")
    parser.add_argument("--points_without_motion", action="store_true", help="leave moving objects out of points.ply")
    parser.add_argument("--start", type=int, default=0, help="first frame of the source that is used")
    parser.add_argument("--limit", type=int | None, help="how many frames are read at most")
    parser.add_argument("--stride", type=int, default=1, help="every n-th frame is used")
    parser.add_argument("--rate", type=float | None, help="frames per second that are used instead of a stride")
    parser.add_argument("--camera", type=str | None, help="which camera of a KITTI folder (0 to 3)")
    parser.add_argument("--bottom_crop", type=float | None, help="share of rows cut off at the bottom; as fitted")
    parser.add_argument("--assumed_fov_deg", type=float | None, help="field of view where nothing tells; as fitted")
    parser.add_argument(
        "--split",
        type=str | None,
        help="predict on the images of a standard split (eigen_test, kitti2015, ...) in the data set SOURCE instead",
    )
    parser.add_argument(
        "--mirrored", action="store_true", help="with --split: on the mirror images, for evaluate --flipped"
    )


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Load, read, predict, write."""
    options = parsed(parser, words)
    if options.split is not None:
        predict_split(parser, options)
        return
    if options.mirrored:
        raise InputError("--mirrored: is for the images of a --split")
    from triptych.cli.console import counted, warn
    from triptych.cli.fit import say_what_was_read
    from triptych.config.build_model import load_model
    from triptych.config.build_sequence import build_sequence

    folder = Path(options.output)
    sources = [options.source, options.model, options.intrinsics]
    check_result_folder(folder, overwrite=options.overwrite, sources=sources)
    points = point_settings(options.points, without_motion=options.points_without_motion)
    model, fitted = load_model(options.model)
    given = {name: getattr(options, name) for name in FRAME_OPTIONS if getattr(options, name) is not None}
    frames = replace(fitted.frames, start=0, limit=None, stride=1, rate=None, camera=None)
    settings = replace(fitted, frames=replace(frames, **given), intrinsics=options.intrinsics)
    with counted("reading") as progress:
        sequence = build_sequence(settings, Path(options.source), progress=progress)
    say_what_was_read(sequence)
    check_points(points, len(sequence))
    if sequence.assumed_intrinsics and fitted.intrinsics is not None:
        warn(
            f"the model's own video was read with --intrinsics {fitted.intrinsics}: of the same camera, give them again"
        )
    write(
        model,
        sequence,
        folder,
        settings=settings,
        overwrite=options.overwrite,
        visibility=options.visibility,
        refinement=options.refinement,
        flo=options.flo,
        points=points,
    )


def point_settings(frames: str | None, *, without_motion: bool) -> PointSettings:
    """Which points are written, from START:END.

    Raises:
        InputError: it is not of that form, or holds no frame.
    """
    from triptych.inference.writer import PointSettings

    if frames is None:
        return PointSettings(without_motion=without_motion)
    start, colon, end = frames.partition(":")
    if not colon or not all(part == "" or part.isdecimal() for part in (start, end)):
        raise InputError(f"--points {frames}: write it as START:END, for instance 0:50")
    settings = PointSettings(start=int(start or 0), end=int(end) if end else None, without_motion=without_motion)
    if settings.end is not None and settings.end <= settings.start:
        raise InputError(f"--points {frames}: holds no frame; END is the frame after the last, give one above START")
    return settings


def check_points(points: PointSettings, count: int) -> None:
    """Refuse a range of frames that begins after the last of so many.

    Raises:
        InputError: it does.
    """
    if points.start >= count:
        raise InputError(
            f"--points {points.start}: of {number_of(count, 'frame', 'frames')}, counted from 0, none begins there; "
            f"give a START below {count}"
        )


def write(
    model: JointModel,
    sequence: FrameSequence,
    folder: Path,
    *,
    settings: FitSettings,
    overwrite: bool,
    visibility: Literal["range_map", "learned"] = "range_map",
    refinement: Literal["geometry", "none"] = "geometry",
    flo: bool = False,
    points: PointSettings | None = None,
    kept: list[int] | None = None,
) -> None:
    """Predict every frame and write the folder whole, or not at all."""
    from dataclasses import asdict

    import torch

    from triptych.cli.console import counted, say, warn
    from triptych.inference.predictor import PredictionSettings, Predictor
    from triptych.inference.writer import PointSettings, WriterSettings, write_prediction

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    how = PredictionSettings(
        visibility=visibility,
        refinement=refinement,
        min_depth=settings.depth.min_depth,
        max_depth=settings.depth.max_depth,
    )
    with counted("predicting") as progress:
        summary = write_prediction(
            folder,
            sequence,
            Predictor(model, how, device=device).predict(sequence),
            settings=WriterSettings(
                overwrite=overwrite, flo=flo, points=points or PointSettings(), max_depth=settings.depth.max_depth
            ),
            facts={
                "settings": asdict(settings),
                "visibility": visibility,
                "refinement": refinement,
                "frames_learned_from": kept,
            },
            progress=progress,
        )
    if summary.still_pairs:
        warn(
            f"the camera stands still between {summary.still_pairs} of {summary.frames - 1} pairs of frames; "
            "there its motion is none, and depth rests on the look of single frames alone"
        )
    say(f"prediction: {folder} ({number_of(summary.frames, 'frame', 'frames')}; overview.mp4 shows it)")
