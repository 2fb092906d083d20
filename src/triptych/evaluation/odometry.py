"""Camera motion scored against the true one: over a whole sequence, or over snippets."""

from __future__ import annotations

import math
from dataclasses import replace

from triptych.errors import InputError
from triptych.evaluation.paths import PairedPaths
from triptych.evaluation.results import Figures, Protocol, Result, Setting
from triptych.metrics.alignment import Alignment
from triptych.metrics.segments import SEGMENT_LENGTHS_M, SEGMENT_STEP, odometry_metrics
from triptych.metrics.trajectory import snippet_trajectory_errors, straight_motion

STRAIGHT = "straight_motion"
"""At the true mean speed, aligned like the prediction."""
MANY_MISSING = 0.05
"""A larger share of frames without a prediction is worth a question."""


def score_sequence(paths: PairedPaths, *, alignment: Alignment, name: str = "prediction") -> Result:
    """Drift over segments, error of the whole path and from frame to frame.

    Args:
        paths: predicted and true trajectory.
        alignment: how the prediction is brought to the truth.
        name: of what is scored.
    """
    settings: dict[str, Setting] = {
        "sequence": paths.sequence,
        "frames": int(paths.present.sum()),
        "alignment": alignment,
        "lengths_m": f"{SEGMENT_LENGTHS_M[0]:.0f} to {SEGMENT_LENGTHS_M[-1]:.0f}",
        "start_step": SEGMENT_STEP,
        "stride": paths.stride,
        **_part(paths),
    }
    metrics = _sequence_figures(paths, alignment=alignment)
    notes = _missing(paths)
    if math.isnan(metrics["t_rel_percent"]):
        notes.append(f"the path is shorter than {SEGMENT_LENGTHS_M[0]:.0f} m: it has no segment, and no t_rel or r_rel")
    return Result(
        protocol=Protocol("odometry", "kitti_odometry", settings),
        metrics=metrics,
        baselines={STRAIGHT: _sequence_figures(_straight(paths), alignment=alignment)},
        notes=tuple(notes),
        name=name,
    )


def score_snippets(paths: PairedPaths, *, length: int, name: str = "prediction") -> Result:
    """Trajectory error of every run of `length` frames, one scale a run (the protocol of SfMLearner).

    Args:
        paths: predicted and true trajectory.
        length: frames of a snippet; 3 and 5 are different protocols.
        name: of what is scored.

    Raises:
        InputError: there are not so many frames in a row.
    """
    metrics = _snippet_figures(paths, length=length)
    settings: dict[str, Setting] = {
        "sequence": paths.sequence,
        "snippet": length,
        "snippets": int(metrics["snippets"]),
        "stride": paths.stride,
        "scaling": "one least-squares factor a snippet",
        **_part(paths),
    }
    return Result(
        protocol=Protocol("snippets", f"ate_{length}", settings),
        metrics=metrics,
        baselines={STRAIGHT: _snippet_figures(_straight(paths), length=length)},
        notes=tuple(_missing(paths)),
        name=name,
    )


def _sequence_figures(paths: PairedPaths, *, alignment: Alignment) -> dict[str, float]:
    metrics = odometry_metrics(paths.predicted, paths.truth, alignment=alignment, present=paths.present)
    return {
        "t_rel_percent": 100 * float(metrics.t_rel),
        "r_rel_deg_per_100m": 100 * math.degrees(metrics.r_rel_rad_per_m),
        "ate_m": float(metrics.ate_m),
        "rpe_translation_m": float(metrics.rpe_translation_m),
        "rpe_rotation_deg": math.degrees(metrics.rpe_rotation_rad),
    }


def _snippet_figures(paths: PairedPaths, *, length: int) -> Figures:
    try:
        errors = snippet_trajectory_errors(paths.predicted, paths.truth, length=length, present=paths.present)
    except ValueError as error:
        raise InputError(f"{paths.sequence}: {error}; choose a shorter --snippet or more frames") from error
    return {
        "ate_mean": float(errors.mean()),
        "ate_std": float(errors.std(correction=0)),
        "snippets": float(len(errors)),
    }


def _straight(paths: PairedPaths) -> PairedPaths:
    """Straight motion on the same frames."""
    return replace(paths, predicted=straight_motion(paths.truth))


def _part(paths: PairedPaths) -> dict[str, Setting]:
    """The part of the truth, where it is not all of it."""
    return {} if paths.part is None else {"part": paths.part}


def _missing(paths: PairedPaths) -> list[str]:
    missing = int((~paths.present).sum())
    if not missing:
        return []
    note = f"{missing} of {len(paths.present)} frames are not predicted, and left out"
    many = missing > MANY_MISSING * len(paths.present)
    return [f"{note}: are both of the same sequence?" if many else note]
