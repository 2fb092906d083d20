"""Agreement between frames: exact answers agree, and each disagreement has its size."""

from __future__ import annotations

import pytest
import torch

from triptych.data.synthetic import synthetic_clip
from triptych.metrics.consistency import depth_consistency, flow_consistency

HEIGHT, WIDTH = 48, 96


def test_a_shift_there_and_back_returns_and_an_error_shows_in_pixels() -> None:
    there = torch.zeros(1, 2, HEIGHT, WIDTH)
    there[:, 0] = 3
    back = -there
    assert float(flow_consistency(there, back)) == pytest.approx(0, abs=1e-6)
    back[:, 1] = 2
    assert float(flow_consistency(there, back)) == pytest.approx(2, abs=1e-6)


def test_what_leaves_the_frame_does_not_count() -> None:
    there = torch.zeros(1, 2, HEIGHT, WIDTH)
    there[:, 0, :, WIDTH // 2 :] = WIDTH
    assert float(flow_consistency(there, torch.zeros_like(there))) == 0
    assert flow_consistency(torch.full_like(there, 1e4), there).isnan().all()


def test_true_depths_of_a_static_scene_agree_and_a_wavering_scale_shows() -> None:
    clip = synthetic_clip("room", seed=4, frames=2, height=HEIGHT, width=WIDTH)
    source_from_target = torch.linalg.inv(clip.camera_to_world[1:].double()) @ clip.camera_to_world[:1].double()
    known = (clip.depth_m[:1].double(), clip.depth_m[1:].double(), clip.intrinsics[None].double(), source_from_target)
    exact = float(depth_consistency(*known))
    assert exact < 0.02
    target, source, *camera = known
    off = float(depth_consistency(target, source * 1.5, *camera))
    assert off == pytest.approx(0.2, abs=0.03)  # |1 - 1.5| / (1 + 1.5)


def test_nothing_in_the_frame_is_no_figure() -> None:
    depth, intrinsics = torch.ones(1, 1, HEIGHT, WIDTH), torch.eye(3)[None] * 50
    intrinsics[:, 2, 2] = 1
    behind = torch.eye(4)[None].clone()
    behind[:, 2, 3] = -5
    assert depth_consistency(depth, depth, intrinsics, behind).isnan().all()
