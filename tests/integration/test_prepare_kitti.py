"""`triptych prepare kitti` tells what is missing, and how it can be had."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.cli import main

Refused = Callable[..., str]


def checked(root: Path, split: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The exit code of a check and the lines it prints."""
    code = 0
    try:
        main(["prepare", "kitti", str(root), "--split", split, "--check"])
    except SystemExit as stop:
        code = int(str(stop.code))
    said = capsys.readouterr()
    assert said.err == ""
    return code, said.out.splitlines()


@pytest.fixture
def kitti2015(tmp_path: Path) -> Path:
    """Every file of the 200 pairs by name, all empty."""
    training = tmp_path / "kitti" / "training"
    for part in ("image_2", "flow_occ", "flow_noc", "obj_map", "calib_cam_to_cam"):
        (training / part).mkdir(parents=True)
    for n in range(200):
        (training / "image_2" / f"{n:06d}_11.png").touch()
        (training / "calib_cam_to_cam" / f"{n:06d}.txt").touch()
        for part in ("image_2", "flow_occ", "flow_noc", "obj_map"):
            (training / part / f"{n:06d}_10.png").touch()
    return training.parent


def test_a_complete_split_ends_with_code_0(kitti2015: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = checked(kitti2015, "kitti2015", capsys)
    assert code == 0
    assert "1,200 of 1,200 files present, 1 of 1 folders complete" in lines
    assert not any(".zip" in line for line in lines)


def test_missing_files_are_named_up_to_a_few_and_end_with_code_1(
    kitti2015: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(10, 19):
        (kitti2015 / "training" / "flow_noc" / f"{n:06d}_10.png").unlink()
    code, lines = checked(kitti2015, "kitti2015", capsys)
    assert code == 1
    assert "  flow_noc maps: 191 of 200" in lines
    assert [line.split()[-1] for line in lines if "missing: " in line] == [
        "flow_noc/000010_10.png",
        "flow_noc/000011_10.png",
        "flow_noc/000012_10.png",
    ]
    assert "    and 6 more" in lines
    assert lines[-1] == "  data_scene_flow.zip"


def test_an_empty_folder_lacks_every_drive_in_one_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = checked(tmp_path, "eigen_test", capsys)
    assert code == 1
    assert "2011_09_26_drive_0048_sync: all missing (images 22, velodyne scans 22)" in lines
    assert sum(": all missing" in line for line in lines) == 28 + 5
    assert sum(line.endswith("_sync.zip") for line in lines) == 28
    assert sum(line.endswith("_calib.zip") for line in lines) == 5
    assert len(lines) < 80


def test_a_drive_of_which_a_part_is_there_tells_its_kinds_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "2011_09_26" / "2011_09_26_drive_0048_sync" / "image_02" / "data"
    images.mkdir(parents=True)
    for n in range(22):
        (images / f"{n:010d}.png").touch()
    _, lines = checked(tmp_path, "eigen_test", capsys)
    start = lines.index("2011_09_26_drive_0048_sync:")
    assert lines[start + 1 : start + 3] == ["  images: 22 of 22", "  velodyne scans: 0 of 22"]


def test_the_list_is_written_without_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lists" / "improved.txt"
    main(["prepare", "kitti", "--split=eigen_improved", f"--list={file}"])
    names = file.read_text().splitlines()
    assert len(names) == 652
    assert names[0] == "2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069"
    assert [path.name for path in file.parent.iterdir()] == ["improved.txt"]
    assert "652 names" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["kitti", "--split=eigen_tset", "--check"], "did you mean eigen_test?"),
        (["kitti", "--split=qqqq", "--check"], "odometry_test"),
        (["kitti", "--split=make3d_test", "--check"], "no split of KITTI"),
        (["kitti", "nowhere", "--split=eigen_test", "--check"], "nowhere: no such folder"),
        (["kitti", "--split=eigen_test"], "--list FILE"),
        (["kitti", "--split=eigen_test", "--check"], "the folder to look in"),
        (["kitti", ".", "--check"], "split"),
        (["kitty"], "did you mean kitti?"),
        (["synthetic"], "output"),
        ([], "what"),
    ],
)
def test_words_that_cannot_be_followed_are_refused(
    refused: Refused, words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused("prepare", *words)
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_cannot_be_written_is_refused(refused: Refused, tmp_path: Path) -> None:
    assert "it is a folder" in refused("prepare", "kitti", "--split=kitti2015", f"--list={tmp_path}")


def test_a_synthetic_world_may_be_asked_for_after_its_options(tmp_path: Path) -> None:
    main(["prepare", "--output", str(tmp_path / "world"), "--frames=2", "--size=64x96", "synthetic"])
    assert list((tmp_path / "world").glob("*/*/image_02/data/*.png"))
