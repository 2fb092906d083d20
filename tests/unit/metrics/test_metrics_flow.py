from pathlib import Path

import pytest
import torch

from triptych.formats.maps import load_kitti_flow
from triptych.metrics.flow import end_point_error, flow_metrics, flow_outliers

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "flow"


def flow(*vectors: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(vectors, dtype=torch.float64).T.reshape(1, 2, 1, -1)


def test_the_end_point_error_is_the_length_of_the_difference() -> None:
    error = end_point_error(flow((3.0, 0.0), (1.0, 1.0)), flow((0.0, 4.0), (1.0, 1.0)))
    assert error.flatten().tolist() == [5.0, 0.0]


def test_an_outlier_is_off_by_more_than_three_pixels_and_five_percent() -> None:
    truth = flow((0.0, 0.0), (0.0, 0.0), (100.0, 0.0), (100.0, 0.0), (0.0, 40.0))
    predicted = truth + flow((3.0, 0.0), (3.1, 0.0), (0.0, 5.0), (0.0, 5.1), (2.9, 0.0))
    assert flow_outliers(predicted, truth).flatten().tolist() == [False, True, False, True, False]


def test_metrics_are_per_image_over_valid_pixels() -> None:
    truth = torch.zeros(2, 2, 1, 2)
    predicted = torch.tensor([[[[4.0, 9.0]], [[0.0, 0.0]]], [[[1.0, 5.0]], [[0.0, 0.0]]]])
    valid = torch.tensor([[True, False], [True, True]]).view(2, 1, 1, 2)
    metrics = flow_metrics(predicted, truth, valid)
    assert metrics.end_point_error.tolist() == [4.0, 3.0]
    assert metrics.fl_all.tolist() == [1.0, 0.5]
    assert metrics.pooled_fl_all().item() == pytest.approx(2 / 3)  # not the mean of 1 and 1/2


def test_an_image_without_truth_has_no_flow_error() -> None:
    zero = torch.zeros(1, 2, 2, 2)
    metrics = flow_metrics(zero, zero, torch.zeros(1, 1, 2, 2, dtype=torch.bool))
    assert metrics.end_point_error.isnan().item()
    assert metrics.fl_all.isnan().item()


def test_half_precision_flow_is_refused() -> None:
    half = torch.ones(1, 2, 2, 2, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match="float32 or float64 is needed"):
        end_point_error(half, half)


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the checkout")
def test_the_error_of_the_example_of_kitti_2015_is_the_golden_one() -> None:
    folder = REAL / "kitti2015_devkit_demo"
    truth, valid = load_kitti_flow(folder / "flow_gt.png")
    predicted, _ = load_kitti_flow(folder / "flow_est.png")
    metrics = flow_metrics(predicted[None], truth[None], valid[None, None])
    assert metrics.end_point_error.item() == pytest.approx(12.2007, abs=5e-5)
    assert 100 * metrics.fl_all.item() == pytest.approx(20.6879, abs=5e-5)


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the checkout")
def test_the_error_of_lucas_and_kanade_on_kitti_2012_is_the_golden_one() -> None:
    truth, valid = load_kitti_flow(REAL / "kitti2012" / "flow_noc" / "000157_10.png")
    predicted, _ = load_kitti_flow(REAL / "kitti2012" / "predictions" / "LKflow_000157_10.png")
    error = end_point_error(predicted[None], truth[None])[valid[None, None]]
    assert error.mean().item() == pytest.approx(2.7504, abs=5e-5)
    assert 100 * (error > 3).float().mean().item() == pytest.approx(34.05, abs=5e-3)
