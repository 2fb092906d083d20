from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from triptych.networks.pose import PoseNetwork

Stirred = Callable[[nn.Module], nn.Module]
Textures = Callable[..., Tensor]


@pytest.fixture
def network() -> PoseNetwork:
    torch.manual_seed(0)
    return PoseNetwork("test_resnet", channels=16)


@pytest.mark.parametrize("size", [(64, 96), (33, 70)])
def test_a_pair_gives_a_rigid_transform(network: PoseNetwork, size: tuple[int, int], textures: Textures) -> None:
    pose = network(textures(2, 3, *size), textures(2, 3, *size, seed=1))
    rotation = pose[:, :3, :3]
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).expand(2, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(2))
    torch.testing.assert_close(pose[:, 3], torch.tensor([0.0, 0.0, 0.0, 1.0]).expand(2, 4))


def test_first_motions_are_small_but_not_null(network: PoseNetwork, textures: Textures) -> None:
    pose = network(textures(2, 3, 64, 96), textures(2, 3, 64, 96, seed=1))
    distance = (pose - torch.eye(4)).abs().amax(dim=(1, 2))
    assert bool(((distance > 1e-6) & (distance < 0.05)).all())


def test_the_order_of_target_and_source_matters(network: PoseNetwork, textures: Textures) -> None:
    network.eval()
    target, source = textures(1, 3, 64, 64), textures(1, 3, 64, 64, seed=1)
    assert (network(target, source) - network(source, target)).abs().max() > 1e-6


def test_the_regressed_vector_is_axis_angle_then_translation_in_hundredths(
    network: PoseNetwork, textures: Textures
) -> None:
    output = network.decoder[-1]
    with torch.no_grad():
        output.weight.zero_()
        output.bias.copy_(torch.tensor([0.0, 0.0, 100 * torch.pi / 2, 100.0, 200.0, 300.0]))
    pose = network(textures(1, 3, 64, 64), textures(1, 3, 64, 64))
    quarter_turn = [[0.0, -1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 2.0], [0.0, 0.0, 1.0, 3.0], [0.0, 0.0, 0.0, 1.0]]
    torch.testing.assert_close(pose[0], torch.tensor(quarter_turn), atol=1e-5, rtol=0)


def test_every_parameter_gets_a_gradient(network: PoseNetwork, textures: Textures, stirred: Stirred) -> None:
    stirred(network)  # timm starts residual branches at zero
    pose = network(textures(3, 3, 64, 96), textures(3, 3, 64, 96, seed=1))
    (pose * torch.randn(4, 4, generator=torch.Generator().manual_seed(2))).sum().backward()
    without = [
        name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    assert without == []


def test_in_evaluation_a_pair_does_not_depend_on_its_batch(network: PoseNetwork, textures: Textures) -> None:
    target, source = textures(3, 3, 64, 64), textures(3, 3, 64, 64, seed=1)
    network(target, source)
    network.eval()
    torch.testing.assert_close(network(target, source)[2:], network(target[2:], source[2:]), rtol=1e-5, atol=1e-6)


def test_under_autocast_the_pose_is_in_single_precision(network: PoseNetwork, textures: Textures) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(textures(1, 3, 64, 64), textures(1, 3, 64, 64)).dtype == torch.float32
