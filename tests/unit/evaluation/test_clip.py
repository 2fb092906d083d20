"""Scores of a prediction folder against exact truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from triptych.data.synthetic import synthetic_clip
from triptych.errors import InputError
from triptych.evaluation.baselines import dis_flow, mean_depth_map
from triptych.evaluation.clip import score_clip
from triptych.formats.maps import save_depth, save_kitti_flow, save_mask, save_visibility
from triptych.formats.trajectories import save_kitti_trajectory
from triptych.types import SyntheticClip
from triptych.viewing.demo import demo_rows, save_demo_page, table_lines

FRAMES = 5
HELD_OUT = [2, 3, 4]


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return synthetic_clip("street", seed=5, frames=FRAMES, height=64, width=192)


@pytest.fixture(scope="module")
def perfect(clip: SyntheticClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The truth itself as a prediction, in other units of length."""
    folder = tmp_path_factory.mktemp("perfect")
    for index in range(FRAMES):
        name = f"{index:06d}"
        save_depth(folder / "depth" / f"{name}.npz", clip.depth_m[index, 0].clamp_max(500.0) / 7)
        if index < FRAMES - 1:
            flow = clip.flow_forward[index]
            save_kitti_flow(folder / "flow" / f"{name}.png", flow, torch.ones(64, 192, dtype=torch.bool))
            save_visibility(folder / "visibility" / f"{name}.png", clip.visible_forward[index, 0].float())
            save_mask(folder / "motion" / f"{name}.png", clip.moving[index, 0])
    path = clip.camera_to_world.clone()
    path[:, :3, 3] /= 7
    save_kitti_trajectory(folder / "trajectory.kitti.txt", path)
    return folder


def test_the_truth_in_other_units_scores_perfectly(clip: SyntheticClip, perfect: Path) -> None:
    assert clip.moving[HELD_OUT].any()
    assert clip.flow_forward[HELD_OUT[:-1]].abs().amax() < 511  # KITTI's 16 bits end there
    scores = score_clip(perfect, clip, held_out=HELD_OUT)
    assert scores.depth.abs_rel < 1e-4
    assert scores.depth.delta1 == 1.0
    assert scores.odometry.ate_3 < 1e-4
    assert scores.masks.occlusion_f1 == pytest.approx(1.0)
    assert scores.masks.motion_f1 == pytest.approx(1.0)
    assert scores.flow.epe_noc < 0.02
    assert scores.flow.epe_all < 0.02


def test_a_wrong_prediction_scores_by_how_wrong_it_is(clip: SyntheticClip, perfect: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "wrong"
    shutil.copytree(perfect, folder)
    for index in HELD_OUT[:-1]:
        flow = clip.flow_forward[index] + torch.tensor([3.0, 4.0]).view(2, 1, 1)
        save_kitti_flow(folder / "flow" / f"{index:06d}.png", flow, torch.ones(64, 192, dtype=torch.bool))
    assert score_clip(folder, clip, held_out=HELD_OUT).flow.epe_noc == pytest.approx(5.0, abs=0.02)


def test_the_baselines_are_those_of_the_trivial_answers(clip: SyntheticClip, perfect: Path) -> None:
    scores = score_clip(perfect, clip, held_out=HELD_OUT)
    lengths = clip.flow_forward[HELD_OUT[:-1]].norm(dim=1)
    assert scores.flow.zero_epe_all == pytest.approx(float(lengths.mean()), rel=1e-5)
    assert 0 < scores.flow.dis_epe_noc < scores.flow.zero_epe_noc
    assert scores.depth.baseline_abs_rel > 0.05
    assert scores.odometry.straight_ate_3 > scores.odometry.ate_3


@pytest.mark.parametrize("held_out", [[], [4], [3, 4]])
def test_fewer_than_three_held_out_frames_are_refused(clip: SyntheticClip, perfect: Path, held_out: list[int]) -> None:
    with pytest.raises(InputError, match="3 in a row"):
        score_clip(perfect, clip, held_out=held_out)


def test_the_mean_depth_map_takes_the_overall_mean_where_nothing_was_ever_valid() -> None:
    depth = torch.tensor([[[[2.0, 9.0]]], [[[4.0, 9.0]]]])
    valid = torch.tensor([[[[True, False]]], [[[True, False]]]])
    assert mean_depth_map(depth, valid).tolist() == [[[3.0, 3.0]]]


def test_dis_follows_a_shift() -> None:
    generator = torch.Generator().manual_seed(0)
    wide = torch.nn.functional.interpolate(torch.rand(1, 3, 16, 40, generator=generator), (64, 160), mode="bicubic")[0]
    wide = (wide.clamp(0, 1) * 255).to(torch.uint8)
    flow = dis_flow(wide[:, :, 10:138], wide[:, :, 13:141])
    assert (flow[:, 10:-10, 20:-20] - torch.tensor([-3.0, 0.0]).view(2, 1, 1)).abs().median() < 0.2


def test_the_table_and_the_page_hold_every_measure_with_its_protocol(
    clip: SyntheticClip, perfect: Path, tmp_path: Path
) -> None:
    scores = score_clip(perfect, clip, held_out=HELD_OUT)
    rows = demo_rows(replace(scores, frames=3), scores)
    lines = table_lines(rows)
    assert len(lines) == len(rows) + 1
    save_demo_page(tmp_path / "index.html", clip, rows, prediction=perfect, held_out=HELD_OUT)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for row in rows:
        assert row.name in page
        assert row.protocol in page
    assert page.count("<img") == 3 * 9
    assert "http://" not in page.replace("http://www.w3.org", "")
