"""KITTI folders, small ones of the same layout and real ones."""

from pathlib import Path

import pytest
from PIL import Image

from triptych.data.kitti_sequence import open_kitti_sequence
from triptych.data.sources import open_source
from triptych.errors import InputError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
real = [pytest.mark.real, pytest.mark.skipif(not SHARED.exists(), reason="no real data beside the checkout")]

CALIBRATION = "".join(
    f"P_rect_0{n}: {20 + n} 0 {19 + n} 0 0 {20 + n} 14 0 0 0 1 0\nS_rect_0{n}: 40 30\n" for n in range(4)
)
ODOMETRY_CALIBRATION = "".join(f"P{n}: {20 + n} 0 {19 + n} 0 0 {20 + n} 14 0 0 0 1 0\n" for n in range(4))


def save_frames(folder: Path, numbers: list[int], *, level: int, digits: int = 10) -> None:
    folder.mkdir(parents=True)
    for number in numbers:
        Image.new("RGB", (40, 30), (level, number, 0)).save(folder / f"{number:0{digits}d}.png")


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """A raw drive with cameras 0, 2 and 3, whose red level is the camera's number."""
    date = tmp_path / "2011_09_26"
    root = date / "2011_09_26_drive_0001_sync"
    for camera in (0, 2, 3):
        save_frames(root / f"image_0{camera}" / "data", [0, 1, 2, 5], level=camera)
    (date / "calib_cam_to_cam.txt").write_text(CALIBRATION)
    return root


@pytest.fixture
def odometry(tmp_path: Path) -> Path:
    """An odometry sequence with the gray cameras."""
    root = tmp_path / "sequences" / "07"
    for camera in (0, 1):
        save_frames(root / f"image_{camera}", [0, 1, 2], level=camera, digits=6)
    (root / "calib.txt").write_text(ODOMETRY_CALIBRATION)
    (root / "times.txt").write_text("0.0\n1.037e-01\n2.1e-01\n0.3\n")
    return root


def test_a_drive_gives_the_left_color_camera_with_its_calibration(drive: Path) -> None:
    source = open_source(drive)
    assert source.name == "2011_09_26_drive_0001_sync"
    assert [int(frame[0, 0, 0]) for frame in source.frames()] == [2, 2, 2, 2]
    assert source.intrinsics is not None
    assert float(source.intrinsics.intrinsics[0, 0]) == 22.0
    assert source.intrinsics.origin == "P_rect_02 of calib_cam_to_cam.txt"


def test_the_camera_asked_for_brings_its_own_calibration(drive: Path) -> None:
    for source in (open_source(drive, camera="03"), open_source(drive / "image_03" / "data")):
        assert int(next(iter(source.frames()))[0, 0, 0]) == 3
        assert source.intrinsics is not None
        assert float(source.intrinsics.intrinsics[0, 0]) == 23.0


def test_a_camera_that_the_folder_lacks_is_refused_with_those_it_has(drive: Path) -> None:
    with pytest.raises(InputError, match="has no camera '1'; it has 2, 3, 0"):
        open_source(drive, camera="1")


def test_a_frame_that_is_missing_leaves_a_gap_in_time(drive: Path) -> None:
    assert open_source(drive).timestamps.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.5])


def test_the_times_of_a_drive_are_read_to_the_microsecond(drive: Path) -> None:
    seconds = ["58.000001", "58.250003", "59.964389445", "59.98", "59.99"]
    lines = [f"2011-09-26 23:59:{second}" for second in seconds] + ["2011-09-27 00:00:01.5"]
    (drive / "image_02" / "timestamps.txt").write_text("\n".join(lines))
    # The last frame is number 5: the sixth line, on the next day.
    expected = [0.0, 0.250002, 1.964388, 3.499999]
    assert open_source(drive).timestamps.tolist() == pytest.approx(expected, abs=1e-6)


def test_an_odometry_sequence_takes_the_left_camera_and_its_times(odometry: Path) -> None:
    source = open_source(odometry)
    assert source.name == "07"
    assert source.timestamps.tolist() == pytest.approx([0.0, 0.1037, 0.21])
    assert source.intrinsics is not None
    assert source.intrinsics.origin == "P0 of calib.txt"
    assert int(next(iter(open_source(odometry / "image_1").frames()))[0, 0, 0]) == 1


def test_an_odometry_sequence_may_hold_k_alone(odometry: Path) -> None:
    (odometry / "calib.txt").unlink()
    assert open_source(odometry).intrinsics is None
    (odometry / "K.txt").write_text("33 0 19\n0 34 14\n0 0 1\n")
    found = open_source(odometry).intrinsics
    assert found is not None
    assert float(found.intrinsics[0, 0]) == 33.0


def test_a_list_of_times_that_is_too_short_is_named(odometry: Path) -> None:
    (odometry / "times.txt").write_text("0.0\n0.1\n")
    with pytest.raises(InputError, match=r"times\.txt: lists 2 times, the frames go up to number 2"):
        open_kitti_sequence(odometry)


def test_a_list_of_times_that_holds_something_else_is_named(odometry: Path) -> None:
    for content, told in (
        (b"0.0\nsoon\nlater\n", "soon"),
        (b"0\n\xff\n2\n", "could not"),
        (b"0\nnan\n2\n", "not finite"),
    ):
        (odometry / "times.txt").write_bytes(content)
        with pytest.raises(InputError, match=rf"times\.txt: .*{told}"):
            open_kitti_sequence(odometry)


@pytest.mark.parametrize(
    ("path", "frames", "size", "focal"),
    [
        pytest.param("kitti_raw/2011_09_26/2011_09_26_drive_0095_sync", 268, (375, 1242), 721.5377, marks=real),
        pytest.param("kitti_odom/sequences/00", 200, (376, 1241), 718.856, marks=real),
        pytest.param("kitti_odom/sequences/05", 6, (370, 1226), 707.0912, marks=real),
    ],
)
def test_real_kitti_folders_are_read(path: str, frames: int, size: tuple[int, int], focal: float) -> None:
    source = open_source(SHARED / path)
    assert (source.length, source.size) == (frames, size)
    assert source.intrinsics is not None
    assert float(source.intrinsics.intrinsics[0, 0]) == pytest.approx(focal, abs=1e-3)
    assert tuple(next(iter(source.frames())).shape) == (3, *size)
