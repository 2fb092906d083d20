"""Run by two processes: a step of each on its half of a batch; the first writes the gradients, also of the whole."""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn

from triptych.config.build import build_fabric
from triptych.config.schema import TrainingSettings
from triptych.losses.objective import Objective
from triptych.networks.depth import DepthNetwork
from triptych.networks.flow import MaskFlowNet
from triptych.networks.joint import JointModel
from triptych.networks.pose import PoseNetwork
from triptych.training.batches import in_parts
from triptych.training.optimization import Optimization
from triptych.training.processes import launched
from triptych.training.stages import Stage, StagePlan
from triptych.training.step import prepare_stage, step_loss
from triptych.types import Snippet

TINY = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "stem_width": 8, "norm_layer": nn.Identity}
BASE = {"flow_guidance": 0.3, "flow_pyramid_weight": 0.5, "temporal_weights": "minimum", "automask": True}
BEYOND = BASE | {"mask_normalization": "all", "depth_consistency": 0.5, "flow_augmentation": 0.05}
STAGES = {
    "flow": Stage("flow", frozenset({"flow"}), 1.0, 1e-4),
    "depth": Stage("depth", frozenset({"depth", "pose"}), 1.0, 1e-4),
    "joint": Stage("joint", frozenset({"flow", "depth", "pose"}), 1.0, 1e-4),
}


def networks() -> JointModel:
    """Without batch normalization, whose statistics are those of each process's own half."""
    torch.manual_seed(0)
    return JointModel(
        depth=DepthNetwork("resnet18", encoder_options=TINY, pretrained=None, width=0.25, norm="none"),
        pose=PoseNetwork("resnet18", encoder_options=TINY, pretrained=None, channels=16, norm="none"),
        flow=MaskFlowNet(width=0.25, normalized_costs=True),
    )


def batch() -> Snippet:
    """Four snippets, of which the masks keep very different shares."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(4, 3, 8, 16, generator=generator)
    scene = torch.nn.functional.interpolate(coarse, (64, 128), mode="bicubic").clamp(0, 1)
    steps = (0, 2, 8, 24)
    frames = torch.stack(
        [torch.stack([scene[i, :, :, s * j : s * j + 64] for j in range(3)]) for i, s in enumerate(steps)]
    )
    intrinsics = torch.tensor([[50.0, 0, 31.5], [0, 50.0, 31.5], [0, 0, 1]]).repeat(4, 1, 1)
    return Snippet(frames, frames, intrinsics, torch.arange(4))


def gradients(model: JointModel) -> dict[str, Tensor]:
    return {name: part.grad.clone() for name, part in model.named_parameters() if part.grad is not None}


def main(path: str) -> None:
    # What differs is then the arithmetic that is asked about, not its rounding.
    torch.set_default_dtype(torch.float64)
    fabric = build_fabric(TrainingSettings())
    with launched(fabric):
        own = in_parts(batch(), 2)[fabric.global_rank]
        found = {}
        cases = [(name, stage, Objective(**BASE)) for name, stage in STAGES.items()]
        for name, stage, objective in [*cases, ("beyond", STAGES["joint"], Objective(**BEYOND))]:
            position = StagePlan((stage,)).position(0.5)
            optimization = Optimization(networks(), objective, fabric, accumulation=1, gradient_clip=1e9)
            optimization.begin_stage(stage)
            optimization.step(own, position, rate=0.0)
            whole = networks()
            prepare_stage(whole, stage)
            step_loss(whole, objective, batch(), stage, fraction=position.fraction).total.backward()
            alone = networks()
            prepare_stage(alone, stage)
            step_loss(alone, objective, own, stage, fraction=position.fraction).total.backward()
            found[name] = {
                "two": gradients(optimization.model),
                "joined": gradients(whole),
                "own": gradients(alone),
            }
    if fabric.is_global_zero:
        torch.save(found, path)


if __name__ == "__main__":
    main(sys.argv[1])
