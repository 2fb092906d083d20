"""Depth scored against measured depth: the protocols of KITTI Eigen, improved, Make3D, Cityscapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.data.truth.source import DepthSource
from triptych.errors import InputError
from triptych.evaluation.averages import mean_figures, scale_spread
from triptych.evaluation.counted import CountedTruth, counted_truth, depth_figures, truth_map
from triptych.evaluation.depth_protocols import DepthProtocol, LaserDepth, with_laser_depth
from triptych.evaluation.mean_map import MeanMap
from triptych.evaluation.parallel import Progress, each
from triptych.evaluation.predictions import BY_ORDER, Matched, PredictedMap, PredictedMaps, matched
from triptych.evaluation.resampling import check_orientation, depth_on_grid, flip_blended
from triptych.evaluation.results import Figures, Protocol, Result
from triptych.types import DepthTruth

PredictionOf = Literal["depth", "disparity"]
Scaled = tuple[Figures, float]
"""Figures of an image, and the factor that its depth was multiplied by."""

PLAUSIBLE_SCALE = (0.02, 500.0)
"""Median factor to meters of a prediction up to scale: networks say depths between 0.1 and 100."""
PLAUSIBLE_METRIC_RATIO = (0.1, 10.0)
"""Median of truth over prediction where the prediction is taken to be in meters."""
LEAST_AGAINST = 0.2
"""Depth whose logarithm is correlated with the truth's by less than minus this is taken for disparity."""
LEAST_SPREAD = 1e-9
"""Product of the deviations of two logarithms, below which they have no correlation worth the name."""
FARTHEST = 1e6
"""In place of infinite depth, where a finite number is needed."""
PIXELS_KEPT = 512
"""Pixels of each image whose ratio is kept for a histogram, about."""
CONSTANT = "constant_depth"
MEAN_MAP = "mean_depth_map"
"""Of the truth of all other images."""


@dataclass(frozen=True)
class ImageDepth:
    """Figures of one image.

    Attributes:
        name: of the image.
        figures: by the names of `MEASURES`.
        scale: factor that the prediction was multiplied by.
        ratio: median of the truth over that of the prediction.
        correlation: of the logarithms of prediction and truth, in [-1, 1]; NaN where one is constant.
        pixels: scaled prediction over truth at some of the pixels that count, evenly spread.
    """

    name: str
    figures: Figures
    scale: float
    ratio: float
    correlation: float
    pixels: Float[Tensor, " some"]


@dataclass(frozen=True)
class DepthReport:
    """What the scoring of depth found.

    Attributes:
        result: the figures with their protocol.
        images: of each image.
    """

    result: Result
    images: tuple[ImageDepth, ...]


