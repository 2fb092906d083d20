from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from triptych.errors import InputError
from triptych.geometry.depth_range import depth_from_disparity
from triptych.networks.depth import DepthNetwork

Stirred = Callable[[nn.Module], nn.Module]
Textures = Callable[..., Tensor]


@pytest.fixture
def network() -> DepthNetwork:
    torch.manual_seed(0)
    return DepthNetwork("test_resnet", width=0.25)


@pytest.mark.parametrize("encoder", ["test_resnet", "test_convnext"])
@pytest.mark.parametrize("size", [(64, 96), (33, 70)])
def test_four_disparities_of_strides_1_2_4_8_come_from_encoders_of_any_first_stride(
    encoder: str, size: tuple[int, int], textures: Textures
) -> None:
    network = DepthNetwork(encoder, width=0.25)
    disparities = network(textures(2, 3, *size))
    assert [tuple(level.shape) for level in disparities] == [
        (2, 1, -(-size[0] // stride), -(-size[1] // stride)) for stride in (1, 2, 4, 8)
    ]
    for level in disparities:
        assert bool(((level > 0) & (level < 1)).all())


def test_the_untrained_network_says_its_initial_depth_nearly_everywhere(textures: Textures) -> None:
    torch.manual_seed(1)
    network = DepthNetwork("test_resnet", width=0.25, initial_depth=3.0)
    for disparity in network(textures(2, 3, 64, 96)):
        depth = depth_from_disparity(disparity)
        assert 2.0 < depth.min() <= depth.max() < 4.5


def test_the_initial_depth_is_that_of_the_range_it_is_read_by(textures: Textures) -> None:
    torch.manual_seed(1)
    for low, initial, high in ((1.0, 10.0, 80.0), (0.01, 0.05, 100.0), (0.1, 200.0, 1000.0)):
        network = DepthNetwork("test_resnet", width=0.25, initial_depth=initial, min_depth=low, max_depth=high)
        with torch.no_grad():
            disparity = network.finest(textures(1, 3, 64, 96))
        depth = depth_from_disparity(disparity, min_depth=low, max_depth=high)
        assert float(depth.median()) == pytest.approx(initial, rel=0.5)
    with pytest.raises(InputError, match="must be between"):
        DepthNetwork("test_resnet", width=0.25, initial_depth=0.05)


def test_every_parameter_gets_a_gradient(network: DepthNetwork, textures: Textures, stirred: Stirred) -> None:
    stirred(network)  # timm starts residual branches at zero
    sum(level.square().mean() for level in network(textures(2, 3, 64, 96))).backward()
    without = [
        name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    assert without == []


def test_the_finest_disparity_alone_is_the_first_of_four(network: DepthNetwork, textures: Textures) -> None:
    network.eval()
    image = textures(1, 3, 40, 64)
    torch.testing.assert_close(network.finest(image), network(image)[0])


def test_in_evaluation_an_image_does_not_depend_on_its_batch(network: DepthNetwork, textures: Textures) -> None:
    network(textures(4, 3, 64, 64))  # batch statistics that differ from 0 and 1
    network.eval()
    images = textures(3, 3, 64, 64, seed=1)
    for together, alone in zip(network(images), network(images[1:2]), strict=True):
        torch.testing.assert_close(together[1:2], alone, rtol=1e-5, atol=1e-6)


def test_in_training_it_does_depend_on_it_through_the_batch_norm(network: DepthNetwork, textures: Textures) -> None:
    network.train()
    images = textures(3, 3, 64, 64, seed=1)
    assert (network(images)[0][1:2] - network(images[1:2])[0]).abs().max() > 1e-4


def test_without_norm_the_decoder_has_no_batch_statistics() -> None:
    network = DepthNetwork("test_convnext", width=0.25, norm="none")
    assert not any("running" in name for name, _ in network.named_buffers())


def test_the_output_follows_the_picture_and_not_only_its_position(network: DepthNetwork, textures: Textures) -> None:
    network.eval()
    image = textures(1, 3, 64, 64)
    assert (network.finest(image) - network.finest(image.flip(1))).abs().max() > 1e-5


def test_under_autocast_the_disparity_is_in_single_precision(network: DepthNetwork, textures: Textures) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(textures(1, 3, 64, 64))[0].dtype == torch.float32


def test_an_encoder_that_ends_before_stride_16_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(2, 4, 8\).*16"):
        DepthNetwork("test_resnet", encoder_options={"out_indices": (0, 1, 2)})
