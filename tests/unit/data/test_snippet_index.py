"""Indexes of snippets: which frames, in which order, with which K, and how small."""

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triptych.data import kitti_snippets
from triptych.data.calibration import Calibration, calibration_from_text
from triptych.data.folder_snippets import folder_snippets
from triptych.data.frame_names import KittiFrame, OdometryFrame
from triptych.data.kitti_drives import static_frames
from triptych.data.kitti_snippets import kitti_odometry_snippets, kitti_raw_snippets
from triptych.data.snippet_index import (
    DriveSnippets,
    SnippetIndex,
    drive_frames,
    neighbor_positions,
    snippet_index,
)
from triptych.data.synthetic import synthetic_clip, write_kitti_odometry, write_kitti_raw
from triptych.errors import InputError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
real = [pytest.mark.real, pytest.mark.skipif(not SHARED.exists(), reason="no real data beside the checkout")]

DATE = "2011_09_26"
DRIVE = f"{DATE}_drive_0001_sync"
OTHER = "2011_09_29_drive_0004_sync"


def calibration_text(*, width: int, height: int) -> str:
    """Camera n has fx = fy = 100 + n, and its middle at (20 + n, 10)."""
    lines = [
        f"S_rect_0{n}: {width} {height}\nP_rect_0{n}: {100 + n} 0 {20 + n} 0 0 {100 + n} 10 0 0 0 1 0\n"
        for n in range(4)
    ]
    return "".join(lines)


