"""What settings can mean: numbers within their ranges, names that exist; told by the option's own name."""

from __future__ import annotations

import math

from triptych.config.load import LENGTHS, STAGES, size_of
from triptych.config.schema import AugmentationSettings, FitSettings, LearningSettings, StageSettings
from triptych.config.train_schema import TrainSettings, ValidationSettings
from triptych.errors import InputError
from triptych.losses.objective import TERMS
from triptych.networks.depth import OUTPUT_STRIDES
from triptych.training.stages import STAGE_LEARNERS

LARGEST_SEED = 2**63
NEVER_NEGATIVE = (
    "minimum_motion_px",
    "lambda_ed",
    "lambda_eo",
    "lambda_smooth",
    "flow_guidance",
    "flow_completion",
    "depth_consistency",
    "flow_augmentation",
    "flow_pyramid_weight",
    "flow_smoothness",
)
"""Settings of the losses that are factors, or a distance."""


def check_settings(settings: LearningSettings) -> None:
    """Refuse settings without a meaning, before anything is read or written.

    Raises:
        InputError: naming the option, what it was, and what it may be.
    """
    size_of(settings.size)
    if not 0 <= settings.seed < LARGEST_SEED:
        raise InputError(f"--seed {settings.seed}: must be from 0 to below 2^63")
    _check_length(settings)
    training = settings.training
    _at_least("training.batch_size", training.batch_size, 1)
    _at_least("training.accumulation", training.accumulation, 1)
    if training.batch_size % training.accumulation:
        raise InputError(
            f"--training.accumulation {training.accumulation}: must divide the batch of {training.batch_size} evenly"
        )
    _at_least("training.workers", training.workers, 0)
    _at_least("training.skip_limit", training.skip_limit, 1)
    _above("training.gradient_clip", training.gradient_clip)
    _above("training.checkpoint_minutes", training.checkpoint_minutes)
    _at_least("losses.depth_levels", settings.losses.depth_levels, 1)
    if settings.losses.depth_levels > len(OUTPUT_STRIDES):
        raise InputError(f"--losses.depth_levels {settings.losses.depth_levels}: there are {len(OUTPUT_STRIDES)}")
    _at_least("training.epochs_before", training.epochs_before, 0)
    _share("losses.alpha", settings.losses.alpha)
    for name in ("tau_photometric", "tau_epipolar"):
        _between("losses." + name, getattr(settings.losses, name))
    for name in NEVER_NEGATIVE:
        _at_least("losses." + name, getattr(settings.losses, name), 0)
    _check_augmentation(settings.augmentation)
    check_networks(settings)
    if not settings.stages:
        raise InputError("--stages: name one at least: flow, depth, joint")
    if len(set(settings.stages)) < len(settings.stages):
        raise InputError(f"--stages {','.join(settings.stages)}: each stage runs once")
    for stage in STAGES:
        _check_stage(stage, getattr(training, stage))
    if isinstance(settings, TrainSettings):
        _check_train(settings)
    if isinstance(settings, FitSettings):
        _check_fit(settings)


def _check_length(settings: LearningSettings) -> None:
    """One length, above 0."""
    given = {name: getattr(settings, name) for name in LENGTHS if getattr(settings, name) is not None}
    if len(given) != 1:
        told = ", ".join(f"--{name} {value:g}" for name, value in given.items()) or "none"
        raise InputError(f"a training has one length, --epochs, --steps or --minutes; given: {told}")
    for name, value in given.items():
        _above(name, value)


def check_networks(settings: LearningSettings) -> None:
    """Refuse widths that no network has, and depths that are not in their order.

    Raises:
        InputError: naming the option, what it was, and what it may be.
    """
    flow, depth, pose = settings.flow, settings.depth, settings.pose
    _above("flow.width", flow.width)
    if flow.decoder_width is not None:
        _above("flow.decoder_width", flow.decoder_width)
    _above("depth.width", depth.width)
    _above("depth.min_depth", depth.min_depth)
    _finite("depth.max_depth", depth.max_depth)
    if depth.max_depth <= depth.min_depth:
        raise InputError(f"--depth.max_depth {depth.max_depth:g}: must be above --depth.min_depth")
    if not depth.min_depth < depth.initial_depth < depth.max_depth:
        raise InputError(
            f"--depth.initial_depth {depth.initial_depth:g}: must be between --depth.min_depth and .max_depth"
        )
    _at_least("pose.channels", pose.channels, 1)
    _above("pose.motion_scale", pose.motion_scale)


