"""A small prediction and a small run on the disk, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from triptych.inference.writer import WriterSettings, write_prediction
from triptych.types import CameraStep, FrameSequence, Prediction

HEIGHT, WIDTH = 32, 64


def write_small_prediction(folder: Path, *, frames: int, moving_columns: int = 8, **facts: Any) -> None:
    """A ramp that slides to the right: depth 2 at the top and 4 below, the first columns moving.

    Frame 0 hides the last column of the next, frame 1 the last two, and so on.
    """
    ramp = torch.linspace(0, 200, WIDTH)[None, None].expand(3, HEIGHT, WIDTH)
    images = torch.stack([ramp + 5 * (index % 10) for index in range(frames)]).round().to(torch.uint8)
    step = torch.eye(4)
    step[2, 3] = -1.0
    depth = torch.full((HEIGHT, WIDTH), 2.0)
    depth[HEIGHT // 2 :] = 4.0
    predictions = []
    for index in range(frames - 1):
        visibility = torch.ones(HEIGHT, WIDTH)
        visibility[:, WIDTH - 1 - index % 8 :] = 0
        motion = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
        motion[:, :moving_columns] = True
        flow = torch.stack((torch.full((HEIGHT, WIDTH), 3.0), torch.zeros(HEIGHT, WIDTH)))
        predictions.append(Prediction(depth, flow, visibility, motion, CameraStep(step)))
    predictions.append(Prediction(depth, None, None, None, None))
    sequence = FrameSequence(
        images=images,
        intrinsics=torch.tensor([[40.0, 0, 31.5], [0, 41.0, 15.5], [0, 0, 1]]),
        timestamps=torch.arange(frames, dtype=torch.float64) / 4,
        source_indices=torch.arange(frames),
        source_length=frames + 5,
        intrinsics_origin="given on the command line",
        name="sliding ramp",
    )
    write_prediction(folder, sequence, predictions, settings=WriterSettings(), facts=facts)


def write_small_log(folder: Path) -> None:
    """Eight steps of two stages and one validation; the last line is cut off."""
    folder.mkdir(parents=True, exist_ok=True)
    steps = []
    for step in range(1, 9):
        stage = "flow" if step <= 4 else "joint"
        terms = {"flow_photometric": 1.0 / step} | ({"depth_photometric": 0.5} if stage == "joint" else {})
        shares = {"visibility_forward": 0.9} | ({"gate_photometric_depth": step / 10} if stage == "joint" else {})
        steps.append(
            {
                "step": step,
                "stage": stage,
                "total": None if step == 3 else sum(terms.values()),
                "terms": terms,
                "shares": shares,
                "signs": {"flow": 0.01 * step},
                "warnings": ["flow says nothing <here>"] if step in (2, 3) else [],
            }
        )
    text = "".join(json.dumps(line) + "\n" for line in steps)
    (folder / "metrics.jsonl").write_text(text + '{"step": 9, "sta', encoding="utf-8")
    validation = {
        "step": 8,
        "stage": "joint",
        "figures": {"error_by_flow": 0.12},
        "measure": "flow_photometric",
        "snippets": 1200,
        "protocol": "",
    }
    (folder / "validation.jsonl").write_text(json.dumps(validation) + "\n", encoding="utf-8")


def write_small_run(folder: Path, *, frames: int = 5) -> None:
    """A run with its log, settings, versions and prediction."""
    write_small_log(folder)
    (folder / "settings.yaml").write_text("seed: 7\nlosses:\n  alpha: 0.85\n", encoding="utf-8")
    (folder / "environment.json").write_text(json.dumps({"torch": "9.9.9", "gpu": None}), encoding="utf-8")
    learned = list(range(frames - 2))
    write_small_prediction(folder / "prediction", frames=frames, refinement="geometry", frames_learned_from=learned)