def save(folder: Path, names: list[str], *, size: tuple[int, int] = (60, 24)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", size, (len(name), 7, 9)).save(folder / name)


def raw_drive(
    root: Path, drive: str, numbers: list[int], *, cameras: tuple[int, ...] = (2, 3), size: tuple[int, int] = (60, 24)
) -> Path:
    day = root / drive[:10]
    for camera in cameras:
        save(day / drive / f"image_0{camera}" / "data", [f"{n:010d}.png" for n in numbers], size=size)
    (day / "calib_cam_to_cam.txt").write_text(calibration_text(width=size[0], height=size[1]))
    return day / drive


def frames_of(index: SnippetIndex) -> list[tuple[str, str, str]]:
    """Stems of previous, target and next frame of all snippets."""
    found = [index.files(position) for position in range(len(index))]
    return [(files.previous.stem, files.target.stem, files.following.stem) for files in found]


def names_of(index: SnippetIndex) -> list[str]:
    return [index.files(position).name for position in range(len(index))]


def test_neighbors_stand_at_the_positions_of_their_numbers() -> None:
    positions, found = neighbor_positions(np.array([0, 1, 2, 3, 7, 9]), np.array([1, 3, 7]), stride=1)
    assert positions[0].tolist() == [0, 1, 2]
    assert found.tolist() == [[True, True, True], [True, True, False], [False, True, False]]
    positions, found = neighbor_positions(np.array([5, 7, 9]), np.array([7]), stride=2)
    assert (positions.tolist(), found.all()) == ([[0, 1, 2]], True)
    with pytest.raises(InputError, match="stride 0: must be 1 or more"):
        neighbor_positions(np.array([5]), np.array([5]), stride=0)


def test_a_hundred_thousand_snippets_are_small_in_memory_and_when_pickled() -> None:
    calibration = calibration_from_text("700,700,600,180")
    tracemalloc.start()
    parts = []
    for number in range(50):
        names = [f"{frame:010d}.png" for frame in range(2002)]
        drive = drive_frames(f"drive{number}", Path(f"/data/{number}"), names, calibration, size=(375, 1242))
        positions, found = neighbor_positions(np.arange(2002), np.arange(2002), stride=1)
        parts.append(DriveSnippets(drive, positions[found.all(axis=1)]))
    index = snippet_index("many", parts)
    del parts, positions, found, names
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(index) == 100_000
    # 14 bytes a file name and 16 a snippet are 3.0 MB
    assert held < 3.5e6
    stored = pickle.dumps(index)
    assert len(stored) < 3.2e6
    again = pickle.loads(stored).files(99_999)
    assert (again.name, again.following) == ("drive49/0000002000", Path("/data/49/0000002001.png"))


def test_an_index_without_a_snippet_is_refused_and_so_is_a_position_outside(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty: holds no three frames in a row"):
        snippet_index("empty", [])
    save(tmp_path / "walk", ["1.png", "2.png", "3.png"])
    index = folder_snippets(tmp_path)
    for position in (-1, 1):
        with pytest.raises(IndexError, match="of 1"):
            index.files(position)


def test_the_size_of_a_drive_comes_from_its_first_sound_header(tmp_path: Path) -> None:
    save(tmp_path, ["1.png", "2.png", "3.png"], size=(60, 24))
    (tmp_path / "0.png").touch()
    calibration = Calibration(calibration_from_text("120,120,61,25").intrinsics, "given", size=(48, 120))
    drive = drive_frames("walk", tmp_path, ["0.png", "1.png", "2.png", "3.png"], calibration)
    assert drive.size == (24, 60)
    # K at half size: 120 / 2, (61 + 0.5) / 2 - 0.5, (25 + 0.5) / 2 - 0.5
    assert drive.intrinsics.tolist() == [[60.0, 0.0, 30.25], [0.0, 60.0, 12.25], [0.0, 0.0, 1.0]]
    with pytest.raises(InputError, match="not one of the first 1 frames is an image"):
        drive_frames("walk", tmp_path, ["0.png"], None)


def test_drives_below_a_root_give_targets_with_both_neighbors_that_are_not_static(tmp_path: Path) -> None:
    standing = f"{DATE}_drive_0017_sync"
    still = min(number for number in static_frames()[standing] if number > 0)
    raw_drive(tmp_path, DRIVE, [0, 1, 2, 3, 5, 6, 7], cameras=(2,))
    raw_drive(tmp_path, standing, [still - 1, still, still + 1], cameras=(2,))
    index = kitti_raw_snippets(tmp_path)
    assert [int(target) for _, target, _ in frames_of(index)] == [1, 2, 6]
    assert names_of(index)[0] == f"{DATE}/{DRIVE}/image_02/data/0000000001"
    assert len(index.drives) == 1
    with pytest.raises(InputError, match="holds no three frames in a row"):
        kitti_raw_snippets(tmp_path, left_out={DRIVE})


def test_each_camera_and_date_brings_its_own_k_and_size(tmp_path: Path) -> None:
    raw_drive(tmp_path, DRIVE, [0, 1, 2], cameras=(0, 2, 3))
    raw_drive(tmp_path, OTHER, [0, 1, 2], size=(64, 30))
    index = kitti_raw_snippets(tmp_path)
    assert [(drive.size, float(drive.intrinsics[0, 0])) for drive in index.drives] == [
        ((24, 60), 102.0),
        ((24, 60), 103.0),
        ((30, 64), 102.0),
        ((30, 64), 103.0),
    ]
    assert index.remarks == ()
    whole = [names_of(kitti_raw_snippets(place)) for place in (tmp_path / DATE, tmp_path / DATE / DRIVE)]
    assert whole == [names_of(index)[:2]] * 2
    assert names_of(kitti_raw_snippets(tmp_path / DATE / DRIVE / "image_03")) == names_of(index)[1:2]


def test_the_stride_sets_neighbors_apart(tmp_path: Path) -> None:
    raw_drive(tmp_path, DRIVE, list(range(7)), cameras=(2,))
    index = kitti_raw_snippets(tmp_path, stride=3)
    assert [tuple(map(int, triple)) for triple in frames_of(index)] == [(0, 3, 6)]


def test_drives_without_a_calibration_are_told_by_name(tmp_path: Path) -> None:
    raw_drive(tmp_path, DRIVE, [0, 1, 2], cameras=(2,))
    (tmp_path / DATE / "calib_cam_to_cam.txt").unlink()
    (remark,) = kitti_raw_snippets(tmp_path).remarks
    assert f"the one drive has no calibration ({DATE}/{DRIVE}/image_02/data)" in remark
    assert "80" in remark


def split_of(*numbers: int) -> tuple[KittiFrame, ...]:
    return tuple(KittiFrame(DATE, DRIVE, camera, number) for camera in (2, 3) for number in numbers)


def test_a_split_gives_its_targets_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kitti_snippets, "kitti_frames", lambda split: split_of(1, 4, 106))
    raw_drive(tmp_path, DRIVE, [0, 1, 2, 3, 4, 5, 6, 104, 105, 106, 107])
    index = kitti_raw_snippets(tmp_path, "zhou_train")
    assert names_of(index) == [frame.name for frame in split_of(1, 4, 106)]
    # Drive 0001 has 108 frames: with a stride of 2 the neighbors of 1 and 106 fall outside.
    assert [triple[1] for triple in frames_of(kitti_raw_snippets(tmp_path, "zhou_train", stride=2))] == [
        "0000000004",
        "0000000004",
    ]


def test_missing_files_of_a_split_are_counted_and_the_check_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kitti_snippets, "kitti_frames", lambda split: split_of(1, 4))
    folder = raw_drive(tmp_path, DRIVE, [0, 1, 2, 3, 4, 5])
    (folder / "image_03" / "data" / "0000000003.png").unlink()
    with pytest.raises(InputError) as caught:
        kitti_raw_snippets(tmp_path, "zhou_train")
    # Two cameras with 0 to 5 and a calibration each are 14 files.
    assert "lacks 1 of the 14 files of zhou_train" in str(caught.value)
    assert f"{folder.name}/image_03/data/0000000003.png" in str(caught.value)
    assert f"`triptych prepare kitti {tmp_path} --split zhou_train --check`" in str(caught.value)
    save(folder / "image_03" / "data", ["0000000003.jpg"])
    assert kitti_raw_snippets(tmp_path, "zhou_train").files(3).previous.name == "0000000003.jpg"
    save(folder / "image_03" / "data", ["0000000003.png"])
    assert kitti_raw_snippets(tmp_path, "zhou_train").files(3).previous.name == "0000000003.png"
    (tmp_path / DATE / "calib_cam_to_cam.txt").unlink()
    with pytest.raises(InputError, match=r"lacks 2 of the 14 files .* is .*calib_cam_to_cam\.txt"):
        kitti_raw_snippets(tmp_path, "zhou_train")


