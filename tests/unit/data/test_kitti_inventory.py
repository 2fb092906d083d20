"""What is missing on small trees in KITTI's layouts; all counts by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.data.kitti_inventory import KITTI_SPLITS, FileCount, Inventory, kitti_inventory, wanted_files
from triptych.data.splits import kitti_frames, split_names
from triptych.errors import InputError

DRIVE = "2011_09_26_drive_0048_sync"  # 22 frames, all in eigen_test; 12 of them in eigen_improved


def touch(root: Path, *places: str) -> None:
    for place in places:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()


def count_of(inventory: Inventory, group: str, kind: str) -> FileCount:
    (count,) = [count for count in inventory.counts if (count.group, count.kind) == (group, kind)]
    return count


def test_every_split_of_kitti_can_be_looked_for() -> None:
    assert set(split_names()) - set(KITTI_SPLITS) == {"cityscapes_test", "make3d_test"}


def test_an_eigen_drive_wants_images_scans_and_the_calibration_of_its_date(tmp_path: Path) -> None:
    drive = f"2011_09_26/{DRIVE}"
    touch(tmp_path, *(f"{drive}/image_02/data/{n:010d}.png" for n in range(22) if n != 4))
    touch(tmp_path, *(f"{drive}/velodyne_points/data/{n:010d}.bin" for n in range(20)))
    touch(tmp_path, "2011_09_26/calib_cam_to_cam.txt")
    found = kitti_inventory(tmp_path, "eigen_test")
    images = count_of(found, DRIVE, "images")
    assert (images.wanted, images.missing) == (22, (f"{drive}/image_02/data/0000000004.png",))
    scans = count_of(found, DRIVE, "velodyne scans")
    assert scans.missing == tuple(f"{drive}/velodyne_points/data/{n:010d}.bin" for n in (20, 21))
    calibration = count_of(found, "2011_09_26", "calibration files")
    assert calibration.missing == ("2011_09_26/calib_velo_to_cam.txt",)
    assert calibration.archive == "2011_09_26_calib.zip"
    assert images.archive == f"{DRIVE}.zip"
    # 697 images, 697 scans and two calibration files of each of the five dates
    assert (found.present, found.wanted) == (21 + 20 + 1, 697 + 697 + 10)
    assert len(found.groups) == 28 + 5


def test_an_image_that_was_reencoded_counts_as_present(tmp_path: Path) -> None:
    touch(tmp_path, f"2011_09_26/{DRIVE}/image_02/data/0000000007.jpg")
    assert count_of(kitti_inventory(tmp_path, "eigen_test"), DRIVE, "images").present == 1


def test_annotated_maps_are_found_in_train_in_val_and_in_the_drive(tmp_path: Path) -> None:
    rest = f"{DRIVE}/proj_depth/groundtruth/image_02"
    touch(tmp_path, f"train/{rest}/0000000005.png", f"val/{rest}/0000000006.png", f"2011_09_26/{rest}/0000000007.png")
    maps = count_of(kitti_inventory(tmp_path, "eigen_improved"), DRIVE, "annotated depth maps")
    assert (maps.present, maps.wanted, maps.archive) == (3, 12, "data_depth_annotated.zip")


def test_training_wants_the_neighbors_of_its_targets_and_a_test_does_not(tmp_path: Path) -> None:
    # Targets of drive 0017 are 2, 3, 38 and 39: with neighbors 1 to 4 and 37 to 40, of two cameras.
    drive = "2011_09_26_drive_0017_sync"
    assert {frame.frame for frame in kitti_frames("zhou_train") if frame.drive == drive} == {2, 3, 38, 39}
    images = count_of(kitti_inventory(tmp_path, "zhou_train"), drive, "images")
    assert sorted({int(Path(name).stem) for name in images.missing}) == [1, 2, 3, 4, 37, 38, 39, 40]


def test_odometry_wants_calibration_and_the_poses_of_the_test(tmp_path: Path) -> None:
    touch(tmp_path, "sequences/09/image_2/000000.png", "sequences/09/image_0/000001.png", "sequences/09/calib.txt")
    touch(tmp_path, "poses/10.txt")
    found = kitti_inventory(tmp_path, "odometry_test")
    assert count_of(found, "sequences/09", "images").present == 2, "gray stands in for color"
    assert count_of(found, "sequences/09", "calibration files").present == 1
    assert count_of(found, "sequences/09", "pose files").missing == ("poses/09.txt",)
    assert count_of(found, "sequences/10", "pose files").present == 1
    learned_from = kitti_inventory(tmp_path, "odometry_validation")
    assert "pose files" not in {count.kind for count in learned_from.counts}


def test_a_complete_kitti2015_has_nothing_missing_and_needs_no_archive(tmp_path: Path) -> None:
    for n in range(200):
        touch(tmp_path, f"training/image_2/{n:06d}_10.png", f"training/image_2/{n:06d}_11.png")
        touch(tmp_path, *(f"training/{part}/{n:06d}_10.png" for part in ("flow_occ", "flow_noc", "obj_map")))
        touch(tmp_path, f"training/calib_cam_to_cam/{n:06d}.txt")
    for root in (tmp_path, tmp_path / "training"):
        found = kitti_inventory(root, "kitti2015")
        assert found.complete
        assert (found.wanted, found.archives, found.incomplete_groups) == (1_200, (), ())
    (tmp_path / "training/obj_map/000150_10.png").unlink()
    found = kitti_inventory(tmp_path, "kitti2015")
    assert not found.complete
    assert count_of(found, "training", "object maps").missing == ("obj_map/000150_10.png",)
    assert found.archives == ("data_scene_flow.zip",)


# Neighbors are put together for the two left out as for their validation splits; they are many times as long.
@pytest.mark.parametrize("split", [split for split in KITTI_SPLITS if split not in ("zhou_train", "odometry_train")])
def test_no_file_is_wanted_twice(split: str) -> None:
    places = [file.places[0] for file in wanted_files(split)]
    assert len(set(places)) == len(places)


def test_a_folder_one_level_off_is_refused_with_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "2011_09_26" / DRIVE).mkdir(parents=True)
    for root in (tmp_path / "2011_09_26", tmp_path / "2011_09_26" / DRIVE):
        with pytest.raises(InputError, match="holds the dates"):
            kitti_inventory(root, "eigen_test")
    (tmp_path / "dataset" / "sequences").mkdir(parents=True)
    with pytest.raises(InputError, match="dataset"):
        kitti_inventory(tmp_path, "odometry_test")
    with pytest.raises(InputError, match="sequences and poses"):
        kitti_inventory(tmp_path / "dataset" / "sequences", "odometry_test")


def test_an_unknown_split_or_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        kitti_inventory(tmp_path / "nowhere", "eigen_test")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="no folder"):
        kitti_inventory(tmp_path / "file", "eigen_test")
    with pytest.raises(InputError, match="zhou_train"):
        kitti_inventory(tmp_path, "make3d_test")
