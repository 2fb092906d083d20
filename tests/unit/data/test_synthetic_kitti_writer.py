"""KITTI folders of a clip, read back with independent readers and compared with the real formats."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from triptych.data.synthetic import (
    synthetic_clip,
    write_kitti_flow2015,
    write_kitti_odometry,
    write_kitti_raw,
)
from triptych.errors import InputError

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture(scope="module")
def clip():
    return synthetic_clip("street", seed=2, frames=3, height=32, width=96, start_time=1.0)


def _calibration(path):
    """Name to numbers, as the devkits read it."""
    entries = (line.split(":", 1) for line in path.read_text().splitlines() if line)
    return {name: [float(v) for v in rest.split()] for name, rest in entries if name != "calib_time"}


def _rgb(path):
    return torch.from_numpy(cv2.imread(str(path))[..., ::-1].copy()).permute(2, 0, 1)


def test_raw_folders_hold_frames_times_and_depth(clip, tmp_path):
    folder = write_kitti_raw(clip, tmp_path, date="2011_09_28", drive=7)
    assert folder == tmp_path / "2011_09_28" / "2011_09_28_drive_0007_sync"
    names = sorted(path.name for path in (folder / "image_02" / "data").iterdir())
    assert names == ["0000000000.png", "0000000001.png", "0000000002.png"]
    assert torch.equal(_rgb(folder / "image_02" / "data" / names[1]), clip.images[1])
    times = (folder / "image_02" / "timestamps.txt").read_text().splitlines()
    assert times[1] == "2011-09-28 13:00:00.100000000"
    truth = folder / "proj_depth" / "groundtruth" / "image_02" / names[2]
    stored = cv2.imread(str(truth), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint16
    depth = clip.depth_m[2, 0].numpy()
    near = depth < 255
    assert np.abs(stored[near] / 256 - depth[near]).max() <= 1 / 512 + 1e-6
    assert (stored[depth > 256] == 0).all()
    assert (depth > 256).any()


def test_raw_calibration_gives_the_intrinsics(clip, tmp_path):
    write_kitti_raw(clip, tmp_path)
    entries = _calibration(tmp_path / "2011_09_26" / "calib_cam_to_cam.txt")
    projection = torch.tensor(entries["P_rect_02"]).view(3, 4)
    assert torch.allclose(projection[:, :3], clip.intrinsics, rtol=1e-6)
    assert projection[:, 3].tolist() == [0.0, 0.0, 0.0]
    assert entries["S_rect_02"] == [96.0, 32.0]
    baseline = -entries["P_rect_03"][3] / entries["P_rect_03"][0]
    assert baseline == pytest.approx(0.54, rel=1e-6)


def test_drives_of_one_camera_share_a_date_and_those_of_another_are_refused(clip, tmp_path):
    write_kitti_raw(clip, tmp_path, drive=1)
    write_kitti_raw(clip, tmp_path, drive=2)
    other = synthetic_clip("room", seed=2, frames=2, height=32, width=96, horizontal_fov_deg=60)
    with pytest.raises(InputError, match="another camera"):
        write_kitti_raw(other, tmp_path, drive=3)


def test_odometry_folders_hold_frames_poses_times_and_calibration(clip, tmp_path):
    folder = write_kitti_odometry(clip, tmp_path, sequence="04")
    assert torch.equal(_rgb(folder / "image_2" / "000002.png"), clip.images[2])
    poses = torch.from_numpy(np.loadtxt(tmp_path / "poses" / "04.txt")).view(-1, 3, 4)
    assert torch.allclose(poses.float(), clip.camera_to_world[:, :3])
    assert np.loadtxt(folder / "times.txt").tolist() == pytest.approx([0.0, 0.1, 0.2])
    projection = torch.tensor(_calibration(folder / "calib.txt")["P2"]).view(3, 4)
    assert torch.allclose(projection[:, :3], clip.intrinsics, rtol=1e-7)


def test_flow_folders_hold_pairs_with_flow_where_it_is_defined(clip, tmp_path):
    folder = write_kitti_flow2015(clip, tmp_path)
    assert folder == tmp_path / "training"
    assert torch.equal(_rgb(folder / "image_2" / "000001_10.png"), clip.images[1])
    assert torch.equal(_rgb(folder / "image_2" / "000001_11.png"), clip.images[2])
    stored = {}
    for kind in ("flow_occ", "flow_noc"):
        image = cv2.imread(str(folder / kind / "000001_10.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
        assert image.dtype == np.uint16
        stored[kind] = image.astype(np.float64)
    solid = clip.depth_m[1, 0].isfinite().numpy()
    flow = clip.flow_forward[1].numpy()
    in_range = (np.abs(flow) < 511).all(0)
    assert ((stored["flow_occ"][..., 2] > 0) == (solid & in_range)).all()
    seen = solid & clip.visible_forward[1, 0].numpy()
    assert ((stored["flow_noc"][..., 2] > 0) == seen).all()
    assert 0 < seen.sum() < (solid & in_range).sum()
    for channel in range(2):
        value = (stored["flow_noc"][..., channel] - 32768) / 64
        assert np.abs(value - flow[channel])[seen].max() <= 1 / 128 + 1e-4
    objects = cv2.imread(str(folder / "obj_map" / "000001_10.png"), cv2.IMREAD_UNCHANGED)
    assert ((objects > 0) == clip.moving[1, 0].numpy()).all()
    assert "P_rect_02" in _calibration(folder / "calib_cam_to_cam" / "000001.txt")
    disparity = cv2.imread(str(folder / "disp_occ_0" / "000001_10.png"), cv2.IMREAD_UNCHANGED) / 256.0
    assert ((disparity > 0) == solid).all()
    depth_m = clip.intrinsics[0, 0].item() * 0.54 / disparity[solid]
    assert np.abs(depth_m / clip.depth_m[1, 0].numpy()[solid] - 1).max() < 0.05  # far points, in steps of 1/256 px


@pytest.mark.parametrize("write", [write_kitti_raw, write_kitti_odometry, write_kitti_flow2015])
def test_an_existing_folder_is_replaced_only_when_asked(clip, tmp_path, write):
    folder = write(clip, tmp_path)
    (folder / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="not empty"):
        write(clip, tmp_path)
    assert (folder / "mine.txt").read_text() == "kept"
    write(clip, tmp_path, overwrite=True)
    assert not (folder / "mine.txt").exists()
    assert not [path for path in folder.parent.iterdir() if "partial" in path.name]


@pytest.mark.real
@pytest.mark.skipif(not (REAL / "kitti_raw").exists(), reason="no real data beside the checkout")
def test_calibration_files_have_the_lines_of_the_real_ones(clip, tmp_path):
    write_kitti_raw(clip, tmp_path)
    for real in sorted((REAL / "kitti_raw" / "2011_09_26").glob("calib_*.txt")):
        ours = tmp_path / "2011_09_26" / real.name
        expected = _calibration(real)
        expected.pop("calib_time", None)
        found = _calibration(ours)
        assert {name: len(values) for name, values in expected.items()} == {
            name: len(values) for name, values in found.items()
        }, real.name
    folder = write_kitti_odometry(clip, tmp_path)
    expected = _calibration(REAL / "kitti_odom" / "sequences" / "03" / "calib.txt")
    found = _calibration(folder / "calib.txt")
    assert all(len(found[name]) == len(values) for name, values in expected.items())
