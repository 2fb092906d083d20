import math

import pytest
import torch

from triptych.metrics.depth import depth_metrics, depth_scale, hole_rate


def image(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


def everywhere(like: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(like, dtype=torch.bool)


def test_each_error_is_the_one_worked_out_by_hand() -> None:
    predicted, truth = image(1.0, 3.0, 8.0), image(1.0, 2.0, 4.0)
    metrics = depth_metrics(predicted, truth, everywhere(truth), scaling="none")
    assert metrics.abs_rel.item() == pytest.approx((0 + 0.5 + 1) / 3)
    assert metrics.sq_rel.item() == pytest.approx((0 + 1 / 2 + 16 / 4) / 3)
    assert metrics.rmse.item() == pytest.approx(math.sqrt((0 + 1 + 16) / 3))
    logs = math.log(1.5) ** 2 + math.log(2) ** 2
    assert metrics.rmse_log.item() == pytest.approx(math.sqrt(logs / 3))
    # ratios 1, 1.5 and 2 against 1.25, 1.5625 and 1.953125
    assert metrics.delta1.item() == pytest.approx(1 / 3)
    assert metrics.delta2.item() == pytest.approx(2 / 3)
    assert metrics.delta3.item() == pytest.approx(2 / 3)


def test_the_deltas_count_depth_too_near_as_much_as_too_far() -> None:
    near, far, truth = image(1.0), image(4.0), image(2.0)
    for predicted in (near, far):
        assert depth_metrics(predicted, truth, everywhere(truth), scaling="none").delta3.item() == 0


def test_median_scaling_uses_the_mean_of_the_middle_two() -> None:
    predicted, truth = image(1.0, 2.0, 4.0, 9.0), image(2.0, 6.0, 6.0, 20.0)
    assert depth_scale(predicted, truth, everywhere(truth), scaling="median").item() == pytest.approx(6 / 3)


def test_least_squares_scaling_leaves_a_residual_orthogonal_to_the_prediction() -> None:
    predicted, truth = (
        torch.rand(3, 1, 4, 5, dtype=torch.float64),
        torch.rand(3, 1, 4, 5, dtype=torch.float64),
    )
    scale = depth_scale(predicted, truth, everywhere(truth), scaling="least_squares").view(-1, 1, 1, 1)
    along = ((scale * predicted - truth) * predicted).sum((1, 2, 3))
    torch.testing.assert_close(along, torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)


@pytest.mark.parametrize("scaling", ["median", "least_squares"])
def test_the_scale_of_a_scaled_prediction_does_not_matter(scaling: str) -> None:
    generator = torch.Generator().manual_seed(2)
    truth = 1 + torch.rand(2, 1, 6, 5, generator=generator, dtype=torch.float64)
    predicted = truth + 0.2 * torch.rand(2, 1, 6, 5, generator=generator, dtype=torch.float64)
    factor = torch.tensor([0.01, 30.0], dtype=torch.float64).view(2, 1, 1, 1)
    once = depth_metrics(predicted, truth, everywhere(truth), scaling=scaling)
    again = depth_metrics(predicted * factor, truth, everywhere(truth), scaling=scaling)
    torch.testing.assert_close(once.abs_rel, again.abs_rel)
    torch.testing.assert_close(once.scale, again.scale * factor.flatten())


def test_depth_is_clamped_after_scaling_not_before() -> None:
    predicted, truth = image(1.0, 50.0, 100.0), image(2.0, 60.0, 80.0)
    metrics = depth_metrics(predicted, truth, everywhere(truth), scaling="median", max_depth_m=80.0)
    assert metrics.scale.item() == pytest.approx(60 / 50)
    # 1.2, 60, and 120 clamped to 80
    assert metrics.abs_rel.item() == pytest.approx((0.8 / 2) / 3)


def test_a_depth_of_zero_is_clamped_before_its_logarithm() -> None:
    truth = image(1.0, 1.0)
    metrics = depth_metrics(image(0.0, 1.0), truth, everywhere(truth), scaling="none", min_depth_m=0.1)
    assert metrics.rmse_log.item() == pytest.approx(abs(math.log(0.1)) / math.sqrt(2))


def test_pixels_without_truth_do_not_count_and_images_do_not_mix() -> None:
    predicted = torch.tensor([[1.0, 5.0], [3.0, 1.0]]).view(2, 1, 1, 2)
    truth = torch.tensor([[1.0, 0.0], [2.0, 2.0]]).view(2, 1, 1, 2)
    metrics = depth_metrics(predicted, truth, truth > 0, scaling="none")
    assert metrics.abs_rel.tolist() == pytest.approx([0.0, 0.5])


def test_an_image_without_truth_has_no_error() -> None:
    truth = torch.zeros(1, 1, 2, 2)
    assert depth_metrics(truth + 1, truth, truth > 0).abs_rel.isnan().item()


def test_the_hole_rate_is_the_share_of_a_region_beyond_twice_its_truth() -> None:
    truth, depth = image(5.0, 5.0, 5.0, 5.0), image(10.0, 10.1, 80.0, 80.0)
    moving = torch.tensor([True, True, True, False]).view(1, 1, 1, 4)
    assert hole_rate(depth, truth, moving).item() == pytest.approx(2 / 3)


def test_half_precision_depth_is_refused() -> None:
    half = torch.ones(1, 1, 2, 2, dtype=torch.float16)
    with pytest.raises(TypeError, match="float32 or float64 is needed"):
        depth_metrics(half, half, half > 0)
