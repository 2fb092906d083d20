"""A prediction as a folder of files; docs/files.md lists them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from triptych import __version__
from triptych.artefacts.overview import OverviewRange, overview_frame
from triptych.artefacts.point_cloud import PointCloudWriter, colored_points
from triptych.artefacts.video import VideoWriter
from triptych.formats.atomic import atomic_folder
from triptych.formats.maps import (
    KITTI_FLOW_LIMITS_PX,
    load_depth,
    load_kitti_flow,
    load_mask,
    load_visibility,
    save_depth,
    save_depth_png,
    save_flo,
    save_kitti_flow,
    save_mask,
    save_visibility,
)
from triptych.formats.photos import save_photo
from triptych.formats.trajectories import save_kitti_trajectory, save_tum_trajectory
from triptych.inference.motion import carried_motion, grown_motion
from triptych.inference.path import camera_path
from triptych.inference.result import FRAMES, KITTI_TRAJECTORY, RESULT_FILE, TUM_TRAJECTORY
from triptych.types import CameraStep, FrameSequence, Prediction

LARGEST_16_BIT = 65535
LEARNED_VISIBILITY = "visibility_learned"
"""Folder of the flow network's own masks."""
POINTS_AT_MOST = 2_000_000  # a browser still turns them smoothly; 30 MB
FARTHEST_POINT_SHARE = 0.4  # of the deepest depth: beyond it is mostly sky
OVERVIEW_RATE_HZ = 10.0


@dataclass(frozen=True)
class PointSettings:
    """Which points go into `points.ply`.

    Attributes:
        start: first frame.
        end: frame after the last one; None is the end.
        without_motion: leave out pixels that move by themselves.
    """

    start: int = 0
    end: int | None = None
    without_motion: bool = False


@dataclass(frozen=True)
class WriterSettings:
    """How a prediction is written.

    Attributes:
        overwrite: replace what the folder holds.
        flo: write flow in Middlebury's format too.
        points: of the point cloud.
        max_depth: deepest depth of the model, the top of the 16-bit depth scale.
        learned_visibility: write the flow network's own mask beside the visibility.
        pictures: write what is only looked at too: the frames, the point cloud and the overview video.
    """

    overwrite: bool = False
    flo: bool = False
    points: PointSettings = field(default_factory=PointSettings)
    max_depth: float = 100.0
    learned_visibility: bool = False
    pictures: bool = True


@dataclass(frozen=True)
class PredictionSummary:
    """What was written.

    Attributes:
        frames: how many.
        still_pairs: pairs of successive frames between which the camera stands still.
    """

    frames: int
    still_pairs: int


