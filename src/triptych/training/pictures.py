"""Pictures of what the networks say of a few validation snippets, one file a validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.artefacts.colors import depth_limits
from triptych.artefacts.error_colors import error_legend, relative_error_colors, spread_out
from triptych.artefacts.figures import LabeledPicture, headed
from triptych.artefacts.overview import OverviewRange, depth_panel, overview_frame
from triptych.data.read_snippets import ReadSnippets
from triptych.data.snippets import SnippetDataset, SnippetSample
from triptych.data.validation_truth import SnippetTruth
from triptych.evaluation.resampling import ALL_ROWS, Rows, depth_on_grid, row_range
from triptych.formats.maps import save_picture
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.warp import warped
from triptych.inference.predictor import PredictionSettings, Predictor
from triptych.losses.photometric import photometric_error
from triptych.networks.joint import JointModel
from triptych.training.validation import ValidationReport
from triptych.types import DepthTruth, FrameSequence, Prediction

PICTURES: Final = "pictures"
"""Folder in that of the run."""

LARGEST_ERROR: Final = 0.4
"""Photometric error where the last color ends, which is that of larger ones too."""

WHITE = 255
_DOT_SHARE = 1 / 400  # radius of a laser's point as a share of the width: 3 px of KITTI's 1242
_SMALLEST_DOT = 1.5  # px: 3x3


@final
class SnippetPictures:
    """Draws frame, depth, flow and masks of some snippets, each below the other under its name.

    The last cell is the true depth where there is one, in meters, to whose median and colors the
    prediction is brought; else the photometric error of the next frame, brought here by depth and
    motion, or by flow while depth does not learn.

    Args:
        data: the snippets, without augmentation.
        positions: those that are drawn.
        folder: of the run.
        min_depth: nearest depth of the model.
        max_depth: farthest depth of the model.
        truth: of the snippets, where there is some.
        rows: shares of the picture's rows, from and to, that the snippets show.
    """

    def __init__(
        self,
        data: ReadSnippets | SnippetDataset,
        positions: Sequence[int],
        folder: Path,
        *,
        min_depth: float,
        max_depth: float,
        truth: SnippetTruth | None = None,
        rows: Rows = ALL_ROWS,
    ) -> None:
        self._samples = [data[0, position] for position in positions]
        self._names = [data.name_of(sample.index) for sample in self._samples]
        self._folder = folder
        self._settings = PredictionSettings(refinement="none", min_depth=min_depth, max_depth=max_depth)
        self._truth = truth
        self._rows = rows

    def __call__(self, model: JointModel, report: ValidationReport) -> str | None:
        """Write the picture of a validation; its place in the run folder, None where there is no snippet.

        Raises:
            InputError: the place cannot be written to, or a truth is damaged.
        """
        if not self._samples:
            return None
        predictor = Predictor(model, self._settings, device=next(model.parameters()).device)
        drawn = [
            headed(self._overview(predictor, sample, report), name)
            for name, sample in zip(self._names, self._samples, strict=True)
        ]
        heading = f"Epoch {report.epoch}, step {report.step}, {report.stage} stage"
        place = f"{PICTURES}/epoch_{report.epoch:03d}_step_{report.step:07d}.png"
        save_picture(self._folder / place, headed(torch.cat(drawn, dim=1), heading))
        return place

    def _overview(
        self, predictor: Predictor, sample: SnippetSample, report: ValidationReport
    ) -> UInt8[Tensor, "3 rows columns"]:
        """Target and next frame as the networks see them."""
        images = (sample.frames[1:] * WHITE).round().to(torch.uint8)
        sequence = FrameSequence(
            images=images,
            intrinsics=sample.intrinsics,
            timestamps=torch.arange(2, dtype=torch.float64),
            source_indices=torch.arange(2),
            source_length=2,
            intrinsics_origin="of the snippet",
            name=f"snippet {sample.index}",
        )
        first = next(iter(predictor.predict(sequence)))
        truth = None if self._truth is None else self._truth.depth(sample.index)
        shown = OverviewRange.of([(first.depth, first.flow)])
        depth = first.depth
        if truth is None:
            last = _photometric_error(sample, first, by_depth="depth_photometric" in report.figures)
        else:
            near, far = depth_limits(truth.depth_m)
            shown = replace(shown, near=near, far=far)
            depth = depth * _scale(depth, truth, rows=self._rows)
            last = _true_depth(truth, near=near, far=far, rows=self._rows)
        return overview_frame(images[0], depth, first.flow, first.visibility, first.motion, shown=shown, last=last)


def _scale(predicted: Float[Tensor, "height width"], truth: DepthTruth, *, rows: Rows) -> float:
    """The factor that brings the median of the prediction to that of the truth; 1 where they share no pixel."""
    size = (truth.depth_m.shape[0], truth.depth_m.shape[1])
    on_truth = depth_on_grid(predicted, size, resizing="disparity, bilinear", rows=rows)
    known = (truth.depth_m > 0) & ~on_truth.isnan()
    return float(truth.depth_m[known].median() / on_truth[known].median()) if known.any() else 1.0


def _true_depth(truth: DepthTruth, *, near: float, far: float, rows: Rows) -> LabeledPicture:
    """The truth, sparse points as dots, of the rows that the snippet shows."""
    height, width = truth.depth_m.shape
    dots, dotted = spread_out(truth.depth_m[None], truth.depth_m > 0, radius=max(width * _DOT_SHARE, _SMALLEST_DOT))
    top, bottom = row_range(rows, height)
    depth = torch.where(dotted, dots[0], 0.0)[top:bottom]
    return depth_panel("True depth", depth, near=near, far=far, unit=" m")


def _photometric_error(sample: SnippetSample, prediction: Prediction, *, by_depth: bool) -> LabeledPicture:
    """How far the next frame, brought here, differs from the target."""
    assert prediction.flow is not None
    assert prediction.step is not None
    target, following = sample.frames[1:2], sample.frames[2:]
    flow = prediction.flow[None]
    if by_depth:
        pose = prediction.step.next_from_current[None]
        flow = rigid_flow(prediction.depth[None, None], sample.intrinsics[None], pose).flow
    brought, in_frame = warped(following, flow)
    error = photometric_error(target, brought)[0, 0]
    seen = in_frame[0, 0]
    mean = f", mean {float(error[seen].mean()):.3f}" if seen.any() else ""
    return LabeledPicture(
        f"Photometric error by {'depth and motion' if by_depth else 'flow'}{mean}",
        relative_error_colors(error, seen, largest=LARGEST_ERROR),
        begin="0",
        legend=error_legend(),
        note=f"{LARGEST_ERROR:g}",
    )
