"""The images that a split is predicted on, found on a disk."""

from pathlib import Path

import pytest

from triptych.data.split_images import SPLITS, split_images
from triptych.data.splits import cityscapes_test_names, kitti2015_pairs, kitti_frames, make3d_test_names
from triptych.errors import InputError


def touched(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def test_frames_of_kitti_are_single_images_in_the_order_of_the_split(tmp_path: Path) -> None:
    frames = kitti_frames("eigen_test")
    for frame in frames:
        touched(tmp_path / f"{frame.name}.jpg")
    images = split_images(tmp_path, "eigen_test")
    assert [image.name for image in images] == [frame.name for frame in frames]
    assert images[0].image == tmp_path / f"{frames[0].name}.jpg"
    assert all(image.following is None for image in images)


def test_kitti_2015_is_pairs_with_the_calibration_of_each(tmp_path: Path) -> None:
    folder = tmp_path / "training"
    for pair in kitti2015_pairs():
        for file in pair.images(tmp_path):
            touched(file)
    touched(folder / "calib_cam_to_cam" / "000007.txt")
    images = split_images(tmp_path, "kitti2015")
    assert len(images) == 200
    assert images[7].name == "000007_10"
    assert images[7].following == folder / "image_2" / "000007_11.png"
    assert images[7].calibration == folder / "calib_cam_to_cam" / "000007.txt"
    assert images[8].calibration is None


def test_cityscapes_loses_its_bonnet_and_make3d_all_but_its_middle(tmp_path: Path) -> None:
    for name in cityscapes_test_names():
        touched(tmp_path / "leftImg8bit" / "test" / name.split("_")[0] / f"{name}_leftImg8bit.png")
    for name in make3d_test_names():
        touched(tmp_path / "Test134" / f"img-{name}.jpg")
    assert {image.rows for image in split_images(tmp_path, "cityscapes_test")} == {(0.0, 0.75)}
    middle = {image.rows for image in split_images(tmp_path, "make3d_test")}
    assert [round(2272 * share) for share in middle.pop()] == [710, 1562]


def test_what_is_missing_and_what_is_no_split_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"697 of 697 images of eigen_test are missing, the first is .*0002_sync"):
        split_images(tmp_path, "eigen_test")
    with pytest.raises(InputError, match="eigen_test, eigen_improved, kitti2015"):
        split_images(tmp_path, "eigen")
    with pytest.raises(InputError, match="no such folder"):
        split_images(tmp_path / "nowhere", SPLITS[0])