def test_splits_that_are_not_for_training_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="eigen_test: no split of KITTI raw to train on; there are zhou_train"):
        kitti_raw_snippets(tmp_path, "eigen_test")
    with pytest.raises(InputError, match="odometry_test: no split of KITTI odometry to train on"):
        kitti_odometry_snippets(tmp_path, "odometry_test")
    for build in (kitti_raw_snippets, kitti_odometry_snippets, folder_snippets):
        with pytest.raises(InputError, match="no such folder"):
            build(tmp_path / "absent")


def test_odometry_takes_gray_frames_where_there_are_none_in_color(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = tuple(OdometryFrame(4, camera, 2) for camera in (2, 3))
    monkeypatch.setattr(kitti_snippets, "odometry_frames", lambda split: targets)
    folder = tmp_path / "sequences" / "04"
    for camera in (0, 1, 3):
        save(folder / f"image_{camera}", [f"{n:06d}.png" for n in (1, 2, 3)])
    (folder / "calib.txt").write_text(calibration_text(width=60, height=24).replace("_rect_0", ""))
    index = kitti_odometry_snippets(tmp_path, "odometry_train")
    assert names_of(index) == ["sequences/04/image_0/000002", "sequences/04/image_3/000002"]
    assert [float(drive.intrinsics[0, 0]) for drive in index.drives] == [100.0, 103.0]
    (folder / "image_3" / "000003.png").unlink()
    with pytest.raises(InputError, match=r"lacks 1 of the 8 files .*image_3/000003\.png; `triptych prepare kitti"):
        kitti_odometry_snippets(tmp_path, "odometry_train")


def test_written_clips_are_found_again_with_the_k_they_were_rendered_with(tmp_path: Path) -> None:
    clip = synthetic_clip("street", seed=2, frames=4, height=32, width=96, start_time=1.0)
    write_kitti_raw(clip, tmp_path / "raw", drive=7)
    write_kitti_odometry(clip, tmp_path / "odometry", sequence="03")
    raw, odometry = kitti_raw_snippets(tmp_path / "raw"), kitti_odometry_snippets(tmp_path / "odometry")
    assert names_of(odometry) == ["sequences/03/image_2/000001", "sequences/03/image_2/000002"]
    assert len(raw) == 2
    for index in (raw, odometry):
        assert index.drives[0].size == (32, 96)
        assert index.drives[0].intrinsics == pytest.approx(clip.intrinsics.numpy(), rel=1e-6)


class TestRealDrives:
    pytestmark = real

    def test_drive_0095_has_266_targets_at_the_size_of_its_date(self) -> None:
        index = kitti_raw_snippets(SHARED / "kitti_raw" / DATE / f"{DATE}_drive_0095_sync")
        assert len(index) == 266
        assert index.drives[0].size == (375, 1242)
        # P_rect_02 of 2011_09_26
        assert index.drives[0].intrinsics[0].tolist() == pytest.approx([721.5377, 0.0, 609.5593])

    def test_odometry_00_has_198_gray_targets(self) -> None:
        index = kitti_odometry_snippets(SHARED / "kitti_odom" / "sequences" / "00")
        assert len(index) == 198
        assert names_of(index)[0] == "sequences/00/image_0/000001"
        assert float(index.drives[0].intrinsics[0, 0]) == pytest.approx(718.856)

    def test_all_drives_below_the_root_are_found(self) -> None:
        index = kitti_raw_snippets(SHARED / "kitti_raw")
        assert any("drive_unknownA" in drive.name for drive in index.drives)
        assert sum("drive_0095" in name for name in names_of(index)) == 266
