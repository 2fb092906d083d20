"""Learn depth, motion and flow of one video from the video itself, then predict on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from triptych.cli.parsing import parsed
from triptych.cli.run_folder import (
    check_run_folder,
    first_model,
    has_checkpoint,
    latest_checkpoint,
    say_how_it_went,
    say_what_learns,
    start_run_folder,
)
from triptych.cli.run_words import said_otherwise, words_of_run
from triptych.config.load import add_fit_arguments, fit_settings, give_length, part_of_plan
from triptych.config.schema import FitSettings
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.networks.joint import JointModel
    from triptych.training.checkpoint import Checkpoint
    from triptych.training.identity import DataIdentity
    from triptych.types import FrameSequence

FEWEST_FRAMES = 3


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych fit`."""
    parser.add_argument("source", help="video file, folder of images, or KITTI sequence folder")
    parser.add_argument("--output", required=True, help="run folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace what the run folder holds")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run in this folder")
    parser.add_argument(
        "--from_scratch",
        action="store_true",
        help="begin with random weights (--preset small), not the package's",
    )
    add_fit_arguments(parser)


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Fit, save the model, predict, write the report."""
    namespace = parse(parser, words)
    settings = fit_settings(namespace)
    source, folder = Path(namespace.source), Path(namespace.output)
    from triptych.cli.console import counted, say
    from triptych.cli.predict import write
    from triptych.config.build_model import MODEL_FILE, load_model, save_model
    from triptych.config.build_sequence import build_sequence
    from triptych.config.check import check_settings
    from triptych.networks.execution import keep_freed_memory

    check_settings(settings)
    settings = part_of_plan(settings, given=give_length(words))
    if namespace.from_scratch and settings.initial is not None:
        raise InputError(f"--from_scratch: the settings begin with weights ({settings.initial}); leave one of them out")
    keep_freed_memory()
    sources = [source, settings.initial, settings.intrinsics]
    check_run_folder(folder, overwrite=namespace.overwrite, resume=namespace.resume, sources=sources)
    with counted("reading") as progress:
        sequence = build_sequence(settings, source, progress=progress)
    say_what_was_read(sequence)
    kept = frames_in_motion(settings, sequence)
    resume = namespace.resume and has_checkpoint(folder)
    identity = identity_of(sequence, *parted(kept, settings.held_out))
    checkpoint = latest_checkpoint(folder, settings, identity) if resume else None
    model = first_model(settings, resume=resume)
    train(
        settings,
        model,
        sequence,
        kept,
        folder=folder,
        overwrite=namespace.overwrite,
        again=f"go on with: triptych fit SOURCE --output {folder} --resume",
        checkpoint=checkpoint,
        identity=identity,
    )
    save_model(folder / MODEL_FILE, model, settings)
    say(f"model: {folder / MODEL_FILE}")
    model, _ = load_model(folder / MODEL_FILE)  # as any prediction to come has it
    learned, _ = parted(kept, settings.held_out)
    write(model, sequence, folder / "prediction", settings=settings, overwrite=True, kept=learned)
    write_report(folder)


def write_report(folder: Path) -> None:
    """Write the run's `report.html`."""
    from triptych.cli.console import counted, say
    from triptych.viewing.report import REPORT_FILE, save_report

    with counted("report") as progress:
        save_report(folder / REPORT_FILE, folder, progress=progress)
    say(f"report: {folder / REPORT_FILE}")


