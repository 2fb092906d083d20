"""Optical flow scored against measured flow: KITTI 2015, KITTI 2012 and folders of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.data.image_folder import rgb_image
from triptych.data.truth.source import FlowSource
from triptych.errors import InputError
from triptych.evaluation.averages import mean_figures
from triptych.evaluation.baselines import dis_flow
from triptych.evaluation.flow_truth import FlowProtocolName
from triptych.evaluation.parallel import Progress, each
from triptych.evaluation.predictions import BY_ORDER, Matched, PredictedMaps, matched
from triptych.evaluation.resampling import ALL_ROWS, check_orientation, flow_on_grid
from triptych.evaluation.results import Figures, Protocol, Result
from triptych.metrics.flow import OUTLIER_PX, FlowMetrics, end_point_error, flow_metrics
from triptych.types import FlowTruth

GROUND_TRUTH = {
    "kitti2015": "flow_occ and flow_noc",
    "kitti2012": "flow_occ and flow_noc",
    "plain": "flow maps",
}
ZERO = "zero_flow"
CLASSICAL = "dis_medium"
"""OpenCV's DIS at its medium preset."""
OVERLAP_NOTE = (
    "15 of the 29 scenes of KITTI 2015 lie in the drives of the Eigen training split: of a model trained on those "
    "this is no figure on unseen scenes (the split `stereo` leaves them out)"
)


@dataclass(frozen=True)
class ImageFlow:
    """Figures of one pair of images.

    Attributes:
        name: of its first image.
        figures: by the names of `MEASURES`; shares of outliers in percent.
        all: error and outliers over all pixels with truth, to be pooled.
        visible: the same over those that the next image shows; None where that is unknown.
    """

    name: str
    figures: Figures
    all: FlowMetrics
    visible: FlowMetrics | None


@dataclass(frozen=True)
class FlowReport:
    """What the scoring of flow found.

    Attributes:
        result: the figures with their protocol.
        images: of each pair.
    """

    result: Result
    images: tuple[ImageFlow, ...]


@dataclass(frozen=True)
class FlowScorer:
    """Scores one prediction against one truth.

    Attributes:
        maps: the prediction.
        truth: the truth.
        protocol: which one.
        split: which pairs, in words.
        name: of what is scored.
    """

    maps: PredictedMaps
    truth: FlowSource
    protocol: FlowProtocolName
    split: str
    name: str = "prediction"

    def report(self, progress: Progress | None = None) -> FlowReport:
        """The figures of all pairs.

        Args:
            progress: told (done, to do) pairs.

        Raises:
            InputError: pairs without a prediction, a prediction that is unknown where there
                is truth, or a truth without a pixel.
        """
        found = matched(self.maps, self.truth.names)
        rows = list(each(lambda index: self._row(index, found), len(self.truth), progress=progress))
        notes = [OVERLAP_NOTE] if self.split.startswith("kitti2015") else []
        if not found.by_name:
            notes.insert(0, BY_ORDER)
        without = sum(CLASSICAL not in row[1] for row in rows)
        if without:
            notes.append(
                f"the images of {without} of {len(rows)} pairs are not beside the truth: no classical baseline"
            )
        images = tuple(row[0] for row in rows)
        return FlowReport(
            Result(
                protocol=Protocol(
                    "flow",
                    self.protocol,
                    {
                        "split": self.split,
                        "images": len(self.truth),
                        "ground_truth": self._kind_of_truth(images),
                        "resizing": "flow, bilinear",
                    },
                ),
                metrics=_summary(images),
                baselines={
                    name: _summary([row[1][name] for row in rows])
                    for name in rows[0][1]
                    if all(name in row[1] for row in rows)
                },
                notes=tuple(notes),
                name=self.name,
            ),
            images,
        )

    def _kind_of_truth(self, images: Sequence[ImageFlow]) -> str:
        known = all(image.visible is not None for image in images)
        return GROUND_TRUTH[self.protocol] if known or self.protocol == "plain" else "flow_occ"

    def compared(self, index: int) -> tuple[FlowTruth, Float[Tensor, "2 height width"]]:
        """Truth and prediction on its grid of the pair at a position: for pictures."""
        truth = self.truth.load(index)
        return truth, self._predicted(truth, matched(self.maps, self.truth.names), index)

    def _row(self, index: int, found: Matched) -> tuple[ImageFlow, dict[str, ImageFlow]]:
        """Figures of a pair: the prediction's and the baselines'."""
        truth = self.truth.load(index)
        if not bool(truth.valid.any()):
            raise InputError(f"{truth.file}: knows the flow of no pixel; leave the pair out")
        ours = _image_figures(truth, self._predicted(truth, found, index), self.protocol)
        baselines = {ZERO: _image_figures(truth, torch.zeros_like(truth.flow), self.protocol)}
        if truth.images is not None:
            first, second = (rgb_image(file) for file in truth.images)
            if first.shape != second.shape or first.shape[1:] != truth.flow.shape[1:]:
                raise InputError(f"{truth.images[0]}: differs in size from the next image or from {truth.file}")
            baselines[CLASSICAL] = _image_figures(truth, dis_flow(first, second), self.protocol)
        return ours, baselines

    def _predicted(self, truth: FlowTruth, found: Matched, index: int) -> Float[Tensor, "2 height width"]:
        """The prediction on the grid of the truth, known wherever the truth is."""
        predicted = found.load(index)
        height, width = truth.flow.shape[1:]
        check_orientation(predicted.file, predicted.values, (height, width), rows=self.maps.rows or ALL_ROWS)
        flow = flow_on_grid(predicted.values, (height, width), rows=self.maps.rows or ALL_ROWS)
        unknown = int((flow.isnan().any(dim=0) & truth.valid).sum())
        if unknown:
            raise InputError(
                f"{predicted.file}: says nothing of {unknown} of {int(truth.valid.sum())} pixels that have a truth; "
                "predicted flow must be dense"
            )
        return flow


