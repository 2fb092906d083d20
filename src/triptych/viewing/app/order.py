"""What a person asks for on the page, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from triptych.errors import InputError

PRESETS = {"adapt": "from the weights in the package", "small": "from random weights"}
"""Presets of a fit that need nothing from elsewhere, by what they begin with."""
FEWEST_FRAMES = 4  # a fit holds some of them out
LONGEST_MINUTES = 120.0
_MATRIX = ("fx", "fy", "cx", "cy")


@dataclass(frozen=True)
class Order:
    """What is to be done with a video.

    Attributes:
        frames: how many of its first frames are used at most.
        learn: True learns from the video before it predicts, False predicts at once.
        preset: of the learning.
        minutes: of the learning.
        intrinsics: `fx,fy,cx,cy` of the video's frames (px); None where nobody knows them.
        rendered: True takes a rendered clip in place of a video.
        title: what the video is called on the pages of the result.
    """

    frames: int
    learn: bool = False
    preset: str = "adapt"
    minutes: float = 5.0
    intrinsics: str | None = None
    rendered: bool = False
    title: str = "A rendered clip"


def checked_order(
    *,
    rendered: bool,
    learn: bool,
    frames: float | int,
    frames_at_most: int,
    preset: str = "adapt",
    minutes: float | int = 5.0,
    intrinsics: str = "",
) -> Order:
    """The order that was given on the page.

    Args:
        rendered: whether the rendered clip is taken.
        learn: whether something is learned first.
        frames: how many are used.
        frames_at_most: how many may be.
        preset: of the learning.
        minutes: of the learning.
        intrinsics: as written by a person; of a rendered clip they are known, and these are left aside.

    Raises:
        InputError: one of them cannot be used.
    """
    if not FEWEST_FRAMES <= frames <= frames_at_most:
        raise InputError(f"frames {frames:g}: choose from {FEWEST_FRAMES} to {frames_at_most}")
    if learn and preset not in PRESETS:
        raise InputError(f"preset {preset}: choose from {', '.join(PRESETS)}")
    if learn and not 0.0 < minutes <= LONGEST_MINUTES:
        raise InputError(f"minutes {minutes:g}: choose more than 0 and at most {LONGEST_MINUTES:g}")
    given = None if rendered or not intrinsics.strip() else _intrinsics(intrinsics)
    return Order(int(frames), learn, preset, float(minutes), given, rendered)


def _intrinsics(text: str) -> str:
    """Four numbers as the command line takes them; never a file's name, which it would take too."""
    try:
        values = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        values = []
    if len(values) != len(_MATRIX) or not all(map(math.isfinite, values)) or min(values[:2]) <= 0:
        raise InputError(
            f"intrinsics {text.strip()[:60]}: write four numbers, {', '.join(_MATRIX)} in pixels of the video's frames"
        )
    return ",".join(f"{value:.10g}" for value in values)
