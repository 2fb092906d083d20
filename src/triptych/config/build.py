"""The composition root: settings to objects; the only place that knows both."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch
from lightning.fabric import Fabric

from triptych.artefacts.checkpoints import load_weights, save_weights
from triptych.artefacts.encoder_weights import check_hub_weights, check_weights_file
from triptych.config.load import Settings, settings_from_yaml, settings_yaml, size_of
from triptych.config.schema import (
    DepthSettings,
    FitSettings,
    FrameSettings,
    LearningSettings,
    PoseSettings,
    TrainingSettings,
)
from triptych.config.train_schema import TrainSettings
from triptych.data.augment import Augmentation
from triptych.data.calibration import Calibration, given_calibration
from triptych.data.selected import SnippetSource
from triptych.data.sequence import load_sequence
from triptych.data.snippets import SnippetDataset
from triptych.data.sources import open_source
from triptych.errors import InputError
from triptych.inference.teacher import SequenceTeacher
from triptych.losses.objective import Objective
from triptych.networks.depth import DepthNetwork
from triptych.networks.encoder import IMAGENET
from triptych.networks.execution import compile_networks, in_channels_last, prefers_channels_last
from triptych.networks.flow import MaskFlowNet
from triptych.networks.joint import JointModel
from triptych.networks.pose import PoseNetwork
from triptych.training.budget import Budget
from triptych.training.identity import DataIdentity
from triptych.training.loop import LoopSettings, TrainingLoop, Validation
from triptych.training.stages import Learner, Stage, StagePlan
from triptych.types import FrameSequence

MODEL_FILE = "model.safetensors"
BEST_FILE = "best.safetensors"
LEARNERS: dict[str, frozenset[Learner]] = {
    "flow": frozenset({"flow"}),
    "depth": frozenset({"depth", "pose"}),
    "joint": frozenset({"flow", "depth", "pose"}),
}


def build_sequence(
    settings: FitSettings, source: Path, *, progress: Callable[[int, int], None] | None = None
) -> FrameSequence:
    """The frames of a source at the processing size, with their intrinsics."""
    height, width = size_of(settings.size)
    frames = settings.frames
    return load_sequence(
        open_source(source, camera=frames.camera),
        height=height,
        width=width,
        calibration=_calibration(settings),
        assumed_fov_deg=frames.assumed_fov_deg,
        bottom_crop=frames.bottom_crop,
        stride=frames.stride,
        rate=frames.rate,
        start=frames.start,
        limit=frames.limit,
        progress=progress,
    )


def _calibration(settings: FitSettings) -> Calibration | None:
    if settings.intrinsics is None:
        return None
    return given_calibration(settings.intrinsics, camera=settings.frames.camera)


def build_model(settings: LearningSettings) -> JointModel:
    """The three networks, with weights drawn from the seed or pretrained as asked for.

    Raises:
        InputError: pretrained weights cannot be had, or an encoder is not known.
    """
    depth, pose, flow = settings.depth, settings.pose, settings.flow
    _check_pretrained("depth", depth)
    _check_pretrained("pose", pose)
    torch.manual_seed(settings.seed)
    return JointModel(
        depth=DepthNetwork(
            depth.encoder,
            encoder_options=depth.encoder_options,
            pretrained=depth.pretrained,
            width=depth.width,
            norm=depth.norm,
            initial_depth=depth.initial_depth,
        ),
        pose=PoseNetwork(
            pose.encoder,
            encoder_options=pose.encoder_options,
            pretrained=pose.pretrained,
            channels=pose.channels,
            norm=pose.norm,
            sees_flow=pose.sees_flow,
            motion_scale=pose.motion_scale,
        ),
        flow=MaskFlowNet(
            matching=flow.matching,
            cascade=flow.cascade,
            width=flow.width,
            decoder_width=flow.decoder_width,
            normalized_costs=flow.normalized_costs,
        ),
    )


def _check_pretrained(group: str, network: DepthSettings | PoseSettings) -> None:
    """Refuse pretrained weights that cannot be had; a path without a file is told by the encoder."""
    option = f"{group}.pretrained"
    if network.pretrained == IMAGENET:
        check_hub_weights(network.encoder, option=option)
    elif network.pretrained is not None and Path(network.pretrained).is_file():
        check_weights_file(network.encoder, Path(network.pretrained), option=option)


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


def build_plan(settings: LearningSettings) -> StagePlan:
    """The stages that run, in order."""
    stages = []
    for name in settings.stages:
        stage = getattr(settings.training, name)
        stages.append(
            Stage(
                name=name,
                learns=LEARNERS[name] if stage.learns is None else frozenset(stage.learns),
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


def save_model(path: Path, model: JointModel, settings: LearningSettings) -> None:
    """Write the networks' weights with the settings that rebuild them."""
    save_weights(path, model.state_dict(), {"settings": json.dumps(asdict(_as_fit(settings)))})


def _as_fit(settings: LearningSettings) -> FitSettings:
    """The settings by which a model is used again: those of a fit."""
    if isinstance(settings, FitSettings):
        return settings
    common = {entry.name: getattr(settings, entry.name) for entry in fields(LearningSettings)}
    frames = FrameSettings()
    if isinstance(settings, TrainSettings):
        frames = replace(
            frames, bottom_crop=settings.data.bottom_crop or 0.0, assumed_fov_deg=settings.data.assumed_fov_deg
        )
    return FitSettings(**common, frames=frames)


def load_model(path: Path) -> tuple[JointModel, FitSettings]:
    """The networks of a run folder or of a weights file, and the settings they were fitted with.

    Raises:
        InputError: there is no model, or it does not fit the networks that it names.
    """
    file = path / MODEL_FILE if path.is_dir() else path
    tensors, metadata = load_weights(file)
    settings = settings_from_yaml(metadata["settings"])
    model = build_model(without_pretrained(settings))
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{file}: its weights do not fit the networks it names; use another model") from error
    return model, settings


def start_from(model: JointModel, source: Path) -> None:
    """Give networks the weights of another run's, in place.

    Args:
        model: the networks.
        source: run folder of a fit, or its model.safetensors; of networks of the same settings.

    Raises:
        InputError: there is no model, or a weight is missing or of another shape.
    """
    file = source / MODEL_FILE if source.is_dir() else source
    tensors, _ = load_weights(file)
    for name, own in model.state_dict().items():
        if name not in tensors or tensors[name].shape != own.shape:
            found = tuple(tensors[name].shape) if name in tensors else "nothing"
            raise InputError(
                f"{file}: has {found} for {name}, these networks need {tuple(own.shape)}; start from a run with the "
                "same settings of depth, pose and flow"
            )
    model.load_state_dict({name: tensors[name] for name in model.state_dict()})


def without_pretrained(settings: Settings) -> Settings:
    """The same settings with untrained networks, as weights come from a file at once."""
    return replace(
        settings,
        depth=replace(settings.depth, pretrained=None),
        pose=replace(settings.pose, pretrained=None),
    )
