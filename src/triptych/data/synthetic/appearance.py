"""What lens, sensor, weather and lamps do to rendered frames; the truth beneath stays exact."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

METERED = 0.42
"""Mean brightness that a metered clip is exposed for."""

BLUR_SAMPLES = 7
"""Places along a pixel's motion that its blur is the mean of."""

LONGEST_BLUR_PX = 24.0
"""Motion beyond this is blurred no further: nothing is left to see of it."""

DRIFT_FRAMES = (9.0, 40.0)
"""Shortest and longest period of slow changes."""

RED_PER_WARMTH, BLUE_PER_WARMTH = 0.5, -0.6
"""Change of the channels' gains by color temperature: red rises as blue falls."""


@dataclass(frozen=True)
class Appearance:
    """Strength of each effect; 0 leaves the frames as they are.

    Attributes:
        metering: how far the clip's mean brightness is brought to `METERED`, by one gain for all frames.
        exposure: amplitude of a slow drift of brightness, as a share.
        gamma: amplitude of a slow drift of the tone curve's exponent.
        warmth: amplitude of a slow drift of color temperature.
        tint: constant color cast of the camera, as a share.
        flicker: deviation of each frame's own brightness, as a share.
        shutter: share of the time between frames that the shutter is open, which blurs motion.
        defocus_px: radius (standard deviation) of the lens's blur.
        vignette: share of light lost in the corners.
        rain: share of the picture that streaks of rain cover.
        shot_noise: deviation at full brightness of noise that grows with the root of the light.
        read_noise: deviation of noise that is the same everywhere.
    """

    metering: float = 0.0
    exposure: float = 0.0
    gamma: float = 0.0
    warmth: float = 0.0
    tint: float = 0.0
    flicker: float = 0.0
    shutter: float = 0.0
    defocus_px: float = 0.0
    vignette: float = 0.0
    rain: float = 0.0
    shot_noise: float = 0.0
    read_noise: float = 0.0


def random_appearance(dice: random.Random) -> Appearance:
    """An appearance as of some camera on some day: most effects mild, each at times absent or strong."""

    def strength(most: float, share: float) -> float:
        present, amount = dice.random() < share, dice.random()
        return most * amount * amount if present else 0.0

    return Appearance(
        metering=dice.uniform(0.2, 1.0),
        exposure=strength(0.30, 0.6),
        gamma=strength(0.20, 0.5),
        warmth=strength(0.20, 0.4),
        tint=strength(0.15, 0.6),
        flicker=strength(0.08, 0.3),
        shutter=strength(0.6, 0.5),
        defocus_px=strength(1.0, 0.4),
        vignette=strength(0.5, 0.5),
        rain=strength(0.04, 0.12),
        shot_noise=strength(0.03, 0.8),
        read_noise=strength(0.015, 0.9),
    )


def photographed(
    colors: Float[Tensor, "frames 3 height width"],
    motion: Float[Tensor, "frames 2 height width"],
    appearance: Appearance,
    *,
    seed: int,
) -> UInt8[Tensor, "frames 3 height width"]:
    """The frames as this camera takes them, in bytes.

    Args:
        colors: what is rendered, about [0, 1].
        motion: displacement of each pixel's surface to the next frame (px).
        appearance: how strong each effect is.
        seed: of everything random.
    """
    generator = torch.Generator().manual_seed(seed % 2**63)
    dice = random.Random(f"appearance/{seed}")
    images = colors
    if appearance.shutter:
        images = motion_blurred(images, motion, share=appearance.shutter)
    if appearance.rain:
        images = rained(images, generator, share=appearance.rain)
    if appearance.defocus_px:
        images = defocused(images, radius_px=appearance.defocus_px)
    if appearance.vignette:
        images = images * vignetting(*images.shape[-2:], strength=appearance.vignette)
    if appearance.metering:
        images = images * (METERED / images.mean().clamp_min(0.01)) ** appearance.metering
    images = toned(images, appearance, dice, generator)
    if appearance.shot_noise or appearance.read_noise:
        images = noisy(images, generator, shot=appearance.shot_noise, read=appearance.read_noise)
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


