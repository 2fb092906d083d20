"""Losses and metrics refuse numbers below float32, in whichever argument they come."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from triptych.losses.census import census_errors
from triptych.losses.consistency import depth_inconsistency
from triptych.losses.crop_agreement import Window, WindowFlow, crop_agreement
from triptych.losses.guidance import flow_guidance
from triptych.losses.means import masked_mean
from triptych.losses.photometric import photometric_error, photometric_errors, ssim
from triptych.losses.smoothness import edge_aware_smoothness, flow_smoothness
from triptych.metrics.alignment import aligned_trajectories, umeyama
from triptych.metrics.depth import depth_metrics, depth_scale, hole_rate
from triptych.metrics.flow import end_point_error, flow_metrics
from triptych.metrics.trajectory import absolute_trajectory_error

DEPTH, FLOW, IMAGE = (1, 1, 4, 5), (1, 2, 4, 5), (1, 3, 4, 5)
OF_SOURCES, PATH, POINTS = (1, 2, 3, 4, 5), (6, 4, 4), (6, 3)
ONES = torch.ones(DEPTH)
WHOLE = Window(share=torch.ones(1), left=torch.zeros(1), top=torch.zeros(1))

CALLS: dict[str, tuple[Callable[..., object], list[tuple[int, ...]]]] = {
    "flow_guidance": (lambda rigid, flow: flow_guidance(rigid, flow, ONES), [FLOW, FLOW]),
    "depth_inconsistency": (depth_inconsistency, [FLOW, DEPTH, DEPTH]),
    "crop_agreement": (
        lambda own, flow: crop_agreement(WindowFlow(WHOLE, own), flow, ONES[None]),
        [FLOW, (1, 1, 2, 4, 5)],
    ),
    "census_errors": (census_errors, [IMAGE, OF_SOURCES]),
    "photometric_error": (photometric_error, [IMAGE, IMAGE]),
    "photometric_errors": (photometric_errors, [IMAGE, OF_SOURCES]),
    "ssim": (ssim, [IMAGE, IMAGE]),
    "edge_aware_smoothness": (edge_aware_smoothness, [DEPTH, IMAGE]),
    "flow_smoothness": (flow_smoothness, [FLOW, IMAGE]),
    "masked_mean": (lambda error: masked_mean(error, ONES), [DEPTH]),
    "umeyama": (lambda source, target: umeyama(source, target, with_scale=True), [POINTS, POINTS]),
    "aligned_trajectories": (lambda path, truth: aligned_trajectories(path, truth, alignment="none"), [PATH, PATH]),
    "absolute_trajectory_error": (
        lambda path, truth: absolute_trajectory_error(path, truth, alignment="7dof"),
        [PATH, PATH],
    ),
    "depth_scale": (lambda depth, truth: depth_scale(depth, truth, ONES > 0, scaling="median"), [DEPTH, DEPTH]),
    "depth_metrics": (lambda depth, truth: depth_metrics(depth, truth, ONES > 0), [DEPTH, DEPTH]),
    "hole_rate": (lambda depth, truth: hole_rate(depth, truth, ONES > 0), [DEPTH, DEPTH]),
    "end_point_error": (end_point_error, [FLOW, FLOW]),
    "flow_metrics": (lambda flow, truth: flow_metrics(flow, truth, ONES > 0), [FLOW, FLOW]),
}


def arguments(shapes: list[tuple[int, ...]]) -> list[torch.Tensor]:
    """Numbers that each function can take: identities where matrices are asked for."""
    return [torch.eye(4).expand(shape) if shape == PATH else torch.ones(shape) for shape in shapes]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("name", "position"), [(name, position) for name, (_, shapes) in CALLS.items() for position in range(len(shapes))]
)
def test_an_argument_below_float32_is_refused_beside_others_that_are_not(
    name: str, position: int, dtype: torch.dtype
) -> None:
    call, shapes = CALLS[name]
    given = arguments(shapes)
    given[position] = given[position].to(dtype)
    with pytest.raises(TypeError, match=rf"float32 or float64 is needed, {dtype} came: call \.float\(\)"):
        call(*given)


@pytest.mark.parametrize("name", CALLS)
def test_the_same_arguments_are_taken_in_float32(name: str) -> None:
    call, shapes = CALLS[name]
    call(*arguments(shapes))
