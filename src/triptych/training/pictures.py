"""Pictures of what the networks say of a few validation snippets, one file an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import final

import torch
from jaxtyping import UInt8
from torch import Tensor

from triptych.artefacts.overview import OverviewRange, overview_frame
from triptych.data.selected import SnippetSource
from triptych.data.snippets import SnippetSample
from triptych.formats.maps import save_picture
from triptych.inference.predictor import PredictionSettings, Predictor
from triptych.networks.joint import JointModel
from triptych.training.validation import ValidationReport
from triptych.types import FrameSequence

MARGIN = 8  # px between the snippets
WHITE = 255


@final
class SnippetPictures:
    """Draws frame, depth, flow and masks of some snippets, each below the other.

    Args:
        data: the snippets, without augmentation.
        positions: those that are drawn.
        folder: for the files.
        min_depth: nearest depth of the model.
        max_depth: farthest depth of the model.
    """

    def __init__(
        self, data: SnippetSource, positions: Sequence[int], folder: Path, *, min_depth: float, max_depth: float
    ) -> None:
        self._samples = [data[0, position] for position in positions]
        self._folder = folder
        self._settings = PredictionSettings(refinement="none", min_depth=min_depth, max_depth=max_depth)

    def __call__(self, model: JointModel, report: ValidationReport) -> None:
        """Write the picture of a validation.

        Raises:
            InputError: the place cannot be written to.
        """
        device = next(model.parameters()).device
        predictor = Predictor(model, self._settings, device=device)
        rows = [self._overview(predictor, sample) for sample in self._samples]
        if rows:
            name = f"epoch_{report.epoch:03d}_step_{report.step:07d}.png"
            save_picture(self._folder / name, torch.cat(_with_margins(rows), dim=1))

    def _overview(self, predictor: Predictor, sample: SnippetSample) -> UInt8[Tensor, "3 rows columns"]:
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
        shown = OverviewRange.of([(first.depth, first.flow)])
        return overview_frame(images[0], first.depth, first.flow, first.visibility, first.motion, shown=shown)


def _with_margins(rows: list[UInt8[Tensor, "3 rows columns"]]) -> list[UInt8[Tensor, "3 _ _"]]:
    margin = torch.full((3, MARGIN, rows[0].shape[2]), WHITE, dtype=torch.uint8)
    parts = [part for row in rows for part in (row, margin)]
    return parts[:-1]
