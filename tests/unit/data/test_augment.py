"""Augmentation of snippets: K stays true, colors change alike."""

import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import functional as reference

from triptych.data.augment import Augmentation, ColorChange, GeometricChange, recolored, reframed
from triptych.geometry.camera import intrinsics_matrix

HEIGHT, WIDTH = 96, 160
INTRINSICS = intrinsics_matrix(140.0, 130.0, 75.0, 50.0)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def dots(points: Tensor) -> Tensor:
    """One frame for each point of the camera's coordinates, with a soft bright dot at its pixel."""
    pixels = (INTRINSICS @ points.T).T
    pixels = pixels[:, :2] / pixels[:, 2:]
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    x, y = pixels[:, 0, None, None], pixels[:, 1, None, None]
    level = torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 2.0**2))
    return level[:, None].expand(-1, 3, -1, -1).contiguous()


def centroid(frame: Tensor) -> list[float]:
    weight = frame.double().mean(dim=0)
    rows, columns = torch.meshgrid(*(torch.arange(side).double() for side in weight.shape), indexing="ij")
    return [float((weight * columns).sum() / weight.sum()), float((weight * rows).sum() / weight.sum())]


# At (75, 50), (61, 56.5) and (96, 43.5): five sigmas inside every window of an enlargement of
# 1.4, which all share columns 46 to 114 and rows 28 to 68. A dot that is cut moves its centroid.
POINTS = torch.tensor([[0.0, 0.0, 1.0], [-0.1, 0.05, 1.0], [0.3, -0.1, 2.0]])


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_points_are_found_where_the_changed_intrinsics_project_them(seed: int) -> None:
    change = Augmentation(crop=1.4, flip=0.5).geometric_change(HEIGHT, WIDTH, generator(seed))
    frames, intrinsics = reframed(dots(POINTS), INTRINSICS, change)
    mirrored = POINTS * torch.tensor([-1.0 if change.flipped else 1.0, 1.0, 1.0])
    for frame, point in zip(frames, mirrored, strict=True):
        x, y, z = (intrinsics @ point).tolist()
        assert centroid(frame) == pytest.approx([x / z, y / z], abs=0.05)


def test_a_flip_alone_moves_the_principal_point_to_the_mirrored_column() -> None:
    whole = GeometricChange(left=0, top=0, width=WIDTH, height=HEIGHT, flipped=True)
    frames, intrinsics = reframed(dots(POINTS), INTRINSICS, whole)
    assert torch.equal(frames, dots(POINTS).flip(-1))
    assert torch.equal(intrinsics, intrinsics_matrix(140.0, 130.0, 160 - 1 - 75.0, 50.0))


