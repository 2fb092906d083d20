import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.losses.photometric import photometric_error, photometric_errors, ssim


def slow_ssim(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Window by window on one channel, with numpy's own mirrored border."""
    x_pad, y_pad = np.pad(x, 1, mode="reflect"), np.pad(y, 1, mode="reflect")
    result = np.empty_like(x)
    for row in range(x.shape[0]):
        for column in range(x.shape[1]):
            a = x_pad[row : row + 3, column : column + 3]
            b = y_pad[row : row + 3, column : column + 3]
            covariance = ((a - a.mean()) * (b - b.mean())).mean()
            luminance = (2 * a.mean() * b.mean() + 1e-4) / (a.mean() ** 2 + b.mean() ** 2 + 1e-4)
            result[row, column] = luminance * (2 * covariance + 9e-4) / (a.var() + b.var() + 9e-4)
    return result


def images(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_ssim_matches_a_slow_window_by_window_computation() -> None:
    x, y = images(1, 2, 3, 6, 9), images(2, 2, 3, 6, 9)
    expected = np.stack([[slow_ssim(a, b) for a, b in zip(p, q, strict=True)] for p, q in zip(x, y, strict=True)])
    np.testing.assert_allclose(ssim(x, y).numpy(), expected, atol=1e-12)


def test_the_error_of_two_flat_images_is_the_one_worked_out_by_hand() -> None:
    x, y = torch.full((1, 3, 4, 4), 0.2), torch.full((1, 3, 4, 4), 0.6)
    similarity = (2 * 0.2 * 0.6 + 0.0001) / (0.04 + 0.36 + 0.0001)
    expected = 0.85 * (1 - similarity) / 2 + 0.15 * 0.4
    torch.testing.assert_close(photometric_error(x, y), torch.full((1, 1, 4, 4), expected))


def test_alpha_zero_is_the_mean_absolute_difference_over_channels() -> None:
    x, y = images(3, 1, 3, 5, 5), images(4, 1, 3, 5, 5)
    error = photometric_error(x, y, alpha=0.0)
    torch.testing.assert_close(error, (x - y).abs().mean(1, keepdim=True))


def test_alpha_one_is_half_of_one_minus_ssim() -> None:
    x, y = images(3, 1, 3, 5, 5), images(4, 1, 3, 5, 5)
    expected = ((1 - ssim(x, y)) / 2).mean(1, keepdim=True)
    torch.testing.assert_close(photometric_error(x, y, alpha=1.0), expected)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), contrast=st.floats(0, 1))
def test_the_error_is_symmetric_and_within_zero_and_one(seed: int, contrast: float) -> None:
    x, y = (images(seed, 1, 3, 6, 7) > contrast).double(), images(seed + 1, 1, 3, 6, 7)
    error = photometric_error(x, y)
    assert error.min() >= 0
    assert error.max() <= 1
    torch.testing.assert_close(error, photometric_error(y, x))


def test_equal_images_and_black_images_have_no_error_and_no_nan_gradient() -> None:
    for image in (images(5, 1, 3, 6, 6), torch.zeros(1, 3, 6, 6, dtype=torch.float64)):
        moved = image.clone().requires_grad_()
        error = photometric_error(moved, image)
        error.sum().backward()
        assert error.abs().max() < 1e-12
        assert moved.grad is not None
        assert moved.grad.isfinite().all()


def test_rounding_does_not_make_the_error_of_equal_images_negative() -> None:
    image = images(12, 4, 3, 32, 32).float()
    assert photometric_error(image, image.clone()).min() >= 0


def test_sharing_the_statistics_of_the_target_changes_no_number() -> None:
    target, warped = images(6, 2, 3, 8, 6), images(7, 2, 4, 3, 8, 6)
    together = photometric_errors(target, warped, alpha=0.6)
    for source in range(4):
        alone = photometric_error(warped[:, source], target, alpha=0.6)
        torch.testing.assert_close(together[:, source], alone)


def test_the_gradient_is_that_of_finite_differences_in_both_images() -> None:
    target, warped = images(8, 1, 3, 4, 5).requires_grad_(), images(9, 1, 2, 3, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(photometric_errors, (target, warped))
    assert torch.autograd.gradcheck(ssim, (target, warped[:, 0]))


def test_the_gradient_reaches_the_smallest_images() -> None:
    for height, width in ((2, 2), (2, 5), (3, 2)):
        target, warped = images(1, 1, 2, height, width).requires_grad_(), images(2, 1, 1, 2, height, width)
        assert torch.autograd.gradcheck(photometric_errors, (target, warped.requires_grad_()))


def test_the_gradient_of_one_image_does_not_depend_on_whether_the_other_needs_one() -> None:
    target, warped = images(8, 1, 3, 4, 5), images(9, 1, 2, 3, 4, 5)
    leaves = [image.clone().requires_grad_() for image in (target, warped)]
    both = torch.autograd.grad(photometric_errors(*leaves).sum(), leaves)
    of_target = torch.autograd.grad(photometric_errors(leaves[0], warped).sum(), leaves[0])
    of_warped = torch.autograd.grad(photometric_errors(target, leaves[1]).sum(), leaves[1])
    torch.testing.assert_close(both, of_target + of_warped)


def test_an_alpha_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha"):
        photometric_error(images(1, 1, 3, 4, 4), images(2, 1, 3, 4, 4), alpha=1.5)


def test_images_too_small_to_mirror_are_refused() -> None:
    with pytest.raises(ValueError, match="2x2"):
        photometric_error(images(1, 1, 3, 1, 4), images(2, 1, 3, 1, 4))


def test_half_precision_images_are_refused() -> None:
    image = torch.zeros(1, 3, 4, 4, dtype=torch.float16)
    with pytest.raises(TypeError, match="float32 or float64 is needed"):
        photometric_error(image, image)
