"""Convolutions that suit a CPU say what PyTorch's own say."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from triptych.networks.convolutions import (
    Convolution,
    NarrowConvolution,
    UpsamplingConvolution,
    UpsamplingFusion,
    is_channels_last,
)
from triptych.networks.layers import ExponentialLinearUnit


def outputs_and_gradients(module: nn.Module, x: Tensor, gradient: Tensor) -> list[Tensor]:
    x = x.detach().requires_grad_()
    y = module(x)
    return [y, *torch.autograd.grad(y, [x, *module.parameters()], gradient)]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("mode", ["zeros", "reflect"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_narrow_convolution_is_a_convolution(layout: torch.memory_format, mode: str, outputs: int) -> None:
    torch.manual_seed(0)
    narrow = NarrowConvolution(24, outputs, padding_mode=mode)
    plain = nn.Conv2d(24, outputs, 3, padding=1, padding_mode=mode)
    plain.load_state_dict(narrow.state_dict())
    x = torch.randn(2, 24, 7, 9).to(memory_format=layout)
    gradient = torch.randn(2, outputs, 7, 9)
    pairs = zip(outputs_and_gradients(narrow, x, gradient), outputs_and_gradients(plain, x, gradient), strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=2e-5)


def test_a_narrow_convolution_in_float64_is_pytorchs_own() -> None:
    narrow = NarrowConvolution(4, 1).double()
    x = torch.randn(1, 4, 5, 6, dtype=torch.float64)
    torch.testing.assert_close(narrow(x), F.conv2d(x, narrow.weight, narrow.bias, padding=1))


@pytest.mark.parametrize(
    "convolution",
    [
        Convolution(10, 16, 3, padding=1),
        NarrowConvolution(10, 2),
        UpsamplingConvolution(10, 8, 4, stride=2, padding=1),
    ],
)
def test_further_channels_of_zeros_change_nothing(convolution: nn.Module) -> None:
    x = torch.randn(1, 10, 6, 8)
    torch.testing.assert_close(convolution(F.pad(x, (0, 0, 0, 0, 0, 6))), convolution(x), rtol=1e-5, atol=1e-6)


def test_the_exponential_linear_unit_is_right_to_rounding_from_large_to_tiny_numbers() -> None:
    sizes = torch.logspace(-8, 1.5, 400, dtype=torch.float64)
    x = torch.cat((-sizes, torch.zeros(1, dtype=torch.float64), sizes)).float().requires_grad_()
    exact = F.elu(x.detach().double())
    y = ExponentialLinearUnit()(x)
    assert (y.double() - exact).abs().max() < 1e-7 * exact.abs().max()
    assert (y.double() - exact)[exact < 0].abs().max() < 1.2e-7
    y.sum().backward()
    slope = torch.where(x > 0, 1.0, torch.exp(x.double()))
    torch.testing.assert_close(x.grad.double(), slope, rtol=0, atol=2e-7)


def test_the_exponential_linear_unit_passes_nan_on_and_leaves_its_input_alone() -> None:
    x = torch.tensor([float("nan"), -1.0, 2.0])
    kept = x.clone()
    assert ExponentialLinearUnit()(x).isnan().tolist() == [True, False, False]
    assert torch.equal(x[1:], kept[1:])


def test_only_weights_of_channels_last_ask_for_such_maps() -> None:
    weight = torch.randn(8, 4, 3, 3)
    assert not is_channels_last(weight)
    assert is_channels_last(weight.to(memory_format=torch.channels_last))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("skips", [0, 6])
@pytest.mark.parametrize("bias", [False, True])
def test_a_fusion_is_the_convolution_of_the_enlarged_and_joined_maps(
    layout: torch.memory_format, skips: int, bias: bool
) -> None:
    torch.manual_seed(0)
    fusion = UpsamplingFusion(5, skips, 4, bias=bias).to(memory_format=layout)
    small, skip = torch.randn(2, 5, 4, 6, requires_grad=True), torch.randn(2, 6, 8, 12, requires_grad=True)
    gradient = torch.randn(2, 4, 8, 12)
    wanted = [small, *([skip] if skips else []), *fusion.parameters()]
    fused = fusion(small, skip if skips else None)
    enlarged = F.interpolate(small, scale_factor=2.0, mode="nearest")
    joined = torch.cat((enlarged, skip), dim=1) if skips else enlarged
    plain = F.conv2d(F.pad(joined, (1, 1, 1, 1), mode="reflect"), fusion.weight, fusion.bias)
    torch.testing.assert_close(fused, plain, rtol=1e-5, atol=1e-5)
    pairs = zip(torch.autograd.grad(fused, wanted, gradient), torch.autograd.grad(plain, wanted, gradient), strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    # In float64 it is the enlarged and joined map itself that is convolved.
    exact = fusion.double()(small.double(), skip.double() if skips else None)
    torch.testing.assert_close(exact.float(), plain, rtol=1e-5, atol=1e-5)
