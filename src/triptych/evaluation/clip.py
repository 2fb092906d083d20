"""Scores of a prediction folder against a synthetic clip's exact truth.

Protocol: per-image median scaling of depth over pixels nearer than 80 m, errors
averaged per image, then over images; end-point error averaged likewise, noc = the
surface is seen in the next frame too; snippet trajectory error of N = 3 frames with
one scale a snippet. All over the same, held-out frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.errors import InputError
from triptych.evaluation.baselines import dis_flow, mean_depth_map
from triptych.formats.maps import load_depth, load_kitti_flow, load_mask, load_visibility
from triptych.formats.trajectories import load_kitti_trajectory
from triptych.metrics.depth import DepthMetrics, depth_metrics
from triptych.metrics.flow import end_point_error
from triptych.metrics.masks import mask_metrics
from triptych.metrics.regions import region_mean
from triptych.metrics.trajectory import snippet_trajectory_errors, straight_motion_errors
from triptych.types import SyntheticClip

FARTHEST_M = 80.0
SNIPPET = 3


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
        InputError: too few frames are held out for a snippet.
    """
    if len(held_out) < SNIPPET:
        raise InputError(f"{len(held_out)} held-out frames: {SNIPPET} in a row are the least that can be scored")
    learned = [index for index in range(len(clip.images)) if index not in set(held_out)]
    pairs = list(held_out[:-1])
    return ClipScores(
        depth=_depth_scores(prediction, clip, held_out, learned),
        flow=_flow_scores(prediction, clip, pairs),
        odometry=_odometry_scores(prediction, clip, held_out),
        masks=_mask_scores(prediction, clip, pairs),
        frames=len(held_out),
    )


def _depth_scores(
    prediction: Path, clip: SyntheticClip, held_out: Sequence[int], learned: Sequence[int]
) -> DepthScores:
    truth = clip.depth_m[list(held_out)]
    valid = _known(truth)
    predicted = torch.stack([load_depth(prediction / "depth" / f"{index:06d}.npz") for index in held_out])
    ours = depth_metrics(predicted[:, None], truth, valid, max_depth_m=FARTHEST_M)
    others = clip.depth_m[list(learned)]
    mean_map = mean_depth_map(others, _known(others)).expand_as(truth).contiguous()
    baseline: DepthMetrics = depth_metrics(mean_map, truth, valid, max_depth_m=FARTHEST_M)
    return DepthScores(
        abs_rel=float(ours.abs_rel.mean()),
        delta1=float(ours.delta1.mean()),
        baseline_abs_rel=float(baseline.abs_rel.mean()),
        baseline_delta1=float(baseline.delta1.mean()),
    )


def _known(depth_m: Float[Tensor, "frames 1 height width"]) -> Bool[Tensor, "frames 1 height width"]:
    return depth_m.isfinite() & (depth_m < FARTHEST_M) & (depth_m > 0)


def _flow_scores(prediction: Path, clip: SyntheticClip, pairs: Sequence[int]) -> FlowScores:
    truth = clip.flow_forward[list(pairs)]
    seen = clip.visible_forward[list(pairs)]
    ours = torch.stack([load_kitti_flow(prediction / "flow" / f"{index:06d}.png")[0] for index in pairs])
    dis = torch.stack([dis_flow(clip.images[index], clip.images[index + 1]) for index in pairs])

    def both(flow: Tensor) -> tuple[float, float]:
        error = end_point_error(flow, truth)
        return float(error.mean()), float(region_mean(error, seen).mean())

    epe, zero, dis_epe = both(ours), both(torch.zeros_like(truth)), both(dis)
    return FlowScores(*epe, *zero, *dis_epe)


def _odometry_scores(prediction: Path, clip: SyntheticClip, held_out: Sequence[int]) -> OdometryScores:
    path = load_kitti_trajectory(prediction / "trajectory.kitti.txt")[list(held_out)]
    truth = clip.camera_to_world[list(held_out)].double()
    return OdometryScores(
        ate_3=float(snippet_trajectory_errors(path, truth, length=SNIPPET).mean()),
        straight_ate_3=float(straight_motion_errors(truth, length=SNIPPET).mean()),
    )


def _mask_scores(prediction: Path, clip: SyntheticClip, pairs: Sequence[int]) -> MaskScores:
    everywhere = torch.ones_like(clip.visible_forward[list(pairs)])
    seen = torch.stack([load_visibility(prediction / "visibility" / f"{index:06d}.png") for index in pairs])
    moving = torch.stack([load_mask(prediction / "motion" / f"{index:06d}.png") for index in pairs])
    hidden = ~clip.visible_forward[list(pairs)]
    occlusion = mask_metrics((seen < 0.5)[:, None], hidden, everywhere)
    motion = mask_metrics(moving[:, None], clip.moving[list(pairs)], everywhere)
    return MaskScores(occlusion_f1=float(occlusion.f1.nanmean()), motion_f1=float(motion.f1.nanmean()))
