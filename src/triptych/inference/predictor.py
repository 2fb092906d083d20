"""A model and frames in; depth, flow, visibility, motion and camera path out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.depth_range import depth_from_disparity
from triptych.geometry.pose import inverse_transform
from triptych.geometry.visibility import range_visibility
from triptych.inference.motion import camera_is_still, moving_pixels
from triptych.networks.joint import JointModel
from triptych.types import FlowEstimate, FrameSequence, Prediction

VisibilityKind = Literal["range_map", "learned"]
VISIBLE = 0.5  # a pixel is seen where its visibility reaches this


@dataclass(frozen=True)
class PredictionSettings:
    """How predictions are made.

    Attributes:
        visibility: from the range map of the backward flow (eq. 1), or the flow
            network's own learned mask.
        batch_size: frames at a time.
        min_depth: nearest depth of the model.
        max_depth: farthest depth of the model.
    """

    visibility: VisibilityKind = "range_map"
    batch_size: int = 4
    min_depth: float = 0.1
    max_depth: float = 100.0


@dataclass(frozen=True)
class _Pairs:
    """What is said of frames and their successors; one fewer than frames at the end."""

    flow: FlowEstimate
    visibility: Float[Tensor, "batch 1 height width"]
    next_from_current: Float[Tensor, "batch 4 4"]


class Predictor:
    """The networks at work on sequences; holds no state between calls.

    Args:
        model: put into evaluation mode here.
        settings: how.
        device: where the networks run.
    """

    def __init__(
        self, model: JointModel, settings: PredictionSettings | None = None, *, device: torch.device | None = None
    ) -> None:
        self.settings = settings or PredictionSettings()
        self.device = device or torch.device("cpu")
        self.model = model.to(self.device).eval()

    def predict(self, sequence: FrameSequence) -> Iterator[Prediction]:
        """One prediction a frame, in order, on the CPU; memory does not grow with length.

        The path is chained from frame to frame, starting at the identity; a pair
        between which the camera stands still adds nothing to it.
        """
        camera_to_world = torch.eye(4, dtype=torch.float64)
        size = self.settings.batch_size
        for begin in range(0, len(sequence), size):
            for prediction, next_from_current in self._batch(sequence, begin, begin + size):
                yield replace(prediction, camera_to_world=camera_to_world.float())
                camera_to_world = camera_to_world @ inverse_transform(next_from_current.double())

    @torch.inference_mode()
    def _batch(self, sequence: FrameSequence, begin: int, end: int) -> list[tuple[Prediction, Tensor]]:
        """Predictions of frames begin to end, not yet chained, and the motion to each next frame."""
        images = sequence.images[begin : end + 1].to(self.device).float() / 255
        current, following = images[: end - begin], images[1:]
        count = following.shape[0]
        depth = depth_from_disparity(
            self.model.depth(current)[0], min_depth=self.settings.min_depth, max_depth=self.settings.max_depth
        )
        identity = torch.eye(4, device=self.device)
        last = [(Prediction(depth[-1, 0].cpu(), None, None, None, torch.eye(4)), torch.eye(4))]
        if count == 0:
            return last
        pairs = self._pairs(current[:count], following)
        still = camera_is_still(pairs.flow.flow, current[:count])
        next_from_current = torch.where(still.view(-1, 1, 1), identity, pairs.next_from_current)
        intrinsics = sequence.intrinsics.to(self.device).expand(count, 3, 3)
        moving = moving_pixels(pairs.flow.flow, depth[:count], intrinsics, next_from_current)
        predictions = [
            (
                Prediction(
                    depth=depth[i, 0].cpu(),
                    flow=pairs.flow.flow[i].cpu(),
                    visibility=pairs.visibility[i, 0].cpu(),
                    motion=moving[i, 0].cpu(),
                    camera_to_world=torch.eye(4),
                    camera_still=bool(still[i]),
                ),
                next_from_current[i].cpu(),
            )
            for i in range(count)
        ]
        return predictions if count == current.shape[0] else predictions + last

    def _pairs(
        self, current: Float[Tensor, "batch 3 height width"], following: Float[Tensor, "batch 3 height width"]
    ) -> _Pairs:
        both = torch.stack([current, following], dim=1)
        forward_and_back = self.model.flow.pairs(both, ((0, 1), (1, 0)))
        forward = FlowEstimate(forward_and_back.flow[0::2], forward_and_back.visibility[0::2])
        if self.settings.visibility == "learned":
            visibility = forward.visibility
        else:
            visibility = range_visibility(forward_and_back.flow[1::2])
        return _Pairs(forward, visibility, self.model.pose(current, following, forward.flow))
