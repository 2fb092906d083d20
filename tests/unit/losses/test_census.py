import numpy as np
import pytest
import torch

from triptych.losses.census import CENSUS_SOFTNESS, HAMMING_SOFTNESS, census_errors


def images(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slow_census(target: np.ndarray, warped: np.ndarray, radius: int) -> np.ndarray:
    weights = np.array([0.299, 0.587, 0.114])[:, None, None]
    a, b = ((image * weights).sum(0) for image in (target, warped))
    a_pad, b_pad = np.pad(a, radius, mode="edge"), np.pad(b, radius, mode="edge")
    result = np.empty_like(a)
    for row in range(a.shape[0]):
        for column in range(a.shape[1]):
            distances = []
            for y in range(2 * radius + 1):
                for x in range(2 * radius + 1):
                    if (y, x) == (radius, radius):
                        continue
                    p = a_pad[row + y, column + x] - a[row, column]
                    q = b_pad[row + y, column + x] - b[row, column]
                    p, q = (d / np.sqrt(d**2 + CENSUS_SOFTNESS**2) for d in (p, q))
                    distances.append((p - q) ** 2 / ((p - q) ** 2 + HAMMING_SOFTNESS))
            result[row, column] = np.mean(distances)
    return result


@pytest.mark.parametrize("radius", [1, 2])
def test_census_matches_a_slow_neighbor_by_neighbor_computation(radius: int) -> None:
    target, warped = images(1, 1, 3, 5, 6), images(2, 1, 2, 3, 5, 6)
    error = census_errors(target, warped, radius=radius)
    for source in range(2):
        expected = slow_census(target[0].numpy(), warped[0, source].numpy(), radius)
        np.testing.assert_allclose(error[0, source, 0].numpy(), expected, atol=1e-12)


def test_a_change_of_brightness_costs_nothing() -> None:
    target = images(3, 1, 3, 6, 6) * 0.5
    assert census_errors(target, (target + 0.3).unsqueeze(1)).max() < 1e-9


def test_reversed_contrast_costs_nearly_the_most() -> None:
    target = images(3, 1, 3, 6, 6)
    error = census_errors(target, (1 - target).unsqueeze(1))
    assert error.max() < 1
    assert error.mean() > 0.7


def test_the_gradient_of_census_is_that_of_finite_differences() -> None:
    # low contrast, where the comparisons are not saturated
    target, warped = images(4, 1, 3, 4, 4) * 0.01, (images(5, 1, 1, 3, 4, 4) * 0.01).requires_grad_()
    assert torch.autograd.gradcheck(lambda image: census_errors(target, image, radius=1), (warped,))


def test_black_images_have_no_census_error_and_finite_gradient() -> None:
    warped = torch.zeros(1, 1, 3, 5, 5, requires_grad=True)
    error = census_errors(torch.zeros(1, 3, 5, 5), warped)
    error.sum().backward()
    assert error.max() == 0
    assert warped.grad is not None
    assert warped.grad.isfinite().all()


def test_a_window_without_neighbors_is_refused() -> None:
    with pytest.raises(ValueError, match="radius"):
        census_errors(images(1, 1, 3, 4, 4), images(1, 1, 1, 3, 4, 4), radius=0)
