"""The second run of the flow network: the same windows whenever and wherever, within the frames, all over them."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.unit.training.gradients_of_two import batch, networks
from tests.unit.training.small_training import NO_TEACHER, Losses, loop, settings

from triptych.losses.crop_agreement import Window, enlarged
from triptych.training.batches import in_parts
from triptych.training.checkpoint import load_checkpoint
from triptych.training.window_pass import LARGEST_SHARE, LEAST_SHARE, random_windows, window_flow

SIZE = {"height": 128, "width": 384}


def numbers(window: Window) -> torch.Tensor:
    return torch.stack((window.share, window.left, window.top))


def test_a_window_goes_by_its_snippet_and_the_place_in_the_stage_alone() -> None:
    index = torch.tensor([3, 700, 12])
    whole = numbers(random_windows(index, fraction=0.25, **SIZE))
    torch.manual_seed(99)
    assert torch.equal(whole, numbers(random_windows(index, fraction=0.25, **SIZE)))
    for place in range(3):
        alone = numbers(random_windows(index[place : place + 1], fraction=0.25, **SIZE))
        assert torch.equal(whole[:, place : place + 1], alone)
    later = numbers(random_windows(index, fraction=0.25 + 1e-6, **SIZE))
    assert bool((later != whole).all())


def test_no_random_number_of_the_process_is_drawn() -> None:
    before = torch.get_rng_state()
    random_windows(torch.arange(5), fraction=0.5, **SIZE)
    assert torch.equal(torch.get_rng_state(), before)


def test_windows_lie_in_the_frame_and_are_spread_evenly_and_apart_from_one_another() -> None:
    window = random_windows(torch.arange(4000), fraction=0.4, **SIZE, dtype=torch.float64)
    assert window.share.min() >= LEAST_SHARE
    assert window.share.max() < LARGEST_SHARE
    rooms = ((1 - window.share) * SIZE["width"], (1 - window.share) * SIZE["height"])
    across, down = window.left / rooms[0], window.top / rooms[1]
    share = (window.share - LEAST_SHARE) / (LARGEST_SHARE - LEAST_SHARE)
    draws = torch.stack((share, across, down))
    assert draws.min() >= 0
    assert draws.max() < 1
    # Of even numbers in [0, 1): tenths of 400 +- 19 each, correlations of 0 +- 0.016.
    for draw in draws:
        assert torch.histc(draw, 10, min=0, max=1).sub(400).abs().max() < 90
    assert (draws.corrcoef() - torch.eye(3)).abs().max() < 0.06
    for draw in draws:
        assert torch.stack((draw[:-1], draw[1:])).corrcoef()[0, 1].abs() < 0.06
    following = random_windows(torch.arange(4000), fraction=0.4002, **SIZE, dtype=torch.float64)
    assert torch.stack((window.share, following.share)).corrcoef()[0, 1].abs() < 0.06


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_both_ends_of_a_stage_have_windows(fraction: float) -> None:
    window = random_windows(torch.tensor([0, 2**40]), fraction=fraction, **SIZE)
    assert bool(((window.share >= LEAST_SHARE) & (window.share <= LARGEST_SHARE)).all())


def test_the_network_is_shown_the_same_window_of_all_frames_as_they_are_jittered() -> None:
    model, given = networks(), batch()
    snippet = replace(given, jittered=given.frames.flip(-1))
    found = window_flow(model, snippet, fraction=0.3, autocast=nullcontext)
    cut = torch.stack([enlarged(frame, found.window) for frame in snippet.jittered.unbind(1)], dim=1)
    expected = model.flow.pairs(cut, ((1, 0), (1, 2))).flow
    torch.testing.assert_close(found.flow, expected)
    assert found.flow.requires_grad
    found.flow.square().sum().backward()
    assert any(parameter.grad is not None for parameter in model.flow.parameters())
    assert all(parameter.grad is None for part in (model.depth, model.pose) for parameter in part.parameters())


def test_the_parts_of_a_batch_see_the_windows_of_the_batch() -> None:
    snippet, model = batch(), networks()
    whole = window_flow(model, snippet, fraction=0.3, autocast=nullcontext)
    parts = [window_flow(model, part, fraction=0.3, autocast=nullcontext) for part in in_parts(snippet, 2)]
    assert torch.equal(numbers(whole.window), torch.cat([numbers(part.window) for part in parts], dim=1))
    torch.testing.assert_close(whole.flow, torch.cat([part.flow for part in parts]), rtol=1e-3, atol=1e-4)


def test_the_flow_of_a_window_is_in_single_precision_also_where_the_network_is_not() -> None:
    found = window_flow(networks(), batch(), fraction=0.3, autocast=lambda: torch.autocast("cpu", torch.bfloat16))
    assert found.flow.dtype == found.window.share.dtype == torch.float32


def test_a_training_with_windows_and_depth_of_the_sources_goes_on_to_the_bit(tmp_path: Path) -> None:
    chosen = settings(
        stages=["joint"],
        steps=4,
        losses={"flow_augmentation": 0.05, "depth_consistency": 0.5},
        training={"joint": NO_TEACHER},
    )
    whole_log, whole = Losses(), loop(tmp_path / "whole", chosen)
    assert whole.run([whole_log])
    first_log, first = Losses(), loop(tmp_path / "parts", chosen)
    assert not first.run([first_log], stop_requested=lambda: len(first_log.reports) == 2)
    second_log, second = Losses(), loop(tmp_path / "parts", chosen)
    second.restore(load_checkpoint(tmp_path / "parts" / "checkpoints" / "last.ckpt"))
    assert second.run([second_log])
    parts = first_log.reports + second_log.reports
    assert {"flow_augmentation", "geometric_consistency"} <= set(parts[0].terms)
    assert [report.terms for report in parts] == [report.terms for report in whole_log.reports]
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name