@dataclass(frozen=True)
class DepthScorer:
    """Scores one prediction against one truth by one protocol.

    Attributes:
        maps: the prediction.
        truth: the truth.
        protocol: how.
        prediction_of: what the prediction's maps hold.
        flipped: predictions for the mirror images, to be blended in; None without.
        any_scale: True takes a prediction of an implausible scale as it is.
        name: of what is scored.
    """

    maps: PredictedMaps
    truth: DepthSource
    protocol: DepthProtocol
    prediction_of: PredictionOf = "depth"
    flipped: PredictedMaps | None = None
    any_scale: bool = False
    name: str = "prediction"

    def report(self, progress: Progress | None = None) -> DepthReport:
        """The figures of all images.

        Args:
            progress: told (done, to do) images; the truth is gone through twice.

        Raises:
            InputError: images without a prediction; a map that holds NaN, or depth that is not
                above 0; a truth without a pixel that counts; a scale that cannot be meters; maps of
                mirror images in the place of others, or others in theirs.
        """
        self._check_mirrored()
        found = matched(self.maps, self.truth.names)
        flipped = None if self.flipped is None else matched(self.flipped, self.truth.names)
        count = len(self.truth)
        mean_map = MeanMap()

        def halves(half: int) -> Progress | None:
            return None if progress is None else lambda done, _: progress(done + half * count, 2 * count)

        def counted(index: int) -> CountedTruth:
            return counted_truth(self.truth.load(index), self.protocol)

        for truth in each(counted, count, progress=halves(0)):
            mean_map.add(truth)
        rows = list(each(lambda index: self._row(index, found, flipped, mean_map), count, progress=halves(1)))
        images = tuple(row[0] for row in rows)
        self._check_scale(images)
        notes = ["mean depth map: of the truth of all other images"] if MEAN_MAP in rows[0][1] else []
        if self.protocol.scaling == "least_squares":
            notes.append("the baselines are scaled by each image's median")
        if self.protocol.scaling == "none":
            factor = float(np.median([image.ratio for image in images]))
            notes.append(
                "the prediction is taken to be in meters; the baselines are scaled by each image's median, which would "
                f"multiply the prediction by {factor:.3g}"
            )
        if not (found.by_name and (flipped is None or flipped.by_name)):
            notes.insert(0, BY_ORDER)
        return DepthReport(
            Result(
                protocol=self._protocol_record(),
                metrics=_summary([(image.figures, image.scale) for image in images]),
                baselines={name: _summary([row[1][name] for row in rows]) for name in rows[0][1]},
                variants={name: _summary([row[2][name] for row in rows]) for name in rows[0][2]},
                notes=tuple(notes),
                name=self.name,
            ),
            images,
        )

    def compared(
        self, index: int
    ) -> tuple[DepthTruth, Float[Tensor, "height width"], Float[Tensor, "height width"], Bool[Tensor, "height width"]]:
        """Truth, scaled prediction, true depth and where it counts, of the image at a position: for pictures."""
        truth = self.truth.load(index)
        counted = counted_truth(truth, self.protocol)
        flipped = None if self.flipped is None else matched(self.flipped, self.truth.names)
        predicted = self._predicted(index, counted.size, matched(self.maps, self.truth.names), flipped)
        _, scale = depth_figures(counted.of(predicted), counted, self.protocol)
        depth_m = truth_map(truth, self.protocol)
        return truth, predicted * scale, depth_m.double(), self.protocol.known(depth_m)

    def _row(
        self, index: int, found: Matched, flipped: Matched | None, mean_map: MeanMap
    ) -> tuple[ImageDepth, dict[str, Scaled], dict[str, Scaled]]:
        """Figures of an image: the prediction's, the baselines' and the variants'."""
        truth = self.truth.load(index)
        counted = counted_truth(truth, self.protocol)
        predicted = self._predicted(index, counted.size, found, flipped)
        guess = counted.of(predicted)
        unknown = int(guess.isnan().sum())
        if unknown:
            raise InputError(
                f"{found.load(index).file}: says nothing of {unknown} pixels that count; predict the whole frame, or "
                "name the share that was cut off with --bottom_crop"
            )
        figures, scale = depth_figures(guess, counted, self.protocol)
        if not (scale > 0 and np.isfinite(scale)):
            raise InputError(
                f"{found.load(index).file}: cannot be scaled (factor {scale:g}): too much of it is infinitely far, or "
                "disparity 0"
            )
        baselines: dict[str, Scaled] = {}
        for name, answer in ((CONSTANT, torch.ones_like(guess)), (MEAN_MAP, mean_map.without(counted))):
            if answer is not None:
                baselines[name] = depth_figures(answer, counted, self.protocol, scaling="median")
        variants: dict[str, Scaled] = {}
        if truth.forward_m is not None:
            other = with_laser_depth(self.protocol, _other(self.protocol.laser_depth))
            same = counted_truth(truth, other)
            variants[other.laser_depth] = depth_figures(same.of(predicted), same, other)
        ratio = scale
        if self.protocol.scaling != "median":
            ratio = float(counted.depth_m.quantile(0.5) / guess.quantile(0.5))
        some = slice(None, None, max(1, len(guess) // PIXELS_KEPT))
        pixels = guess[some] * scale / counted.depth_m[some]
        correlation = _correlation(guess.clamp_max(FARTHEST).log(), counted.depth_m.log())
        return ImageDepth(truth.name, figures, scale, ratio, correlation, pixels), baselines, variants

    def _predicted(
        self, index: int, size: tuple[int, int], found: Matched, flipped: Matched | None
    ) -> Float[Tensor, "height width"]:
        """The prediction on the grid of the truth."""
        own = found.load(index)
        depth = _checked(own, self.prediction_of)
        rows = self.maps.rows or self.protocol.rows
        check_orientation(own.file, depth, size, rows=rows)
        if flipped is not None:
            other = flipped.load(index)
            mirrored = _checked(other, self.prediction_of)
            if mirrored.shape != depth.shape:
                raise InputError(
                    f"{other.file}: is {tuple(mirrored.shape)}, the image's own map {tuple(depth.shape)}; predict both "
                    "at one size"
                )
            depth = 1 / flip_blended(1 / depth.double(), 1 / mirrored.double())
        return depth_on_grid(depth, size, resizing=self.protocol.resizing, rows=rows)

    def _check_mirrored(self) -> None:
        """Refuse predictions that tell that they are of the wrong images, or of other rows."""
        if self.maps.mirrored:
            raise InputError(f"{self.maps.place}: is of mirror images (--mirrored); name it with --flipped")
        if self.flipped is None:
            return
        if self.flipped.mirrored is False:
            raise InputError(f"{self.flipped.place}: is not of mirror images; predict them with --split and --mirrored")
        if None not in (self.maps.rows, self.flipped.rows) and self.maps.rows != self.flipped.rows:
            raise InputError(f"{self.flipped.place}: has other rows cut off than {self.maps.place}; predict both alike")

    def _check_scale(self, images: Sequence[ImageDepth]) -> None:
        """Refuse disparity taken for depth, and depth in another unit than it is taken to be in."""
        if self.any_scale:
            return
        alike = [image.correlation for image in images if not np.isnan(image.correlation)]
        if alike and np.median(alike) < -LEAST_AGAINST:
            raise InputError(
                f"{self.maps.place}: is large where the truth is small (correlation {np.median(alike):.2f}): is it "
                "disparity? Pass --prediction_of disparity, or --any_scale if it is meant so"
            )
        middle = float(np.median([image.ratio for image in images]))
        metric = self.protocol.scaling == "none"
        least, most = PLAUSIBLE_METRIC_RATIO if metric else PLAUSIBLE_SCALE
        if least <= middle <= most:
            return
        taken = "the prediction is taken to be in meters" if metric else "networks without scale stay within"
        raise InputError(
            f"{self.maps.place}: the truth is {middle:.4g} times the prediction in the median image, outside {least:g} "
            f"to {most:g} ({taken}): is it depth, and in which unit? Mend it (--png_scale, --prediction_of disparity), "
            "or pass --any_scale if it is meant so"
        )

    def _protocol_record(self) -> Protocol:
        protocol = self.protocol
        return Protocol(
            "depth",
            protocol.name,
            {
                "split": protocol.split,
                "images": len(self.truth),
                "ground_truth": protocol.ground_truth,
                "crop": protocol.crop,
                "min_depth_m": protocol.min_depth_m,
                "cap_m": protocol.cap_m,
                "scaling": protocol.scaling,
                "resizing": protocol.resizing,
                "post_processing": "none" if self.flipped is None else "flipped image blended in",
            },
        )


def _summary(images: Sequence[Scaled]) -> dict[str, float]:
    """Means over images, and the spread of their scales."""
    return mean_figures([figures for figures, _ in images]) | scale_spread([scale for _, scale in images])


def _correlation(one: Float[Tensor, " pixels"], other: Float[Tensor, " pixels"]) -> float:
    """Pearson's, in [-1, 1]; NaN where one of them hardly varies."""
    first, second = one - one.mean(), other - other.mean()
    spread = (first.square().mean() * second.square().mean()).sqrt()
    return float((first * second).mean() / spread) if spread > LEAST_SPREAD else float("nan")


def _other(laser_depth: LaserDepth) -> LaserDepth:
    return "camera_z" if laser_depth == "forward" else "forward"


def _checked(predicted: PredictedMap, prediction_of: PredictionOf) -> Float[Tensor, "height width"]:
    """A predicted map as depth above 0; infinite depth is allowed.

    Raises:
        InputError: the map holds NaN, or values that cannot be.
    """
    values = predicted.values[0]
    unknown = int(values.isnan().sum())
    if unknown == values.numel():
        raise InputError(f"{predicted.file}: holds nothing but NaN; predict this image again")
    if unknown:
        raise InputError(f"{predicted.file}: holds NaN on {unknown} of {values.numel()} pixels; depth must be dense")
    bad = (values < 0) if prediction_of == "disparity" else (values <= 0)
    if bool(bad.any()):
        raise InputError(
            f"{predicted.file}: {prediction_of} is {'negative' if prediction_of == 'disparity' else '0 or less'} on "
            f"{int(bad.sum())} of {values.numel()} pixels; predictions must be dense and above 0"
        )
    return 1 / values.double() if prediction_of == "disparity" else values
