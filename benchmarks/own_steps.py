"""Our side of the comparison with peers: the same networks, sizes and work."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from triptych.losses.objective import Objective
from triptych.networks.execution import in_channels_last, prefers_channels_last
from triptych.networks.joint import JointModel, paper_model
from triptych.types import Snippet

Module = TypeVar("Module", bound=torch.nn.Module)

PEER_LOSSES: dict[str, Any] = {"depth_levels": 4, "automask": True, "source_rule": "minimum"}
"""What monodepth2 minimizes: four disparities, the better source of each pixel, unmoved pixels left out."""


def random_snippet(batch: int, height: int, width: int) -> Snippet:
    """Three frames of noise and a camera."""
    frames = torch.rand(batch, 3, 3, height, width)
    camera = torch.tensor([[0.58 * width, 0, width / 2 - 0.5], [0, 1.92 * height, height / 2 - 0.5], [0, 0, 1]])
    return Snippet(frames, frames, camera.expand(batch, 3, 3).contiguous(), torch.arange(batch))


PLANAR = "TRIPTYCH_BENCHMARK_PLANAR"
"""Set in the environment, models keep the usual layout, in which no channels of zeros are added."""


def in_preferred_layout(model: Module) -> Module:
    """The model with channels last where this machine trains faster so."""
    if PLANAR in os.environ or not prefers_channels_last(torch.device("cpu")):
        return model
    return in_channels_last(model)


@dataclass
class OwnStep:
    """A training step of ours: `estimate`, objective, backward, Adam.

    Attributes:
        model: the networks; those that do not run are frozen by not being asked.
        objective: the loss.
        snippet: the batch.
        asked: arguments of `JointModel.estimate`.
    """

    model: JointModel
    objective: Objective
    snippet: Snippet
    asked: dict[str, Any]

    def __post_init__(self) -> None:
        in_preferred_layout(self.model)
        self.asked = {"depth_levels": self.objective.depth_levels, **self.asked}
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4, fused=True)

    def loss(self) -> Tensor:
        """The total, with its graph."""
        return self.objective(self.snippet, self.model.estimate(self.snippet, **self.asked)).total

    def __call__(self) -> None:
        """One step."""
        self.optimizer.zero_grad(set_to_none=True)
        self.loss().backward()
        self.optimizer.step()


def depth_and_pose_step(batch: int, height: int, width: int, **losses: Any) -> OwnStep:
    """The step of depth and pose alone; `losses` are those of `Objective`."""
    model = paper_model(pretrained=None)
    del model.flow
    return OwnStep(
        model, Objective(**losses), random_snippet(batch, height, width), {"flow": False, "backward_flow": False}
    )


def joint_step(batch: int, height: int, width: int, *, checkpointing: bool = False) -> OwnStep:
    """The step of all networks by the paper preset: depth, pose, and flow in four directions."""
    model = paper_model(pretrained=None)
    model.checkpointing = checkpointing
    return OwnStep(model, Objective(), random_snippet(batch, height, width), {})
