"""Snippets of Cityscapes and of plain folders: which frames, and with which K."""

import json
from pathlib import Path

import pytest
from PIL import Image

from triptych.data.calibration import calibration_from_text
from triptych.data.cityscapes_snippets import cityscapes_snippets
from triptych.data.folder_snippets import folder_snippets
from triptych.data.snippet_index import SnippetIndex
from triptych.errors import InputError


def save(folder: Path, names: list[str], *, size: tuple[int, int] = (60, 24)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", size, (len(name), 7, 9)).save(folder / name)


def frames_of(index: SnippetIndex) -> list[tuple[str, str, str]]:
    """Stems of previous, target and next frame of all snippets."""
    found = [index.files(position) for position in range(len(index))]
    return [(files.previous.stem, files.target.stem, files.following.stem) for files in found]


def camera_file(root: Path, name: str, *, fx: float) -> None:
    path = root / "camera" / "train" / name.split("_", maxsplit=1)[0] / f"{name}_camera.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    intrinsic = {"fx": fx, "fy": fx, "u0": 1023.5, "v0": 511.5}
    path.write_text(json.dumps({"intrinsic": intrinsic, "extrinsic": {"baseline": 0.2}}))


def test_cityscapes_gives_neighbors_two_frames_apart_and_the_nearest_camera(tmp_path: Path) -> None:
    city = tmp_path / "leftImg8bit_sequence" / "train" / "aachen"
    numbers = {"aachen_000000": [0, 1, 2, 3, 4], "aachen_000001": [10, 11, 12, 13, 14, 30, 31, 32, 33, 34]}
    for sequence, frames in numbers.items():
        save(city, [f"{sequence}_{frame:06d}_leftImg8bit.png" for frame in frames], size=(64, 32))
    with pytest.raises(InputError, match=r"has no aachen_000000_\*_camera\.json; unpack camera_trainvaltest\.zip"):
        cityscapes_snippets(tmp_path)
    camera_file(tmp_path, "aachen_000000_000003", fx=2048.0)
    camera_file(tmp_path, "aachen_000001_000013", fx=1024.0)
    camera_file(tmp_path, "aachen_000001_000033", fx=4096.0)
    index = cityscapes_snippets(tmp_path, "train")
    targets = ["aachen_000000_000002", "aachen_000001_000012", "aachen_000001_000032"]
    assert [triple[1].removesuffix("_leftImg8bit") for triple in frames_of(index)] == targets
    assert frames_of(index)[0][0] == "aachen_000000_000000_leftImg8bit"
    # At a 32nd of the size: f / 32, and (1023.5 + 0.5) / 32 - 0.5
    assert [float(drive.intrinsics[0, 0]) for drive in index.drives] == [64.0, 32.0, 128.0]
    assert float(index.drives[0].intrinsics[0, 2]) == 31.5
    assert len(cityscapes_snippets(tmp_path, stride=1)) == 9
    with pytest.raises(InputError, match=r"unpack leftImg8bit_sequence_trainvaltest\.zip"):
        cityscapes_snippets(tmp_path, "val")


def test_each_folder_with_images_is_a_drive_with_the_nearest_calibration(tmp_path: Path) -> None:
    for name in ("b/left", "a10", "a9", ".hidden"):
        save(tmp_path / name, ["1.png", "2.png", "3.png", "10.png"])
    save(tmp_path / "preview", ["title.png"])
    (tmp_path / "K.txt").write_text("50 0 30 0 50 12 0 0 1")
    (tmp_path / "b" / "intrinsics.yaml").write_text("{fx: 70, fy: 70, cx: 31, cy: 13, width: 60, height: 24}")
    (tmp_path / "a9" / "loop").symlink_to(tmp_path)
    index = folder_snippets(tmp_path)
    assert [drive.name for drive in index.drives] == ["a9", "a10", "b/left"]
    assert [float(drive.intrinsics[0, 0]) for drive in index.drives] == [50.0, 50.0, 70.0]
    (remark,) = index.remarks
    assert "1 folder without three frames in a row is left out (preview)" in remark
    given = folder_snippets(tmp_path, calibration=calibration_from_text("80,80,30,12"))
    assert {float(drive.intrinsics[0, 0]) for drive in given.drives} == {80.0}


@pytest.mark.parametrize(
    ("names", "targets"),
    [
        (["f1", "f2", "f3", "f4", "f9", "f10", "f11"], ["f2", "f3", "f10"]),
        (["f0", "f5", "f10", "f15", "f40", "f45"], ["f5", "f10"]),
        (["11.10", "11.20", "11.30", "11.90", "12.00", "12.10"], ["11.20", "12.00"]),
        (["a1", "b1", "c1", "c9"], ["b1", "c1"]),
    ],
    ids=["every frame", "every fifth", "seconds", "names that tell no time"],
)
def test_no_snippet_of_a_folder_spans_a_gap_in_its_numbers(
    tmp_path: Path, names: list[str], targets: list[str]
) -> None:
    save(tmp_path / "walk", [f"{name}.png" for name in names])
    assert [triple[1] for triple in frames_of(folder_snippets(tmp_path))] == targets


def test_neighbors_of_a_folder_are_a_stride_of_files_apart(tmp_path: Path) -> None:
    save(tmp_path, [f"f{n}.png" for n in range(6)])
    assert frames_of(folder_snippets(tmp_path, stride=2)) == [("f0", "f2", "f4"), ("f1", "f3", "f5")]
    with pytest.raises(InputError, match="stride 0"):
        folder_snippets(tmp_path, stride=0)


def test_folders_without_a_calibration_are_told_with_the_angle_assumed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / name, ["1.png", "2.png", "3.png"])
    (tmp_path / "a" / "K.txt").write_text("50 0 30 0 50 12 0 0 1")
    index = folder_snippets(tmp_path, assumed_fov_deg=90.0)
    # 30 / tan(45 degrees)
    assert float(index.drives[1].intrinsics[0, 0]) == pytest.approx(30.0)
    (remark,) = index.remarks
    assert "1 of 2 drives have no calibration (b)" in remark
    assert "90" in remark


def test_videos_are_sent_to_be_prepared(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").touch()
    with pytest.raises(InputError, match=r"1 video \(walk\.mp4\) and no three images .*`triptych prepare folders`"):
        folder_snippets(tmp_path)
    save(tmp_path / "drive", ["1.png", "2.png", "3.png"])
    assert any("1 video is left out (walk.mp4)" in remark for remark in folder_snippets(tmp_path).remarks)
