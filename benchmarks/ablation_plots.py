"""Plots of the ablation's results: each seed a dot, each mean a line, over the figures that decide."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

from ablation_table import with_beside

SHOWN = {
    "abs_rel": "depth abs_rel",
    "moving_hole_rate": "holes in what moves",
    "epe_all": "flow EPE, all (px)",
    "epe_occ": "flow EPE, hidden (px)",
    "ate_5": "path, ATE-5 (m)",
}
ROW_HEIGHT, PLOT_WIDTH = 0.26, 2.1  # inches
SEED, MEAN, REFERENCE = "#c25400", "#1d5fd1", "#9a9ea8"


def save_plots(found: list[dict[str, Any]], part: str, folder: Path) -> list[Path]:
    """A picture of the rows and one of the settings, on the worlds of a part.

    Args:
        found: the results.
        part: validation or test.
        folder: where `ablation_rows.svg` and `ablation_settings.svg` are written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for group in ("rows", "settings"):
        runs = with_beside(found, group)
        if runs:
            files.append(folder / f"ablation_{group}.svg")
            _save(runs, part, files[-1])
    return files


def _save(runs: list[dict[str, Any]], part: str, file: Path) -> None:
    names = list(dict.fromkeys(run["name"] for run in runs))
    mpl.rcParams["svg.hashsalt"] = "ablation"  # the same results, the same file
    figure, axes = plt.subplots(
        1, len(SHOWN), figsize=(2 + PLOT_WIDTH * len(SHOWN), 0.9 + ROW_HEIGHT * len(names)), sharey=True
    )
    for axis, (measure, title) in zip(axes, SHOWN.items(), strict=True):
        for place, name in enumerate(names):
            values = _values(runs, name, part, measure)
            if not values:
                continue
            mean = statistics.fmean(values)
            axis.plot(values, [place] * len(values), "o", color=SEED, markersize=4, alpha=0.8)
            axis.plot([mean, mean], [place - 0.35, place + 0.35], color=MEAN, linewidth=2)
            if name == "full":
                axis.axvline(mean, color=REFERENCE, linewidth=0.8, linestyle="--", zorder=0)
        axis.set_title(title, fontsize=9)
        axis.tick_params(labelsize=8)
        axis.grid(axis="x", color="#e4e5e9", linewidth=0.6)
        axis.set_axisbelow(True)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def _values(runs: list[dict[str, Any]], name: str, part: str, measure: str) -> list[float]:
    values = [run["figures"][part]["metrics"].get(measure) for run in runs if run["name"] == name]
    return [value for value in values if value is not None and not math.isnan(value)]
