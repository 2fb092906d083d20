"""The networks: built from settings, read from weights, and written with what rebuilds them."""

from __future__ import annotations

import json
from argparse import ArgumentError
from dataclasses import asdict, fields, replace
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

from triptych.artefacts.checkpoints import load_weights, save_weights
from triptych.artefacts.encoder_weights import check_hub_weights, check_weights_file
from triptych.config.check import check_networks
from triptych.config.load import Settings, settings_from_yaml
from triptych.config.schema import (
    PACKAGED,
    DepthSettings,
    FitSettings,
    FrameSettings,
    LearningSettings,
    PoseSettings,
)
from triptych.config.train_schema import TrainSettings
from triptych.errors import InputError
from triptych.networks.depth import DepthNetwork
from triptych.networks.encoder import IMAGENET
from triptych.networks.flow import MaskFlowNet
from triptych.networks.joint import JointModel
from triptych.networks.pose import PoseNetwork

MODEL_FILE = "model.safetensors"
BEST_FILE = "best.safetensors"
CONFIG_FILE = "config.json"
LIBRARY = "triptych"
"""Whose models config.json describes, under `library_name`."""
PACKAGED_FILE = "small.safetensors"
NETWORKS = ("depth", "pose", "flow")
OF_THE_BEGINNING = ("pretrained", "initial_depth")
"""Settings of networks that weights from elsewhere take the place of."""
WAY_OUT = "start from a run with the same settings of depth, pose and flow"
PACKAGED_WAY_OUT = (
    "leave depth, pose and flow as they are, or begin without these weights (fit --from_scratch, train --preset small)"
)


def build_model(settings: LearningSettings) -> JointModel:
    """The three networks, with weights drawn from the seed or pretrained as asked for.

    Random numbers of who calls are as if nothing had been drawn.

    Raises:
        InputError: pretrained weights cannot be had, or an encoder is not known.
    """
    _check_pretrained("depth", settings.depth)
    _check_pretrained("pose", settings.pose)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        return _drawn_model(settings)


def _drawn_model(settings: LearningSettings) -> JointModel:
    depth, pose, flow = settings.depth, settings.pose, settings.flow
    return JointModel(
        depth=DepthNetwork(
            depth.encoder,
            encoder_options=depth.encoder_options,
            pretrained=depth.pretrained,
            width=depth.width,
            norm=depth.norm,
            initial_depth=depth.initial_depth,
            min_depth=depth.min_depth,
            max_depth=depth.max_depth,
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


def save_model(path: Path, model: JointModel, settings: LearningSettings, *, half: bool = False) -> None:
    """Write the networks' weights with the settings that rebuild them.

    Args:
        path: the file.
        model: the networks.
        settings: of the run.
        half: in half precision, for half the size; what is loaded is float32 again.
    """
    tensors: dict[str, Tensor] = model.state_dict()
    if half:
        tensors = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    save_weights(path, tensors, {"settings": json.dumps(asdict(_as_fit(settings)))})


def weights_file(source: str | Path) -> Path:
    """The file of weights that is meant.

    Args:
        source: run folder, folder of `Model.save_pretrained`, file of weights, or "packaged" for the weights in
            the package.
    """
    if str(source) == PACKAGED:
        return Path(str(files("triptych.config") / "weights" / PACKAGED_FILE))
    place = Path(source)
    return place / MODEL_FILE if place.is_dir() else place


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


def load_model(source: str | Path) -> tuple[JointModel, FitSettings]:
    """The networks of a folder or of a weights file, and the settings they were fitted with.

    The settings are those in the header of the weights, or in config.json where the folder has one.

    Args:
        source: as `weights_file` takes it; or a folder of `Model.save_pretrained`.

    Raises:
        InputError: there is no model, or it does not fit the networks that it names.
    """
    file, tensors, settings = _stored(source)
    model = build_model(without_pretrained(settings))
    _fill(model, tensors, file)
    return model, settings


def _stored(source: str | Path) -> tuple[Path, dict[str, Tensor], FitSettings]:
    """The file that is meant, its weights, and the settings that go with them."""
    file = weights_file(source)
    tensors, metadata = load_weights(file)
    beside = file.with_name(CONFIG_FILE)
    described = beside if file.name == MODEL_FILE and Path(source).is_dir() and beside.is_file() else file
    try:
        settings = settings_from_yaml(metadata["settings"] if described is file else _described_settings(beside))
    except (KeyError, ArgumentError) as error:
        raise InputError(
            f"{described}: was written by another version ({error}); use that version, or another model"
        ) from error
    try:
        check_networks(settings)
    except InputError as error:
        raise InputError(f"{described}: is damaged ({error}); use another model") from error
    return file, tensors, settings


def _fill(model: JointModel, tensors: dict[str, Tensor], file: Path) -> None:
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{file}: its weights do not fit the networks it names; use another model") from error


def _described_settings(file: Path) -> str:
    """The settings in config.json, as YAML (of which JSON is a part)."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON, or of UTF-8
        raise InputError(f"{file}: is not JSON ({error}); use the file that was written with the model") from error
    if not isinstance(content, dict) or content.get("library_name") != LIBRARY:
        raise InputError(f"{file}: is not of a model of {LIBRARY}; name a folder that Model.save_pretrained wrote")
    return json.dumps(content["settings"])


def start_from(model: JointModel, settings: LearningSettings, source: str | Path) -> None:
    """Give networks the weights of another run's, in place.

    Args:
        model: the networks.
        settings: that they were built from.
        source: as `weights_file` takes it; of networks of the same settings, but for what they begin with.

    Raises:
        InputError: there is no model, or it is of other networks.
    """
    file, tensors, theirs = _stored(source)
    for group in NETWORKS:
        before, now = asdict(getattr(theirs, group)), asdict(getattr(settings, group))
        for name in before:
            if name not in OF_THE_BEGINNING and before[name] != now[name]:
                way_out = PACKAGED_WAY_OUT if str(source) == PACKAGED else WAY_OUT
                raise InputError(f"--{group}.{name} {now[name]}: the weights of {file} have {before[name]}; {way_out}")
    _fill(model, tensors, file)


def without_pretrained(settings: Settings) -> Settings:
    """The same settings with untrained networks, as weights come from a file at once."""
    return replace(
        settings,
        depth=replace(settings.depth, pretrained=None),
        pose=replace(settings.pose, pretrained=None),
    )
