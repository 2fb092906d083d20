"""Which truth a protocol takes from what lies on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.data.splits import cityscapes_test_names
from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.kitti_writer import write_kitti_flow2015, write_kitti_raw
from triptych.errors import InputError
from triptych.evaluation.depth_protocols import PROTOCOLS
from triptych.evaluation.depth_truth import depth_truth
from triptych.formats.maps import save_depth_png


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drive with annotated maps and a scan, and the layout of KITTI 2015."""
    root = tmp_path_factory.mktemp("world")
    clip = synthetic_clip("street", seed=2, frames=3, height=32, width=96, start_time=1.0)
    drive = write_kitti_raw(clip, root)
    write_kitti_flow2015(clip, root)
    scan = drive / "velodyne_points" / "data" / "0000000001.bin"
    scan.parent.mkdir(parents=True)
    np.array([[10, 0, 0, 0], [20, 1, 0, 0]], np.float32).tofile(scan)
    return root


@pytest.fixture
def drive(world: Path) -> Path:
    return world / "2011_09_26" / "2011_09_26_drive_0001_sync"


def test_a_drive_is_a_split_of_its_own(drive: Path) -> None:
    laser, protocol = depth_truth(drive, PROTOCOLS["eigen"])
    assert laser.names == ("2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000001",)
    assert protocol.split == "2011_09_26_drive_0001_sync"
    assert protocol.ground_truth == "LiDAR, forward distance"
    assert laser.load(0).forward_m is not None
    annotated, improved = depth_truth(drive, PROTOCOLS["eigen_improved"])
    assert len(annotated) == 3
    assert improved.ground_truth == PROTOCOLS["eigen_improved"].ground_truth
    plain = depth_truth(drive, PROTOCOLS["plain"])
    assert (len(plain[0]), plain[1].ground_truth) == (3, "annotated maps")


def test_plain_takes_disparity_and_folders(world: Path, tmp_path: Path) -> None:
    disparity, protocol = depth_truth(world, PROTOCOLS["plain"])
    assert disparity.names == ("000000_10", "000001_10")
    assert protocol.ground_truth == "KITTI 2015 disparity"
    save_depth_png(tmp_path / "a.png", torch.full((2, 3), 4.0), scale=1000.0)
    maps, protocol = depth_truth(tmp_path, PROTOCOLS["plain"], png_scale=1000.0)
    assert maps.load(0).depth_m.unique().tolist() == [4.0]
    assert protocol.ground_truth == "depth maps"
    with pytest.raises(InputError, match="has no disp_occ_0"):
        depth_truth(tmp_path, PROTOCOLS["plain"], calibration=tmp_path / "calib.txt")
    assert protocol.split == tmp_path.name


@pytest.mark.parametrize("name", ["eigen", "eigen_improved"])
def test_a_split_of_kitti_that_lacks_files_tells_how_to_check_them(world: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"missing.*prepare kitti .* --split {PROTOCOLS[name].split} --check"):
        depth_truth(world, PROTOCOLS[name])


def test_cityscapes_and_make3d_want_their_whole_split(tmp_path: Path) -> None:
    name = cityscapes_test_names()[0]
    file = tmp_path / "disparity" / "test" / name.split("_")[0] / f"{name}_disparity.png"
    save_depth_png(file, torch.full((2, 3), 4.0))
    with pytest.raises(InputError, match="lacks 1524 of 1525 images"):
        depth_truth(tmp_path, PROTOCOLS["cityscapes"])
    with pytest.raises(InputError, match=r"holds no Gridlaserdata"):
        depth_truth(tmp_path, PROTOCOLS["make3d"])
    with pytest.raises(InputError, match="does not exist"):
        depth_truth(tmp_path / "nowhere", PROTOCOLS["plain"])
