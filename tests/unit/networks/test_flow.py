import inspect
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from triptych.networks.flow import MaskFlowNet, Matching

Textures = Callable[..., Tensor]
Stirred = Callable[[nn.Module], nn.Module]
NARROW = 0.125


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_maskflownet_s_has_the_published_number_of_parameters() -> None:
    network = MaskFlowNet()
    assert parameters(network) == 10_514_256
    assert parameters(network.pyramid) == 1_665_804


def test_full_maskflownet_has_the_published_number_of_parameters() -> None:
    assert parameters(MaskFlowNet(cascade=True)) == 20_655_716


def test_half_width_has_about_a_quarter_of_the_weights() -> None:
    # Not quite: the 81 channels of the cost volume stay.
    assert 0.25 < parameters(MaskFlowNet(width=0.5)) / 10_514_256 < 0.3


@pytest.mark.parametrize("cascade", [False, True])
@pytest.mark.parametrize("matching", ["warp", "deformable", "masked"])
@pytest.mark.parametrize("training", [False, True])
def test_outputs_are_of_the_input_size_and_levels_of_strides_4_to_64(
    matching: Matching, cascade: bool, training: bool, textures: Textures
) -> None:
    network = MaskFlowNet(matching=matching, width=NARROW, cascade=cascade).train(training)
    estimate = network(textures(2, 3, 70, 130), textures(2, 3, 70, 130, seed=1))
    assert estimate.flow.shape == (2, 2, 70, 130)
    assert estimate.visibility.shape == (2, 1, 70, 130)
    # Resized to 128 x 192.
    assert [tuple(level.shape) for level in estimate.levels] == [
        (2, 2, 128 // stride, 192 // stride) for stride in (4, 8, 16, 32, 64)
    ]
    if matching == "masked":
        assert bool(((estimate.visibility > 0) & (estimate.visibility < 1)).all())
    else:
        assert bool((estimate.visibility == 1).all())


@pytest.mark.parametrize("cascade", [False, True])
def test_flow_is_in_pixels_of_the_input_and_levels_in_pixels_of_their_own_grid(
    cascade: bool, textures: Textures
) -> None:
    network = MaskFlowNet(width=NARROW, cascade=cascade)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "flow_heads" in name or "head" in name:
                parameter.zero_()
        stage = network if network.refinement is None else network.refinement
        stage.flow_heads["6"].convolution.bias.copy_(torch.tensor([0.5, -0.25]))
    estimate = network(textures(1, 3, 32, 96), textures(1, 3, 32, 96, seed=1))
    # Half a unit of 20 px on the working image of 64 x 128; the input is half as high, 3/4 as wide.
    expected = torch.tensor([10.0 * 96 / 128, -5.0 * 32 / 64]).reshape(1, 2, 1, 1)
    torch.testing.assert_close(estimate.flow, expected.expand(1, 2, 32, 96))
    for level, flow in enumerate(estimate.levels, start=2):
        here = torch.tensor([10.0, -5.0]).reshape(1, 2, 1, 1) / 2**level
        torch.testing.assert_close(flow, here.expand_as(flow))


def test_source_features_are_warped_by_the_flow_in_pixels_of_their_level(
    monkeypatch: pytest.MonkeyPatch, textures: Textures
) -> None:
    network = MaskFlowNet(matching="warp", width=NARROW)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "flow_heads" in name or "context.head" in name:
                parameter.zero_()
        network.flow_heads["6"].convolution.bias.fill_(0.8)
    seen = {}

    def spy(source: Tensor, flow: Tensor) -> Tensor:
        seen[flow.shape[-1]] = flow.mean().item()
        return source

    monkeypatch.setattr("triptych.networks.flow.warped_features", spy)
    network(textures(1, 3, 64, 64), textures(1, 3, 64, 64, seed=1))
    # 0.8 * 20 / stride
    assert seen == pytest.approx({2: 0.5, 4: 1.0, 8: 2.0, 16: 4.0})


def test_the_mask_multiplies_warped_features_and_the_trade_off_is_added(textures: Textures) -> None:
    network = MaskFlowNet(width=NARROW)
    source, handed = textures(1, 16, 4, 6), textures(1, 8, 4, 6, seed=1)
    key = "5"
    source = source.expand(1, 16, 4, 6)
    flow = torch.zeros(1, 2, 4, 6)
    mask = torch.full((1, 1, 4, 6), math.log(3.0))  # sigmoid 0.75
    moved = network._moved(key, source, flow, mask, handed)
    expected = 0.75 * source + network.trade_offs[key](handed)  # an untrained warp is the identity
    torch.testing.assert_close(moved, torch.where(expected > 0, expected, 0.1 * expected))


def test_visibility_is_the_sigmoid_of_the_level_three_mask(textures: Textures) -> None:
    network = MaskFlowNet(width=NARROW)
    with torch.no_grad():
        head = network.mask_heads["3"].convolution
        head.weight.zero_()
        head.bias.fill_(math.log(4.0))
    estimate = network(textures(1, 3, 40, 64), textures(1, 3, 40, 64, seed=1))
    torch.testing.assert_close(estimate.visibility, torch.full((1, 1, 40, 64), 0.8))


@pytest.mark.parametrize("cascade", [False, True])
@pytest.mark.parametrize("matching", ["warp", "deformable", "masked"])
def test_every_parameter_gets_a_gradient_from_flow_and_visibility(
    matching: Matching, cascade: bool, textures: Textures
) -> None:
    torch.manual_seed(0)
    network = MaskFlowNet(matching=matching, width=NARROW, cascade=cascade)
    estimate = network(textures(2, 3, 64, 128), textures(2, 3, 64, 128, seed=1))
    (estimate.flow.square().mean() + estimate.visibility.square().mean()).backward()
    without = [
        name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    assert without == []


@pytest.mark.parametrize("cascade", [False, True])
def test_pairs_of_a_snippet_are_batch_major_and_the_same_as_each_pair_alone(
    cascade: bool, textures: Textures, stirred: Stirred
) -> None:
    network = stirred(MaskFlowNet(width=NARROW, cascade=cascade)).eval()
    frames = textures(2, 3, 3, 64, 64)
    frames = frames - frames.mean(dim=(-1, -2), keepdim=True) + 0.5  # so that all means are the same
    pairs = ((1, 0), (1, 2), (0, 1))
    with torch.no_grad():
        joined = network.pairs(frames, pairs)
        for b in range(2):
            for p, (target, source) in enumerate(pairs):
                alone = network(frames[b : b + 1, target], frames[b : b + 1, source])
                here = slice(b * 3 + p, b * 3 + p + 1)
                torch.testing.assert_close(joined.flow[here], alone.flow, rtol=1e-4, atol=1e-4)
                torch.testing.assert_close(joined.visibility[here], alone.visibility, rtol=1e-4, atol=1e-5)
                torch.testing.assert_close(joined.levels[4][here], alone.levels[4], rtol=1e-4, atol=1e-5)


def test_each_frame_passes_the_pyramid_once_whatever_the_number_of_pairs(textures: Textures) -> None:
    network = MaskFlowNet(width=NARROW)
    batches = []
    network.pyramid.register_forward_pre_hook(lambda _, arguments: batches.append(arguments[0].shape[0]))
    network.pairs(textures(2, 3, 3, 64, 64), ((1, 0), (1, 2), (0, 1), (2, 1)))
    assert batches == [6]


def test_a_constant_color_on_all_frames_changes_nothing(textures: Textures, stirred: Stirred) -> None:
    network = stirred(MaskFlowNet(width=NARROW))
    target, source = textures(1, 3, 64, 64), textures(1, 3, 64, 64, seed=1)
    color = torch.tensor([0.3, -0.1, 0.2]).reshape(1, 3, 1, 1)
    plain, colored = network(target, source), network(target + color, source + color)
    torch.testing.assert_close(plain.flow, colored.flow, rtol=1e-3, atol=1e-3)


def test_moving_both_images_moves_the_flow_along(textures: Textures, stirred: Stirred) -> None:
    # By the coarsest stride, far from the borders whose zero padding the network sees: its receptive
    # field is wider than any test picture, so a narrow patch on an even background is moved.
    network = stirred(MaskFlowNet(matching="warp", width=NARROW)).eval()
    target, source = torch.full((1, 3, 64, 1024), 0.5), torch.full((1, 3, 64, 1024), 0.5)
    target[..., 448:512], source[..., 448:512] = textures(1, 3, 64, 64), textures(1, 3, 64, 64, seed=1)
    with torch.no_grad():
        still = network(target, source).flow
        moved = network(target.roll(64, -1), source.roll(64, -1)).flow
    middle = slice(416, 544)
    difference = (moved.roll(-64, -1) - still)[..., middle].abs().max()
    assert still[..., middle].std() > 1e-2
    assert difference < 0.02 * still[..., middle].std()


@pytest.mark.parametrize("normalized", [False, True])
def test_normalized_costs_reach_both_stages(
    normalized: bool, monkeypatch: pytest.MonkeyPatch, textures: Textures
) -> None:
    calls = []

    def spy(target: Tensor, source: Tensor, *, search_radius: int, normalized: bool) -> Tensor:
        calls.append((search_radius, normalized))
        return target.new_zeros(target.shape[0], (2 * search_radius + 1) ** 2, *target.shape[-2:])

    monkeypatch.setattr("triptych.networks.flow.matching_cost", spy)
    monkeypatch.setattr("triptych.networks.cascade.matching_cost", spy)
    network = MaskFlowNet(width=NARROW, cascade=True, normalized_costs=normalized)
    network(textures(1, 3, 64, 64), textures(1, 3, 64, 64, seed=1))
    assert calls == [(4, normalized)] * 5 + [(2, normalized)] * 10


@pytest.mark.parametrize("cascade", [False, True])
def test_two_runs_and_two_builds_of_one_seed_agree_exactly(cascade: bool, textures: Textures) -> None:
    images = textures(1, 3, 64, 64), textures(1, 3, 64, 64, seed=1)
    flows = []
    for _ in range(2):
        torch.manual_seed(5)
        network = MaskFlowNet(width=NARROW, cascade=cascade)
        flows += [network(*images).flow, network(*images).flow]
    assert all(torch.equal(flow, flows[0]) for flow in flows)


def test_the_second_stage_sees_the_warped_source_and_the_mask_in_its_own_pyramid(textures: Textures) -> None:
    network = MaskFlowNet(width=NARROW, cascade=True)
    refinement = network.refinement
    assert refinement is not None
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.startswith("refinement") and ("flow_heads" in name or "context.head" in name):
                parameter.zero_()
        network.flow_heads["6"].convolution.bias.copy_(torch.tensor([0.2, 0.0]))  # 4 px
        network.mask_heads["3"].convolution.weight.zero_()
        network.mask_heads["3"].convolution.bias.fill_(math.log(3.0))  # sigmoid 0.75
    seen = []
    refinement.pyramid.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    source = textures(1, 3, 64, 128)
    target = source.roll(-4, -1)
    network(target, source)
    unwarped, rewarped = seen[0]
    torch.testing.assert_close(rewarped[:3, :, :-4], unwarped[:3, :, :-4], atol=1e-5, rtol=0)
    assert bool((unwarped[3] == 0).all())
    torch.testing.assert_close(rewarped[3], torch.full((64, 128), 0.25))


def test_the_second_stage_warps_by_its_refined_flow_in_pixels_of_each_level(textures: Textures) -> None:
    network = MaskFlowNet(width=NARROW, cascade=True)
    refinement = network.refinement
    assert refinement is not None
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "flow_heads" in name or "context.head" in name:
                parameter.zero_()
        network.flow_heads["6"].convolution.bias.fill_(0.8)  # 16 px
        refinement.flow_heads["5"].convolution.bias.fill_(0.4)  # 8 px more from level 4 on
    seen = []
    for warp in refinement.warps.values():
        warp.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[1].mean().item()))
    network(textures(1, 3, 64, 64), textures(1, 3, 64, 64, seed=1))
    assert seen == pytest.approx([16 / 64, 16 / 32, 24 / 16, 24 / 8, 24 / 4])


