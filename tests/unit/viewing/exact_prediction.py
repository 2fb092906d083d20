"""A prediction that says the truth of a rendered world, written as `triptych predict` writes its own."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import torch

from triptych.data.synthetic import synthetic_clip
from triptych.geometry.pose import relative_transform
from triptych.inference.writer import WriterSettings, write_prediction
from triptych.types import CameraStep, FrameSequence, Prediction, SyntheticClip

SKY_M = 100.0


def write_truth(folder: Path, clip: SyntheticClip) -> None:
    """Write depth, flow, visibility, motion and path of a clip."""
    count = len(clip.images)
    sequence = FrameSequence(
        images=clip.images,
        intrinsics=clip.intrinsics,
        timestamps=torch.arange(count, dtype=torch.float64) / clip.frame_rate,
        source_indices=torch.arange(count),
        source_length=count,
        intrinsics_origin="given",
        name=clip.name,
    )
    write_prediction(folder, sequence, _predictions(clip), settings=WriterSettings(), facts={})


@functools.cache
def street(*, frames: int = 6, height: int = 64, width: int = 192) -> SyntheticClip:
    """A street with traffic; rendered once."""
    return synthetic_clip("street", seed=3, frames=frames, height=height, width=width)


def _predictions(clip: SyntheticClip) -> Iterator[Prediction]:
    poses = clip.camera_to_world.double()
    for index, depth in enumerate(clip.depth_m[:, 0].clamp(max=SKY_M)):
        if index == len(clip.images) - 1:
            yield Prediction(depth, None, None, None, None)
            return
        step = CameraStep(relative_transform(poses[index + 1], poses[index]))
        seen, moving = clip.visible_forward[index, 0].float(), clip.moving[index, 0]
        yield Prediction(depth, clip.flow_forward[index], seen, moving, step)
