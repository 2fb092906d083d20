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
from triptych.inference.pairs import PairEstimate, measured_pair
from triptych.inference.refinement import RefinedPair, refined_depth, refined_pair
from triptych.inference.window import Surroundings, with_surroundings
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
        refinement: `geometry` reads the camera's steps from tracked corners, completes the flow
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

        Raises:
            ValueError: there are no frames.
        """
        if len(sequence) == 0:
            raise ValueError("a sequence without frames has no prediction")
        pairs, intrinsics = self._pairs(sequence), sequence.intrinsics
        if self.settings.refinement == "none":
            for said in pairs:
                yield self._prediction(said, _as_said(said), intrinsics)
            yield self._last(self._last_depth(sequence))
            return
        around = Surroundings()
        measured = (measured_pair(said, intrinsics) for said in pairs)
        for pair, around in with_surroundings(measured, intrinsics):
            yield self._prediction(pair.estimate, refined_pair(pair, around, intrinsics), intrinsics)
        yield self._last(refined_depth(self._last_depth(sequence), around.at_next(), intrinsics))

    def depth_of(self, image: UInt8[Tensor, "3 height width"]) -> Float[Tensor, "height width"]:
        """Depth that the network alone reads from a single picture, on the CPU."""
        return self._depth(self._on_device(image[None]))[0, 0]

    @torch.inference_mode()
    def _depth(self, frames: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 height width"]:
        disparity = self.model.depth.finest(frames)
        return depth_from_disparity(
            disparity, min_depth=self.settings.min_depth, max_depth=self.settings.max_depth
        ).cpu()

    def _last_depth(self, sequence: FrameSequence) -> Float[Tensor, "1 height width"]:
        return self._depth(self._on_device(sequence.images[-1:]))[0]

    def _on_device(self, images: UInt8[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 height width"]:
        return images.to(self.device).float() / 255

    def _pairs(self, sequence: FrameSequence) -> Iterator[PairEstimate]:
        """What the networks say of each frame but the last, a batch at a time, on the CPU."""
        size, count = self.settings.batch_size, len(sequence) - 1
        for begin in range(0, count, size):
            images = sequence.images[begin : min(begin + size, count) + 1]
            yield from self._batch(images)

    @torch.inference_mode()
    def _batch(self, images: UInt8[Tensor, "frames 3 height width"]) -> list[PairEstimate]:
        """What the networks say of frames in a row."""
        frames = self._on_device(images)
        current, following = frames[:-1], frames[1:]
        depth = self._depth(current)
        both = self.model.flow.pairs(torch.stack([current, following], dim=1), ((0, 1), (1, 0)))
        flow, flow_back = both.flow[0::2], both.flow[1::2]
        range_map, learned = range_visibility(flow_back).cpu(), both.visibility[0::2].cpu()
        poses, still = self.model.pose(current, following, flow).cpu(), camera_is_still(flow, current).tolist()
        there, back = flow.cpu(), flow_back.cpu()
        return [
            PairEstimate(
                image=images[index],
                following=images[index + 1],
                flow=there[index],
                flow_back=back[index],
                depth=depth[index],
                next_from_current=poses[index],
                still=still[index],
                range_visibility=range_map[index],
                learned_visibility=learned[index],
            )
            for index in range(len(depth))
        ]

    def _last(self, depth: Float[Tensor, "1 height width"]) -> Prediction:
        """Of the last frame, which has no next one."""
        return Prediction(self._in_range(depth), None, None, None, None)

    def _in_range(self, depth: Float[Tensor, "1 height width"]) -> Float[Tensor, "height width"]:
        """Depth within what the model can say."""
        return depth[0].clamp(self.settings.min_depth, self.settings.max_depth)

    def _prediction(self, said: PairEstimate, pair: RefinedPair, intrinsics: Float[Tensor, "3 3"]) -> Prediction:
        learned = said.learned_visibility[0]
        return Prediction(
            depth=self._in_range(pair.depth),
            flow=pair.flow,
            visibility=learned if self.settings.visibility == "learned" else pair.visibility[0],
            motion=self._moving(said, pair, intrinsics)[0],
            step=pair.step,
            learned_visibility=learned,
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


def _as_said(pair: PairEstimate) -> RefinedPair:
    """A pair as the networks have it."""
    return RefinedPair(
        depth=pair.depth,
        flow=pair.flow,
        matched=pair.flow,
        visibility=pair.range_visibility,
        step=CameraStep(torch.eye(4) if pair.still else pair.next_from_current, pair.still),
        below_ground=torch.zeros_like(pair.depth, dtype=torch.bool),
    )
