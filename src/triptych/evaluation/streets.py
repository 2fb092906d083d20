"""Predictions of many rendered clips scored against their exact truth, beside trivial and classical answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from triptych.errors import InputError
from triptych.evaluation.averages import mean_figures
from triptych.evaluation.clip_answers import MeanDepthMaps, classical_answer, trivial_answer
from triptych.evaluation.clip_figures import FARTHEST_M, THRESHOLD, ClipAnswer, clip_figures, predicted_answer
from triptych.evaluation.results import Figures, Protocol, Result
from triptych.formats.clips import load_clip
from triptych.formats.maps import KITTI_FLOW_LIMITS_PX

MEAN_MAP = "mean_depth_map"
"""Mean true depth of each pixel over all other clips: it has seen labels, which the method has not."""
CLASSICAL = "dis_five_point"
"""OpenCV's DIS flow, its range map for what is hidden, and a path by five points at a constant pace."""
TRIVIAL = "trivial"
"""Zero flow, everything hidden and moving, depth the same everywhere, and driving straight ahead."""


@dataclass(frozen=True)
class BenchmarkReport:
    """What the scoring of a benchmark found.

    Attributes:
        result: means over the clips.
        clips: figures of each, by its folder's name.
    """

    result: Result
    clips: Mapping[str, Figures]


def score_benchmark(
    prediction: Path,
    clips: Sequence[Path],
    *,
    split: str,
    name: str = "prediction",
    progress: Callable[[int, int], None] | None = None,
) -> BenchmarkReport:
    """The figures of all clips.

    Args:
        prediction: folder with a prediction for each clip, by the clip's folder name.
        clips: folders that `save_clip` wrote, all of one picture size.
        split: which clips they are, in words.
        name: of what is scored.
        progress: told (done, to do) clips.

    Raises:
        InputError: no clips, one without a prediction, or a prediction that is damaged or of another size.
    """
    if not clips:
        raise InputError("there are no clips to score")
    for place in clips:
        if not (prediction / place.name).is_dir():
            raise InputError(f"{prediction}: holds no prediction of {place.name}; predict it, or all with --model")
    mean_maps = MeanDepthMaps()
    for place in clips:
        mean_maps.add(place.name, load_clip(place))
    rows: dict[str, dict[str, float]] = {}
    beside: dict[str, list[dict[str, float]]] = {MEAN_MAP: [], CLASSICAL: [], TRIVIAL: []}
    for number, place in enumerate(clips):
        clip = load_clip(place)
        frames = range(len(clip.images))
        rows[place.name] = clip_figures(predicted_answer(prediction / place.name, clip, frames), clip, frames)
        others = mean_maps.without(place.name)
        answers = {
            MEAN_MAP: ClipAnswer(None if others is None else others.repeat(len(frames), 1, 1, 1)),
            CLASSICAL: classical_answer(clip),
            TRIVIAL: trivial_answer(clip),
        }
        for kind, answer in answers.items():
            beside[kind].append(clip_figures(answer, clip, frames))
        if progress is not None:
            progress(number + 1, len(clips))
    result = Result(
        protocol=_protocol(split, len(clips)),
        metrics=_mean(list(rows.values())),
        baselines={kind: _mean(figures) for kind, figures in beside.items()},
        notes=(f"{MEAN_MAP}: of the other clips' truth",),
        name=name,
    )
    return BenchmarkReport(result, rows)


def _protocol(split: str, clips: int) -> Protocol:
    """How the figures are made, for the result's file."""
    return Protocol(
        "clips",
        "streets",
        {
            "split": split,
            "clips": clips,
            "depth_scaling": "median of each image",
            "cap_m": FARTHEST_M,
            "flow_limit_px": -KITTI_FLOW_LIMITS_PX[0],
            "threshold": THRESHOLD,
            "means": "over the frames of a clip, then over clips",
        },
    )


def _mean(clips: list[dict[str, float]]) -> dict[str, float]:
    figures = mean_figures(clips)
    return {"clips" if name == "images" else name: value for name, value in figures.items()}
