"""Depth scored as the protocols say, against an oracle of loops."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.data.truth.source import DepthSource
from triptych.errors import InputError
from triptych.evaluation.depth import CONSTANT, MEAN_MAP, DepthScorer
from triptych.evaluation.depth_protocols import PROTOCOLS, DepthProtocol
from triptych.evaluation.predictions import PredictedMap, PredictedMaps
from triptych.types import DepthTruth

KITTI_SIZES = [(375, 1242), (370, 1224), (374, 1238), (376, 1241)]
PLAIN = PROTOCOLS["plain"]


def truth_of(*maps: torch.Tensor, forward: list[torch.Tensor] | None = None) -> DepthSource:
    names = tuple(f"{index:06d}" for index in range(len(maps)))

    def read(index: int) -> DepthTruth:
        other = None if forward is None else forward[index]
        return DepthTruth(names[index], maps[index], Path(f"truth/{names[index]}.png"), other)

    return DepthSource(names, read, Path("truth"))


def prediction_of(*maps: torch.Tensor, rows: tuple[float, float] | None = None) -> PredictedMaps:
    names = tuple(f"{index:06d}" for index in range(len(maps)))
    return PredictedMaps(
        names,
        lambda index: PredictedMap(maps[index][None], Path(f"prediction/{names[index]}.npz")),
        Path("prediction"),
        rows,
    )


def scored(predicted: torch.Tensor, truth: torch.Tensor, protocol: DepthProtocol = PLAIN, **more: object) -> dict:
    return dict(DepthScorer(prediction_of(predicted), truth_of(truth), protocol, **more).report().result.metrics)


def bilinear_disparity(depth: np.ndarray, row: int, column: int, height: int, width: int) -> float:
    """1 / depth read between the pixels of a smaller map, borders repeated: by the definition."""
    y = min(max((row + 0.5) * depth.shape[0] / height - 0.5, 0.0), depth.shape[0] - 1.0)
    x = min(max((column + 0.5) * depth.shape[1] / width - 0.5, 0.0), depth.shape[1] - 1.0)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, depth.shape[0] - 1), min(left + 1, depth.shape[1] - 1)
    v, u = y - top, x - left
    return (
        (1 - v) * (1 - u) / depth[top, left]
        + (1 - v) * u / depth[top, right]
        + v * (1 - u) / depth[bottom, left]
        + v * u / depth[bottom, right]
    )


def eigen_oracle(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """One image by the protocol of the Eigen split, pixel by pixel."""
    height, width = truth.shape
    guesses, goals = [], []
    for row in range(int(0.40810811 * height), int(0.99189189 * height)):
        for column in np.nonzero(truth[row])[0]:
            if not int(0.03594771 * width) <= column < int(0.96405229 * width):
                continue
            if not 1e-3 < truth[row, column] < 80:
                continue
            guesses.append(1 / bilinear_disparity(predicted, row, int(column), height, width))
            goals.append(float(truth[row, column]))
    scale = float(np.median(goals)) / float(np.median(guesses))
    sums = dict.fromkeys(("abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3"), 0.0)
    for guess, goal in zip(guesses, goals, strict=True):
        depth = min(max(guess * scale, 1e-3), 80.0)
        sums["abs_rel"] += abs(depth - goal) / goal
        sums["sq_rel"] += (depth - goal) ** 2 / goal
        sums["rmse"] += (depth - goal) ** 2
        sums["rmse_log"] += (math.log(depth) - math.log(goal)) ** 2
        for power in (1, 2, 3):
            sums[f"delta{power}"] += max(depth / goal, goal / depth) < 1.25**power
    means = {name: value / len(goals) for name, value in sums.items()}
    return means | {"rmse": math.sqrt(means["rmse"]), "rmse_log": math.sqrt(means["rmse_log"]), "scale_median": scale}


def random_pair(size: tuple[int, int], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    predicted = 0.2 + 8 * torch.rand(48, 160, generator=generator)
    truth = 100 * torch.rand(size, generator=generator)  # some beyond the cap
    sparse = torch.rand(size, generator=generator) < 0.02
    return predicted, torch.where(sparse, truth, 0.0)


@pytest.mark.parametrize("size", KITTI_SIZES)
def test_the_eigen_protocol_is_that_of_the_oracle(size: tuple[int, int]) -> None:
    predicted, truth = random_pair(size, seed=size[0])
    found = scored(predicted, truth, PROTOCOLS["eigen"])
    for name, value in eigen_oracle(predicted.double().numpy(), truth.double().numpy()).items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_figures_are_means_over_images_of_means_over_pixels() -> None:
    pairs = [random_pair(KITTI_SIZES[index], seed=index) for index in range(3)]
    scorer = DepthScorer(
        prediction_of(*(pair[0] for pair in pairs)), truth_of(*(pair[1] for pair in pairs)), PROTOCOLS["eigen"]
    )
    result = scorer.report().result
    single = [eigen_oracle(predicted.double().numpy(), truth.double().numpy()) for predicted, truth in pairs]
    assert result.metrics["abs_rel"] == pytest.approx(np.mean([one["abs_rel"] for one in single]), rel=1e-9)
    scales = np.array([one["scale_median"] for one in single])
    assert result.metrics["scale_median"] == pytest.approx(np.median(scales), rel=1e-9)
    assert result.metrics["scale_std"] == pytest.approx(np.std(scales / np.median(scales)), rel=1e-9)
    assert result.metrics["images"] == 3


def test_depth_is_resized_as_disparity_and_not_as_depth() -> None:
    found = scored(torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 1.5, 2.5, 3.0]]), replace(PLAIN, scaling="none"))
    # a quarter of the way from 1 m to 3 m lies 1.2 m by disparity, 1.5 m by depth; three quarters: 2 m and 2.5 m
    errors = [0.0, (1.5 - 1.2) / 1.5, (2.5 - 2.0) / 2.5, 0.0]
    assert found["abs_rel"] == pytest.approx(np.mean(errors))


def test_only_the_truth_within_the_cap_and_the_crop_counts() -> None:
    truth = torch.zeros(100, 200)
    truth[60, 100] = 10.0
    truth[60, 102] = 80.0  # at the cap: out
    truth[40, 100] = 10.0  # row 40 of 100: the crop begins there
    truth[39, 100] = 99.0
    truth[60, 6] = 99.0  # the crop's columns begin at 7
    predicted = torch.full((100, 200), 10.0)
    predicted[60, 102] = predicted[39, 100] = predicted[60, 6] = 1.0
    eigen = replace(PROTOCOLS["eigen"], scaling="none")
    assert scored(predicted, truth, eigen)["abs_rel"] == 0
    predicted[40, 100] = 20.0
    assert scored(predicted, truth, eigen)["abs_rel"] == pytest.approx(0.5)


def test_the_improved_truth_counts_wherever_it_is_known() -> None:
    truth = torch.zeros(100, 200)
    truth[50, 50] = 5e-4  # nearer than any range, and still truth
    assert scored(
        torch.full((100, 200), 1e-3), truth, replace(PROTOCOLS["eigen_improved"], scaling="none"), any_scale=True
    )["abs_rel"] == pytest.approx(1.0)
    truth[50, 50] = 0.0
    truth[0, 0], truth[99, 199] = 10.0, 90.0
    predicted = torch.full((100, 200), 10.0)
    protocol = replace(PROTOCOLS["eigen_improved"], scaling="none")
    # at 90 m the prediction of 10 m is off by 80
    assert scored(predicted, truth, protocol)["abs_rel"] == pytest.approx((0 + 80 / 90) / 2)
    far = torch.full((100, 200), 500.0)
    assert scored(far, truth, protocol, any_scale=True)["rmse"] == pytest.approx(math.sqrt((70**2 + 10**2) / 2))


def test_both_depths_of_a_laser_scan_are_reported() -> None:
    camera_z = torch.full((40, 60), 10.0)
    scorer = DepthScorer(
        prediction_of(camera_z),
        truth_of(camera_z, forward=[camera_z + 0.5]),
        replace(PROTOCOLS["eigen"], scaling="none"),
    )
    result = scorer.report().result
    assert result.metrics["abs_rel"] == pytest.approx(0.5 / 10.5)
    assert result.variants["camera_z"]["abs_rel"] == 0
    assert result.protocol.settings["ground_truth"] == "LiDAR, forward distance"


def test_make3d_looks_at_the_middle_rows_of_the_lasers_grid() -> None:
    truth = torch.full((55, 305), 300.0)
    truth[17:38] = torch.linspace(2, 69, 305)
    predicted = torch.linspace(2, 69, 305).expand(21, 305) / 7
    found = scored(predicted, truth, PROTOCOLS["make3d"])
    assert found["abs_rel"] == pytest.approx(0, abs=1e-6)
    assert found["scale_median"] == pytest.approx(7)


def test_make3d_resizes_depth_to_the_nearest_and_reports_decades() -> None:
    truth = torch.zeros(55, 305)
    truth[17:38] = 10.0
    predicted = torch.tensor([[1.0, 100.0]])  # bilinear would blend them in the middle
    found = scored(predicted, truth, replace(PROTOCOLS["make3d"], scaling="none", cap_m=1000.0))
    # 153 of 305 columns say 1 m, the others 100 m: each off by one decade
    assert found["rmse_log10"] == pytest.approx(1.0)
    assert found["rmse_log"] == pytest.approx(math.log(10))


def test_cityscapes_is_scored_above_the_bonnet_and_within_its_window() -> None:
    truth = torch.full((1024, 2048), 10.0)
    truth[768:], truth[:256], truth[:, :192], truth[:, 1856:] = 5.0, 5.0, 5.0, 5.0
    predicted = torch.full((192, 512), 2.0)
    found = scored(predicted, truth, PROTOCOLS["cityscapes"])
    assert found["abs_rel"] == pytest.approx(0, abs=1e-12)
    assert found["scale_median"] == pytest.approx(5)


def test_a_cityscapes_prediction_lies_on_the_upper_three_quarters() -> None:
    ramp = torch.linspace(5, 20, 768)[:, None].expand(768, 2048)
    truth = torch.cat((ramp, torch.full((256, 2048), 7.0)))
    assert scored(ramp, truth, PROTOCOLS["cityscapes"])["abs_rel"] == pytest.approx(0, abs=1e-12)
    whole = prediction_of(truth, rows=(0.0, 1.0))
    result = DepthScorer(whole, truth_of(truth), PROTOCOLS["cityscapes"]).report().result
    assert result.metrics["abs_rel"] == pytest.approx(0, abs=1e-12)


def test_a_cityscapes_truth_of_another_size_is_refused() -> None:
    with pytest.raises(InputError, match=r"000000.png.*2048x1024"):
        scored(torch.ones(10, 20), torch.ones(512, 1024), PROTOCOLS["cityscapes"])


def test_disparity_is_turned_into_depth() -> None:
    truth = torch.tensor([[2.0, 4.0, 8.0]])
    assert scored(1 / truth, truth, prediction_of="disparity")["abs_rel"] == pytest.approx(0, abs=1e-12)
    with pytest.raises(InputError, match=r"large where the truth is small \(correlation -1.00\): is it disparity"):
        scored(1 / truth, truth)
    assert scored(1 / truth, truth, any_scale=True)["abs_rel"] > 0.5


def test_maps_of_mirror_images_have_their_place() -> None:
    truth = torch.full((4, 100), 10.0)
    own, mirrored = replace(prediction_of(truth), mirrored=False), replace(prediction_of(truth), mirrored=True)
    with pytest.raises(InputError, match=r"is of mirror images .* name it with --flipped"):
        DepthScorer(mirrored, truth_of(truth), PLAIN).report()
    with pytest.raises(InputError, match="is not of mirror images; predict them with"):
        DepthScorer(own, truth_of(truth), PLAIN, flipped=own).report()
    whole, cut = replace(own, rows=(0.0, 1.0)), replace(mirrored, rows=(0.0, 0.5))
    with pytest.raises(InputError, match="has other rows cut off"):
        DepthScorer(whole, truth_of(truth), PLAIN, flipped=cut).report()
    assert DepthScorer(own, truth_of(truth), PLAIN, flipped=mirrored).report().result.metrics["abs_rel"] == 0


def test_the_flipped_image_is_blended_in_and_named() -> None:
    truth = torch.full((4, 100), 10.0)
    own, mirrored = torch.full((4, 100), 5.0), torch.full((4, 100), 20.0)
    scorer = DepthScorer(
        prediction_of(own), truth_of(truth), replace(PLAIN, scaling="none"), flipped=prediction_of(mirrored)
    )
    _, predicted, _, _ = scorer.compared(0)
    assert predicted[0, 50].item() == pytest.approx(1 / ((1 / 5 + 1 / 20) / 2))  # the mean disparity in the middle
    assert predicted[0, 0].item() == pytest.approx(20.0)  # at the left border the mirror image's alone
    assert predicted[0, 99].item() == pytest.approx(5.0)
    assert scorer.report().result.protocol.settings["post_processing"] == "flipped image blended in"


def test_the_mean_map_never_holds_the_image_that_it_is_scored_on() -> None:
    near, far = torch.full((24, 80), 4.0), torch.full((24, 80), 8.0)
    near[:12] = 2.0
    far[:12] = 16.0
    result = DepthScorer(prediction_of(near, far), truth_of(near, far), PLAIN).report().result
    # the other image's halves, at the median of 3 and 12 m: (4 -> 3*16/12, 2 -> 3*8/12) ...
    expected = []
    for own, other in ((near, far), (far, near)):
        scaled = other * float(np.median(own.numpy()) / np.median(other.numpy()))
        expected.append(float(((scaled - own).abs() / own).mean()))
    assert result.baselines[MEAN_MAP]["abs_rel"] == pytest.approx(np.mean(expected))
    assert result.metrics["abs_rel"] == 0


def test_constant_depth_is_scored_at_the_median() -> None:
    truth = torch.tensor([[2.0, 4.0, 8.0]])
    result = DepthScorer(prediction_of(truth), truth_of(truth), PLAIN).report().result
    assert result.baselines[CONSTANT]["abs_rel"] == pytest.approx((2 / 2 + 0 + 4 / 8) / 3)
    assert MEAN_MAP not in result.baselines  # there is no other image


def test_errors_near_the_edges_of_a_dense_truth_are_told_apart() -> None:
    truth = torch.full((20, 40), 10.0)
    truth[:, 20:] = 20.0
    predicted = truth.clone()
    predicted[:, 19] = 12.0
    found = scored(predicted, truth, replace(PLAIN, scaling="none"))
    assert found["edge_abs_rel"] == pytest.approx(0.2 / 4)  # four columns lie near the edge
    assert found["abs_rel"] == pytest.approx(0.2 / 40)
    assert "edge_abs_rel" not in scored(*random_pair(KITTI_SIZES[0], seed=1), PROTOCOLS["eigen"])


@pytest.mark.parametrize(
    ("value", "said"), [(torch.nan, "NaN on 1 of 6"), (0.0, "0 or less on 1 of 6"), (-2.0, "0 or less on 1 of 6")]
)
def test_a_map_with_values_that_cannot_be_is_named(value: float, said: str) -> None:
    predicted = torch.ones(2, 3)
    predicted[1, 1] = value
    with pytest.raises(InputError, match=rf"prediction/000000.npz: .*{said}"):
        scored(predicted, torch.ones(2, 3))


def test_a_map_of_nothing_but_nan_is_named() -> None:
    with pytest.raises(InputError, match=r"prediction/000000.npz: holds nothing but NaN"):
        scored(torch.full((2, 3), torch.nan), torch.ones(2, 3))


@pytest.mark.parametrize("depth_m", [0.0, 5000.0, float("nan")])
def test_a_truth_without_a_pixel_that_counts_is_named(depth_m: float) -> None:
    with pytest.raises(InputError, match=r"truth/000000.png: has no depth from 0.001 to 80 m"):
        scored(torch.ones(2, 3), torch.full((2, 3), depth_m))


@pytest.mark.parametrize(
    ("factor", "scaling"), [(1000.0, "median"), (1 / 1000, "median"), (256.0, "none"), (1 / 256, "none")]
)
def test_depth_in_another_unit_is_refused_unless_it_is_meant_so(factor: float, scaling: str) -> None:
    truth = 5 + torch.rand(8, 9)
    protocol = replace(PLAIN, scaling=scaling)
    with pytest.raises(InputError, match=r"prediction: the truth is .* times the prediction.*which unit"):
        scored(truth * factor, truth, protocol)
    assert scored(truth * factor, truth, protocol, any_scale=True)["images"] == 1
    assert scored(truth / 5, truth, protocol)["images"] == 1


def test_a_prediction_that_was_cut_off_at_the_bottom_covers_the_rows_above() -> None:
    truth = torch.linspace(40, 4, 40)[:, None].expand(40, 60).contiguous()
    truth[30:] = 0
    whole = prediction_of(truth[:30], rows=(0.0, 0.75))
    assert DepthScorer(whole, truth_of(truth), PLAIN).report().result.metrics["abs_rel"] == 0
    truth[35] = 5.0
    with pytest.raises(InputError, match=r"says nothing of 60 pixels that count"):
        DepthScorer(whole, truth_of(truth), PLAIN).report()


def test_an_image_that_cannot_be_scaled_is_refused_and_never_left_out_of_the_mean() -> None:
    truth = torch.full((3, 4), 10.0)
    good, gone = torch.full((3, 4), 5.0), torch.full((3, 4), torch.inf)
    scorer = DepthScorer(prediction_of(good, gone), truth_of(truth, truth), PLAIN)
    with pytest.raises(InputError, match=r"000001.npz: cannot be scaled \(factor 0\)"):
        scorer.report()
    one = good.clone()
    one[0, 0] = torch.inf
    squares = DepthScorer(prediction_of(one), truth_of(truth), replace(PLAIN, scaling="least_squares"))
    with pytest.raises(InputError, match=r"000000.npz: cannot be scaled"):
        squares.report()


@pytest.mark.parametrize(("height", "width"), [(8, 4), (30, 3)])
def test_an_upright_map_of_a_wide_picture_is_refused(height: int, width: int) -> None:
    with pytest.raises(InputError, match=rf"prediction/000000.npz: is {width}x{height}, what it should cover is 9x6"):
        scored(torch.ones(height, width), torch.ones(6, 9))


def test_maps_of_the_mirror_images_have_the_size_of_the_others() -> None:
    truth = torch.full((4, 10), 10.0)
    scorer = DepthScorer(prediction_of(truth), truth_of(truth), PLAIN, flipped=prediction_of(truth[:, :9]))
    with pytest.raises(InputError, match="predict both at one size"):
        scorer.report()


def test_negative_disparity_is_refused() -> None:
    with pytest.raises(InputError, match="disparity is negative on 1 of 6"):
        scored(torch.tensor([[0.5, 0.5, 0.5], [0.5, -0.5, 0.5]]), torch.ones(2, 3), prediction_of="disparity")


def test_the_near_end_of_the_range_is_a_millimeter() -> None:
    found = scored(torch.tensor([[1e-5, 10.0]]), torch.tensor([[10.0, 10.0]]), replace(PLAIN, scaling="none"))
    assert found["rmse_log"] == pytest.approx(math.log(10 / 1e-3) / math.sqrt(2))


def test_errors_at_edges_are_clamped_like_all_others() -> None:
    truth = torch.full((6, 8), 10.0)
    truth[:, 4:] = 40.0
    predicted = truth.clone()
    predicted[:, 4] = 4000.0
    found = scored(predicted, truth, replace(PLAIN, scaling="none"))
    assert found["edge_abs_rel"] == pytest.approx((80 - 40) / 40 / 4)


def test_truth_on_less_than_half_of_the_picture_has_no_edges() -> None:
    truth = torch.zeros(10, 10)
    truth[:4] = torch.linspace(1, 60, 10)
    assert "edge_abs_rel" not in scored(torch.where(truth > 0, truth, 1.0), truth)


@pytest.mark.parametrize("scaling", ["none", "least_squares"])
def test_baselines_are_scaled_by_the_median_whatever_the_prediction_is(scaling: str) -> None:
    truth = torch.tensor([[2.0, 4.0, 10.0]])
    ours = DepthScorer(prediction_of(truth), truth_of(truth), replace(PLAIN, scaling=scaling)).report().result
    usual = DepthScorer(prediction_of(truth), truth_of(truth), PLAIN).report().result
    assert ours.baselines == usual.baselines
    assert any("scaled by each image's median" in note for note in ours.notes)


def test_ratios_of_pixels_are_kept_for_a_histogram() -> None:
    truth = torch.full((100, 200), 10.0)
    predicted = truth.clone()
    predicted[:, 100:] = 15.0
    scorer = DepthScorer(prediction_of(predicted), truth_of(truth), replace(PLAIN, scaling="none"))
    pixels = scorer.report().images[0].pixels
    up_to_scale = DepthScorer(prediction_of(truth / 7), truth_of(truth), PLAIN).report().images[0]
    assert up_to_scale.pixels.unique().tolist() == pytest.approx([1.0])
    assert 512 <= len(pixels) < 600
    assert pixels.unique().tolist() == [1.0, 1.5]


def test_infinite_depth_is_the_cap() -> None:
    predicted = torch.full((3, 4), 10.0)
    predicted[0] = torch.inf
    truth = torch.full((3, 4), 10.0)
    truth[0] = 40.0
    found = scored(predicted, truth, replace(PLAIN, scaling="none"))
    assert found["abs_rel"] == pytest.approx(1.0 / 3)  # 80 against 40 on a third of the pixels
