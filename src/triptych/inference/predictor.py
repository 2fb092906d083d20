"""A model and frames in; depth, flow, visibility, motion and camera steps out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from triptych.geometry.depth_range import depth_from_disparity
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.visibility import range_visibility
from triptych.inference.motion import camera_is_still, matched_better, moving_pixels
from triptych.inference.refinement import GeometricRefinement, PairEstimate, RefinedPair
from triptych.networks.joint import JointModel
from triptych.types import CameraStep, FrameSequence, Prediction

VisibilityKind = Literal["range_map", "learned"]
Refinement = Literal["geometry", "none"]
VISIBLE = 0.5  # a pixel is seen where its visibility reaches this


@dataclass(frozen=True)
class PredictionSettings:
    """How predictions are made.

    Attributes:
        visibility: from the range map of the backward flow (eq. 1), or the flow
            network's own learned mask. Refinement takes the range map of the refined
            flow, and for hidden also what does not return by it.
        refinement: `geometry` reads the camera's steps from the flow, completes the flow
            where it cannot be matched, and joins the depth of the views to the network's;
            `none` leaves what the networks say.
        batch_size: frames at a time.
        min_depth: nearest depth of the model.
        max_depth: farthest depth of the model.
    """

    visibility: VisibilityKind = "range_map"
    refinement: Refinement = "geometry"
    batch_size: int = 4
    min_depth: float = 0.1
    max_depth: float = 100.0


@dataclass(frozen=True)
class _Pairs:
    """What the networks say of frames and their successors."""

    flow: Float[Tensor, "pairs 2 height width"]
    flow_back: Float[Tensor, "pairs 2 height width"]
    range_visibility: Float[Tensor, "pairs 1 height width"]
    learned_visibility: Float[Tensor, "pairs 1 height width"]
    next_from_current: Float[Tensor, "pairs 4 4"]
    still: Bool[Tensor, " pairs"]

    def pair(
        self, index: int, images: UInt8[Tensor, "2 3 height width"], depth: Float[Tensor, "1 height width"]
    ) -> PairEstimate:
        """One of them, on the CPU."""
        return PairEstimate(
            image=images[0],
            following=images[1],
            flow=self.flow[index].cpu(),
            flow_back=self.flow_back[index].cpu(),
            depth=depth.cpu(),
            next_from_current=self.next_from_current[index].cpu(),
            still=bool(self.still[index]),
        )


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

        `camera_path` makes the path of their steps.
        """
        refinement = GeometricRefinement(sequence.intrinsics) if self.settings.refinement == "geometry" else None
        size = self.settings.batch_size
        for begin in range(0, len(sequence), size):
            yield from self._batch(sequence, begin, begin + size, refinement)

    @torch.inference_mode()
    def depth_of(self, image: UInt8[Tensor, "3 height width"]) -> Float[Tensor, "height width"]:
        """Depth that the network alone reads from a single picture, on the CPU."""
        disparity = self.model.depth.finest(image[None].to(self.device).float() / 255)
        depth = depth_from_disparity(disparity, min_depth=self.settings.min_depth, max_depth=self.settings.max_depth)
        return depth[0, 0].cpu()

    @torch.inference_mode()
    def _batch(
        self, sequence: FrameSequence, begin: int, end: int, refinement: GeometricRefinement | None
    ) -> list[Prediction]:
        """Predictions of frames begin to end."""
        images = sequence.images[begin : end + 1].to(self.device).float() / 255
        current, following = images[: end - begin], images[1:]
        count = following.shape[0]
        depth = depth_from_disparity(
            self.model.depth.finest(current), min_depth=self.settings.min_depth, max_depth=self.settings.max_depth
        )
        predictions: list[Prediction] = []
        if count:
            pairs = self._pairs(current[:count], following)
            for index in range(count):
                pair = pairs.pair(index, sequence.images[begin + index : begin + index + 2], depth[index])
                masks = (pairs.range_visibility[index], pairs.learned_visibility[index])
                predictions.append(self._prediction(pair, masks, sequence.intrinsics, refinement))
        if count < current.shape[0]:
            last = depth[-1].cpu() if refinement is None else refinement.depth_by_the_frame_before(depth[-1].cpu())
            predictions.append(Prediction(self._in_range(last), None, None, None, None))
        return predictions

    def _in_range(self, depth: Float[Tensor, "1 height width"]) -> Float[Tensor, "height width"]:
        """Depth within what the model can say."""
        return depth[0].clamp(self.settings.min_depth, self.settings.max_depth)

    def _prediction(
        self,
        pair: PairEstimate,
        masks: tuple[Float[Tensor, "1 height width"], Float[Tensor, "1 height width"]],
        intrinsics: Float[Tensor, "3 3"],
        refinement: GeometricRefinement | None,
    ) -> Prediction:
        by_range_map, learned = masks
        if refinement is not None:
            refined = refinement.refined(pair)
        else:
            step = CameraStep(torch.eye(4) if pair.still else pair.next_from_current, pair.still)
            nowhere = torch.zeros_like(pair.depth, dtype=torch.bool)
            refined = RefinedPair(pair.depth, pair.flow, pair.flow, by_range_map.cpu(), step, nowhere)
        moving = self._moving(pair, refined, intrinsics)
        return Prediction(
            depth=self._in_range(refined.depth),
            flow=refined.flow,
            visibility=(learned.cpu() if self.settings.visibility == "learned" else refined.visibility)[0],
            motion=moving[0],
            step=refined.step,
            learned_visibility=learned[0].cpu(),
        )

    def _moving(
        self, pair: PairEstimate, refined: RefinedPair, intrinsics: Float[Tensor, "3 3"]
    ) -> Bool[Tensor, "1 height width"]:
        """What moves by itself: by its match, where that explains the picture, or below the ground."""
        flow, camera, pose = refined.matched[None], intrinsics[None], refined.step.next_from_current[None]
        off = moving_pixels(flow, pair.depth[None], camera, pose)
        image, following = (frame[None].float() / 255 for frame in (pair.image, pair.following))
        static = rigid_flow(refined.depth[None], camera, pose).flow
        return (off & matched_better(image, following, flow, static))[0] | refined.below_ground

    def _pairs(
        self, current: Float[Tensor, "pairs 3 height width"], following: Float[Tensor, "pairs 3 height width"]
    ) -> _Pairs:
        both = self.model.flow.pairs(torch.stack([current, following], dim=1), ((0, 1), (1, 0)))
        flow, flow_back = both.flow[0::2], both.flow[1::2]
        return _Pairs(
            flow=flow,
            flow_back=flow_back,
            range_visibility=range_visibility(flow_back),
            learned_visibility=both.visibility[0::2],
            next_from_current=self.model.pose(current, following, flow),
            still=camera_is_still(flow, current),
        )
