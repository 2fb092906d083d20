"""Scores of the demo's prediction on held-out frames of its clip, beside trivial and classical answers.

Protocol: that of `clip_figures`, all over the same, held-out frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from triptych.evaluation.baselines import dis_flow, mean_depth_map
from triptych.evaluation.clip_figures import ClipAnswer, clip_figures, known_depth, predicted_answer
from triptych.metrics.trajectory import straight_motion
from triptych.types import SyntheticClip


@dataclass(frozen=True)
class DepthScores:
    """Depth of held-out frames; `baseline` is the mean depth map of the other frames."""

    abs_rel: float
    delta1: float
    baseline_abs_rel: float
    baseline_delta1: float


@dataclass(frozen=True)
class FlowScores:
    """End-point errors (px) of flow to the next frame, beside zero flow and OpenCV's DIS."""

    epe_all: float
    epe_noc: float
    zero_epe_all: float
    zero_epe_noc: float
    dis_epe_all: float
    dis_epe_noc: float


@dataclass(frozen=True)
class OdometryScores:
    """Snippet trajectory error (m), beside straight motion at constant speed."""

    ate_3: float
    straight_ate_3: float


@dataclass(frozen=True)
class MaskScores:
    """F1 at 0.5 of what is hidden in the next frame and of what moves by itself."""

    occlusion_f1: float
    motion_f1: float


@dataclass(frozen=True)
class ClipScores:
    """All scores of one clip."""

    depth: DepthScores
    flow: FlowScores
    odometry: OdometryScores
    masks: MaskScores
    frames: int


def score_clip(prediction: Path, clip: SyntheticClip, *, held_out: Sequence[int]) -> ClipScores:
    """Scores over the held-out frames.

    Args:
        prediction: folder that `triptych predict` wrote for the whole clip.
        clip: the truth.
        held_out: positions of the frames that nothing was learned from, in a row.

    Raises:
        InputError: too few frames are held out for a snippet, or a file is missing or damaged.
    """
    ours = clip_figures(predicted_answer(prediction, clip, held_out), clip, held_out)
    mean_map = clip_figures(_mean_map(clip, held_out), clip, held_out)
    zero = clip_figures(_straight_on(clip, held_out), clip, held_out)
    dis = torch.stack([dis_flow(clip.images[index], clip.images[index + 1]) for index in held_out[:-1]])
    classical = clip_figures(ClipAnswer(flow=dis), clip, held_out)
    return ClipScores(
        depth=DepthScores(ours["abs_rel"], ours["delta1"], mean_map["abs_rel"], mean_map["delta1"]),
        flow=FlowScores(
            *(figures[name] for figures in (ours, zero, classical) for name in ("epe_all", "epe_noc")),
        ),
        odometry=OdometryScores(ours["ate_3"], zero["ate_3"]),
        masks=MaskScores(ours["occlusion_f1"], ours["motion_f1"]),
        frames=len(held_out),
    )


def _mean_map(clip: SyntheticClip, held_out: Sequence[int]) -> ClipAnswer:
    """The mean true depth of the other frames, for each held-out one."""
    others = clip.depth_m[[index for index in range(len(clip.images)) if index not in set(held_out)]]
    mean_map = mean_depth_map(others, known_depth(others))
    return ClipAnswer(depth=mean_map.repeat(len(held_out), 1, 1, 1))


def _straight_on(clip: SyntheticClip, held_out: Sequence[int]) -> ClipAnswer:
    """No flow, and straight ahead at the held-out frames' mean speed."""
    return ClipAnswer(
        flow=torch.zeros_like(clip.flow_forward[list(held_out[:-1])]),
        camera_to_world=straight_motion(clip.camera_to_world[list(held_out)].double()),
    )
