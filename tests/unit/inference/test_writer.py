"""What is written of a prediction: which points, and flow that a file cannot hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from tests.unit.artefacts.test_point_cloud import parsed_ply
from tests.unit.inference.test_result import FRAMES, HEIGHT, WIDTH, predictions, sequence

from triptych.formats.maps import load_kitti_flow
from triptych.inference.writer import PointSettings, WriterSettings, write_frame, write_prediction


def test_what_moves_is_left_out_of_the_last_frame_too(tmp_path: Path) -> None:
    settings = WriterSettings(points=PointSettings(without_motion=True))
    write_prediction(tmp_path / "prediction", sequence(), predictions(), settings=settings, facts={})
    points, _ = parsed_ply(tmp_path / "prediction" / "points.ply")
    # One pixel moves in each frame that has a mask; in the last it is wider by a pixel all around.
    assert len(points) == FRAMES * HEIGHT * WIDTH - (FRAMES - 1) - 9
    last = points[-(HEIGHT * WIDTH - 9) :]
    k = sequence().intrinsics.numpy()
    camera_z = 2.0  # of the last frame, where all depth is 9
    columns = (k[0, 0] * last[:, 0] / (last[:, 2] - camera_z) + k[0, 2]).round()
    rows = (k[1, 1] * last[:, 1] / (last[:, 2] - camera_z) + k[1, 2]).round()
    left = set(zip(rows.astype(int).tolist(), columns.astype(int).tolist(), strict=True))
    gone = {(row, column) for row in range(HEIGHT) for column in range(WIDTH)} - left
    assert gone == {(row, column) for row in (1, 2, 3) for column in (3, 4, 5)}  # (2, 3) moves by (-0.25, 1.5)


def test_flow_beyond_what_a_file_holds_ends_at_its_limits(tmp_path: Path) -> None:
    first = next(iter(predictions()))
    assert first.flow is not None
    flow = torch.zeros_like(first.flow)
    flow[:, 0, 0] = torch.tensor([700.0, -1e6])
    write_frame(tmp_path, 0, replace(first, flow=flow), WriterSettings())
    read, known = load_kitti_flow(tmp_path / "flow" / "000000.png")
    assert known.all()
    assert read[:, 0, 0].tolist() == [512 - 1 / 64, -512.0]
