"""`triptych prepare synthetic`: drives of random worlds of a part, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.cli import main
from triptych.data.synthetic import random_world_clip

Refused = Callable[..., str]
SIZE = ["--frames=2", "--size=32x96"]


def test_clips_of_a_part_are_drives_of_a_day_and_a_camera_of_their_own(tmp_path: Path) -> None:
    main(["prepare", "synthetic", "--output", str(tmp_path / "out"), "--part=train", "--clips=2", "--seed=4", *SIZE])
    drives = sorted((tmp_path / "out").glob("*/*_sync"))
    assert [drive.name for drive in drives] == ["2011_09_26_drive_0001_sync", "2011_09_27_drive_0001_sync"]
    for seed, drive in zip((4, 5), drives, strict=True):
        clip = random_world_clip("train", seed, frames=2, height=32, width=96)
        lines = (drive.parent / "calib_cam_to_cam.txt").read_text().splitlines()
        (projection,) = (line.split()[1:] for line in lines if line.startswith("P_rect_02"))
        assert float(projection[0]) == pytest.approx(clip.intrinsics[0, 0].item(), rel=1e-5)
        assert len(list((drive / "image_02" / "data").glob("*.png"))) == 2


def test_clips_without_a_part_are_drives_of_one_camera(tmp_path: Path) -> None:
    main(["prepare", "synthetic", "--output", str(tmp_path / "out"), "--family=clutter", "--clips=2", *SIZE])
    names = sorted(path.name for path in (tmp_path / "out").glob("*/*_sync"))
    assert names == ["2011_09_26_drive_0001_sync", "2011_09_26_drive_0002_sync"]


def test_a_field_of_view_is_that_of_worlds_to_learn_from_too(tmp_path: Path) -> None:
    root = tmp_path / "out"
    main(["prepare", "synthetic", f"--output={root}", "--part=train", "--layout=folders", "--fov_deg=90", *SIZE])
    (path,) = root.glob("*/K.txt")
    focal = float(path.read_text().split()[0])
    assert focal == pytest.approx(48, rel=1e-5)  # half of 96 px over tan 45


def test_worlds_are_replaced_and_nothing_else_is(refused: Refused, tmp_path: Path) -> None:
    words = ["prepare", "synthetic", f"--output={tmp_path / 'out'}", "--family=clutter", *SIZE]
    main([*words, "--seed=1"])
    assert json.loads((tmp_path / "out" / "rendered.json").read_text())["seed"] == 1
    assert "pass --overwrite" in refused(*words)
    main([*words, "--overwrite"])
    assert json.loads((tmp_path / "out" / "rendered.json").read_text())["seed"] == 0

    kitti = tmp_path / "kitti" / "2011_09_26"
    kitti.mkdir(parents=True)
    words[2] = f"--output={tmp_path / 'kitti'}"
    assert "holds no result that --overwrite could replace" in refused(*words, "--overwrite")
    assert kitti.is_dir()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--part=train", "--family=avenue"], "the train part has street, clutter"),
        (["--part=test", "--seed=-1"], "a part's seeds go from 0 to"),
        (["--seed=-1"], "go from 0 to 9223372036854775807"),
        (["--seed=99999999999999999999"], "go from 0 to 9223372036854775807"),
        (["--seed=9223372036854775807", "--clips=2"], "go from 0 to 9223372036854775807"),
        (["--clips=0"], "one at least"),
        (["--fov_deg=0"], "between 0 and 180"),
        (["--benchmark", "--fov_deg=60"], "leave out --fov_deg"),
        (["--benchmark", "--seed=3", "--clips=2"], "leave out --clips and --seed"),
        (["--clips=2", "--layout=flow2015"], "each clip with its own --output"),
        (["--frames=1"], "two at least"),
    ],
)
def test_what_cannot_be_made_is_refused(refused: Refused, words: list[str], said: str, tmp_path: Path) -> None:
    assert said in refused("prepare", "synthetic", f"--output={tmp_path / 'out'}", *words)
    assert list(tmp_path.iterdir()) == []


def test_families_of_the_command_line_are_those_there_are() -> None:
    from triptych.cli.prepare_synthetic import FAMILIES
    from triptych.data.synthetic.families import FAMILIES as FAMILIES_OF

    assert set(FAMILIES) == {name for part in FAMILIES_OF.values() for name in part}
