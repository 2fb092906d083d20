"""Learn depth, motion and flow from data sets: KITTI, Cityscapes, folders of drives, or shards of them.

On several GPUs or machines: torchrun --nproc-per-node N -m triptych train ...
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from triptych.config.load import add_train_arguments, give_length, part_of_plan, train_settings
from triptych.config.train_schema import TrainSettings
from triptych.errors import InputError

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    from triptych.training.log import TrainingLog

LOST_PROCESS = (
    "connection closed by peer",
    "connection reset by peer",
    "connection refused",
    "broken pipe",
    "remote process exited",
    "communicator was aborted",
)
"""What the libraries say, among much else, when a process of the training has ended."""


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych train`."""
    parser.add_argument("--output", required=True, help="run folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace what the run folder holds")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run in this folder")
    add_train_arguments(parser)


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Train through the stages and save the model."""
    raw = parsed(parser, words_of_run(words))
    otherwise = said_otherwise(parser, words, raw)
    namespace = parser.instantiate(raw)
    settings = train_settings(namespace)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # it warns of what is so on purpose
    from triptych.cli.console import console, warn
    from triptych.config.build import build_fabric
    from triptych.config.check import check_settings
    from triptych.networks.execution import keep_freed_memory
    from triptych.training.processes import launched

    check_settings(settings)
    settings = part_of_plan(settings, given=give_length(words))
    keep_freed_memory()

    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="Grad strides do not match")  # of maps with channels last
    fabric = build_fabric(settings.training)
    with launched(fabric), _lost_processes_told(fabric, Path(namespace.output)):
        console.quiet = fabric.global_rank > 0
        if otherwise is not None:
            warn(otherwise)
        complete = _train(namespace, settings, fabric)
    if not complete:
        raise KeyboardInterrupt


def _train(namespace: Namespace, settings: TrainSettings, fabric: Fabric) -> bool:
    """Whether it came to its end; if not, all processes were asked to stop."""
    from triptych.cli.console import InterruptFlag, say, warn
    from triptych.config.build import build_loop
    from triptych.config.build_model import MODEL_FILE, save_model
    from triptych.config.build_training import build_training_data, build_validation, spelled_out

    folder = Path(namespace.output)
    if fabric.is_global_zero:
        check_run_folder(
            folder,
            overwrite=namespace.overwrite,
            resume=namespace.resume,
            sources=[settings.initial, settings.data.intrinsics, settings.validation.intrinsics],
            roots=[settings.data.root, settings.validation.root],
        )
    data = build_training_data(settings)
    settings = spelled_out(settings, data)
    for remark in data.remarks:
        warn(remark)
    if "flow" not in settings.stages and settings.initial is None and not namespace.resume:
        warn("the flow that guides depth has learned nothing: give a run to start from with --initial, or its stage")
    resume = fabric.broadcast(namespace.resume and has_checkpoint(folder))
    validation = build_validation(settings, data, folder=folder)
    checkpoint = latest_checkpoint(folder, settings, data.identity, fabric=fabric) if resume else None
    model = first_model(settings, resume=resume)
    loop = build_loop(
        settings, model, data.learned, folder=folder, fabric=fabric, validation=validation, identity=data.identity
    )
    if checkpoint is not None:
        loop.restore(checkpoint)
    fabric.barrier()  # all have looked, and none refused, before the first begins to write
    if fabric.is_global_zero:
        start_run_folder(folder, settings, overwrite=namespace.overwrite)
    fabric.barrier()
    say_what_learns(model, snippets=len(data.learned), stages=settings.stages)
    with InterruptFlag() as interrupt:
        logs = _logs(folder, fabric, step=loop.state.step, validated_step=loop.state.validated_step)
        complete = loop.run(logs, stop_requested=lambda: interrupt.raised)
    say_how_it_went(loop)
    if not complete:
        say(f"stopped at step {loop.state.step}; go on with: triptych train --output {folder} --resume")
        return False
    if fabric.is_global_zero:
        save_model(folder / MODEL_FILE, model, settings)
    say(f"model: {folder / MODEL_FILE}")
    return True


def _logs(folder: Path, fabric: Fabric, *, step: int, validated_step: int) -> Sequence[TrainingLog]:
    """Of the first process: the screen and the files; the others are silent."""
    from triptych.cli.training_progress import TrainingProgress
    from triptych.training.log import FileLog

    if not fabric.is_global_zero:
        return ()
    return TrainingProgress(), FileLog(folder, step=step, validated_step=validated_step)


@contextmanager
def _lost_processes_told(fabric: Fabric, folder: Path) -> Iterator[None]:
    """Turn what a library says when another process of the training has ended into one line.

    Raises:
        InputError: that line.
    """
    try:
        yield
    except RuntimeError as error:
        lost = any(word in str(error).lower() for word in LOST_PROCESS)
        if fabric.world_size == 1 or isinstance(error, InputError) or not lost:
            raise
        raise InputError(
            f"another process of the training has ended; its own message tells why. Go "
            f"on with the same command, --output {folder} and --resume"
        ) from error
