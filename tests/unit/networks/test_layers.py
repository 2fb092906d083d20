import pytest
import torch

from triptych.networks.layers import multiple_size, resized, scaled_channels, single_precision, upsampled


@pytest.mark.parametrize(
    ("channels", "width", "expected"),
    [(196, 1.0, 196), (196, 0.5, 96), (16, 0.5, 8), (16, 0.1, 8), (128, 1.5, 192)],
)
def test_channels_scale_to_multiples_of_eight_and_stay_as_published_at_width_one(
    channels: int, width: float, expected: int
) -> None:
    assert scaled_channels(channels, width) == expected


@pytest.mark.parametrize(
    ("size", "least", "expected"),
    [((128, 384), 1, (128, 384)), ((129, 380), 1, (192, 384)), ((3, 70), 2, (128, 128))],
)
def test_sides_grow_to_the_next_multiple_and_never_shrink(
    size: tuple[int, int], least: int, expected: tuple[int, int]
) -> None:
    assert multiple_size(*size, of=64, least=least) == expected


def test_upsampling_keeps_pixel_centers_where_they_are() -> None:
    # Fine pixel x lies at (x + 0.5) / 2 - 0.5 of the coarse ones: -0.25, 0.25, 0.75, 1.25, clamped.
    ramp = torch.tensor([0.0, 4.0]).expand(1, 1, 2, 2)
    expected = torch.tensor([0.0, 1.0, 3.0, 4.0])
    torch.testing.assert_close(upsampled(ramp)[0, 0, 0], expected)
    torch.testing.assert_close(resized(ramp, (2, 4))[0, 0, 1], expected)


def test_resizing_to_the_same_size_is_the_map_itself() -> None:
    image = torch.rand(1, 2, 3, 4)
    assert resized(image, (3, 4)) is image


def test_only_narrow_numbers_are_widened() -> None:
    assert single_precision(torch.ones(2, dtype=torch.bfloat16)).dtype == torch.float32
    assert single_precision(torch.ones(2, dtype=torch.float16)).dtype == torch.float32
    assert single_precision(torch.ones(2, dtype=torch.float64)).dtype == torch.float64
