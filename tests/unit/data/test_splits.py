"""The splits, against the lists that the field uses.

Each hash below is the sha256 of the sorted lines of a public list, each ended by a newline.
The test writes our frames in that list's own format and hashes them alike; no list is
copied into the project. The hashes were taken from these files:

- test_files_eigen.txt as published with SfMLearner, unsorted;
- eigen_benchmark, eigen_zhou and odom of the folder splits as carried by Robust-Depth; hashed
  from monodepth2, where they were first published, they are the same;
- static_frames.txt and the scene lists of SfMLearner, the scene flow development kit's
  train_mapping.txt, Make3D's list of test images, Cityscapes' list as carried by SfMNeXt.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from triptych.data.frame_names import training_folder
from triptych.data.kitti_drives import drive_lengths, frames_on_disk, kitti_drives
from triptych.data.packaged_lists import numbers
from triptych.data.splits import (
    Kitti2015Pair,
    KittiFrame,
    OdometryFrame,
    cityscapes_test_names,
    eigen_test_scenes,
    frames_by_rule,
    kitti2015_pairs,
    kitti2015_scenes,
    kitti_frames,
    make3d_test_names,
    odometry_frames,
    split_list,
    split_names,
    static_frames,
)
from triptych.errors import InputError

SIDE = {2: "l", 3: "r"}  # how the public lists write the cameras


def sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def public_lines(frames: Iterable[KittiFrame]) -> list[str]:
    return sorted(f"{frame.date}/{frame.drive} {frame.frame} {SIDE[frame.camera]}" for frame in frames)


def public_odometry_lines(frames: Iterable[OdometryFrame]) -> list[str]:
    return sorted(f"{frame.sequence} {frame.frame} {SIDE[frame.camera]}" for frame in frames)


def test_each_split_has_the_number_of_frames_that_papers_state() -> None:
    assert {name: len(split_list(name)) for name in split_names()} == {
        "eigen_test": 697,
        "eigen_improved": 652,
        "zhou_train": 39_810,
        "zhou_validation": 4_424,
        "stereo": 58_758,  # by our rule; no paper states it
        "kitti2015": 200,
        "odometry_train": 36_671,
        "odometry_validation": 4_075,
        "odometry_test": 1_591 + 1_201,
        "cityscapes_test": 1_525,
        "make3d_test": 134,
    }


@pytest.mark.parametrize("split", split_names())
def test_no_split_names_a_frame_twice(split: str) -> None:
    names = split_list(split)
    assert len(set(names)) == len(names)


def test_the_eigen_test_frames_are_those_of_the_public_list_in_its_order() -> None:
    lines = [f"{frame.name}.png" for frame in kitti_frames("eigen_test")]
    assert lines[0] == "2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069.png"
    assert lines[-1] == "2011_10_03/2011_10_03_drive_0047_sync/image_02/data/0000000768.png"
    assert sha256(lines) == "0d9d0dc4ba492bef41d449ee7a8a1751b55f46042e0f8d278c09f16cef462fda"


@pytest.mark.parametrize(
    ("split", "digest"),
    [
        ("eigen_improved", "048373a901ac64dd09b204f580924777300304f8becaa246c64a7558c5cac2ff"),
        ("zhou_train", "ef04937576ba23eed89803713e85389d2c8da60baffc61b289980e2bcc67ef75"),
        ("zhou_validation", "ba106cbf66eb864b8a23153f4dd2dd0b9e1fe94f95ee35a61037181bc4bd8914"),
    ],
)
def test_the_frames_of_a_raw_split_are_those_of_the_public_list(split: str, digest: str) -> None:
    assert sha256(public_lines(kitti_frames(split))) == digest


@pytest.mark.parametrize(
    ("split", "digest"),
    [
        ("odometry_train", "2fee2821d91ac95a5a1e7275c6b8b90940bec164b1a6d38a6826f1b0fd6bf984"),
        ("odometry_validation", "57243e88611c414bbfaa44452fb8569e7fe9917ea61f8c527d33fd218a3be57a"),
    ],
)
def test_the_frames_of_an_odometry_split_are_those_of_the_public_list(split: str, digest: str) -> None:
    assert sha256(public_odometry_lines(odometry_frames(split))) == digest


def test_the_static_frames_are_those_of_the_public_list() -> None:
    lines = sorted(
        f"{drive[:10]} {drive} {frame:010d}" for drive, frames in static_frames().items() for frame in frames
    )
    assert len(lines) == 8_044
    assert sha256(lines) == "268ef2acb91035acca2db9631d23af5a4c1a9a95af31c9099a000fba82c88e11"


def test_the_test_scenes_are_those_of_the_public_lists() -> None:
    eigen, stereo = (
        sorted(name.removesuffix("_sync") for name in scenes) for scenes in (eigen_test_scenes(), kitti2015_scenes())
    )
    assert len(eigen) == 28
    assert sha256(eigen) == "df4f092a53e6e3fecbce0011106bf438ba8967e7411e2ab2e59ae5001978b60d"
    assert len(stereo) == 29
    assert sha256(stereo) == "ee005e2ddede564d439621bb313a612f91607b64ccf5d37ffce2dc91a38bfcd2"
    assert {frame.drive for frame in kitti_frames("eigen_test")} == eigen_test_scenes()


def test_the_kitti2015_pairs_lie_where_the_development_kit_says() -> None:
    pairs = kitti2015_pairs()
    lines = ["" if pair.raw is None else f"{pair.raw.date} {pair.raw.drive} {pair.raw.frame:010d}" for pair in pairs]
    assert sha256(lines) == "6cd7e3a60042a3cfa5e05a0b058e6872250ad28c88a704d03ac13a0764585ceb"
    assert lines.count("") == 58
    assert pairs[43].raw == KittiFrame("2011_09_26", "2011_09_26_drive_0017_sync", 2, 10)
    assert {pair.raw.drive for pair in pairs if pair.raw} == kitti2015_scenes()


def test_make3d_and_cityscapes_names_are_those_of_the_public_lists() -> None:
    make3d = make3d_test_names()
    assert (make3d[0], make3d[-1]) == ("060705-17.10.14-p-049t000", "stats9-p-251t0")
    assert sha256(make3d) == "1a78fe5095a886ef0e45e5969400240273b8f6a305dde8c78a325e9a2e321eb3"
    cityscapes = cityscapes_test_names()
    assert Counter(name.split("_")[0] for name in cityscapes) == {
        "berlin": 544,
        "bielefeld": 181,
        "bonn": 46,
        "leverkusen": 58,
        "mainz": 298,
        "munich": 398,
    }
    lines = sorted(f"{name.split('_')[0]} {name}" for name in cityscapes)
    assert sha256(lines) == "6bea022f5cd40b6e380768d539fc5140a2ef10a04859ab0b243dfa6d25d890f3"


def test_the_improved_frames_are_eigen_frames_in_the_same_order() -> None:
    improved = set(kitti_frames("eigen_improved"))
    assert tuple(frame for frame in kitti_frames("eigen_test") if frame in improved) == kitti_frames("eigen_improved")


def test_the_improved_frames_leave_out_the_ends_of_a_drive() -> None:
    # Drive 0048 of 2011_09_26 has 22 frames, all of them test frames: 5 to 16 remain.
    kept = sorted(
        frame.frame for frame in kitti_frames("eigen_improved") if frame.drive == "2011_09_26_drive_0048_sync"
    )
    assert kept == list(range(5, 17))


def test_no_training_frame_of_zhou_is_a_validation_frame_or_from_a_test_drive() -> None:
    train, validation = set(kitti_frames("zhou_train")), set(kitti_frames("zhou_validation"))
    assert not train & validation
    drives = {frame.drive for frame in train | validation}
    assert len(drives) == 32
    assert len({frame.drive for frame in validation}) == 31
    assert not drives & eigen_test_scenes()


def test_15_of_the_29_kitti2015_scenes_are_drives_that_zhou_trains_on() -> None:
    assert len({frame.drive for frame in kitti_frames("zhou_train")} & kitti2015_scenes()) == 15
    assert len(kitti2015_scenes() & eigen_test_scenes()) == 14


def test_the_stereo_split_shares_no_drive_with_kitti2015() -> None:
    drives = {frame.drive for frame in kitti_frames("stereo")}
    assert not drives & kitti2015_scenes()
    assert len(drives) == 31
    assert drives & eigen_test_scenes(), "and so must not be tested on Eigen's frames"


def test_no_odometry_training_frame_is_a_validation_frame_or_from_a_test_sequence() -> None:
    train, validation = set(odometry_frames("odometry_train")), set(odometry_frames("odometry_validation"))
    assert not train & validation
    assert {frame.sequence for frame in train | validation} == set(range(9))
    assert Counter(frame.sequence for frame in odometry_frames("odometry_test")) == {9: 1_591, 10: 1_201}


def test_the_rule_yields_the_frames_of_zhou_and_no_others() -> None:
    whole = {drive: range(length) for drive, length in drive_lengths().items()}
    by_rule = frames_by_rule(whole, left_out=eigen_test_scenes())
    assert len(by_rule) == 44_234
    assert set(by_rule) == {*kitti_frames("zhou_train"), *kitti_frames("zhou_validation")}


def test_the_rule_drops_static_targets_but_keeps_targets_beside_them() -> None:
    drive = "2011_09_26_drive_0001_sync"
    frames = frames_by_rule({drive: range(7), "other": range(9)}, left_out={"other"}, static={drive: {3}}, cameras=[2])
    assert [frame.frame for frame in frames] == [1, 2, 4, 5]


def test_the_rule_wants_both_neighbors_present() -> None:
    drive = "2011_09_26_drive_0001_sync"
    frames = frames_by_rule({drive: {0, 1, 2, 3, 5, 6, 7}}, left_out=(), static={}, cameras=[3])
    assert [(frame.camera, frame.frame) for frame in frames] == [(3, 1), (3, 2), (3, 6)]


def test_frames_on_disk_are_those_that_every_camera_has(tmp_path: Path) -> None:
    drive = tmp_path / "2011_09_26" / "2011_09_26_drive_0001_sync"
    for camera, held in ((2, ["0000000000.png", "0000000001.jpg", "notes.txt"]), (3, ["0000000001.png"])):
        (drive / f"image_0{camera}" / "data").mkdir(parents=True)
        for name in held:
            (drive / f"image_0{camera}" / "data" / name).touch()
    (tmp_path / "2011_09_26" / "2011_09_26_drive_0002_sync").mkdir()
    assert frames_on_disk(tmp_path) == {drive.name: frozenset({1}), "2011_09_26_drive_0002_sync": frozenset()}
    assert frames_on_disk(tmp_path, cameras=[2])[drive.name] == {0, 1}


def test_the_drives_have_the_lengths_that_kitti_counts() -> None:
    # Known from other sources: the clip of the manifest, the odometry sequences, the annotated maps.
    lengths = drive_lengths()
    assert len(kitti_drives()) == 61
    assert lengths["2011_09_26_drive_0095_sync"] == 268
    assert lengths["2011_10_03_drive_0027_sync"] >= 4_541  # sequence 00 is a part of it
    assert lengths["2011_09_30_drive_0033_sync"] >= 1_591  # sequence 09


def test_a_frame_finds_its_files_beside_its_name(tmp_path: Path) -> None:
    frame = KittiFrame("2011_09_26", "2011_09_26_drive_0002_sync", 2, 69)
    drive = tmp_path / "2011_09_26" / "2011_09_26_drive_0002_sync"
    assert frame.image(tmp_path) == drive / "image_02/data/0000000069.png"
    assert frame.scan(tmp_path) == drive / "velodyne_points/data/0000000069.bin"
    (drive / "image_02/data").mkdir(parents=True)
    (drive / "image_02/data/0000000069.jpg").touch()
    assert frame.image(tmp_path).suffix == ".jpg"
    (drive / "image_02/data/0000000069.png").touch()
    assert frame.image(tmp_path).suffix == ".png"


@pytest.mark.parametrize("folder", ["train/D", "val/D", "2011_09_26/D"])
def test_an_annotated_map_is_found_wherever_the_archive_is_unpacked(tmp_path: Path, folder: str) -> None:
    frame = KittiFrame("2011_09_26", "D", 2, 7)
    assert frame.annotated_depth(tmp_path).parts[-6] == "train"
    file = tmp_path / folder / "proj_depth/groundtruth/image_02/0000000007.png"
    file.parent.mkdir(parents=True)
    file.touch()
    assert frame.annotated_depth(tmp_path) == file


def test_an_odometry_frame_is_gray_only_where_there_is_no_color(tmp_path: Path) -> None:
    frame = OdometryFrame(9, 3, 12)
    assert frame.image(tmp_path) == tmp_path / "sequences/09/image_3/000012.png"
    assert frame.poses(tmp_path) == tmp_path / "poses/09.txt"
    for folder in ("image_1", "image_3"):
        (tmp_path / "sequences/09" / folder).mkdir(parents=True)
    (tmp_path / "sequences/09/image_1/000012.png").touch()
    assert frame.image(tmp_path).parent.name == "image_1"
    (tmp_path / "sequences/09/image_3/000012.jpg").touch()
    assert frame.image(tmp_path).parent.name == "image_3"


def test_a_pair_finds_its_files_from_either_folder(tmp_path: Path) -> None:
    pair = Kitti2015Pair(3, None)
    training = tmp_path / "training"
    assert training_folder(tmp_path) == training
    training.mkdir()
    for root in (tmp_path, training):
        assert [file.name for file in pair.images(root)] == ["000003_10.png", "000003_11.png"]
        assert pair.flow(root) == training / "flow_occ/000003_10.png"
        assert pair.flow(root, occluded=False) == training / "flow_noc/000003_10.png"
        assert pair.object_map(root) == training / "obj_map/000003_10.png"
        assert pair.calibration(root) == training / "calib_cam_to_cam/000003.txt"


def test_an_unknown_split_is_refused_with_those_there_are() -> None:
    for refuse in (kitti_frames, odometry_frames, split_list):
        with pytest.raises(InputError, match="there are"):
            refuse("eigen")


def test_ranges_stand_for_their_numbers_in_order() -> None:
    assert list(numbers(["8", "1-3", "5"])) == [8, 1, 2, 3, 5]
