"""Activation checkpointing takes memory away and nothing else."""

import copy
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from triptych.losses.objective import Objective
from triptych.networks.depth import DepthNetwork
from triptych.networks.flow import MaskFlowNet
from triptych.networks.joint import JointModel
from triptych.networks.pose import PoseNetwork
from triptych.types import Snippet, SnippetEstimate

SMALL = {"layers": (1, 1, 1, 1), "channels": (8, 8, 16, 16)}


@pytest.fixture
def model() -> JointModel:
    torch.manual_seed(0)
    return JointModel(
        DepthNetwork(encoder_options=SMALL, width=0.25),
        PoseNetwork(encoder_options=SMALL, channels=16),
        MaskFlowNet(width=0.25),
    ).train()


@pytest.fixture
def snippet(textures) -> Snippet:
    frames = textures(2, 3, 3, 64, 128)
    camera = torch.tensor([[80.0, 0, 63.5], [0, 80, 31.5], [0, 0, 1]]).expand(2, 3, 3)
    return Snippet(frames, frames, camera, torch.arange(2))


def gradients(model: JointModel, snippet: Snippet) -> dict[str, Tensor]:
    Objective()(snippet, model.estimate(snippet)).total.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def test_gradients_and_running_statistics_are_those_of_a_plain_step(model: JointModel, snippet: Snippet) -> None:
    other = copy.deepcopy(model)
    other.checkpointing = True
    assert other.checkpointing
    assert not model.checkpointing
    plain, saving = gradients(model, snippet), gradients(other, snippet)
    assert plain.keys() == saving.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(saving[name], gradient, rtol=1e-5, atol=1e-8, msg=name)
    buffers = dict(other.named_buffers())
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, buffers[name]), name
    counts = [int(value) for name, value in buffers.items() if name.endswith("num_batches_tracked")]
    assert set(counts) == {1}


def test_less_is_kept_for_the_backward_pass(model: JointModel, snippet: Snippet) -> None:
    def kept_bytes() -> int:
        storages: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            estimate = model.estimate(snippet)
        assert estimate.disparity is not None
        return sum(storages.values())

    plain = kept_bytes()
    model.checkpointing = True
    assert kept_bytes() < 0.7 * plain


def test_without_gradients_it_is_a_plain_call(
    model: JointModel, snippet: Snippet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.networks.checkpointing.checkpoint", lambda *_, **__: pytest.fail("checkpointed"))
    model.checkpointing = True
    model.eval()
    with torch.no_grad():
        assert model.estimate(snippet).source_from_target is not None
    with pytest.raises(pytest.fail.Exception):
        model.estimate(snippet)


def test_it_works_under_autocast(model: JointModel, snippet: Snippet) -> None:
    model.checkpointing = True
    with torch.autocast("cpu", dtype=torch.bfloat16):
        estimate = model.estimate(snippet)
    Objective()(snippet, estimate).total.backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters() if parameter.grad is not None)


class _Step(nn.Module):
    def __init__(self, model: JointModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, snippet: Snippet) -> SnippetEstimate:
        return self.model.estimate(snippet, depth_levels=1)


def test_it_works_in_a_process_group_that_looks_for_unused_parameters(
    model: JointModel, snippet: Snippet, tmp_path: Path
) -> None:
    plain = gradients(copy.deepcopy(model), snippet)
    model.checkpointing = True
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        step = DistributedDataParallel(_Step(model), find_unused_parameters=True)
        Objective()(snippet, step(snippet)).total.backward()
    finally:
        dist.destroy_process_group()
    for name, parameter in model.named_parameters():
        if name in plain and not name.startswith("depth.heads"):
            torch.testing.assert_close(parameter.grad, plain[name], rtol=1e-4, atol=1e-8, msg=name)
