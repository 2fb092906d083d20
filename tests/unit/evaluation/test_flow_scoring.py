"""Flow scored as KITTI does, against an oracle of loops."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from triptych.data.truth.kitti_flow import kitti_flow_truth
from triptych.data.truth.source import FlowSource
from triptych.errors import InputError
from triptych.evaluation.flow import CLASSICAL, OVERLAP_NOTE, ZERO, FlowScorer
from triptych.evaluation.predictions import PredictedMap, PredictedMaps, predicted_maps
from triptych.types import FlowTruth

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "flow"


def source_of(*truths: FlowTruth) -> FlowSource:
    return FlowSource(tuple(truth.name for truth in truths), lambda index: truths[index], Path("truth"))


def prediction_of(*flows: torch.Tensor, rows: tuple[float, float] | None = None) -> PredictedMaps:
    names = tuple(f"{index:06d}" for index in range(len(flows)))
    return PredictedMaps(
        names, lambda index: PredictedMap(flows[index], Path(f"p/{names[index]}.flo")), Path("p"), rows
    )


def random_truth(index: int, size: tuple[int, int]) -> FlowTruth:
    generator = torch.Generator().manual_seed(index)
    valid = torch.rand(size, generator=generator) < 0.5
    flow = 40 * torch.randn(2, *size, generator=generator)
    return FlowTruth(
        f"{index:06d}",
        torch.where(valid, flow, 0.0),
        valid,
        Path(f"truth/{index:06d}.png"),
        visible=valid & (torch.rand(size, generator=generator) < 0.8),
        moving=torch.rand(size, generator=generator) < 0.2,
    )


def oracle(truths: list[FlowTruth], flows: list[torch.Tensor]) -> dict[str, float]:
    per_image: dict[str, list[float]] = {}
    outliers = pixels = seen_outliers = seen_pixels = 0
    for truth, flow in zip(truths, flows, strict=True):
        groups: dict[str, list[float]] = {}
        wrong = known = 0
        for row, column in np.argwhere(truth.valid.numpy()):
            goal = [float(value) for value in truth.flow[:, row, column]]
            guess = [float(value) for value in flow[:, row, column]]
            error = math.hypot(guess[0] - goal[0], guess[1] - goal[1])
            known += 1
            is_wrong = error > 3 and error > 0.05 * math.hypot(*goal)
            wrong += is_wrong
            seen_outliers += is_wrong and bool(truth.visible[row, column])
            seen_pixels += bool(truth.visible[row, column])
            seen, moves = bool(truth.visible[row, column]), bool(truth.moving[row, column])
            for name in ("epe_all", "epe_noc" if seen else "epe_occ", "epe_moving" if moves else "epe_static"):
                groups.setdefault(name, []).append(error)
        for name, errors in groups.items():
            per_image.setdefault(name, []).append(sum(errors) / len(errors))
        per_image.setdefault("fl_all_per_image", []).append(100 * wrong / known)
        outliers, pixels = outliers + wrong, pixels + known
    means = {name: sum(values) / len(values) for name, values in per_image.items()}
    return means | {
        "fl_all_pooled": 100 * outliers / pixels,
        "fl_noc_pooled": 100 * seen_outliers / seen_pixels,
        "images": len(truths),
    }


def test_every_figure_is_that_of_the_oracle() -> None:
    truths = [random_truth(index, size) for index, size in enumerate([(9, 20), (12, 17), (5, 5)])]
    generator = torch.Generator().manual_seed(9)
    flows = [truth.flow + 3 * torch.randn(truth.flow.shape, generator=generator) for truth in truths]
    found = FlowScorer(prediction_of(*flows), source_of(*truths), "plain", "made").report().result.metrics
    expected = oracle(truths, flows)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name
    assert found["fl_all_pooled"] != pytest.approx(found["fl_all_per_image"], rel=1e-3)


def test_flow_of_another_size_is_resized_and_its_vectors_with_it() -> None:
    valid = torch.ones(8, 30, dtype=torch.bool)
    truth = FlowTruth("000000", torch.tensor([3.0, -2.0])[:, None, None].expand(2, 8, 30), valid, Path("t"))
    small = torch.tensor([1.0, -1.0])[:, None, None].expand(2, 4, 10)  # a third as wide, half as high
    result = FlowScorer(prediction_of(small), source_of(truth), "plain", "made").report().result
    assert result.metrics["epe_all"] == pytest.approx(0, abs=1e-6)
    assert result.baselines[ZERO]["epe_all"] == pytest.approx(math.hypot(3, 2))


def test_a_truth_without_masks_has_no_figure_for_hidden_pixels() -> None:
    valid = torch.ones(2, 2, dtype=torch.bool)
    truth = FlowTruth("000000", torch.zeros(2, 2, 2), valid, Path("t"))
    metrics = FlowScorer(prediction_of(torch.ones(2, 2, 2)), source_of(truth), "plain", "made").report().result.metrics
    assert math.isnan(metrics["epe_noc"])
    assert math.isnan(metrics["epe_occ"])
    assert metrics["epe_all"] == pytest.approx(math.sqrt(2))


def test_flow_that_is_unknown_where_there_is_truth_is_refused_by_name() -> None:
    truth = random_truth(0, (6, 7))
    flow = truth.flow.clone()
    flow[0][truth.valid] = torch.nan
    with pytest.raises(InputError, match=rf"p/000000.flo: says nothing of {int(truth.valid.sum())} of"):
        FlowScorer(prediction_of(flow), source_of(truth), "plain", "made").report()


def test_rows_that_were_cut_off_are_refused_only_where_they_have_a_truth() -> None:
    valid = torch.zeros(8, 6, dtype=torch.bool)
    valid[:6] = True
    flow = torch.ones(2, 8, 6)
    truth = FlowTruth("000000", flow, valid, Path("t"))
    cut = prediction_of(torch.ones(2, 6, 6), rows=(0.0, 0.75))
    assert FlowScorer(cut, source_of(truth), "plain", "made").report().result.metrics["epe_all"] == 0
    valid[7, 0] = True
    with pytest.raises(InputError, match="says nothing of 1 of 37"):
        FlowScorer(cut, source_of(truth), "plain", "made").report()


def test_a_truth_without_a_pixel_is_refused_by_name() -> None:
    truth = FlowTruth("000000", torch.zeros(2, 2, 2), torch.zeros(2, 2, dtype=torch.bool), Path("t/000000.png"))
    with pytest.raises(InputError, match=r"t/000000.png: knows the flow of no pixel"):
        FlowScorer(prediction_of(torch.ones(2, 2, 2)), source_of(truth), "plain", "made").report()


def test_the_classical_baseline_reads_the_images_as_rgb(tmp_path: Path) -> None:
    # A pattern in red alone slides by 4 px; taken for blue it weighs less, and the flow changes.
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 1, 14, 26, generator=generator)
    scene = torch.nn.functional.interpolate(coarse, (112, 208), mode="bicubic").clamp(0, 1)[0, 0]
    files = (tmp_path / "a.png", tmp_path / "b.png")
    for file, shift in zip(files, (0, 4), strict=True):
        red = (255 * scene[:, 40 - shift : 200 - shift]).to(torch.uint8).numpy()
        Image.fromarray(np.stack((red, np.zeros_like(red), np.zeros_like(red)), axis=-1)).save(file)
    valid = torch.zeros(112, 160, dtype=torch.bool)
    valid[20:92, 20:140] = True
    truth = FlowTruth(
        "000000", torch.tensor([4.0, 0.0])[:, None, None].expand(2, 112, 160), valid, Path("t"), images=files
    )
    result = FlowScorer(prediction_of(truth.flow), source_of(truth), "kitti2015", "made").report().result
    assert result.baselines[CLASSICAL]["epe_all"] < 0.5
    assert result.baselines[ZERO]["epe_all"] == pytest.approx(4.0)
    assert OVERLAP_NOTE not in result.notes  # the split is made up
    benchmark = FlowScorer(prediction_of(truth.flow), source_of(truth), "kitti2015", "kitti2015, 1 of 200 pairs")
    assert OVERLAP_NOTE in benchmark.report().result.notes


def test_a_classical_baseline_over_some_of_the_pairs_is_none(tmp_path: Path) -> None:
    files = (tmp_path / "a.png", tmp_path / "b.png")
    for file in files:
        Image.fromarray(np.zeros((9, 20, 3), np.uint8)).save(file)
    with_images = replace(random_truth(0, (9, 20)), images=files)
    without = random_truth(1, (9, 20))
    result = (
        FlowScorer(prediction_of(with_images.flow, without.flow), source_of(with_images, without), "plain", "made")
        .report()
        .result
    )
    assert CLASSICAL not in result.baselines
    assert any("images of 1 of 2 pairs" in note for note in result.notes)


def test_images_of_another_size_than_the_truth_are_refused(tmp_path: Path) -> None:
    files = (tmp_path / "a.png", tmp_path / "b.png")
    for file in files:
        Image.fromarray(np.zeros((18, 40, 3), np.uint8)).save(file)
    truth = replace(random_truth(0, (9, 20)), images=files)
    with pytest.raises(InputError, match=r"a\.png: differs in size"):
        FlowScorer(prediction_of(truth.flow), source_of(truth), "plain", "made").report()


def test_outliers_of_kitti_2012_are_off_by_three_pixels_whatever_the_length() -> None:
    valid = torch.ones(1, 4, dtype=torch.bool)
    visible = torch.tensor([[True, True, True, False]])
    flow = torch.zeros(2, 1, 4)
    flow[0] = 200.0
    truth = FlowTruth("000000", flow, valid, Path("t"), visible=visible)
    predicted = flow + torch.tensor([4.0, 0.0, 2.9, 5.0]).view(1, 1, 4) * torch.tensor([1.0, 0.0]).view(2, 1, 1)
    metrics = FlowScorer(prediction_of(predicted), source_of(truth), "kitti2012", "made").report().result.metrics
    assert metrics["out_all"] == 50.0
    assert metrics["out_noc"] == pytest.approx(100 / 3)
    assert metrics["fl_all_pooled"] == 0.0  # 5 % of 200 px are 10 px


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the checkout")
def test_a_real_pair_is_scored_for_lucas_kanade_dis_and_zero_flow() -> None:
    scorer = FlowScorer(
        predicted_maps(REAL / "kitti2012" / "predictions", "flow"),
        kitti_flow_truth(REAL / "kitti2012"),
        "kitti2012",
        "000157",
    )
    result = scorer.report().result
    assert result.metrics["out_noc"] == pytest.approx(34.05, abs=5e-3)  # the golden value
    assert result.metrics["epe_noc"] == pytest.approx(2.7504, abs=1e-4)  # the golden value
    assert result.baselines[ZERO]["epe_all"] == pytest.approx(2.84, abs=5e-3)
    assert result.baselines[CLASSICAL]["epe_all"] < 0.3
