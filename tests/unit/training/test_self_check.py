"""Figures without truth: exact answers explain the frames, what is not asked for is not told."""

from __future__ import annotations

import pytest
import torch
from tests.unit.training.small_training import settings
from torch import Tensor

from triptych.config.build_model import build_model
from triptych.data.synthetic import synthetic_clip
from triptych.training.self_check import SELF_FIGURES, self_figures
from triptych.types import FlowEstimate, Snippet, SnippetEstimate


@pytest.fixture(scope="module")
def snippet() -> Snippet:
    clip = synthetic_clip("room", seed=2, frames=3, height=64, width=96)
    frames = clip.images[None].float() / 255
    return Snippet(frames, frames, clip.intrinsics[None].float(), torch.zeros(1, dtype=torch.long))


def flows(maps: Tensor) -> FlowEstimate:
    return FlowEstimate(maps, torch.ones_like(maps[:, :1]))


def told(snippet: Snippet, estimate: SnippetEstimate) -> dict[str, Tensor]:
    depth = build_model(settings()).depth.eval()
    with torch.no_grad():
        return dict(self_figures(snippet, estimate, disparity_of=depth.finest, min_depth=0.1, max_depth=100.0))


def figures(snippet: Snippet, estimate: SnippetEstimate) -> dict[str, float]:
    return {name: float(values.mean()) for name, values in told(snippet, estimate).items()}


def test_true_flow_explains_the_frames_better_than_none(snippet: Snippet) -> None:
    clip = synthetic_clip("room", seed=2, frames=3, height=64, width=96)
    there = torch.stack([clip.flow_backward[0], clip.flow_forward[1]])
    back = torch.stack([clip.flow_forward[0], clip.flow_backward[1]])
    found = figures(snippet, SnippetEstimate(flow_target_to_source=flows(there), flow_source_to_target=flows(back)))
    assert set(found) == {"error_unmoved", "error_by_flow", "flow_consistency_px"}
    assert found["error_by_flow"] < found["error_unmoved"] / 2
    still = figures(snippet, SnippetEstimate(flow_target_to_source=flows(there * 0)))
    assert still["error_by_flow"] == pytest.approx(found["error_unmoved"], rel=1e-5)
    assert found["flow_consistency_px"] < 0.5


def test_depth_and_a_camera_that_stands_still_explain_as_much_as_nothing(snippet: Snippet) -> None:
    poses = torch.eye(4).expand(1, 2, 4, 4)
    estimate = SnippetEstimate(disparity=(torch.full((1, 1, 64, 96), 0.1),), source_from_target=poses)
    found = figures(snippet, estimate)
    assert set(found) == {"error_unmoved", "error_by_depth", "depth_consistency"}
    assert found["error_by_depth"] == pytest.approx(found["error_unmoved"], rel=1e-5)
    assert 0 <= found["depth_consistency"] <= 1
    assert set(found) <= set(SELF_FIGURES)


def test_the_figures_of_a_batch_are_those_of_its_snippets(snippet: Snippet) -> None:
    clip = synthetic_clip("room", seed=3, frames=3, height=64, width=96)
    frames = torch.cat((snippet.frames, clip.images[None].float() / 255))
    both = Snippet(frames, frames, snippet.intrinsics.expand(2, 3, 3), torch.arange(2))
    there = torch.randn(4, 2, 64, 96, generator=torch.Generator().manual_seed(0))
    found = told(both, SnippetEstimate(flow_target_to_source=flows(there), flow_source_to_target=flows(-there)))
    for place in range(2):
        part = slice(2 * place, 2 * place + 2)
        own = Snippet(frames[place : place + 1], frames[place : place + 1], snippet.intrinsics, torch.zeros(1).long())
        estimate = SnippetEstimate(flow_target_to_source=flows(there[part]), flow_source_to_target=flows(-there[part]))
        for name, value in figures(own, estimate).items():
            assert float(found[name][place]) == pytest.approx(value, rel=1e-5), name