def test_a_window_of_half_the_size_doubles_the_focal_length() -> None:
    half = GeometricChange(left=30, top=20, width=WIDTH // 2, height=HEIGHT // 2, flipped=False)
    _, intrinsics = reframed(dots(POINTS), INTRINSICS, half)
    # cx: (75 - 30 + 0.5) * 2 - 0.5 = 90.5; cy: (50 - 20 + 0.5) * 2 - 0.5 = 60.5
    assert torch.allclose(intrinsics, intrinsics_matrix(280.0, 260.0, 90.5, 60.5))


def test_no_change_gives_the_same_frames_and_intrinsics() -> None:
    frames = dots(POINTS)
    change = Augmentation(crop=1.0, flip=0.0).geometric_change(HEIGHT, WIDTH, generator(0))
    assert reframed(frames, INTRINSICS, change) == (frames, INTRINSICS)


def test_windows_stay_inside_and_reach_every_edge() -> None:
    augmentation = Augmentation(crop=1.2)
    draws = [augmentation.geometric_change(HEIGHT, WIDTH, generator(seed)) for seed in range(500)]
    assert all(d.left >= 0 and d.left + d.width <= WIDTH for d in draws)
    assert all(d.top >= 0 and d.top + d.height <= HEIGHT for d in draws)
    assert any(d.left == 0 and d.width < WIDTH for d in draws)
    assert any(d.left + d.width == WIDTH and d.width < WIDTH for d in draws)
    assert min(d.width for d in draws) < WIDTH / 1.17
    assert min(d.width for d in draws) >= math.floor(WIDTH / 1.2)
    assert 0.4 < np.mean([d.flipped for d in draws]) < 0.6


@given(
    brightness=st.floats(0.5, 1.5),
    contrast=st.floats(0.5, 1.5),
    saturation=st.floats(0.0, 2.0),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=30, deadline=None)
def test_brightness_contrast_and_saturation_are_those_of_torchvision(
    brightness: float, contrast: float, saturation: float, seed: int
) -> None:
    # Levels that no single step drives out of [0, 1]: torchvision clamps after each.
    frame = 0.4 + 0.1 * torch.rand(1, 3, 8, 9, generator=generator(seed))
    change = ColorChange(brightness=brightness, contrast=contrast, saturation=saturation)
    expected = reference.adjust_brightness(frame, brightness)
    expected = reference.adjust_contrast(expected, contrast)
    expected = reference.adjust_saturation(expected, saturation)
    # torchvision rounds the luma's weights to four digits (0.2989, 0.587, 0.114)
    assert torch.allclose(recolored(frame, change), expected, atol=3e-4)


@pytest.mark.parametrize("turns", [1 / 3, -1 / 3])
def test_a_third_of_a_turn_of_hue_exchanges_the_channels_as_torchvision_does(turns: float) -> None:
    frame = torch.rand(1, 3, 8, 9, generator=generator(0))
    ours = recolored(frame, ColorChange(hue=turns))
    assert torch.allclose(ours, reference.adjust_hue(frame, turns), atol=1e-5)
    assert torch.allclose(ours, frame.roll(1 if turns > 0 else -1, dims=1), atol=1e-5)


@pytest.mark.parametrize(("turns", "rising", "falling"), [(0.05, 1, 2), (-0.05, 2, 1)])
def test_a_small_turn_of_hue_goes_the_way_of_torchvision(turns: float, rising: int, falling: int) -> None:
    red = torch.tensor([0.7, 0.3, 0.3]).reshape(1, 3, 1, 1)
    for changed in (recolored(red, ColorChange(hue=turns)), reference.adjust_hue(red, turns)):
        assert float(changed[0, rising] - changed[0, falling]) > 0.1
        assert int(changed.argmax()) == 0


def test_gray_has_no_hue_and_no_saturation_to_change() -> None:
    gray = torch.rand(2, 1, 4, 5, generator=generator(0)).expand(-1, 3, -1, -1)
    assert torch.allclose(recolored(gray, ColorChange(saturation=1.7, hue=0.2)), gray, atol=1e-6)


def test_all_frames_of_a_snippet_change_by_one_map() -> None:
    # The same color in a dark and in a bright frame: per-frame contrast would part them.
    frames = torch.rand(3, 3, 8, 8, generator=generator(0)) * torch.tensor([0.2, 0.5, 0.9]).reshape(3, 1, 1, 1)
    frames[:, :, 0, 0] = torch.tensor([0.3, 0.5, 0.4])
    changed = recolored(frames, ColorChange(brightness=1.1, contrast=1.2, saturation=0.8, hue=0.05))
    assert torch.allclose(changed[0, :, 0, 0], changed[1, :, 0, 0], atol=1e-6)
    assert torch.allclose(changed[0, :, 0, 0], changed[2, :, 0, 0], atol=1e-6)
    assert not torch.allclose(changed[0, :, 0, 0], frames[0, :, 0, 0], atol=1e-2)


def test_contrast_turns_about_the_mean_of_all_frames() -> None:
    # Gray levels 0.3, 0.4, 0.5 have the mean 0.4; doubled distances from it: 0.2, 0.4, 0.6.
    frames = torch.tensor([0.3, 0.4, 0.5]).reshape(3, 1, 1, 1).expand(3, 3, 4, 5)
    levels = recolored(frames, ColorChange(contrast=2.0))[:, 0, 0, 0]
    assert levels.tolist() == pytest.approx([0.2, 0.4, 0.6], abs=1e-6)


def test_colors_stay_between_0_and_1() -> None:
    frames = torch.rand(3, 3, 8, 8, generator=generator(0))
    changed = recolored(frames, ColorChange(brightness=1.9, contrast=1.9, saturation=1.9, hue=0.3))
    assert float(changed.min()) == 0.0
    assert float(changed.max()) == 1.0


def test_the_chance_of_a_jitter_is_kept() -> None:
    for chance in (0.0, 0.3, 1.0):
        drawn = [Augmentation(jitter=chance).color_change(generator(seed)) is not None for seed in range(400)]
        assert np.mean(drawn) == pytest.approx(chance, abs=0.08)


def test_strengths_bound_the_changes_of_color() -> None:
    augmentation = Augmentation(jitter=1.0, brightness=0.1, contrast=0.2, saturation=0.3, hue=0.05)
    draws = [augmentation.color_change(generator(seed)) for seed in range(300)]
    for name, center, strength in (
        ("brightness", 1.0, 0.1),
        ("contrast", 1.0, 0.2),
        ("saturation", 1.0, 0.3),
        ("hue", 0.0, 0.05),
    ):
        values = np.array([getattr(draw, name) for draw in draws]) - center
        assert np.abs(values).max() <= strength
        assert values.min() < -0.9 * strength
        assert values.max() > 0.9 * strength


@pytest.mark.parametrize(
    "wrong",
    [{"flip": 1.5}, {"jitter": -0.1}, {"crop": 0.9}, {"brightness": 1.0}, {"hue": 0.6}, {"crop": math.inf}],
)
def test_a_strength_without_meaning_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augmentation(**wrong)


def test_a_snippet_is_augmented_within_a_fraction_of_a_training_step() -> None:
    frames = torch.rand(3, 3, 128, 384)
    augmentation = Augmentation(crop=1.2, flip=1.0, jitter=1.0)
    seconds = []
    for seed in range(20):
        begin = time.process_time()
        draws = generator(seed)
        changed, _ = reframed(frames, INTRINSICS, augmentation.geometric_change(128, 384, draws))
        colors = augmentation.color_change(draws)
        assert colors is not None
        recolored(changed, colors)
        seconds.append(time.process_time() - begin)
    # 2 ms of a processor here, whatever else the machine does
    assert np.median(seconds) < 0.02
