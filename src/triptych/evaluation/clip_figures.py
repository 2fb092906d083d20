"""Figures of an answer about a rendered clip, against its exact truth.

Protocol: depth scaled by the median of each image over pixels nearer than 80 m; flow to the
next frame, noc where the surface is seen there too, occ where not, without pixels whose true flow has a
component beyond 512 px (no file holds it: what passes behind the next camera has none); a figure is the mean over
the frames that it exists for: one of moving things over the frames that show some. Depth is
of all frames; flow and masks are of all but the last. Snippet trajectory errors with one
scale a snippet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.errors import InputError
from triptych.evaluation.averages import scale_spread
from triptych.formats.maps import KITTI_FLOW_LIMITS_PX, load_depth, load_kitti_flow, load_mask, load_visibility
from triptych.formats.trajectories import load_kitti_trajectory
from triptych.inference.result import KITTI_TRAJECTORY
from triptych.inference.writer import LEARNED_VISIBILITY
from triptych.metrics.depth import depth_metrics, hole_rate
from triptych.metrics.edges import near_depth_edges
from triptych.metrics.flow import end_point_error
from triptych.metrics.masks import mask_metrics, roc_auc
from triptych.metrics.regions import region_mean
from triptych.metrics.trajectory import snippet_trajectory_errors
from triptych.types import Role, SyntheticClip

FARTHEST_M = 80.0
THRESHOLD = 0.5
SNIPPETS = (3, 5)
ROLES = (Role.CROSSING, Role.ONCOMING, Role.LEADING)
"""Whose holes are counted apart: a leading car at the camera's speed has no epipolar distance."""


@dataclass(frozen=True)
class ClipAnswer:
    """What is claimed of some frames of a clip, in a row; a part that nothing is claimed of is None.

    Attributes:
        depth: of each frame, up to a scale.
        flow: from each frame but the last to the next (px).
        camera_to_world: of each frame, up to a scale.
        visibility: 1 where a pixel of each frame but the last is seen in the next.
        learned_visibility: the same as the flow network's own mask has it.
        motion: 1 where something moves by itself, of each frame but the last.
    """

    depth: Float[Tensor, "frames 1 height width"] | None = None
    flow: Float[Tensor, "pairs 2 height width"] | None = None
    camera_to_world: Float[Tensor, "frames 4 4"] | None = None
    visibility: Float[Tensor, "pairs 1 height width"] | None = None
    learned_visibility: Float[Tensor, "pairs 1 height width"] | None = None
    motion: Float[Tensor, "pairs 1 height width"] | None = None


def predicted_answer(folder: Path, clip: SyntheticClip, frames: Sequence[int]) -> ClipAnswer:
    """What `triptych predict` wrote of some frames of a clip, in a row.

    Args:
        folder: the prediction of the whole clip.
        clip: the truth, which tells the size and where depth is scored.
        frames: positions in the clip.

    Raises:
        InputError: a file is missing, damaged, of another size than the clip or without a value
            where it is scored; the prediction has fewer frames, or those asked for are fewer than
            the shortest snippet of a path has.
    """
    _check_count(frames)
    names = [f"{index:06d}" for index in frames]
    path = load_kitti_trajectory(folder / KITTI_TRAJECTORY)
    if len(path) <= max(frames):
        raise InputError(f"{folder}: has {len(path)} frames, and frame {max(frames)} is to be scored; predict anew")
    learned = folder / LEARNED_VISIBILITY
    size = tuple(clip.images.shape[-2:])

    def stacked(load: Callable[[Path], Tensor], part: Path, names: Sequence[str]) -> Tensor:
        return torch.stack([_of_size(load(part / name), part / name, size) for name in names])

    depths = [f"{name}.npz" for name in names]
    pictures = [f"{name}.png" for name in names[:-1]]
    depth = stacked(load_depth, folder / "depth", depths)[:, None]
    flow = stacked(_flow_or_nan, folder / "flow", pictures)
    scored = known_depth(clip.depth_m[list(frames)])
    _check_all_scored(scored & ~(depth > 0), [folder / "depth" / name for name in depths], what="depth above 0")
    lacking = known_flow(clip.flow_forward[list(frames[:-1])]) & flow.isnan().any(dim=1, keepdim=True)
    _check_all_scored(lacking, [folder / "flow" / name for name in pictures], what="flow")
    return ClipAnswer(
        depth=depth,
        flow=flow,
        camera_to_world=path[list(frames)],
        visibility=stacked(load_visibility, folder / "visibility", pictures)[:, None],
        learned_visibility=stacked(load_visibility, learned, pictures)[:, None] if learned.is_dir() else None,
        motion=stacked(load_mask, folder / "motion", pictures)[:, None].float(),
    )


def _of_size(values: Tensor, file: Path, size: tuple[int, ...]) -> Tensor:
    if values.shape[-2:] != size:
        has, needs = ("x".join(map(str, sides)) for sides in (values.shape[-2:], size))
        raise InputError(f"{file}: is {has} (rows x columns), the clip {needs}; predict at that size")
    return values


def _check_all_scored(lacking: Bool[Tensor, "maps 1 height width"], files: Sequence[Path], *, what: str) -> None:
    """There is a value wherever one is scored: one that is left out would be an error that does not count."""
    for file, unknown in zip(files, lacking.flatten(1).sum(1).tolist(), strict=True):
        if unknown:
            raise InputError(f"{file}: {unknown} of the pixels that are scored have no {what}; predict them all")