def _image_figures(truth: FlowTruth, flow: Float[Tensor, "2 height width"], protocol: FlowProtocolName) -> ImageFlow:
    """Errors over all, visible, hidden, moving and static pixels of a pair."""
    overall = _errors(truth, flow, truth.valid)
    visible = None if truth.visible is None else _errors(truth, flow, truth.visible)
    figures = {"epe_all": float(overall.end_point_error), "fl_all_per_image": 100 * float(overall.fl_all)}
    regions: dict[str, Bool[Tensor, "height width"]] = {}
    if truth.visible is not None:
        regions |= {"epe_noc": truth.visible, "epe_occ": truth.valid & ~truth.visible}
    if truth.moving is not None:
        regions |= {"epe_moving": truth.valid & truth.moving, "epe_static": truth.valid & ~truth.moving}
    for name, region in regions.items():
        figures[name] = float(_errors(truth, flow, region).end_point_error)
    if protocol == "kitti2012":
        off = end_point_error(flow[None].double(), truth.flow[None].double()) > OUTLIER_PX
        figures["out_all"] = 100 * float(off[0, 0][truth.valid].double().mean())
        if truth.visible is not None:
            figures["out_noc"] = 100 * float(off[0, 0][truth.visible].double().mean())
    return ImageFlow(truth.name, figures, overall, visible)


def _errors(
    truth: FlowTruth, flow: Float[Tensor, "2 height width"], region: Bool[Tensor, "height width"]
) -> FlowMetrics:
    return flow_metrics(flow[None].double(), truth.flow[None].double(), region[None, None])


def _summary(images: Sequence[ImageFlow]) -> dict[str, float]:
    """Means over images, and the share of outliers among the pixels of all of them."""
    figures = {"epe_noc": math.nan, "epe_occ": math.nan} | mean_figures([image.figures for image in images])
    figures["fl_all_pooled"] = _pooled([image.all for image in images])
    visible = [image.visible for image in images if image.visible is not None]
    return figures | ({"fl_noc_pooled": _pooled(visible)} if visible else {})


def _pooled(parts: Sequence[FlowMetrics]) -> float:
    """Outliers among the pixels of all images (%); NaN without pixels."""
    pixels = sum(int(part.pixels) for part in parts)
    return 100 * sum(int(part.outliers) for part in parts) / pixels if pixels else math.nan
