"""How good the networks are by what can be told without truth, and without the settings of a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.depth_range import depth_from_disparity
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.warp import warped
from triptych.losses.photometric import photometric_error
from triptych.metrics.consistency import depth_consistency, flow_consistency
from triptych.metrics.regions import region_mean
from triptych.types import Snippet, SnippetEstimate

SELF_FIGURES: Final = ("error_unmoved", "error_by_flow", "error_by_depth", "flow_consistency_px", "depth_consistency")
"""Photometric errors (SSIM with L1) of the target against its sources: as they are, warped by flow, and by depth
and camera motion, each over what lies in the source's frame; `flow_consistency` and `depth_consistency`."""
SOURCES: Final = (0, 2)


def self_figures(
    snippet: Snippet,
    estimate: SnippetEstimate,
    *,
    disparity_of: Callable[[Tensor], Tensor],
    min_depth: float,
    max_depth: float,
) -> Iterator[tuple[str, Float[Tensor, " batch"]]]:
    """Names of `SELF_FIGURES` that the estimate tells, each with a value for every snippet; NaN where there is none.

    Args:
        snippet: the frames.
        estimate: what the networks say of them.
        disparity_of: the depth network, for the sources, (batch, 3, H, W) to (batch, 1, H, W).
        min_depth: depth of disparity 1.
        max_depth: depth of disparity 0.
    """
    frames = snippet.frames
    target = frames[:, 1]
    yield "error_unmoved", _mean(photometric_error(target, frames[:, source]).mean((1, 2, 3)) for source in SOURCES)
    there, back = estimate.flow_target_to_source, estimate.flow_source_to_target
    if there is not None:
        flows = torch.unflatten(there.flow, 0, (-1, 2)).unbind(1)
        yield "error_by_flow", _mean(_error(frames, source, flow) for source, flow in zip(SOURCES, flows, strict=True))
        if back is not None:
            backs = torch.unflatten(back.flow, 0, (-1, 2)).unbind(1)
            yield "flow_consistency_px", _mean(map(flow_consistency, flows, backs))
    if estimate.disparity is None or estimate.source_from_target is None:
        return
    own = depth_from_disparity(estimate.disparity[0], min_depth=min_depth, max_depth=max_depth)
    poses = estimate.source_from_target.unbind(1)
    rigid = [rigid_flow(own, snippet.intrinsics, pose).flow for pose in poses]
    yield "error_by_depth", _mean(_error(frames, source, flow) for source, flow in zip(SOURCES, rigid, strict=True))
    others = [
        depth_from_disparity(disparity_of(frames[:, source]).float(), min_depth=min_depth, max_depth=max_depth)
        for source in SOURCES
    ]
    yield (
        "depth_consistency",
        _mean(
            depth_consistency(own, other, snippet.intrinsics, pose) for other, pose in zip(others, poses, strict=True)
        ),
    )


def _error(
    frames: Float[Tensor, "batch 3 3 height width"], source: int, flow: Float[Tensor, "batch 2 height width"]
) -> Float[Tensor, " batch"]:
    image, known = warped(frames[:, source], flow)
    return region_mean(photometric_error(frames[:, 1], image), known)


def _mean(values: Iterable[Float[Tensor, " batch"]]) -> Float[Tensor, " batch"]:
    """Over the sources that have one."""
    return torch.stack(list(values)).nanmean(0)