def parse(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """The parsed command line, over the preset or over the settings of the run to resume.

    Without a preset a fit goes on from the weights in the package, with `--from_scratch` from none.
    """
    from triptych.cli.console import warn

    default = "small" if {"--from_scratch", "--from-scratch"} & set(words) else "adapt"
    raw = parsed(parser, words_of_run(words, default=default))
    otherwise = said_otherwise(parser, words, raw, default=default)
    if otherwise is not None:
        warn(otherwise)
    namespace: Namespace = parser.instantiate(raw)
    return namespace


def say_what_was_read(sequence: FrameSequence) -> None:
    """Tell frames, size and intrinsics; an assumed field of view is said loudly."""
    from triptych.cli.console import say, warn

    height, width = sequence.images.shape[-2:]
    matrix = sequence.intrinsics
    fx, fy, cx, cy = (float(matrix[i, j]) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    say(f"{sequence.name}: {len(sequence)} of {sequence.source_length} frames at {width}x{height}")
    say(f"intrinsics {sequence.intrinsics_origin}: fx {fx:.1f}, fy {fy:.1f}, cx {cx:.1f}, cy {cy:.1f} px")
    if sequence.assumed_intrinsics:
        warn("no calibration was found: shapes may be stretched; give --intrinsics fx,fy,cx,cy if you know them")


def frames_in_motion(settings: FitSettings, sequence: FrameSequence) -> list[int]:
    """Positions of the frames to learn from; those that hardly differ from the one before are dropped.

    Raises:
        InputError: the camera stands still, or fewer than three frames are left.
    """
    from triptych.cli.console import say
    from triptych.data.selection import moving_frames

    if len(sequence) < FEWEST_FRAMES:
        raise InputError(
            f"{sequence.name}: {len(sequence)} frame(s) were read; a fit needs {FEWEST_FRAMES} at least, in a row"
        )
    selection = moving_frames(sequence.images, minimum_motion=settings.frames.minimum_motion)
    if selection.camera_still:
        raise InputError(
            f"{sequence.name}: the camera stands still ({selection.median_motion_px:.2f} px from frame to frame), and "
            "depth cannot be learned without its motion; film while moving, or `triptych predict` with another model"
        )
    if selection.dropped:
        say(f"{len(selection.dropped)} near-static frames left out of the training, {len(selection.kept)} kept")
    if len(selection.kept) < FEWEST_FRAMES:
        raise InputError(
            f"{sequence.name}: only {len(selection.kept)} frames move enough to learn from; film longer, "
            "or lower --frames.minimum_motion"
        )
    return list(selection.kept)


def train(
    settings: FitSettings,
    model: JointModel,
    sequence: FrameSequence,
    kept: list[int],
    *,
    folder: Path,
    overwrite: bool,
    again: str,
    checkpoint: Checkpoint | None = None,
    identity: DataIdentity | None = None,
) -> None:
    """Train networks, in place, on the kept frames; stops in good order on Ctrl-C.

    The folder is begun, and an older run in it taken away, when nothing is left that could be refused.

    Args:
        settings: of the run.
        model: the networks.
        sequence: all frames.
        kept: positions of those that the camera moves between.
        folder: of the run.
        overwrite: take away what the folder holds.
        again: what to do after a stop, in words.
        checkpoint: to go on from.
        identity: of the frames.

    Raises:
        KeyboardInterrupt: it was stopped; the state is saved for `--resume`.
    """
    from triptych.cli.console import InterruptFlag, say
    from triptych.cli.training_progress import TrainingProgress
    from triptych.config.build import build_data, build_fit_validation, build_loop
    from triptych.config.build_model import BEST_FILE, start_from
    from triptych.training.log import FileLog

    learned, held_out = parted(kept, settings.held_out)
    data = build_data(settings, sequence, positions=learned)
    batches = max(1, len(data) // settings.training.batch_size)
    validation = build_fit_validation(settings, sequence, positions=held_out, batches_per_epoch=batches, folder=folder)
    if held_out and validation is None:
        say(f"no three of the {len(held_out)} frames held out follow each other, so the fit is not judged")
    loop = build_loop(settings, model, data, folder=folder, validation=validation, identity=identity)
    if checkpoint is not None:
        loop.restore(checkpoint)
    start_run_folder(folder, settings, overwrite=overwrite)
    say_what_learns(model, snippets=len(data), stages=settings.stages)
    with InterruptFlag() as interrupt:
        file_log = FileLog(folder, step=loop.state.step, validated_step=loop.state.validated_step)
        complete = loop.run((TrainingProgress(), file_log), stop_requested=lambda: interrupt.raised)
    say_how_it_went(loop)
    if loop.exhausted:
        start_from(model, settings, folder / BEST_FILE)
        say(f"ended early at step {loop.state.step}: {settings.patience} judgments in a row found nothing better")
    if loop.judged is not None:
        say(judgment(loop.judged.figures, frames=len(held_out)))
    if not complete:
        say(f"stopped at step {loop.state.step}; {again}")
        raise KeyboardInterrupt


def judgment(figures: Mapping[str, float], *, frames: int) -> str:
    """What the networks are worth on frames that nothing was learned from, in a line for a person.

    Args:
        figures: of the last validation, by name.
        frames: how many were held out.
    """
    told = [f"photometric error {figures['error_unmoved']:.3f} with nothing moved"]
    if "error_by_flow" in figures:
        told.append(f"{figures['error_by_flow']:.3f} by flow")
    if "error_by_depth" in figures:
        told.append(f"{figures['error_by_depth']:.3f} by depth and camera motion")
    if "flow_consistency_px" in figures:
        told.append(f"flow there and back ends {figures['flow_consistency_px']:.2f} px off")
    if "depth_consistency" in figures:
        told.append(f"depths of neighbors differ by {200 * figures['depth_consistency']:.0f} %")
    return f"the networks on {frames} frames held out: {', '.join(told)}"


def identity_of(sequence: FrameSequence, learned: list[int], held_out: list[int]) -> DataIdentity:
    """What a fit learns from and is judged on, by the name of what was read and the numbers of the frames."""
    from triptych.training.identity import DataIdentity

    def digest(positions: list[int]) -> str:
        numbers = sequence.source_indices[positions].tolist()
        told = "\0".join((sequence.name, str(sequence.source_length), *map(str, numbers), *sequence.frame_names))
        return hashlib.sha256(told.encode()).hexdigest() if positions else ""

    return DataIdentity(digest(learned), len(learned), digest(held_out), len(held_out))


def parted(kept: list[int], share: float) -> tuple[list[int], list[int]]:
    """Frames to learn from, and those at the end of the video by which the fit is judged.

    Args:
        kept: positions of all, in order.
        share: of them that are held out.

    Returns:
        Both; none are held out where fewer than three would be, or too few be left.
    """
    count = round(share * len(kept))
    if count < FEWEST_FRAMES or len(kept) - count < FEWEST_FRAMES:
        return kept, []
    return kept[:-count], kept[-count:]
