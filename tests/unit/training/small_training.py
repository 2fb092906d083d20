"""A training so small that a step takes no time, for tests of the loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from triptych.config.build import build_data, build_loop
from triptych.config.build_model import build_model
from triptych.config.load import preset_settings
from triptych.config.schema import FitSettings
from triptych.training.log import StepReport
from triptych.training.loop import TrainingLoop
from triptych.training.validation import ValidationReport
from triptych.types import FrameSequence

NO_TEACHER = {"share": 1.0, "learning_rate": 1e-4, "imitation": 0.0, "imitation_alone": 0.0}


TINY = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "stem_width": 8}


def sequence(count: int = 9) -> FrameSequence:
    generator = torch.Generator().manual_seed(1)
    scene = torch.nn.functional.interpolate(torch.rand(1, 3, 16, 40, generator=generator), (64, 160), mode="bicubic")[0]
    images = torch.stack([scene[:, :, 2 * i : 2 * i + 96] for i in range(count)])
    return FrameSequence(
        images=(images.clamp(0, 1) * 255).to(torch.uint8),
        intrinsics=torch.tensor([[60.0, 0, 47.5], [0, 60.0, 31.5], [0, 0, 1]]),
        timestamps=torch.arange(count, dtype=torch.float64) / 10,
        source_indices=torch.arange(count),
        source_length=count,
        intrinsics_origin="made for a test",
        name="sliding",
    )


def settings(**overrides: Any) -> FitSettings:
    tiny = {
        "size": "64x96",
        "steps": 9,
        "depth": {"encoder_options": TINY, "width": 0.25},
        "pose": {"encoder_options": TINY, "channels": 16},
        "flow": {"width": 0.25, "normalized_costs": True},
    }
    return preset_settings("small", **(tiny | overrides))


def loop(folder: Path, chosen: FitSettings) -> TrainingLoop:
    data = build_data(chosen, sequence(), positions=list(range(9)))
    return build_loop(chosen, build_model(chosen), data, folder=folder)


class Losses:
    """Collects what a training says."""

    def __init__(self) -> None:
        self.reports: list[StepReport] = []

    def record(self, report: StepReport) -> None:
        self.reports.append(report)

    def record_validation(self, report: ValidationReport) -> None:
        """Nothing is validated here."""

    def close(self) -> None:
        """Nothing is held back."""


def weights(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