def _check_augmentation(augmentation: AugmentationSettings) -> None:
    _at_least("augmentation.crop", augmentation.crop, 1)
    for name in ("flip", "jitter"):
        _share("augmentation." + name, getattr(augmentation, name))
    for name, most in (("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0.5)):
        value = getattr(augmentation, name)
        if not (0 <= value < 1 and value <= most):
            raise InputError(
                f"--augmentation.{name} {value:g}: must be from 0 to {'below ' if most == 1 else ''}{most:g}"
            )


def _check_stage(name: str, stage: StageSettings) -> None:
    option = f"training.{name}"
    _above(f"{option}.share", stage.share)
    _above(f"{option}.learning_rate", stage.learning_rate)
    for share in ("imitation", "imitation_alone"):
        _share(f"{option}.{share}", getattr(stage, share))
    if stage.learns is not None and not stage.learns:
        raise InputError(f"--{option}.learns: name one network at least: flow, depth, pose")
    if name == "flow" and not set(stage.learns or STAGE_LEARNERS[name]) <= {"flow"}:
        raise InputError(
            f"--{option}.learns {','.join(stage.learns or ())}: this stage runs the flow network alone; depth and pose "
            "learn in the stages depth and joint"
        )
    if stage.imitation_alone == 1 and {"pose"} < set(stage.learns or STAGE_LEARNERS[name]):
        raise InputError(
            f"--{option}.imitation_alone 1: pose waits for that share of a stage and would not learn: give less, or "
            f"leave it out of --{option}.learns"
        )
    unknown = [term for term in stage.terms or () if term not in TERMS]
    if unknown or stage.terms == []:
        raise InputError(f"--{option}.terms {', '.join(unknown)}: name terms of the loss: {', '.join(TERMS)}")


def _check_fit(settings: FitSettings) -> None:
    _at_least("patience", settings.patience, 0)
    _share_left("held_out", settings.held_out)


def _check_train(settings: TrainSettings) -> None:
    validation = settings.validation
    _at_least("validation.snippets", validation.snippets, 1)
    _at_least("validation.pictures", validation.pictures, 0)
    _at_least("validation.epochs", validation.epochs, 1)
    _share_left("validation.held_out", validation.held_out)
    if validation.dataset is not None and validation.root is None:
        raise InputError("--validation.dataset: give its folder too, --validation.root")
    apart = validation.root is not None or validation.split is not None
    for name in ("intrinsics", "bottom_crop"):
        if not apart and getattr(validation, name) is not None:
            raise InputError(f"--validation.{name}: is for snippets from elsewhere; name them, --validation.root")
    if apart and validation.held_out != ValidationSettings.held_out:
        raise InputError(
            f"--validation.held_out {validation.held_out:g}: is a share of what is learned from, and others are "
            f"validated on; leave it at {ValidationSettings.held_out:g}, or give null for --validation.root and .split"
        )
    data = settings.data
    if data.left_out is not None and data.split is not None:
        raise InputError(
            f"--data.left_out: --data.split {data.split} names its drives itself; give null for one of the two"
        )


def _finite(name: str, value: float | int) -> None:
    if not math.isfinite(value):
        raise InputError(f"--{name} {value:g}: must be a finite number")


def _at_least(name: str, value: float | int, least: float | int) -> None:
    _finite(name, value)
    if value < least:
        raise InputError(f"--{name} {value:g}: must be {least:g} or more")


def _share(name: str, value: float | int) -> None:
    if not 0 <= value <= 1:
        raise InputError(f"--{name} {value:g}: give a share from 0 to 1")


def _share_left(name: str, value: float | int) -> None:
    if not 0 <= value < 1:
        raise InputError(f"--{name} {value:g}: give a share from 0 to below 1")


def _above(name: str, value: float | int) -> None:
    _finite(name, value)
    if not value > 0:
        raise InputError(f"--{name} {value:g}: must be above 0")


def _between(name: str, value: float | int) -> None:
    if not 0 < value < 1:
        raise InputError(f"--{name} {value:g}: must be between 0 and 1")
