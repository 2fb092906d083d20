"""Masks scored: what is hidden in the next image, what moves by itself, and depth on what moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.data.truth.source import DepthSource, FlowSource
from triptych.errors import InputError
from triptych.evaluation.averages import mean_figures
from triptych.evaluation.parallel import Progress, each
from triptych.evaluation.predictions import BY_ORDER, Matched, PredictedMaps, matched
from triptych.evaluation.resampling import ALL_ROWS, depth_on_grid, map_on_grid
from triptych.evaluation.results import Figures, Protocol, Result
from triptych.metrics.depth import depth_scale, hole_rate
from triptych.metrics.masks import mask_metrics, roc_auc
from triptych.metrics.regions import region_mean
from triptych.types import FlowTruth

THRESHOLD = 0.5
CAP_M = 80.0
NEAREST_M = 1e-3
EVERYWHERE = "claim_everything"
"""Every pixel hidden and moving, and depth the same everywhere."""


@dataclass(frozen=True)
class MaskScorer:
    """Scores the masks of one prediction against one truth; each part that both have.

    Attributes:
        visibility: predicted, 1 where the pixel is seen in the next image; None without.
        motion: predicted, 1 where something moves by itself; None without.
        depth: predicted; None without.
        truth: of flow, which tells what is hidden and what moves.
        depth_truth: measured depth of the same images; None without.
        split: which pairs, in words.
        pixels: over which pixels, in words.
        name: of what is scored.
    """

    visibility: PredictedMaps | None
    motion: PredictedMaps | None
    depth: PredictedMaps | None
    truth: FlowSource
    depth_truth: DepthSource | None
    split: str
    pixels: str = "with flow truth; hidden is flow_occ minus flow_noc"
    name: str = "prediction"

    def report(self, progress: Progress | None = None) -> Result:
        """The figures of all pairs; NaN for what the truth or the prediction does not tell.

        Args:
            progress: told (done, to do) pairs.

        Raises:
            InputError: pairs without a prediction; maps that cannot be used; nothing to score.
        """
        found = _Found(*(self._found(maps) for maps in (self.visibility, self.motion, self.depth)))
        rows = list(each(lambda index: self._row(index, found), len(self.truth), progress=progress))
        by_order = any(part is not None and not part.by_name for part in (found.visibility, found.motion, found.depth))
        parts = [part for part in ("occlusion", "motion", "depth") if any(part in row[2] for row in rows)]
        if not parts:
            raise InputError(
                f"{self.truth.place}: tells neither what is hidden (flow_noc) nor what moves (obj_map), or the "
                "prediction holds no such mask: there is nothing to score"
            )
        return Result(
            protocol=Protocol(
                "masks",
                "kitti_flow",
                {
                    "split": self.split,
                    "images": len(self.truth),
                    "scored": ", ".join(parts),
                    "pixels": self.pixels,
                    "threshold": THRESHOLD,
                    "depth_scaling": "median over all pixels",
                    "cap_m": CAP_M,
                },
            ),
            metrics=mean_figures([row[0] for row in rows]),
            baselines={EVERYWHERE: mean_figures([row[1] for row in rows])},
            notes=(
                *((BY_ORDER,) if by_order else ()),
                "F1 and ROC AUC are means over the images that have something to find",
            ),
            name=self.name,
        )

    def _found(self, maps: PredictedMaps | None) -> Matched | None:
        return None if maps is None else matched(maps, self.truth.names)

    def _row(self, index: int, found: _Found) -> tuple[Figures, Figures, set[str]]:
        """Figures of a pair, those of the baseline, and what could be scored."""
        truth = self.truth.load(index)
        figures: dict[str, float] = {}
        trivial: dict[str, float] = {}
        parts: set[str] = set()
        everything = torch.ones(truth.valid.shape)
        if found.visibility is not None and truth.visible is not None:
            hidden = truth.valid & ~truth.visible
            claimed = 1 - _mask(found.visibility, index, truth)
            figures |= _mask_figures("occlusion", claimed, hidden, truth.valid)
            trivial |= _mask_figures("occlusion", everything, hidden, truth.valid)
            parts.add("occlusion")
        if found.motion is not None and truth.moving is not None:
            claimed = _mask(found.motion, index, truth)
            figures |= _mask_figures("motion", claimed, truth.moving, truth.valid)
            trivial |= _mask_figures("motion", everything, truth.moving, truth.valid)
            parts.add("motion")
        if found.depth is not None and self.depth_truth is not None and truth.moving is not None:
            measured = self.depth_truth.load(self.depth_truth.position(truth.name))
            if measured.depth_m.shape != truth.moving.shape:
                raise InputError(f"{measured.file}: differs in size from {truth.file}")
            known = (measured.depth_m > NEAREST_M) & (measured.depth_m < CAP_M)
            if not bool(known.any()):
                raise InputError(f"{measured.file}: has no depth below {CAP_M:g} m; truth must be in meters")
            depth_m = measured.depth_m.double()
            ours = _depth_figures(_depth(found.depth, index, truth), depth_m, known, truth.moving)
            if ours is None:
                raise InputError(f"{found.depth.load(index).file}: too much of it is infinitely far to be scaled")
            figures |= ours
            trivial |= _depth_figures(torch.ones_like(depth_m), depth_m, known, truth.moving) or {}
            parts.add("depth")
        return figures, trivial, parts


@dataclass(frozen=True)
class _Found:
    """The predicted maps in the order of the truth."""

    visibility: Matched | None
    motion: Matched | None
    depth: Matched | None


def _mask_figures(
    part: str,
    claimed: Float[Tensor, "height width"],
    truth: Bool[Tensor, "height width"],
    valid: Bool[Tensor, "height width"],
) -> dict[str, float]:
    """F1 at the threshold and area under the curve of a mask."""
    score, real, where = claimed[None, None], truth[None, None], valid[None, None]
    return {
        f"{part}_f1": float(mask_metrics(score > THRESHOLD, real, where).f1),
        f"{part}_auc": float(roc_auc(score, real, where)),
    }


def _mask(found: Matched, index: int, truth: FlowTruth) -> Float[Tensor, "height width"]:
    """A predicted mask on the grid of the truth, 0 in rows that it was not predicted for."""
    predicted = found.load(index)
    size = (truth.valid.shape[0], truth.valid.shape[1])
    values = map_on_grid(predicted.values, size, rows=found.maps.rows or ALL_ROWS)[0]
    if bool(values[truth.valid].isnan().any()):
        raise InputError(f"{predicted.file}: does not cover all rows that have a truth; predict without --bottom_crop")
    return values.nan_to_num(nan=0.0)


def _depth(found: Matched, index: int, truth: FlowTruth) -> Float[Tensor, "height width"]:
    """Predicted depth on the grid of the truth; NaN in rows that it was not predicted for."""
    predicted = found.load(index)
    depth = predicted.values[0].double()
    if bool((depth.isnan() | (depth <= 0)).any()):
        raise InputError(f"{predicted.file}: depth must be dense and above 0, without NaN")
    return depth_on_grid(
        depth,
        (truth.valid.shape[0], truth.valid.shape[1]),
        resizing="disparity, bilinear",
        rows=found.maps.rows or ALL_ROWS,
    )


def _depth_figures(
    predicted: Float[Tensor, "height width"],
    truth_m: Float[Tensor, "height width"],
    known: Bool[Tensor, "height width"],
    moving: Bool[Tensor, "height width"],
) -> dict[str, float] | None:
    """Hole rate and error where things move, and error elsewhere, after median scaling over all pixels.

    Holes are counted before depth is clamped to the cap, beyond which there is no other way to be
    twice as deep; None where the prediction has no scale.
    """
    known = known & ~predicted.isnan()
    guess, reference, where = predicted[None, None], truth_m[None, None], known[None, None]
    scale = float(depth_scale(guess, reference, where, scaling="median"))
    if not (scale > 0 and math.isfinite(scale)):
        return None
    scaled = guess * scale
    depth_m = scaled.clamp(NEAREST_M, CAP_M)
    off = (depth_m - reference).abs() / torch.where(where, reference, 1.0)
    on_moving, on_static = where & moving, where & ~moving
    figures = {
        "moving_hole_rate": float(hole_rate(scaled, reference, on_moving)),
        "moving_abs_rel": float(region_mean(off, on_moving)),
        "static_abs_rel": float(region_mean(off, on_static)),
    }
    return {name: value for name, value in figures.items() if not math.isnan(value)}
