"""The records that cross folders.

Shapes are the annotations; units and conventions are those of docs/conventions.md:
pixel centres at whole numbers, coordinates x then y, camera x right, y down, z
forward, images RGB in [0, 1] unless they are uint8.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from pathlib import Path

from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor


@dataclass(frozen=True)
class FrameSequence:
    """A sequence of frames at the processing size.

    Attributes:
        images: RGB frames.
        intrinsics: K at this size (px).
        timestamps: time of each frame (s).
        source_indices: position of each frame in what was read.
        source_length: how many frames there were to read.
        intrinsics_origin: where K came from, in words for a person.
        name: what was read, without its folder.
        assumed_intrinsics: True where K rests on an assumed field of view.
        frame_names: names of the files that the frames were, without suffix; empty for a video.
        numbered: True where these are the frames' numbers in their data set, from 0.
    """

    images: UInt8[Tensor, "frames 3 height width"]
    intrinsics: Float[Tensor, "3 3"]
    timestamps: Float[Tensor, " frames"]
    source_indices: Int[Tensor, " frames"]
    source_length: int
    intrinsics_origin: str
    name: str
    assumed_intrinsics: bool = False
    frame_names: tuple[str, ...] = ()
    numbered: bool = False

    def __len__(self) -> int:
        """Number of frames."""
        return int(self.images.shape[0])


@dataclass(frozen=True)
class Teaching:
    """Classical answers about snippets, which need no label: what networks begin with.

    The sources are (previous, next). Without the batch axis it is about one snippet.

    Attributes:
        flow: target to source (px).
        flow_trust: 1 where forward and backward flow agree or a third view tells, less elsewhere.
        source_from_target: camera motion, its translation of length 1.
        motion_trust: share of the matches that agree with it; 0 where it is unknown.
        inverse_depth: of the target, up to one factor a snippet.
        depth_trust: in [0, 1]; 0 where it is unknown.
    """

    flow: Float[Tensor, "*batch 2 2 height width"]
    flow_trust: Float[Tensor, "*batch 2 1 height width"]
    source_from_target: Float[Tensor, "*batch 2 4 4"]
    motion_trust: Float[Tensor, "*batch 2"]
    inverse_depth: Float[Tensor, "*batch 1 height width"]
    depth_trust: Float[Tensor, "*batch 1 height width"]


@dataclass(frozen=True)
class Snippet:
    """Consecutive frames around one target; a batch of them in training.

    Attributes:
        frames: as filmed, resized, cropped and flipped; the losses see these.
        jittered: the same with the snippet's color jitter; the networks see these.
        intrinsics: K of these frames (px), true after resize, crop and flip.
        index: position of the snippet in its data set.
        teaching: classical answers about these frames, if they were asked for.
    """

    frames: Float[Tensor, "batch count 3 height width"]
    jittered: Float[Tensor, "batch count 3 height width"]
    intrinsics: Float[Tensor, "batch 3 3"]
    index: Int[Tensor, " batch"]
    teaching: Teaching | None = None

    def pin_memory(self) -> Snippet:
        """The same in page-locked memory, from which a copy to a GPU does not wait; DataLoader calls it."""
        teaching = self.teaching
        if teaching is not None:
            teaching = Teaching(**{part.name: getattr(teaching, part.name).pin_memory() for part in fields(Teaching)})
        own = {name: getattr(self, name).pin_memory() for name in ("frames", "jittered", "intrinsics", "index")}
        return replace(self, **own, teaching=teaching)


@dataclass(frozen=True)
class FlowEstimate:
    """What the flow network says of pairs of frames.

    Attributes:
        flow: displacement on the target grid (px): target(p) matches source(p + flow(p)).
        visibility: the learned mask, 1 = the target pixel is seen in the source.
        levels: flows of the pyramid, fine to coarse, each on its own smaller grid and
            in pixels of that grid; `flow` itself is not among them.
    """

    flow: Float[Tensor, "batch 2 height width"]
    visibility: Float[Tensor, "batch 1 height width"]
    levels: tuple[Float[Tensor, "batch 2 _ _"], ...] = ()


@dataclass(frozen=True)
class SnippetEstimate:
    """What the networks say of a batch of snippets: the input of the losses.

    The frames are [previous, target, next]; `sources` below are (previous, next), in
    that order, on an axis of their own. A part that the stage does not run is None.

    Attributes:
        disparity: the depth network's output in (0, 1) for the target, fine to coarse.
        source_from_target: pose predicted for (target, source).
        target_from_source: pose predicted for the reversed pair (source, target).
        flow_target_to_source: flows with batch and source axes joined (batch major).
        flow_source_to_target: the backward flows, joined likewise, for range maps.
        source_disparity: the finest disparity of the sources themselves, where it was asked for.
    """

    disparity: tuple[Float[Tensor, "batch 1 _ _"], ...] | None = None
    source_from_target: Float[Tensor, "batch sources 4 4"] | None = None
    target_from_source: Float[Tensor, "batch sources 4 4"] | None = None
    flow_target_to_source: FlowEstimate | None = None
    flow_source_to_target: FlowEstimate | None = None
    source_disparity: Float[Tensor, "batch sources 1 height width"] | None = None


@dataclass(frozen=True)
class LossTerms:
    """A step's loss and what it is made of.

    Attributes:
        total: the scalar that is minimized.
        terms: each weighted-in term by name, detached.
        shares: share in [0, 1] of pixels kept by each gate and mask, by name, detached.
        signs: signs that the networks still say something, by name, detached.
    """

    total: Float[Tensor, ""]
    terms: dict[str, Float[Tensor, ""]]
    shares: dict[str, Float[Tensor, ""]]
    signs: dict[str, Float[Tensor, ""]] = field(default_factory=dict)


@dataclass(frozen=True)
class CameraStep:
    """The camera's motion from a frame to the next.

    Attributes:
        next_from_current: in the units of the frame's own depth; the identity where still.
        still: whether the camera was found not to move.
        ratio: length of this step over that of the step before, told by the points that all
            three frames share; None where they do not tell.
    """

    next_from_current: Float[Tensor, "4 4"]
    still: bool = False
    ratio: float | None = None


@dataclass(frozen=True)
class Prediction:
    """What is predicted for one frame, on the grid of that frame.

    Attributes:
        depth: along the optical axis, up to scale.
        flow: to the next frame (px); None for the last frame.
        visibility: 1 where the pixel is seen in the next frame; None for the last.
        motion: True where something moves by itself; None for the last.
        step: the camera's motion to the next frame; None for the last.
        learned_visibility: the visibility as the flow network's own mask has it; None for the last.
    """

    depth: Float[Tensor, "height width"]
    flow: Float[Tensor, "2 height width"] | None
    visibility: Float[Tensor, "height width"] | None
    motion: Bool[Tensor, "height width"] | None
    step: CameraStep | None
    learned_visibility: Float[Tensor, "height width"] | None = None


class Role(IntEnum):
    """How an object of a synthetic world moves, seen from the camera's way.

    STATIC: not at all. OTHER: tumbles, hovers or roams. CROSSING: across the camera's way.
    ONCOMING: against it. LEADING: the same way at about the camera's speed.
    """

    STATIC = 0
    OTHER = 1
    CROSSING = 2
    ONCOMING = 3
    LEADING = 4


@dataclass(frozen=True)
class SyntheticClip:
    """A rendered clip with its exact truth, in meters and pixels.

    Attributes:
        images: RGB frames.
        depth_m: along the optical axis; inf in the sky.
        camera_to_world: pose of each camera; world axes as the first camera's.
        intrinsics: K.
        flow_forward: from frame i to i + 1; points that come behind the camera get 1e5 px.
        flow_backward: from frame i + 1 to i.
        visible_forward: True where the surface seen at i is seen at i + 1 (in frame, not covered).
        visible_backward: True where the surface seen at i + 1 is seen at i.
        moving: True on objects that move by themselves between the frame and the next; of the last
            frame, between the one before and it.
        role: how what moves does so, a number of `Role`; 0 exactly where `moving` is False.
        frame_rate: 1 / s.
        name: family and seed.
    """

    images: UInt8[Tensor, "frames 3 height width"]
    depth_m: Float[Tensor, "frames 1 height width"]
    camera_to_world: Float[Tensor, "frames 4 4"]
    intrinsics: Float[Tensor, "3 3"]
    flow_forward: Float[Tensor, "pairs 2 height width"]
    flow_backward: Float[Tensor, "pairs 2 height width"]
    visible_forward: Bool[Tensor, "pairs 1 height width"]
    visible_backward: Bool[Tensor, "pairs 1 height width"]
    moving: Bool[Tensor, "frames 1 height width"]
    role: UInt8[Tensor, "frames 1 height width"]
    frame_rate: float
    name: str


@dataclass(frozen=True)
class DepthTruth:
    """Measured depth of one image.

    Attributes:
        name: of the image, unique within its source; how a prediction is found for it.
        depth_m: along the camera's optical axis (m); 0 where it is unknown.
        file: where it came from, for messages.
        forward_m: distance along the laser scanner's forward axis (m), which the published
            tables of the Eigen split were made with; 0 where unknown; None where the truth
            is no laser scan.
        image: file of the image; None where it is not at hand.
    """

    name: str
    depth_m: Float[Tensor, "height width"]
    file: Path
    forward_m: Float[Tensor, "height width"] | None = None
    image: Path | None = None


@dataclass(frozen=True)
class FlowTruth:
    """Measured flow from one image to its next.

    Attributes:
        name: of the first image, unique within its source; how a prediction is found for it.
        flow: to the next image (px); 0 where it is unknown.
        valid: True where flow is known, hidden pixels too.
        file: where it came from, for messages.
        visible: True where flow is known and the point is seen in the next image too; None
            where the source does not tell.
        moving: True where something moves by itself; None where the source does not tell.
        images: the files of the two images; None where they are not at hand.
    """

    name: str
    flow: Float[Tensor, "2 height width"]
    valid: Bool[Tensor, "height width"]
    file: Path
    visible: Bool[Tensor, "height width"] | None = None
    moving: Bool[Tensor, "height width"] | None = None
    images: tuple[Path, Path] | None = None
