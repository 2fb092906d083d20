"""Ways to run networks that change nothing of what they say."""

import copy
import subprocess
import sys

import pytest
import torch

from triptych.errors import InputError
from triptych.networks.depth import OUTPUT_STRIDES, DepthNetwork
from triptych.networks.execution import (
    PLANAR_WEIGHTS,
    compile_networks,
    in_channels_last,
    keep_freed_memory,
    prefers_channels_last,
)
from triptych.networks.flow import MaskFlowNet
from triptych.networks.joint import JointModel, small_model
from triptych.networks.pose import PoseNetwork
from triptych.types import Snippet


def relative_difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return ((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-12)).item()


@pytest.mark.parametrize("kind", ["depth", "pose", "flow"])
def test_channels_last_says_the_same_with_the_same_gradients(kind: str, textures, stirred) -> None:
    torch.manual_seed(0)
    images = [textures(2, 3, 64, 128, seed=seed) for seed in range(1 if kind == "depth" else 2)]
    # Encoders are kept off their batch statistics, which multiply rounding where maps have few pixels.
    network = stirred({"depth": DepthNetwork, "pose": PoseNetwork, "flow": MaskFlowNet}[kind]()).eval().double()
    other = in_channels_last(copy.deepcopy(network))
    said = [network(*images_64(images)), other(*images_64(images))]
    for ours, theirs in zip(leaves(said[1]), leaves(said[0]), strict=True):
        assert relative_difference(ours, theirs) < 1e-10
    for answer in said:
        torch.stack([leaf.square().mean() for leaf in leaves(answer)]).sum().backward()
    for (name, ours), theirs in zip(other.named_parameters(), network.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert relative_difference(ours.grad, theirs.grad) < 1e-8, name


def images_64(images: list[torch.Tensor]) -> list[torch.Tensor]:
    return [image.double() for image in images]


def leaves(answer: object) -> list[torch.Tensor]:
    if isinstance(answer, torch.Tensor):
        return [answer]
    return list(answer) if isinstance(answer, tuple) else list(answer.levels)


def test_the_state_dict_of_channels_last_fits_the_usual_layout() -> None:
    network = MaskFlowNet(width=0.25)
    other = MaskFlowNet(width=0.25)
    other.load_state_dict(in_channels_last(copy.deepcopy(network)).state_dict())
    for ours, theirs in zip(other.parameters(), network.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        assert ours.is_contiguous()


def test_the_largest_convolutions_keep_the_usual_layout() -> None:
    network = in_channels_last(DepthNetwork())
    large = [weight for weight in network.parameters() if weight.numel() > PLANAR_WEIGHTS]
    assert large
    assert all(weight.is_contiguous() for weight in large)


def test_only_cpus_with_wide_vectors_prefer_channels_last(monkeypatch: pytest.MonkeyPatch) -> None:
    for capability, wanted in (("AVX512", True), ("AVX2", False)):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda capability=capability: capability)
        assert prefers_channels_last(torch.device("cpu")) == wanted
    assert not prefers_channels_last(torch.device("cuda"))


def test_a_process_that_keeps_its_memory_does_not_fault_the_same_pages_in_again() -> None:
    # In a process of its own, for the setting holds until its end.
    code = """
import resource, sys
import torch
from triptych.networks.execution import keep_freed_memory
if sys.argv[1] == "kept" and not keep_freed_memory():
    print("cannot"); sys.exit()
def faults():
    begin = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.zeros(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begin
faults(), faults()  # the allocator settles
print(faults())
"""
    counts = {}
    for kind in ("plain", "kept"):
        done = subprocess.run([sys.executable, "-c", code, kind], check=True, capture_output=True, text=True)
        counts[kind] = done.stdout.strip()
    if counts["kept"] == "cannot":
        pytest.skip("not glibc")
    # Plainly all pages are faulted in again; some may be where the allocator moved its heap.
    assert int(counts["kept"]) < int(counts["plain"]) / 2


def test_keeping_memory_is_refused_politely_without_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()


def test_fewer_levels_of_depth_are_the_first_of_all_and_the_others_heads_learn_nothing(textures) -> None:
    torch.manual_seed(0)
    network = DepthNetwork(width=0.25).eval()
    image = textures(1, 3, 64, 96)
    everything = network(image)
    assert len(everything) == len(OUTPUT_STRIDES)
    for levels in (1, 2):
        some = network(image, levels=levels)
        assert len(some) == levels
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(some, everything, strict=False))
    network(image, levels=1)[0].sum().backward()
    assert network.heads["1"].weight.grad is not None
    assert network.heads["2"].weight.grad is None


@pytest.mark.parametrize("levels", [0, 5])
def test_levels_of_depth_that_there_are_not_are_refused(levels: int) -> None:
    with pytest.raises(ValueError, match="1 to 4 levels"):
        DepthNetwork(width=0.25)(torch.rand(1, 3, 64, 96), levels=levels)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_compiled_networks_say_the_same_with_the_same_gradients(textures) -> None:
    torch.manual_seed(0)
    encoder = {"layers": (1, 1, 1, 1), "channels": (8, 8, 16, 16)}
    model = JointModel(
        DepthNetwork(encoder_options=encoder, width=0.25),
        PoseNetwork(encoder_options=encoder, channels=16),
        MaskFlowNet(width=0.25),
    )
    other = copy.deepcopy(model)
    compile_networks(other)
    frames = textures(2, 3, 3, 64, 128)
    camera = torch.tensor([[80.0, 0, 63.5], [0, 80, 31.5], [0, 0, 1]]).expand(2, 3, 3)
    snippet = Snippet(frames, frames, camera, torch.arange(2))
    eager, compiled = model.estimate(snippet), other.estimate(snippet)
    for estimate, network in ((eager, model), (compiled, other)):
        parts = [*estimate.disparity, estimate.source_from_target, *estimate.flow_target_to_source.levels]
        torch.stack([part.square().mean() for part in parts]).sum().backward()
        assert network.state_dict().keys() == model.state_dict().keys()
    for ours, theirs in zip(compiled.disparity, eager.disparity, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(compiled.source_from_target, eager.source_from_target, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        compiled.flow_target_to_source.flow, eager.flow_target_to_source.flow, rtol=1e-3, atol=1e-4
    )
    for (name, ours), theirs in zip(other.named_parameters(), model.parameters(), strict=True):
        if theirs.grad is not None:
            assert relative_difference(ours.grad, theirs.grad) < 1e-2, name


def test_compiling_without_a_compiler_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(InputError, match=r"install g\+\+"):
        compile_networks(small_model())
