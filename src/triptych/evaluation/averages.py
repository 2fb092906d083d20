"""Means over images, as the protocols take them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from triptych.evaluation.results import Figures


def mean_figures(images: Sequence[Figures]) -> dict[str, float]:
    """Mean over images of each figure, and how many images there were.

    An image that a figure does not exist for (NaN, or not named) does not count in its mean;
    NaN where there is none at all.
    """
    names = dict.fromkeys(name for image in images for name in image)
    figures = {}
    for name in names:
        values = [value for image in images if not math.isnan(value := image.get(name, math.nan))]
        figures[name] = float(np.mean(values)) if values else math.nan
    return figures | {"images": float(len(images))}


def scale_spread(scales: Sequence[float]) -> dict[str, float]:
    """Median of the factors to the truth's scale, and the deviation of the factors over their median."""
    middle = float(np.median(scales))
    return {"scale_median": middle, "scale_std": float(np.std(np.asarray(scales) / middle))}
