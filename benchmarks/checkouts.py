"""Peers, imported from checkouts that are given by path; nothing of them is in this project.

Their packages import what a training step does not need (image readers, TensorBoard, a compiled
correlation): where such a module is absent, an empty one stands in.
"""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALES = (0, 1, 2, 3)
FRAMES = (0, -1, 1)


class AbsentError(Exception):
    """A peer cannot be run here; the message says why."""


class _Anything:
    """Takes the place of any name of a module that is not needed."""

    def __init__(self, *_: object, **__: object) -> None: ...


class _Empty(types.ModuleType):
    """A module in which every name exists, and is of no use."""

    __path__: Sequence[str] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything


@contextmanager
def _importing(root: Path, *stand_ins: str) -> Iterator[None]:
    """Imports from a checkout, with empty modules for those of the named ones that are absent."""
    if not root.is_dir():
        raise AbsentError(f"{root}: no such checkout")
    for name in stand_ins:
        if name not in sys.modules and ("." in name or find_spec(name) is None):
            sys.modules[name] = _Empty(name)
    sys.path.insert(0, str(root))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        raise AbsentError(f"{root}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(root))


class Monodepth2:
    """The training step of monodepth2: its networks, its trainer's own composition of its losses.

    Args:
        root: its checkout.
        batch: snippets a step.
        height: of the images (px).
        width: of the images (px).
    """

    def __init__(self, root: Path, *, batch: int, height: int, width: int) -> None:
        for name in ("datasets", "skimage", "skimage.transform"):
            sys.modules.setdefault(name, _Empty(name))
        with _importing(root, "tensorboardX", "IPython", "six", "six.moves"):
            trainer_type, networks, layers = (import_module(name) for name in ("trainer", "networks", "layers"))
            self.trainer: Any = trainer_type.Trainer.__new__(trainer_type.Trainer)
            encoder, pose_encoder = networks.ResnetEncoder(18, False), networks.ResnetEncoder(18, False, 2)
            models = {
                "encoder": encoder,
                "depth": networks.DepthDecoder(encoder.num_ch_enc, SCALES),
                "pose_encoder": pose_encoder,
                "pose": networks.PoseDecoder(
                    pose_encoder.num_ch_enc, num_input_features=1, num_frames_to_predict_for=2
                ),
            }
        self.trainer.__dict__.update(
            models=models,
            opt=_monodepth2_options(batch, height, width),
            device=torch.device("cpu"),
            num_scales=len(SCALES),
            num_input_frames=len(FRAMES),
            num_pose_frames=2,
            use_pose_net=True,
            ssim=layers.SSIM(),
            backproject_depth={0: layers.BackprojectDepth(batch, height, width)},
            project_3d={0: layers.Project3D(batch, height, width)},
        )
        parameters = [parameter for model in models.values() for parameter in model.parameters()]
        self.optimizer = torch.optim.Adam(parameters, 1e-4)
        self.inputs = _monodepth2_inputs(batch, height, width)

    def step(self) -> None:
        """Forward, backward, Adam."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, losses = self.trainer.process_batch(self.inputs)
        self.optimizer.zero_grad()
        losses["loss"].backward()
        self.optimizer.step()

    def photometric_errors(self, target: Tensor, warped: Tensor) -> Tensor:
        """Its error of a target (batch, 3, height, width) against each of (batch, sources, 3, height, width)."""
        errors = [self.trainer.compute_reprojection_loss(image, target) for image in warped.unbind(1)]
        return torch.cat(errors, 1)

    def depth_network(self) -> nn.Module:
        """Encoder and decoder, from an image to its disparities."""
        models = self.trainer.models
        return nn.Sequential(models["encoder"], models["depth"])


def _monodepth2_options(batch: int, height: int, width: int) -> SimpleNamespace:
    """Its default options, as far as a step asks for them."""
    return SimpleNamespace(
        scales=list(SCALES),
        frame_ids=list(FRAMES),
        height=height,
        width=width,
        batch_size=batch,
        pose_model_type="separate_resnet",
        pose_model_input="pairs",
        predictive_mask=False,
        v1_multiscale=False,
        disable_automasking=False,
        avg_reprojection=False,
        no_ssim=False,
        disparity_smoothness=1e-3,
        min_depth=0.1,
        max_depth=100.0,
    )


def _monodepth2_inputs(batch: int, height: int, width: int) -> dict[Any, Tensor]:
    inputs: dict[Any, Tensor] = {}
    for frame in FRAMES:
        image = torch.rand(batch, 3, height, width)
        for scale in SCALES:
            small = F.interpolate(image, (height >> scale, width >> scale), mode="area")
            inputs["color", frame, scale] = inputs["color_aug", frame, scale] = small
    for scale in SCALES:
        wide, high = width >> scale, height >> scale
        camera = torch.tensor(
            [[0.58 * wide, 0, wide / 2, 0], [0, 1.92 * high, high / 2, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        )
        inputs["K", scale] = camera.expand(batch, 4, 4).contiguous()
        inputs["inv_K", scale] = torch.linalg.inv(camera).expand(batch, 4, 4).contiguous()
    return inputs


class LoopCorrelation(nn.Module):
    """The cost volume as a plain loop of shifts, in the place of a compiled one.

    Args:
        max_displacement: of the search (px).
    """

    def __init__(self, *, max_displacement: int = 4, **_: object) -> None:
        super().__init__()
        self.radius = max_displacement

    def forward(self, target: Tensor, source: Tensor) -> Tensor:
        """Mean products, (batch, displacements, height, width)."""
        return loop_cost_volume(target, source, radius=self.radius)


def loop_cost_volume(target: Tensor, source: Tensor, *, radius: int = 4) -> Tensor:
    """The cost volume as a loop of (2 radius + 1)^2 shifts."""
    height, width = target.shape[-2:]
    padded = F.pad(source, (radius,) * 4)
    shifts = [(y, x) for y in range(2 * radius + 1) for x in range(2 * radius + 1)]
    return torch.stack([(target * padded[..., y : y + height, x : x + width]).mean(1) for y, x in shifts], dim=1)


def maskflownet_s(root: Path) -> nn.Module:
    """MaskFlowNet-S of MaskFlownet-Pytorch, its compiled correlation replaced by a loop of 81 shifts."""
    package = "model.correlation_package"
    correlation: Any = types.ModuleType(f"{package}.correlation")
    correlation.Correlation = LoopCorrelation
    sys.modules[f"{package}.correlation"] = correlation
    with _importing(root):
        reader = import_module("config_folder").Reader
        network: nn.Module = import_module("model").MaskFlownet_S(reader({"network": _MASKFLOWNET_SETTINGS}))
    return network


_MASKFLOWNET_SETTINGS = {"flow_multiplier": 1.0, "deform_bias": True, "upfeat_ch": [16, 16, 16, 16]}


def ptlflow_maskflownet_s(root: Path) -> nn.Module:
    """MaskFlowNet-S of ptlflow: its module alone, without the package's other models."""
    for name in ("ptlflow", "ptlflow.models"):
        package = types.ModuleType(name)
        package.__path__ = [str(root / name.replace(".", "/"))]
        sys.modules[name] = package
    with _importing(root, "loguru"):
        network: nn.Module = import_module("ptlflow.models.maskflownet.maskflownet").MaskFlownet_S()
    return network
