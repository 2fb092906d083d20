"""The composition root: settings to objects; the only place that knows both."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from pathlib import Path

import torch
from lightning.fabric import Fabric

from triptych.config.build_model import BEST_FILE, save_model
from triptych.config.load import settings_yaml
from triptych.config.schema import FitSettings, LearningSettings, TrainingSettings
from triptych.data.augment import Augmentation
from triptych.data.selected import SnippetSource
from triptych.data.snippets import SnippetDataset, has_snippets
from triptych.errors import InputError
from triptych.inference.teacher import SequenceTeacher
from triptych.losses.objective import Objective
from triptych.networks.execution import compile_networks, in_channels_last, prefers_channels_last
from triptych.networks.joint import JointModel
from triptych.training.budget import Budget
from triptych.training.identity import DataIdentity
from triptych.training.loop import LoopSettings, TrainingLoop, Validation
from triptych.training.pictures import SnippetPictures
from triptych.training.stages import STAGE_LEARNERS, Stage, StagePlan
from triptych.training.validation import Validator
from triptych.types import FrameSequence

STEPS_BETWEEN_JUDGMENTS = 50


def build_objective(settings: LearningSettings) -> Objective:
    """The loss."""
    return Objective(**asdict(settings.losses), min_depth=settings.depth.min_depth, max_depth=settings.depth.max_depth)


def build_data(settings: FitSettings, sequence: FrameSequence, *, positions: list[int]) -> SnippetDataset:
    """The snippets of a sequence.

    Args:
        settings: of the fit.
        sequence: the frames.
        positions: of the frames that may be used, in order.
    """
    stages = [getattr(settings.training, name) for name in settings.stages]
    imitates = any(max(stage.imitation, stage.imitation_alone) > 0 for stage in stages)
    return SnippetDataset(
        sequence,
        kept=positions,
        augmentation=Augmentation(**asdict(settings.augmentation)),
        seed=settings.seed,
        teacher=SequenceTeacher(sequence) if imitates else None,
    )


def build_fit_validation(
    settings: FitSettings, sequence: FrameSequence, *, positions: list[int], batches_per_epoch: int, folder: Path
) -> Validation | None:
    """The judging of a fit on frames that nothing is learned from, with a picture of the one in their middle.

    Args:
        settings: of the fit.
        sequence: the frames.
        positions: of those frames, in order; without three that follow each other there is no judging.
        batches_per_epoch: of the fit; from one judging to the next lie `STEPS_BETWEEN_JUDGMENTS` at least.
        folder: of the run.
    """
    if not has_snippets(sequence, kept=positions):
        return None
    data = SnippetDataset(sequence, kept=positions, augmentation=None, seed=settings.seed)
    pictures = SnippetPictures(
        data, [len(data) // 2], folder, min_depth=settings.depth.min_depth, max_depth=settings.depth.max_depth
    )
    return Validation(
        Validator(data, range(len(data)), build_objective(settings), draw=pictures),
        epochs=math.ceil(STEPS_BETWEEN_JUDGMENTS / batches_per_epoch),
        patience=settings.patience,
    )


def build_plan(settings: LearningSettings) -> StagePlan:
    """The stages that run, in order."""
    stages = []
    for name in settings.stages:
        stage = getattr(settings.training, name)
        stages.append(
            Stage(
                name=name,
                learns=STAGE_LEARNERS[name] if stage.learns is None else frozenset(stage.learns),
                share=stage.share,
                learning_rate=stage.learning_rate,
                imitation=stage.imitation,
                imitation_alone=stage.imitation_alone,
                with_depth=name != "flow",
                terms=None if stage.terms is None else frozenset(stage.terms),
            )
        )
    return StagePlan(tuple(stages))


def build_loop(
    settings: LearningSettings,
    model: JointModel,
    data: SnippetSource,
    *,
    folder: Path,
    fabric: Fabric | None = None,
    validation: Validation | None = None,
    identity: DataIdentity | None = None,
) -> TrainingLoop:
    """The training, ready to run or to be restored.

    Args:
        settings: of the run.
        model: the networks.
        data: the snippets.
        folder: of the run.
        fabric: launched; by default this machine's CPU or first GPU.
        validation: how the networks are judged while they learn.
        identity: of the snippets and those that are validated on; by default it tells nothing.
    """
    training = settings.training
    fabric = fabric or build_fabric(training)
    run_as_asked(model.to(fabric.device), training, fabric.device)
    return TrainingLoop(
        model,
        build_objective(settings),
        data,
        plan=build_plan(settings),
        budget=Budget(epochs=settings.epochs, steps=settings.steps, minutes=settings.minutes),
        settings=LoopSettings(
            batch_size=training.batch_size,
            schedule=training.schedule,
            accumulation=training.accumulation,
            gradient_clip=training.gradient_clip,
            skip_limit=training.skip_limit,
            seed=settings.seed,
            workers=training.workers,
            epochs_before=training.epochs_before,
            checkpoint_minutes=training.checkpoint_minutes,
        ),
        folder=folder,
        run_settings=settings_yaml(settings),
        fabric=fabric,
        validation=validation,
        identity=identity,
        keep_best=lambda: save_model(folder / BEST_FILE, model, settings),
    )


def run_as_asked(model: JointModel, training: TrainingSettings, device: torch.device) -> None:
    """Set how the networks are run, in place; what they say stays the same.

    Raises:
        InputError: they are to be compiled, and there is no compiler.
    """
    model.checkpointing = training.checkpointing
    wanted = training.channels_last
    if prefers_channels_last(device) if wanted is None else wanted:
        in_channels_last(model)
    if training.compile:
        compile_networks(model)


def build_fabric(training: TrainingSettings) -> Fabric:
    """This machine's CPU or first GPU, or all processes that torchrun has started, at the precision asked for.

    Raises:
        InputError: the precision needs a GPU.
    """
    if training.precision == "16-mixed" and not torch.cuda.is_available():
        raise InputError("--training.precision 16-mixed: needs a GPU; take 32-true or bf16-mixed")
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    here, everywhere = (int(os.environ.get(name, "1")) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE"))
    if everywhere == 1:
        return Fabric(accelerator=accelerator, devices=1, precision=training.precision)
    return Fabric(
        accelerator=accelerator,
        devices=here,
        num_nodes=everywhere // here,
        strategy="ddp",
        precision=training.precision,
    )
