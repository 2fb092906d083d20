"""What lens, sensor and weather do: nothing at strength zero, and each effect what it says."""

import dataclasses
import math
import random

import pytest
import torch

from triptych.data.synthetic.appearance import (
    METERED,
    Appearance,
    defocused,
    motion_blurred,
    noisy,
    photographed,
    rained,
    random_appearance,
    vignetting,
)

COLORS = torch.rand((4, 3, 24, 40), generator=torch.Generator().manual_seed(1)) * 0.6 + 0.2
MOTION = torch.zeros((4, 2, 24, 40))
EFFECTS = [field.name for field in dataclasses.fields(Appearance)]


def _bytes(colors):
    return (colors * 255).round().to(torch.uint8)


def test_strength_zero_leaves_the_frames_as_they_are():
    assert torch.equal(photographed(COLORS, MOTION + 3, Appearance(), seed=1), _bytes(COLORS))


@pytest.mark.parametrize("effect", EFFECTS)
def test_each_effect_alone_changes_the_frames_and_a_weak_one_hardly(effect):
    plain = _bytes(COLORS).float()
    change = [
        (photographed(COLORS, MOTION + 3, Appearance(**{effect: strength}), seed=2).float() - plain).abs().mean()
        for strength in (0.3, 1e-4)
    ]
    assert change[0] > 0.5
    assert change[1] < 0.3


def test_the_same_seed_takes_the_same_frames():
    appearance = random_appearance(random.Random(3))
    one, other, third = (photographed(COLORS, MOTION, appearance, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(one, other)
    assert not torch.equal(one, third)


def test_motion_blur_is_the_mean_over_the_way_centered_on_the_instant():
    line = torch.zeros((1, 3, 9, 41))
    line[..., 20] = 1.0
    blurred = motion_blurred(line, torch.tensor([14.0, 0.0])[None, :, None, None].expand(1, 2, 9, 41), share=0.5)[0, 0]
    assert blurred.sum(1) == pytest.approx(torch.ones(9), abs=1e-4)
    columns = blurred[4].nonzero().squeeze(1)
    assert columns.tolist() == list(range(17, 24))  # 7 px, of which 3 on either side of column 20
    assert blurred[4, 17:24] == pytest.approx(torch.full((7,), 1 / 7), abs=1e-3)


def test_what_does_not_move_is_not_blurred():
    assert torch.allclose(motion_blurred(COLORS, MOTION, share=0.5), COLORS, atol=1e-5)


def test_defocus_keeps_the_light_and_spreads_it_by_its_radius():
    point = torch.zeros((1, 3, 21, 21))
    point[..., 10, 10] = 1.0
    spread = defocused(point, radius_px=1.5)[0, 0]
    assert spread.sum().item() == pytest.approx(1.0, abs=1e-5)
    offset = torch.arange(21) - 10.0
    assert (spread.sum(0) * offset.square()).sum().sqrt().item() == pytest.approx(1.5, rel=0.07)


def test_a_vignette_is_bright_in_the_middle_and_dark_by_its_strength_in_the_corners():
    factor = vignetting(9, 15, strength=0.4)
    assert factor[4, 7] == 1
    assert factor[0, 0].item() == factor[-1, -1].item() == pytest.approx(0.6)


def test_noise_has_the_deviation_of_shot_and_read_noise_together():
    flat = torch.full((4, 3, 64, 64), 0.25)
    noise = noisy(flat, torch.Generator().manual_seed(0), shot=0.04, read=0.01) - flat
    assert noise.std().item() == pytest.approx(math.sqrt(0.04**2 * 0.25 + 0.01**2), rel=0.03)


def test_rain_brightens_dark_frames_only_in_streaks():
    dark = torch.full((2, 3, 48, 64), 0.1)
    wet = rained(dark, torch.Generator().manual_seed(0), share=0.03)
    share = (wet > dark).float().mean().item()
    assert 0.01 < share < 0.1
    assert wet.max() < 0.5


def test_metering_brings_the_mean_to_its_aim_by_one_gain():
    taken = photographed(COLORS * 0.4, MOTION, Appearance(metering=1.0), seed=0).float() / 255
    assert taken.mean().item() == pytest.approx(METERED, rel=0.02)
    ratio = taken.mean((1, 2, 3)) / (COLORS * 0.4).mean((1, 2, 3))
    assert ratio.std() < 0.01 * ratio.mean()


def test_random_appearances_have_every_effect_now_and_then_and_none_at_full_strength():
    drawn = [random_appearance(random.Random(seed)) for seed in range(200)]
    for effect in EFFECTS:
        strengths = [getattr(appearance, effect) for appearance in drawn]
        assert max(strengths) > 0
        assert all(0 <= strength <= 1 for strength in strengths)
        assert effect == "metering" or min(strengths) == 0
