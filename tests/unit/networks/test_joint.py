from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from triptych.geometry.pose import inverse_transform
from triptych.networks.depth import DepthNetwork
from triptych.networks.flow import MaskFlowNet
from triptych.networks.joint import JointModel, paper_model, small_model
from triptych.networks.pose import PoseNetwork
from triptych.types import Snippet

Textures = Callable[..., Tensor]


def tiny_model() -> JointModel:
    torch.manual_seed(0)
    pose = PoseNetwork("test_resnet", channels=16)
    with torch.no_grad():
        pose.decoder[-1].weight.mul_(2000.0)  # so that the poses of two pairs differ by more than rounding
    return JointModel(DepthNetwork("test_resnet", width=0.25), pose, MaskFlowNet(width=0.125))


def snippet_of(frames: Tensor, jittered: Tensor | None = None) -> Snippet:
    batch = frames.shape[0]
    jittered = frames if jittered is None else jittered
    return Snippet(frames, jittered, torch.eye(3).expand(batch, 3, 3), torch.arange(batch))


@pytest.fixture
def snippet(textures: Textures) -> Snippet:
    return snippet_of(textures(2, 3, 3, 64, 96))


def test_each_estimate_is_what_its_network_says_of_the_frames_it_is_named_after(snippet: Snippet) -> None:
    model = tiny_model().eval()
    previous, target, following = snippet.jittered.unbind(1)
    with torch.no_grad():
        estimate = model.estimate(snippet, reversed_pose=True)
        assert estimate.disparity is not None
        for ours, alone in zip(estimate.disparity, model.depth(target), strict=True):
            torch.testing.assert_close(ours, alone)
        assert estimate.source_from_target is not None
        assert estimate.target_from_source is not None
        assert estimate.flow_target_to_source is not None
        assert estimate.flow_source_to_target is not None
        pairs = ((1, 0), (1, 2)), ((0, 1), (2, 1))
        together = model.flow.pairs(snippet.jittered, pairs[0]), model.flow.pairs(snippet.jittered, pairs[1])
        torch.testing.assert_close(estimate.flow_target_to_source.flow, together[0].flow, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(estimate.flow_source_to_target.flow, together[1].flow, rtol=1e-4, atol=1e-5)
        # The pose network is shown pairs in the order of time; the pose of the first is inverted.
        shown = (
            (estimate.source_from_target[:, 0], inverse_transform(model.pose(previous, target))),
            (estimate.source_from_target[:, 1], model.pose(target, following)),
            (estimate.target_from_source[:, 0], inverse_transform(model.pose(target, previous))),
            (estimate.target_from_source[:, 1], model.pose(following, target)),
        )
        for ours, alone in shown:
            torch.testing.assert_close(ours, alone, rtol=1e-3, atol=1e-4)
        difference = (estimate.source_from_target - estimate.target_from_source).abs().amax(dim=(2, 3))
        assert bool((difference > 1e-3).all())


@pytest.mark.parametrize("gradient", [False, True])
def test_backward_flows_are_the_same_with_and_without_a_graph(gradient: bool, snippet: Snippet) -> None:
    model = tiny_model()
    estimate = model.estimate(snippet, depth=False, pose=False, backward_flow_gradient=gradient)
    other = model.estimate(snippet, depth=False, pose=False, flow_gradient=False)
    forward, backward = estimate.flow_target_to_source, estimate.flow_source_to_target
    assert forward is not None
    assert backward is not None
    assert other.flow_target_to_source is not None
    assert other.flow_source_to_target is not None
    assert forward.flow.requires_grad
    assert backward.flow.requires_grad == gradient
    assert not other.flow_target_to_source.flow.requires_grad
    assert not other.flow_source_to_target.flow.requires_grad
    torch.testing.assert_close(forward.flow, other.flow_target_to_source.flow, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(backward.flow, other.flow_source_to_target.flow, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(backward.levels, other.flow_source_to_target.levels, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_parts_that_a_stage_does_not_run_are_none(snippet: Snippet) -> None:
    model = tiny_model()
    flow_only = model.estimate(snippet, depth=False, pose=False, backward_flow=False)
    assert (flow_only.disparity, flow_only.source_from_target, flow_only.target_from_source) == (None,) * 3
    assert flow_only.flow_target_to_source is not None
    assert flow_only.flow_source_to_target is None
    depth_only = model.estimate(snippet, flow=False)
    assert depth_only.flow_target_to_source is None
    assert depth_only.flow_source_to_target is None
    assert depth_only.disparity is not None
    assert depth_only.source_from_target is not None
    assert depth_only.source_from_target.shape == (2, 2, 4, 4)
    assert depth_only.target_from_source is None


def test_the_networks_see_the_jittered_frames(snippet: Snippet, textures: Textures) -> None:
    model = tiny_model().eval()
    other = snippet_of(textures(2, 3, 3, 64, 96, seed=9), snippet.jittered)
    ours, theirs = model.estimate(snippet), model.estimate(other)
    assert ours.disparity is not None
    assert theirs.disparity is not None
    assert torch.equal(ours.disparity[0], theirs.disparity[0])
    assert ours.flow_target_to_source is not None
    assert theirs.flow_target_to_source is not None
    assert torch.equal(ours.flow_target_to_source.flow, theirs.flow_target_to_source.flow)


def test_a_frozen_flow_gets_no_gradient_and_the_others_do(snippet: Snippet) -> None:
    model = tiny_model()
    estimate = model.estimate(snippet, flow_gradient=False)
    assert estimate.disparity is not None
    assert estimate.source_from_target is not None
    assert estimate.flow_target_to_source is not None
    loss = estimate.disparity[0].mean() * estimate.flow_target_to_source.flow.mean()
    (loss + estimate.source_from_target.square().sum()).backward()
    assert all(parameter.grad is None for parameter in model.flow.parameters())
    assert any(parameter.grad is not None for parameter in model.depth.parameters())
    assert all(parameter.grad is not None for parameter in model.pose.parameters())


def test_a_snippet_that_is_not_of_three_frames_is_refused(textures: Textures) -> None:
    with pytest.raises(ValueError, match="three frames"):
        tiny_model().estimate(snippet_of(textures(1, 2, 3, 64, 64)))


def test_the_small_model_has_about_five_million_parameters_and_runs_at_its_size(textures: Textures) -> None:
    model = small_model()
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(5e6, rel=0.1)
    with torch.no_grad():
        estimate = model.estimate(snippet_of(textures(1, 3, 3, 128, 384)))
    assert estimate.disparity is not None
    assert estimate.disparity[0].shape == (1, 1, 128, 384)


def test_the_paper_model_is_resnet18_twice_and_maskflownet_s() -> None:
    model = paper_model(pretrained=None)
    backbones = [sum(p.numel() for p in part.encoder.backbone.parameters()) for part in (model.depth, model.pose)]
    # ResNet18 without its classifier; 64 x 3 x 49 more weights for six channels.
    assert backbones == [11_176_512, 11_176_512 + 9_408]
    assert sum(parameter.numel() for parameter in model.flow.parameters()) == 10_514_256


def test_depth_of_the_sources_is_what_the_network_says_of_each(snippet: Snippet) -> None:
    model = tiny_model().eval()
    with torch.no_grad():
        estimate = model.estimate(snippet, flow=False, pose=False, source_depth=True, depth_levels=2)
        previous, target, following = (model.depth(frame, levels=2) for frame in snippet.jittered.unbind(1))
    assert estimate.disparity is not None
    assert estimate.source_disparity is not None
    for ours, alone in zip(estimate.disparity, target, strict=True):
        torch.testing.assert_close(ours, alone)
    torch.testing.assert_close(estimate.source_disparity, torch.stack((previous[0], following[0]), dim=1))


def test_batch_normalization_goes_by_all_three_frames_where_all_have_depth(snippet: Snippet) -> None:
    together, alone, joined = (tiny_model().train() for _ in range(3))
    together.estimate(snippet, flow=False, pose=False, source_depth=True)
    alone.estimate(snippet, flow=False, pose=False)
    joined.depth(snippet.jittered.flatten(0, 1))
    statistics = [
        torch.cat([buffer.flatten() for name, buffer in model.depth.named_buffers() if "running" in name])
        for model in (together, alone, joined)
    ]
    torch.testing.assert_close(statistics[0], statistics[2])
    assert not torch.allclose(statistics[0], statistics[1])


def test_depth_of_the_sources_does_not_run_unless_asked_for_with_the_target_s(snippet: Snippet) -> None:
    model = tiny_model().eval()
    assert model.estimate(snippet, flow=False).source_disparity is None
    without = model.estimate(snippet, flow=False, depth=False, source_depth=True)
    assert (without.disparity, without.source_disparity) == (None, None)
