"""Figures of each image as a table in a file, to find the ones that fail."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence

from triptych.evaluation.results import Figures
from triptych.formats.atomic import StrPath, atomic_path


def save_per_image(path: StrPath, images: Sequence[tuple[str, Figures]]) -> None:
    """Write a CSV of one line an image: its name, then its figures; empty where one has none.

    Args:
        path: the file to write.
        images: name and figures of each.

    Raises:
        InputError: the place cannot be written to.
    """
    names = list(dict.fromkeys(name for _, figures in images for name in figures))
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", *names])
        for image, figures in images:
            values = (figures.get(name) for name in names)
            writer.writerow([image, *("" if value is None or math.isnan(value) else repr(value) for value in values)])