def _flow_or_nan(file: Path) -> Float[Tensor, "2 height width"]:
    flow, known = load_kitti_flow(file)
    return torch.where(known, flow, torch.nan)


def clip_figures(answer: ClipAnswer, clip: SyntheticClip, frames: Sequence[int]) -> dict[str, float]:
    """The figures of an answer, by the names of `MEASURES`; NaN for what the frames do not show.

    Args:
        answer: what is claimed of the frames.
        clip: the truth.
        frames: positions in the clip, in a row.

    Raises:
        InputError: fewer frames than the shortest snippet of a path has.
    """
    _check_count(frames)
    chosen, pairs = list(frames), list(frames[:-1])
    figures: dict[str, float] = {}
    if answer.depth is not None:
        figures |= _depth_figures(answer.depth, clip, chosen)
    if answer.flow is not None:
        figures |= _flow_figures(answer.flow, clip, pairs)
    if answer.camera_to_world is not None:
        truth = clip.camera_to_world[chosen].double()
        for length in SNIPPETS:
            if len(frames) >= length:
                errors = snippet_trajectory_errors(answer.camera_to_world.double(), truth, length=length)
                figures[f"ate_{length}"] = float(errors.mean())
    hidden = ~clip.visible_forward[pairs]
    if answer.visibility is not None:
        figures |= _mask_figures("occlusion", 1 - answer.visibility, hidden)
    if answer.learned_visibility is not None:
        figures |= _mask_figures("learned_occlusion", 1 - answer.learned_visibility, hidden)
    if answer.motion is not None:
        figures |= _mask_figures("motion", answer.motion, clip.moving[pairs])
    return figures


def _check_count(frames: Sequence[int]) -> None:
    if len(frames) < min(SNIPPETS):
        raise InputError(f"{len(frames)} frames: {min(SNIPPETS)} in a row are the least that can be scored")


def known_depth(depth_m: Float[Tensor, "frames 1 height width"]) -> Bool[Tensor, "frames 1 height width"]:
    """Where depth is scored: not in the sky, and nearer than 80 m."""
    return depth_m.isfinite() & (depth_m < FARTHEST_M) & (depth_m > 0)


def known_flow(flow: Float[Tensor, "pairs 2 height width"]) -> Bool[Tensor, "pairs 1 height width"]:
    """Where flow is scored: where KITTI's files can hold the true one (px)."""
    smallest, largest = KITTI_FLOW_LIMITS_PX
    return ((flow >= smallest) & (flow <= largest)).all(dim=1, keepdim=True)


def _depth_figures(
    depth: Float[Tensor, "frames 1 height width"], clip: SyntheticClip, frames: list[int]
) -> dict[str, float]:
    truth = clip.depth_m[frames]
    known = known_depth(truth)
    metrics = depth_metrics(depth, truth, known, max_depth_m=FARTHEST_M)
    scaled = depth * metrics.scale.view(-1, 1, 1, 1)
    off = (scaled.clamp(max=FARTHEST_M) - truth).abs() / torch.where(known, truth, 1.0)
    moving, role = clip.moving[frames], clip.role[frames]
    regions = {"static": known & ~moving, "moving": known & moving, "edge": near_depth_edges(truth, known)}
    return {
        "abs_rel": _mean(metrics.abs_rel),
        "rmse": _mean(metrics.rmse),
        "delta1": _mean(metrics.delta1),
        **{f"{name}_abs_rel": _mean(region_mean(off, region)) for name, region in regions.items()},
        "moving_hole_rate": _mean(hole_rate(scaled, truth, regions["moving"])),
        **{f"{kind.name.lower()}_hole_rate": _mean(hole_rate(scaled, truth, known & (role == kind))) for kind in ROLES},
        "scale_std": _scale_deviation(metrics.scale),
    }


def _scale_deviation(scale: Float[Tensor, " frames"]) -> float:
    """Deviation over median of the scales that there are; NaN for none."""
    there = scale[~scale.isnan()].tolist()
    return scale_spread(there)["scale_std"] if there else math.nan


def _flow_figures(
    flow: Float[Tensor, "pairs 2 height width"], clip: SyntheticClip, pairs: list[int]
) -> dict[str, float]:
    seen, moving = clip.visible_forward[pairs], clip.moving[pairs]
    truth = clip.flow_forward[pairs]
    held, error = known_flow(truth), end_point_error(flow, truth)
    regions = {"all": held, "noc": held & seen, "occ": held & ~seen, "moving": held & moving}
    return {f"epe_{name}": _mean(region_mean(error, region)) for name, region in regions.items()}


def _mask_figures(
    part: str, claimed: Float[Tensor, "pairs 1 height width"], truth: Bool[Tensor, "pairs 1 height width"]
) -> dict[str, float]:
    everywhere = torch.ones_like(truth)
    return {
        f"{part}_f1": _mean(mask_metrics(claimed > THRESHOLD, truth, everywhere).f1),
        f"{part}_auc": _mean(roc_auc(claimed, truth, everywhere)),
    }


def _mean(values: Tensor) -> float:
    return float(values.nanmean())