def motion_blurred(
    images: Float[Tensor, "frames 3 height width"], motion: Float[Tensor, "frames 2 height width"], *, share: float
) -> Float[Tensor, "frames 3 height width"]:
    """Each pixel's mean along a share of its motion, half before the exact instant and half after."""
    length = motion.square().sum(1, keepdim=True).sqrt().clamp_min(1e-6)
    path = motion * (share * (LONGEST_BLUR_PX / length).clamp_max(1))
    height, width = images.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    total = torch.zeros_like(images)
    for step in range(BLUR_SAMPLES):
        part = (step + 0.5) / BLUR_SAMPLES - 0.5
        at_x = (x + part * path[:, 0] + 0.5) * (2 / width) - 1
        at_y = (y + part * path[:, 1] + 0.5) * (2 / height) - 1
        places = torch.stack((at_x, at_y), -1)
        total = total + F.grid_sample(images, places, padding_mode="border", align_corners=False)
    return total / BLUR_SAMPLES


def defocused(
    images: Float[Tensor, "frames 3 height width"], *, radius_px: float
) -> Float[Tensor, "frames 3 height width"]:
    """The frames under a Gaussian of this standard deviation."""
    reach = max(1, math.ceil(2.5 * radius_px))
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype)
    weights = torch.exp(-0.5 * (offsets / radius_px) ** 2)
    weights = (weights / weights.sum()).expand(3, 1, 1, -1)
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(F.conv2d(padded, weights, groups=3), weights.transpose(2, 3), groups=3)


def vignetting(height: int, width: int, *, strength: float) -> Float[Tensor, "height width"]:
    """Factor of brightness: 1 in the middle, falling with the square of the distance to 1 - strength in corners."""
    y, x = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    return 1 - strength * 0.5 * (x * x + y * y)


def toned(
    images: Float[Tensor, "frames 3 height width"],
    appearance: Appearance,
    dice: random.Random,
    generator: torch.Generator,
) -> Float[Tensor, "frames 3 height width"]:
    """The frames with the brightness, tone curve and color of each moment."""
    count = len(images)
    exposure, gamma, warmth = (
        amplitude * _drift(dice, count) for amplitude in (appearance.exposure, appearance.gamma, appearance.warmth)
    )
    flicker = appearance.flicker * torch.randn(count, generator=generator)
    gain = (1 + exposure) * (1 + flicker)
    channels = torch.stack((1 + RED_PER_WARMTH * warmth, torch.ones(count), 1 + BLUE_PER_WARMTH * warmth), 1)
    cast = torch.tensor([1 + appearance.tint * dice.uniform(-1, 1) for _ in range(3)])
    images = images * (gain[:, None] * channels * cast)[..., None, None]
    return images.clamp_min(1e-4) ** (1 + gamma)[:, None, None, None] if appearance.gamma else images


def _drift(dice: random.Random, count: int) -> Float[Tensor, " frames"]:
    """A slow wave in [-1, 1] over the frames."""
    period, phase = dice.uniform(*DRIFT_FRAMES), dice.uniform(0, 2 * math.pi)
    return torch.sin(2 * math.pi * torch.arange(count) / period + phase)


def rained(
    images: Float[Tensor, "frames 3 height width"], generator: torch.Generator, *, share: float
) -> Float[Tensor, "frames 3 height width"]:
    """The frames behind pale streaks, new ones in each, all slanted alike."""
    count, _, height, width = images.shape
    drops = (torch.rand((count, 1, height, width), generator=generator) < share * 0.25).to(images.dtype)
    slant = float(torch.rand((), generator=generator)) - 0.5
    long = max(3, height // 12)
    streaks = drops
    for step in range(1, long):
        streaks = torch.maximum(streaks, drops.roll((step, round(slant * step)), (2, 3)) * (1 - step / long))
    return images + 0.35 * streaks * (0.85 - images)


def noisy(
    images: Float[Tensor, "frames 3 height width"], generator: torch.Generator, *, shot: float, read: float
) -> Float[Tensor, "frames 3 height width"]:
    """The frames with a sensor's noise, independent in each pixel."""
    deviation = (shot * shot * images.clamp(0, 1) + read * read).sqrt()
    return images + deviation * torch.randn(images.shape, generator=generator)
