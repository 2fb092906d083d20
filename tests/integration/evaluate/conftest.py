"""A world in the layouts of KITTI, and a perfect prediction of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.kitti_writer import write_kitti_flow2015, write_kitti_odometry, write_kitti_raw
from triptych.formats.maps import save_depth, save_kitti_flow, save_mask, save_visibility
from triptych.formats.trajectories import save_kitti_trajectory
from triptych.types import SyntheticClip

FRAMES = 4


@pytest.fixture(scope="session")
def clip() -> SyntheticClip:
    return synthetic_clip("street", seed=2, frames=FRAMES, height=48, width=144, start_time=1.0)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, clip: SyntheticClip) -> Path:
    """The clip in KITTI's three layouts."""
    root = tmp_path_factory.mktemp("world")
    write_kitti_raw(clip, root)
    write_kitti_odometry(clip, root, sequence="07")
    write_kitti_flow2015(clip, root)
    return root


@pytest.fixture(scope="session")
def predicted(tmp_path_factory: pytest.TempPathFactory, clip: SyntheticClip) -> Path:
    """A perfect prediction up to scale, in the files that `triptych predict` writes."""
    folder = tmp_path_factory.mktemp("predicted")
    for index in range(FRAMES):
        depth = clip.depth_m[index, 0].clamp_max(90.0) / 7
        save_depth(folder / "depth" / f"{index:06d}.npz", depth)
    for index in range(FRAMES - 1):
        everywhere = torch.ones(48, 144, dtype=torch.bool)
        save_kitti_flow(folder / "flow" / f"{index:06d}_10.png", clip.flow_forward[index].clamp(-500, 500), everywhere)
        save_visibility(folder / "visibility" / f"{index:06d}_10.png", clip.visible_forward[index, 0].float())
        save_mask(folder / "motion" / f"{index:06d}_10.png", clip.moving[index, 0])
    poses = clip.camera_to_world.double().clone()
    poses[:, :3, 3] /= 7
    save_kitti_trajectory(folder / "trajectory.kitti.txt", poses)
    return folder


@pytest.fixture
def drive(world: Path) -> Path:
    return world / "2011_09_26" / "2011_09_26_drive_0001_sync"
