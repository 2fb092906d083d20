"""Batches in parts, and the mean of their losses."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from triptych.data.read_snippets import ReadSnippet
from triptych.training.batches import in_float32, in_parts, mean_terms, on_device
from triptych.types import FlowEstimate, LossTerms, Snippet, SnippetEstimate, Teaching


def snippet(count: int, *, taught: bool = True) -> Snippet:
    frames = torch.arange(count * 3 * 3 * 2 * 4).float().view(count, 3, 3, 2, 4)
    teaching = Teaching(
        flow=torch.zeros(count, 2, 2, 2, 4),
        flow_trust=torch.ones(count, 2, 1, 2, 4),
        source_from_target=torch.eye(4).expand(count, 2, 4, 4),
        motion_trust=torch.arange(count * 2).float().view(count, 2),
        inverse_depth=torch.ones(count, 1, 2, 4),
        depth_trust=torch.ones(count, 1, 2, 4),
    )
    return Snippet(
        frames, frames + 0.5, torch.eye(3).expand(count, 3, 3), torch.arange(count), teaching if taught else None
    )


def terms(value: float) -> LossTerms:
    scalar = torch.tensor(value)
    return LossTerms(scalar, {"a": 2 * scalar}, {"gate": scalar / 10}, {"flow": scalar / 100})


@pytest.mark.parametrize("taught", [True, False])
def test_the_parts_of_a_batch_are_its_snippets_in_order(taught: bool) -> None:
    whole = snippet(4, taught=taught)
    first, second = in_parts(whole, 2)
    assert first.index.tolist() == [0, 1]
    assert second.index.tolist() == [2, 3]
    assert torch.equal(torch.cat((first.frames, second.frames)), whole.frames)
    if taught:
        assert second.teaching.motion_trust.tolist() == [[4.0, 5.0], [6.0, 7.0]]
    else:
        assert first.teaching is None


def test_a_batch_that_cannot_be_cut_evenly_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 3 cannot be cut into 2 equal parts"):
        in_parts(snippet(3), 2)


def test_the_mean_of_losses_is_that_of_each_of_their_parts() -> None:
    mean = mean_terms([terms(1.0), terms(4.0)])
    assert mean.total.item() == pytest.approx(2.5)
    assert mean.terms["a"].item() == pytest.approx(5.0)
    assert mean.shares["gate"].item() == pytest.approx(0.25)
    assert mean.signs["flow"].item() == pytest.approx(0.025)
    with pytest.raises(ValueError, match="no losses"):
        mean_terms([])


def test_a_record_moves_with_all_that_it_holds() -> None:
    moved = on_device(snippet(2), torch.device("meta"))
    assert moved.frames.device.type == moved.teaching.flow.device.type == "meta"
    assert on_device(None, torch.device("meta")) is None


def test_what_autocast_narrowed_is_widened_and_all_else_stays() -> None:
    estimate = SnippetEstimate(
        disparity=(torch.ones(1, 1, 2, 2, dtype=torch.bfloat16), torch.ones(1, 1, 1, 1, dtype=torch.float64)),
        flow_target_to_source=FlowEstimate(torch.ones(2, 2, 2, 2).half(), torch.ones(2, 1, 2, 2)),
    )
    wide = in_float32(estimate)
    assert [level.dtype for level in wide.disparity] == [torch.float32, torch.float64]
    assert wide.flow_target_to_source.flow.dtype == torch.float32
    assert wide.flow_target_to_source.visibility is estimate.flow_target_to_source.visibility
    assert wide.source_from_target is None


def test_a_batch_is_pinned_with_all_that_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[tuple[int, ...]] = []

    def pin(tensor: Tensor) -> Tensor:
        pinned.append(tuple(tensor.shape))
        return tensor.clone()

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    frames = torch.rand(2, 3, 3, 4, 6)
    batch = ReadSnippet(frames, frames, torch.eye(3).expand(2, 3, 3), torch.arange(2), damaged=("one",))
    again = batch.pin_memory()
    assert isinstance(again, ReadSnippet)
    assert again.damaged == ("one",)
    assert torch.equal(again.frames, frames)
    assert len(pinned) == 4