def write_prediction(
    folder: Path,
    sequence: FrameSequence,
    predictions: Iterable[Prediction],
    *,
    settings: WriterSettings,
    facts: Mapping[str, Any],
    progress: Callable[[int, int], None] | None = None,
) -> PredictionSummary:
    """Write all files of a prediction; the folder appears when it is complete.

    Args:
        folder: where.
        sequence: the frames.
        predictions: one a frame, in order; taken one at a time.
        settings: how.
        facts: what else `result.json` shall say.
        progress: told (done, total) frames.

    Raises:
        InputError: the folder is not empty, or cannot be written.
    """
    with atomic_folder(folder, overwrite=settings.overwrite) as target:
        steps: list[CameraStep] = []
        for index, prediction in enumerate(predictions):
            write_frame(target, index, prediction, settings)
            if settings.pictures:
                save_photo(target / FRAMES / f"{index:06d}.jpg", sequence.images[index])
            if prediction.step is not None:
                steps.append(prediction.step)
            if progress is not None:
                progress(index + 1, len(sequence))
        camera_to_world = camera_path(steps)
        still_pairs = sum(step.still for step in steps)
        save_kitti_trajectory(target / KITTI_TRAJECTORY, camera_to_world)
        save_tum_trajectory(target / TUM_TRAJECTORY, camera_to_world, sequence.timestamps)
        if settings.pictures:
            _write_points(target, sequence, camera_to_world, settings)
            _write_overview(target, sequence, camera_to_world)
        content = _result(sequence, settings, still_pairs) | dict(facts)
        (target / RESULT_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return PredictionSummary(frames=len(camera_to_world), still_pairs=still_pairs)


def write_frame(target: Path, index: int, prediction: Prediction, settings: WriterSettings) -> None:
    """Write the maps of one frame: `depth/000000.npz` and its like."""
    name = f"{index:06d}"
    save_depth(target / "depth" / f"{name}.npz", prediction.depth)
    save_depth_png(target / "depth_png" / f"{name}.png", prediction.depth, scale=LARGEST_16_BIT / settings.max_depth)
    if prediction.flow is None or prediction.visibility is None or prediction.motion is None:
        return
    everywhere = torch.ones_like(prediction.motion)
    save_kitti_flow(target / "flow" / f"{name}.png", prediction.flow.clamp(*KITTI_FLOW_LIMITS_PX), everywhere)
    if settings.flo:
        save_flo(target / "flow" / f"{name}.flo", prediction.flow)
    save_visibility(target / "visibility" / f"{name}.png", prediction.visibility)
    if settings.learned_visibility and prediction.learned_visibility is not None:
        save_visibility(target / LEARNED_VISIBILITY / f"{name}.png", prediction.learned_visibility)
    save_mask(target / "motion" / f"{name}.png", prediction.motion)


def _write_points(target: Path, sequence: FrameSequence, camera_to_world: Tensor, settings: WriterSettings) -> None:
    """The point cloud of the chosen frames, thinned to about two million points."""
    height, width = sequence.images.shape[-2:]
    chosen = range(len(sequence))[settings.points.start : settings.points.end]
    stride = max(1, math.ceil(math.sqrt(len(chosen) * height * width / POINTS_AT_MOST)))
    with PointCloudWriter(target / "points.ply") as cloud:
        for index in chosen:
            moving = _motion(target, index, len(sequence)) if settings.points.without_motion else None
            positions, colors = colored_points(
                load_depth(target / "depth" / f"{index:06d}.npz"),
                sequence.images[index],
                sequence.intrinsics,
                camera_to_world[index],
                keep=None if moving is None else ~moving,
                max_depth=FARTHEST_POINT_SHARE * settings.max_depth,
                stride=stride,
            )
            cloud.write(positions, colors)


def _motion(target: Path, index: int, count: int) -> Bool[Tensor, "height width"] | None:
    """What moves by itself in one of so many frames; None of a single one.

    The last frame has no mask of its own: that of the frame before, carried on by its flow, stands in.
    """
    if index + 1 < count:
        return load_mask(target / "motion" / f"{index:06d}.png")
    if index == 0:
        return None
    before = f"{index - 1:06d}.png"
    flow, _ = load_kitti_flow(target / "flow" / before)
    return grown_motion(carried_motion(load_mask(target / "motion" / before), flow))


def _write_overview(target: Path, sequence: FrameSequence, camera_to_world: Tensor) -> None:
    """The panels of all frames as a video, colored over one range so that it does not flicker."""
    last = len(sequence) - 1
    shown = OverviewRange.of(list(_sampled_maps(target, last)))
    with VideoWriter(target / "overview.mp4", rate=_frame_rate(sequence)) as video:
        for index in range(len(sequence)):
            flow = visibility = motion = None
            if index < last:
                name = f"{index:06d}.png"
                flow, _ = load_kitti_flow(target / "flow" / name)
                visibility = load_visibility(target / "visibility" / name)
                motion = load_mask(target / "motion" / name)
            frame = overview_frame(
                sequence.images[index],
                load_depth(target / "depth" / f"{index:06d}.npz"),
                flow,
                visibility,
                motion,
                shown=shown,
                path=camera_to_world,
                position=index,
            )
            video.write(frame)


def _sampled_maps(target: Path, last: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Depth and flow of about twenty frames, for the colors' range."""
    for index in range(0, last + 1, max(1, last // 20)):
        flow = load_kitti_flow(target / "flow" / f"{index:06d}.png")[0] if index < last else None
        yield load_depth(target / "depth" / f"{index:06d}.npz"), flow


def _frame_rate(sequence: FrameSequence) -> float:
    """Frames per second of the sequence, or 10 where its times do not tell."""
    span = float(sequence.timestamps[-1] - sequence.timestamps[0])
    return (len(sequence) - 1) / span if span > 0 else OVERVIEW_RATE_HZ


def _result(sequence: FrameSequence, settings: WriterSettings, still_pairs: int) -> dict[str, Any]:
    height, width = (int(side) for side in sequence.images.shape[-2:])
    used = sequence.source_indices.tolist()
    return {
        "source": sequence.name,
        "frames": {
            "in_source": sequence.source_length,
            "predicted": len(sequence),
            "source_indices": used,
            "names": list(sequence.frame_names),
            "numbered": sequence.numbered,
            "camera_still_pairs": still_pairs,
        },
        "size": {"height": height, "width": width},
        "intrinsics": {
            "matrix": sequence.intrinsics.tolist(),
            "origin": sequence.intrinsics_origin,
            "assumed": sequence.assumed_intrinsics,
        },
        "scale": "up to scale",
        "depth_png_scale": LARGEST_16_BIT / settings.max_depth,
        "versions": {"triptych": __version__, "torch": torch.__version__},
    }
