"""What each figure is called, its unit, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher", "neither"]


@dataclass(frozen=True)
class Measure:
    """How a figure is shown.

    Attributes:
        label: for the head of a column.
        better: which way is better; `neither` for counts and scales.
        unit: empty where it has none.
        digits: after the point.
    """

    label: str
    better: Better
    unit: str = ""
    digits: int = 3


MEASURES: dict[str, Measure] = {
    "abs_rel": Measure("abs_rel", "lower"),
    "sq_rel": Measure("sq_rel", "lower", "m"),
    "rmse": Measure("rmse", "lower", "m"),
    "rmse_log": Measure("rmse_log", "lower"),
    "rmse_log10": Measure("rmse_log10", "lower"),
    "delta1": Measure("delta1", "higher"),
    "delta2": Measure("delta2", "higher"),
    "delta3": Measure("delta3", "higher"),
    "scale_median": Measure("scale median", "neither"),
    "scale_std": Measure("scale deviation / median", "neither"),
    "epe_all": Measure("EPE all", "lower", "px", 2),
    "epe_noc": Measure("EPE noc", "lower", "px", 2),
    "epe_occ": Measure("EPE occ", "lower", "px", 2),
    "epe_moving": Measure("EPE moving", "lower", "px", 2),
    "epe_static": Measure("EPE static", "lower", "px", 2),
    "fl_all_pooled": Measure("Fl-all, pooled", "lower", "%", 2),
    "fl_all_per_image": Measure("Fl-all, per image", "lower", "%", 2),
    "fl_noc_pooled": Measure("Fl-noc, pooled", "lower", "%", 2),
    "out_all": Measure("Out-All (> 3 px)", "lower", "%", 2),
    "out_noc": Measure("Out-Noc (> 3 px)", "lower", "%", 2),
    "t_rel_percent": Measure("t_rel", "lower", "%", 3),
    "r_rel_deg_per_100m": Measure("r_rel", "lower", "deg/100 m", 4),
    "ate_m": Measure("ATE", "lower", "m", 3),
    "rpe_translation_m": Measure("RPE translation", "lower", "m", 4),
    "rpe_rotation_deg": Measure("RPE rotation", "lower", "deg", 4),
    "ate_mean": Measure("snippet ATE, mean", "lower", "m", 4),
    "ate_std": Measure("snippet ATE, deviation", "neither", "m", 4),
    "ate_3": Measure("ATE-3", "lower", "m", 4),
    "ate_5": Measure("ATE-5", "lower", "m", 4),
    "occlusion_f1": Measure("occlusion F1", "higher"),
    "occlusion_auc": Measure("occlusion ROC AUC", "higher"),
    "learned_occlusion_f1": Measure("occlusion F1, learned mask", "higher"),
    "learned_occlusion_auc": Measure("occlusion ROC AUC, learned mask", "higher"),
    "motion_f1": Measure("motion F1", "higher"),
    "motion_auc": Measure("motion ROC AUC", "higher"),
    "moving_hole_rate": Measure("hole rate, moving", "lower"),
    "crossing_hole_rate": Measure("hole rate, crossing", "lower"),
    "oncoming_hole_rate": Measure("hole rate, oncoming", "lower"),
    "leading_hole_rate": Measure("hole rate, leading", "lower"),
    "moving_abs_rel": Measure("abs_rel, moving", "lower"),
    "static_abs_rel": Measure("abs_rel, static", "lower"),
    "edge_abs_rel": Measure("abs_rel, depth edges", "lower"),
    "clips": Measure("clips", "neither", digits=0),
    "images": Measure("images", "neither", digits=0),
    "snippets": Measure("snippets", "neither", digits=0),
    "frames": Measure("frames", "neither", digits=0),
}
"""Every figure that is printed or written, by its name in the JSON."""
