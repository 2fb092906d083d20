"""Run by two processes: a validation whose batch statistics differ from process to process; the first writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import torch.distributed
from lightning.fabric import Fabric
from tests.unit.training.small_training import sequence, settings

from triptych.config.build import build_fabric, build_objective
from triptych.config.build_model import build_model
from triptych.config.schema import TrainingSettings
from triptych.data.snippets import SnippetDataset
from triptych.training.budget import TrainingState
from triptych.training.processes import Processes, launched
from triptych.training.stages import Stage
from triptych.training.validation import Validator

JOINT = Stage("joint", frozenset({"flow", "depth", "pose"}), 1.0, 1e-4)


def judged(fabric: Fabric, *, batch_size: int) -> dict[str, float]:
    """The figures of untrained networks, of which each process but the first has other batch statistics."""
    chosen = settings()
    model = build_model(chosen)
    rank = fabric.global_rank
    for name, buffer in model.named_buffers():
        if name.endswith("running_var"):
            buffer.mul_(1 + 4 * rank)
    validator = Validator(SnippetDataset(sequence(9)), range(7), build_objective(chosen), batch_size=batch_size)
    device = torch.device("cpu")
    report = validator.report(model, JOINT, state=TrainingState(), processes=Processes(fabric), device=device)
    return report.figures


def main(path: str) -> None:
    fabric = build_fabric(TrainingSettings())
    with launched(fabric):
        figures = judged(fabric, batch_size=2)
    assert not torch.distributed.is_initialized()  # whose threads would outlive the process
    if fabric.is_global_zero:
        Path(path).write_text(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