def test_the_second_stage_matches_features_of_target_and_source_at_every_level(
    monkeypatch: pytest.MonkeyPatch, textures: Textures
) -> None:
    # The released original compares the target's second pyramid with itself at levels 2 and 3.
    network = MaskFlowNet(width=NARROW, cascade=True)
    compared = []

    def spy(target: Tensor, source: Tensor, *, search_radius: int, normalized: bool) -> Tensor:
        compared.append((target.shape[-1], (target - source).abs().max().item() > 1e-4))
        return target.new_zeros(target.shape[0], (2 * search_radius + 1) ** 2, *target.shape[-2:])

    monkeypatch.setattr("triptych.networks.cascade.matching_cost", spy)
    network(textures(1, 3, 64, 64), textures(1, 3, 64, 64, seed=1))
    assert compared == [(width, True) for width in (1, 1, 2, 2, 4, 4, 8, 8, 16, 16)]


@pytest.mark.slow
def test_with_normalized_costs_a_narrow_network_learns_to_follow_a_shift_in_120_steps(
    textures: Textures,
) -> None:
    torch.manual_seed(0)
    network = MaskFlowNet(width=NARROW, normalized_costs=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    errors = []
    for step in range(120):
        shifts = torch.randint(-6, 7, (4,))
        image = nn.functional.avg_pool2d(textures(4, 3, 66, 194, seed=step), 3, stride=1)
        source = image[..., 32:160]
        target = torch.stack([image[i, ..., 32 + int(s) : 160 + int(s)] for i, s in enumerate(shifts)])
        truth = torch.stack((shifts, torch.zeros(4)), dim=1)[..., None, None]
        error = (network(target, source).flow - truth).norm(dim=1).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    # Standing still is an error of 42 / 13 = 3.2 px on average.
    assert sum(errors[-20:]) / 20 < 1.5


def test_under_autocast_the_flow_is_in_single_precision(textures: Textures) -> None:
    network = MaskFlowNet(width=NARROW, cascade=True)
    images = textures(1, 3, 64, 64), textures(1, 3, 64, 64, seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        estimate = network(*images)
        estimate.flow.mean().backward()
    assert estimate.flow.dtype == torch.float32
    torch.testing.assert_close(estimate.flow, network(*images).flow, atol=0.5, rtol=0)


def test_an_unknown_matching_and_an_impossible_width_are_refused() -> None:
    unchecked = inspect.unwrap(MaskFlowNet.__init__)  # the tests' own check of types would come first
    with pytest.raises(ValueError, match=r"matching must be one of .*, got 'sharp'"):
        unchecked(MaskFlowNet.__new__(MaskFlowNet), matching="sharp")
    with pytest.raises(ValueError, match="width"):
        MaskFlowNet(width=0.0)


@pytest.mark.parametrize("cascade", [False, True])
def test_a_narrower_decoder_leaves_the_pyramid_as_it_is_and_still_gives_flow(*, cascade: bool) -> None:
    wide = MaskFlowNet(width=0.5, cascade=cascade)
    narrow = MaskFlowNet(width=0.5, decoder_width=0.25, cascade=cascade)

    def count(module: nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    assert count(narrow.pyramid) == count(wide.pyramid)
    assert count(narrow.blocks) < 0.5 * count(wide.blocks)
    frames = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    assert narrow(*frames).flow.shape == (1, 2, 64, 64)
