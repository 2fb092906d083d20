"""Masks, and depth on what moves, scored on worlds small enough to count by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from triptych.data.truth.source import DepthSource, FlowSource
from triptych.errors import InputError
from triptych.evaluation.masks import EVERYWHERE, MaskScorer
from triptych.evaluation.predictions import PredictedMap, PredictedMaps
from triptych.types import DepthTruth, FlowTruth

NAME = "000000_10"


def maps_of(values: torch.Tensor) -> PredictedMaps:
    return PredictedMaps((NAME,), lambda _: PredictedMap(values[None], Path(f"p/{NAME}.png")), Path("p"))


def flags(*values: int) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.bool)


def scorer(*, visible: torch.Tensor | None = None, moving: torch.Tensor | None = None) -> MaskScorer:
    """Of a picture of one row of eight pixels, the last of which has no truth."""
    valid = flags(1, 1, 1, 1, 1, 1, 1, 0)
    truth = FlowTruth(NAME, torch.zeros(2, 1, 8), valid, Path(f"t/{NAME}.png"), visible, moving)
    return MaskScorer(
        visibility=None,
        motion=None,
        depth=None,
        truth=FlowSource((NAME,), lambda _: truth, Path("t")),
        depth_truth=None,
        split="made",
    )


def depth_source(*values: float) -> DepthSource:
    truth = DepthTruth(NAME, torch.tensor([values]), Path(f"t/{NAME}.png"))
    return DepthSource((NAME,), lambda _: truth, Path("t"))


def test_what_is_hidden_is_known_where_flow_is_known_but_not_visible() -> None:
    visibility = torch.tensor([[0.1, 0.4, 0.6, 0.9, 0.2, 0.8, 0.9, 0.0]])
    base = scorer(visible=flags(0, 0, 0, 1, 1, 1, 1, 0))
    result = replace(base, visibility=maps_of(visibility)).report()
    # hidden: pixels 0 to 2; claimed: 0, 1 and 4 (the last one has no truth): two hits of three
    assert result.metrics["occlusion_f1"] == pytest.approx(2 / 3)
    # of the 12 pairs of a hidden and a seen pixel, those in order: 4, 3 (0.4 against 0.2) and 3 (0.6 against 0.2)
    assert result.metrics["occlusion_auc"] == pytest.approx((4 + 3 + 3) / 12)
    assert result.baselines[EVERYWHERE]["occlusion_f1"] == pytest.approx(2 * 3 / (7 + 3))
    assert result.baselines[EVERYWHERE]["occlusion_auc"] == 0.5
    assert "motion_f1" not in result.metrics


def test_what_moves_is_scored_where_flow_is_known() -> None:
    base = scorer(moving=flags(1, 1, 0, 0, 0, 0, 0, 1))
    result = replace(base, motion=maps_of(flags(1, 0, 1, 0, 0, 0, 0, 0).float())).report()
    assert result.metrics["motion_f1"] == pytest.approx(1 / 2)
    assert result.protocol.settings["scored"] == "motion"


def test_depth_on_what_moves_is_told_apart_after_one_scale_for_the_image() -> None:
    base = scorer(moving=flags(1, 1, 0, 0, 0, 0, 0, 0))
    predicted = torch.tensor([[60.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0]])
    truth = depth_source(10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 0.0, 0.0)
    result = replace(base, depth=maps_of(predicted), depth_truth=truth).report()
    # median scale 2: the first moving pixel is at 80 m (the cap) instead of 10 m, a hole
    assert result.metrics["moving_hole_rate"] == pytest.approx(1 / 2)
    assert result.metrics["moving_abs_rel"] == pytest.approx(7 / 2)
    assert result.metrics["static_abs_rel"] == pytest.approx(0)
    assert result.baselines[EVERYWHERE]["moving_abs_rel"] == pytest.approx(0)


def test_what_is_too_deep_is_a_hole_also_beyond_the_cap() -> None:
    base = scorer(moving=flags(1, 0, 0, 0, 0, 0, 0, 0))
    truth = depth_source(50.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0)
    predicted = torch.tensor([[5000.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0]])
    result = replace(base, depth=maps_of(predicted), depth_truth=truth).report()
    assert result.metrics["moving_hole_rate"] == 1
    assert result.metrics["moving_abs_rel"] == pytest.approx(30 / 50)  # clamped to 80 m


def test_depth_without_a_scale_is_refused() -> None:
    base = scorer(moving=flags(1, 0, 0, 0, 0, 0, 0, 0))
    endless = replace(base, depth=maps_of(torch.full((1, 8), torch.inf)), depth_truth=depth_source(*[10.0] * 8))
    with pytest.raises(InputError, match="infinitely far"):
        endless.report()


def test_rows_without_a_prediction_of_depth_are_left_out() -> None:
    moving = torch.zeros(4, 8, dtype=torch.bool)
    moving[0, 0] = moving[3, 0] = True
    truth = FlowTruth(NAME, torch.zeros(2, 4, 8), torch.ones(4, 8, dtype=torch.bool), Path("t"), None, moving)
    depth = torch.full((4, 8), 10.0)
    maps = PredictedMaps((NAME,), lambda _: PredictedMap(torch.ones(1, 2, 8), Path("p")), Path("p"), (0.0, 0.5))
    found = MaskScorer(
        visibility=None,
        motion=None,
        depth=maps,
        truth=FlowSource((NAME,), lambda _: truth, Path("t")),
        depth_truth=DepthSource((NAME,), lambda _: DepthTruth(NAME, depth, Path("t")), Path("t")),
        split="made",
    ).report()
    assert found.metrics["static_abs_rel"] == 0
    assert found.metrics["moving_abs_rel"] == 0


def test_a_mask_is_claimed_above_a_half_only() -> None:
    base = scorer(moving=flags(1, 0, 0, 0, 0, 0, 0, 0))
    result = replace(base, motion=maps_of(torch.full((1, 8), 0.5))).report()
    assert result.metrics["motion_f1"] == 0


def test_maps_that_were_matched_by_order_are_told() -> None:
    base = scorer(moving=flags(1, 0, 0, 0, 0, 0, 0, 0))
    other = PredictedMaps(("x",), lambda _: PredictedMap(torch.ones(1, 1, 8), Path("p/x.png")), Path("p"))
    assert any("by their order" in note for note in replace(base, motion=other).report().notes)


def test_images_with_nothing_to_find_do_not_count() -> None:
    base = scorer(visible=flags(1, 1, 1, 1, 1, 1, 1, 0))
    result = replace(base, visibility=maps_of(torch.ones(1, 8))).report()
    assert math.isnan(result.metrics["occlusion_f1"])


def test_without_anything_to_score_it_is_refused() -> None:
    base = scorer()
    with pytest.raises(InputError, match="nothing to score"):
        replace(base, visibility=maps_of(torch.ones(1, 8))).report()
    with pytest.raises(InputError, match="nothing to score"):
        scorer(visible=flags(1, 1, 1, 1, 1, 1, 1, 0)).report()


def test_depth_that_cannot_be_is_refused_by_name() -> None:
    base = scorer(moving=flags(1, 1, 0, 0, 0, 0, 0, 0))
    bad = replace(base, depth=maps_of(torch.zeros(1, 8)), depth_truth=depth_source(*[10.0] * 8))
    with pytest.raises(InputError, match=rf"p/{NAME}.png: depth must be dense and above 0"):
        bad.report()
    far = replace(base, depth=maps_of(torch.ones(1, 8)), depth_truth=depth_source(*[1e4] * 8))
    with pytest.raises(InputError, match=rf"t/{NAME}.png: has no depth below 80 m"):
        far.report()
    other = DepthSource((NAME,), lambda _: DepthTruth(NAME, torch.ones(2, 8), Path("t")), Path("t"))
    with pytest.raises(InputError, match="differs in size"):
        replace(base, depth=maps_of(torch.ones(1, 8)), depth_truth=other).report()


def test_a_mask_of_another_size_is_resized() -> None:
    base = scorer(visible=flags(0, 0, 0, 0, 1, 1, 1, 0))
    result = replace(base, visibility=maps_of(torch.tensor([[0.0, 1.0]]))).report()
    assert result.metrics["occlusion_f1"] == 1
