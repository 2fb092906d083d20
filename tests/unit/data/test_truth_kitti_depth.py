"""Truth of KITTI raw frames: small drives of the same layout, and the real one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from triptych.data.frame_names import KittiFrame
from triptych.data.synthetic import synthetic_clip, write_kitti_raw
from triptych.data.truth.kitti_depth import (
    drive_annotated_truth,
    drive_laser_truth,
    kitti_annotated_truth,
    kitti_laser_truth,
)
from triptych.errors import InputError
from triptych.formats.maps import load_depth_png, save_depth_png

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_data = pytest.mark.skipif(not SHARED.exists(), reason="no real data beside the checkout")

LASER = "R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n"
FIRST = KittiFrame("2011_09_26", "2011_09_26_drive_0002_sync", 2, 69)
SECOND = KittiFrame("2011_09_28", "2011_09_28_drive_0001_sync", 3, 7)
FRAMES = (FIRST, SECOND)


def cameras(*, focal: float, height: int, width: int) -> str:
    """A calibration whose camera 3 has a center one pixel right of that of camera 2."""
    text = "calib_time: 09-Jan-2012 13:57:47\nR_rect_00: 1 0 0 0 1 0 0 0 1\n"
    for camera, center in ((2, 10), (3, 11)):
        text += f"S_rect_0{camera}: {width} {height}\nP_rect_0{camera}: {focal} 0 {center} 0 0 {focal} 5 0 0 0 1 0\n"
    return text


def write_frame(root: Path, frame: KittiFrame, *points: tuple[float, float, float]) -> None:
    scan = frame.scan(root)
    scan.parent.mkdir(parents=True, exist_ok=True)
    np.array([(*point, 0.5) for point in points], "<f4").tofile(scan)


def write_image(root: Path, frame: KittiFrame, *, height: int, width: int, suffix: str = ".png") -> None:
    path = root / f"{frame.name}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(path)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Two dates of different cameras and sizes, with one frame each."""
    for frame, focal, height, width in ((FIRST, 10.0, 30, 40), (SECOND, 20.0, 28, 36)):
        write_frame(tmp_path, frame, (10.0, -2.0, 0.0), (20.0, 0.0, 0.0))
        folder = tmp_path / frame.date
        (folder / "calib_cam_to_cam.txt").write_text(cameras(focal=focal, height=height, width=width))
        (folder / "calib_velo_to_cam.txt").write_text(LASER)
    return tmp_path


def seen(depth: torch.Tensor) -> dict[tuple[int, int], float]:
    return {(x, y): float(depth[y, x]) for y, x in depth.nonzero().tolist()}


def test_each_frame_is_projected_by_the_camera_of_its_own_date(raw: Path) -> None:
    source = kitti_laser_truth(raw, FRAMES)
    assert source.names == (
        "2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069",
        "2011_09_28/2011_09_28_drive_0001_sync/image_03/data/0000000007",
    )
    first, second = source
    # u = 10 + 10 * 2 / 10 = 12 for the first, 11 + 20 * 2 / 10 = 15 for camera 3 of the second; less 1.
    assert seen(first.depth_m) == {(11, 4): 10.0, (9, 4): 20.0}
    assert seen(second.depth_m) == {(14, 4): 10.0, (10, 4): 20.0}
    assert (first.name, first.file) == (FIRST.name, FIRST.scan(raw))
    assert first.forward_m is not None
    assert seen(first.forward_m) == seen(first.depth_m)


def test_maps_have_the_size_of_the_picture_or_else_of_the_calibration(raw: Path) -> None:
    write_image(raw, FIRST, height=29, width=41)
    write_image(raw, SECOND, height=27, width=35, suffix=".jpg")
    assert [tuple(truth.depth_m.shape) for truth in kitti_laser_truth(raw, FRAMES)] == [(29, 41), (27, 35)]
    (raw / f"{FIRST.name}.png").unlink()
    assert tuple(kitti_laser_truth(raw, FRAMES).load(0).depth_m.shape) == (30, 40)


def test_a_resized_picture_is_refused_since_the_calibration_is_not_its_own(raw: Path) -> None:
    write_image(raw, FIRST, height=15, width=20)
    source = kitti_laser_truth(raw, FRAMES)
    with pytest.raises(InputError, match=r"0000000069\.png is 20x15, its calibration is for 40x30"):
        source.load(0)


def test_missing_scans_are_counted_and_the_first_named_before_any_is_read(raw: Path) -> None:
    absent = KittiFrame("2011_09_26", "2011_09_26_drive_0002_sync", 2, 70)
    with pytest.raises(InputError, match=r"1 of 3 laser scans are missing, the first is .*0000000070\.bin"):
        kitti_laser_truth(raw, (*FRAMES, absent))


