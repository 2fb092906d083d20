"""Learn depth, motion and flow of one video from the video itself, then predict on it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser

from triptych.cli.parsing import parsed
from triptych.config.load import add_fit_arguments, fit_settings, settings_yaml, with_preset
from triptych.config.schema import FitSettings
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.networks.joint import JointModel
    from triptych.types import FrameSequence

SETTINGS_FILE = "settings.yaml"
FEWEST_FRAMES = 3


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych fit`."""
    parser.add_argument("source", help="video file, folder of images, or KITTI sequence folder")
    parser.add_argument("--output", required=True, help="run folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace what the run folder holds")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run in this folder")
    add_fit_arguments(parser)


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Fit, save the model, predict."""
    namespace = parse(parser, words)
    settings = fit_settings(namespace)
    source, folder = Path(namespace.source), Path(namespace.output)
    from triptych.cli.console import counted, say
    from triptych.cli.predict import write
    from triptych.config.build import MODEL_FILE, build_sequence, save_model

    check_run_folder(folder, overwrite=namespace.overwrite, resume=namespace.resume)
    with counted("reading") as progress:
        sequence = build_sequence(settings, source, progress=progress)
    say_what_was_read(sequence)
    kept = frames_in_motion(settings, sequence)
    model = first_model(settings, resume=namespace.resume)
    start_run_folder(folder, settings, overwrite=namespace.overwrite)
    train(settings, model, sequence, kept, folder=folder, resume=namespace.resume)
    save_model(folder / MODEL_FILE, model, settings)
    say(f"model: {folder / MODEL_FILE}")
    write(model, sequence, folder / "prediction", settings=settings, overwrite=True, kept=kept)


def parse(parser: ArgumentParser, words: Sequence[str]):  # type: ignore[no-untyped-def]
    """The parsed command line, over the preset or over the settings of the run to resume."""
    words = list(words)
    if "--resume" in words and "-h" not in words and "--help" not in words:
        folder = _value_of(words, "--output")
        stored = Path(folder or "") / SETTINGS_FILE
        if folder is None or not stored.is_file():
            raise InputError(f"{folder}: no run to resume there; leave out --resume to start one")
        words = ["--config", str(stored), *words]
    else:
        words = with_preset(words)
    return parser.instantiate(parsed(parser, words))


def _value_of(words: Sequence[str], option: str) -> str | None:
    for position, word in enumerate(words):
        if word == option and position + 1 < len(words):
            return words[position + 1]
        if word.startswith(option + "="):
            return word.partition("=")[2]
    return None


def check_run_folder(folder: Path, *, overwrite: bool, resume: bool) -> None:
    """Refuse a run folder that holds something, unless it is to be replaced or resumed."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the run")
    if folder.is_dir() and any(folder.iterdir()) and not (overwrite or resume):
        raise InputError(f"{folder}: is not empty; choose another folder, or pass --overwrite or --resume")


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


def start_run_folder(folder: Path, settings: FitSettings, *, overwrite: bool) -> None:
    """Make the run folder with the settings and the environment of the run."""
    import shutil

    from triptych.formats.atomic import atomic_path

    if overwrite and folder.exists():
        shutil.rmtree(folder)
    with atomic_path(folder / SETTINGS_FILE) as temporary:
        temporary.write_text(settings_yaml(settings), encoding="utf-8")
    with atomic_path(folder / "environment.json") as temporary:
        temporary.write_text(environment_json(), encoding="utf-8")


def environment_json() -> str:
    """Versions and machine of a run, as JSON."""
    import json
    import os

    import timm
    import torch

    from triptych import __version__

    return json.dumps(
        {
            "triptych": __version__,
            "python": sys.version.split()[0],
            "torch": torch.__version__,
            "timm": timm.__version__,
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        indent=2,
    )


def first_model(settings: FitSettings, *, resume: bool = False) -> JointModel:
    """The networks that a training begins with: new ones, or with the weights of another run.

    Raises:
        InputError: those weights do not fit.
    """
    from triptych.cli.console import say
    from triptych.config.build import build_model, start_from, without_pretrained

    if settings.initial is None or resume:
        return build_model(settings)
    # Weights from elsewhere come in place of the pretrained ones, which then need not be fetched.
    model = build_model(without_pretrained(settings))
    start_from(model, Path(settings.initial))
    say(f"starting from the weights of {settings.initial}")
    return model


def train(
    settings: FitSettings,
    model: JointModel,
    sequence: FrameSequence,
    kept: list[int],
    *,
    folder: Path,
    resume: bool = False,
) -> None:
    """Train networks, in place, on the kept frames; stops in good order on Ctrl-C.

    Raises:
        KeyboardInterrupt: it was stopped; the state is saved for `--resume`.
    """
    from triptych.cli.console import InterruptFlag, TrainingProgress, say, warn
    from triptych.config.build import build_data, build_loop
    from triptych.training.checkpoint import load_latest_checkpoint
    from triptych.training.log import FileLog

    data = build_data(settings, sequence, positions=kept)
    loop = build_loop(settings, model, data, folder=folder)
    if resume:
        loop.restore(load_latest_checkpoint(folder / "checkpoints", warn=warn))
        say(f"resumed at step {loop.state.step}")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    say(f"{parameters / 1e6:.1f} M parameters, {len(data)} snippets, stages {' > '.join(settings.stages)}")
    with InterruptFlag() as interrupt:
        logs = (TrainingProgress(), FileLog(folder, step=loop.state.step))
        complete = loop.run(logs, stop_requested=lambda: interrupt.raised)
    if loop.state.skipped:
        say(f"{loop.state.skipped} batches were skipped: their loss or gradient was not finite")
    if not complete:
        say(f"stopped at step {loop.state.step}; go on with: triptych fit SOURCE --output {folder} --resume")
        raise KeyboardInterrupt