def test_a_missing_calibration_is_named_before_any_scan_is_read(raw: Path) -> None:
    (raw / "2011_09_28" / "calib_velo_to_cam.txt").unlink()
    with pytest.raises(InputError, match=r"2011_09_28/calib_velo_to_cam\.txt"):
        kitti_laser_truth(raw, FRAMES)
    assert len(kitti_laser_truth(raw, (FIRST,))) == 1


def test_scans_are_read_only_when_they_are_asked_for(raw: Path) -> None:
    source = kitti_laser_truth(raw, FRAMES)
    SECOND.scan(raw).write_bytes(b"broken")
    assert source.load(0).name == FIRST.name
    with pytest.raises(InputError, match=r"0000000007\.bin is damaged"):
        source.load(1)


@pytest.mark.parametrize("folder", ["train", "val", "2011_09_26"])
def test_annotated_maps_are_found_in_the_benchmark_s_folders_and_in_the_drive(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder / FIRST.drive / "proj_depth" / "groundtruth" / "image_02" / "0000000069.png"
    save_depth_png(place, torch.tensor([[0.0, 2.5], [80.0, 1 / 256]]))
    source = kitti_annotated_truth(tmp_path, [FIRST])
    truth = source.load(0)
    assert truth.depth_m.tolist() == [[0.0, 2.5], [80.0, 1 / 256]]
    assert (truth.name, truth.file, truth.forward_m) == (FIRST.name, place, None)


def test_missing_annotated_maps_are_counted_and_the_first_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 of 2 annotated maps are missing, the first is .*drive_0002_sync"):
        kitti_annotated_truth(tmp_path, FRAMES)


def test_a_drive_gives_all_its_scans_under_the_names_of_the_lists(raw: Path) -> None:
    later = KittiFrame(FIRST.date, FIRST.drive, 2, 100)
    write_frame(raw, later, (30.0, 0.0, 0.0))
    source = drive_laser_truth(raw / FIRST.date / FIRST.drive)
    assert source.names == (FIRST.name, later.name)
    assert seen(source.load(-1).depth_m) == {(9, 4): 30.0}
    assert seen(drive_laser_truth(raw / FIRST.date / FIRST.drive, camera=3).load(1).depth_m) == {(10, 4): 30.0}


def test_a_drive_without_truth_is_refused_with_what_to_unpack(raw: Path) -> None:
    drive = raw / FIRST.date / FIRST.drive
    with pytest.raises(InputError, match=r"drive_0002_sync: holds no proj_depth/groundtruth/image_02/\*\.png"):
        drive_annotated_truth(drive)
    with pytest.raises(InputError, match=r"holds no velodyne_points/data/\*\.bin"):
        drive_laser_truth(raw / FIRST.date)


def test_a_drive_of_the_depth_benchmark_is_named_by_its_own_date(tmp_path: Path) -> None:
    drive = tmp_path / "val" / FIRST.drive
    for number in (69, 5):
        save_depth_png(
            drive / "proj_depth" / "groundtruth" / "image_02" / f"{number:010d}.png", torch.full((2, 3), 4.0)
        )
    source = drive_annotated_truth(drive)
    assert source.names == (KittiFrame(FIRST.date, FIRST.drive, 2, 5).name, FIRST.name)
    assert source.position(FIRST.name) == 1


def test_a_written_synthetic_drive_reads_back_as_truth(tmp_path: Path) -> None:
    clip = synthetic_clip("street", seed=2, frames=2, height=32, width=96, start_time=1.0)
    source = drive_annotated_truth(write_kitti_raw(clip, tmp_path, date="2011_09_28", drive=7))
    assert len(source) == 2
    near = clip.depth_m[1, 0] < 255
    assert (source.load(1).depth_m - clip.depth_m[1, 0])[near].abs().max() <= 1 / 512 + 1e-6


@pytest.mark.real
@needs_data
def test_the_real_drive_has_one_scan_and_one_annotated_map() -> None:
    root = SHARED / "kitti_raw"
    frame = KittiFrame("2011_09_26", "2011_09_26_drive_0001_sync", 2, 5)
    laser, annotated = kitti_laser_truth(root, [frame]), kitti_annotated_truth(root, [frame])
    assert tuple(laser.load(0).depth_m.shape) == tuple(annotated.load(0).depth_m.shape) == (375, 1242)
    drive = root / frame.date / frame.drive
    assert drive_laser_truth(drive).names == drive_annotated_truth(drive).names == (frame.name,)
    assert torch.equal(drive_laser_truth(drive).load(0).depth_m, laser.load(0).depth_m)
    stored = load_depth_png(drive / "proj_depth" / "groundtruth" / "image_02" / "0000000005.png")
    assert torch.equal(annotated.load(0).depth_m, stored)
    # Meters: the whole map would be 256 times as deep if the 16 bits were taken as they are.
    assert 4.0 < float(stored[stored > 0].min()) < 10.0
    assert 60.0 < float(stored.max()) < 90.0
