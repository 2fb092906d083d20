"""`triptych prepare` makes shards of every kind of data set, and checks them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from triptych.cli import main
from triptych.data.cityscapes_snippets import BOTTOM_CROP, cityscapes_snippets
from triptych.data.kitti_snippets import kitti_odometry_snippets, kitti_raw_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.data.synthetic import synthetic_clip, write_kitti_odometry, write_kitti_raw
from triptych.types import SyntheticClip

Refused = Callable[..., str]
SIZE = {"height": 48, "width": 96}
WORDS = ["--size=48x96", "--workers=1"]


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return synthetic_clip("street", seed=4, frames=6, height=60, width=160)


def same(place: Path, files: LazySnippetDataset) -> None:
    dataset = ShardSnippetDataset(place)
    assert dataset.snippet_names == files.snippet_names
    for index in range(len(files)):
        assert torch.equal(dataset[index].frames, files[index].frames)
        assert torch.equal(dataset[index].intrinsics, files[index].intrinsics)


def test_kitti_raw(clip: SyntheticClip, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_kitti_raw(clip, tmp_path / "kitti", drive=7)
    place = tmp_path / "shards"
    main(["prepare", "kitti", str(tmp_path / "kitti"), "--output", str(place), *WORDS])
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err == f"4 snippets of 6 frames at 48x96 in 1 drive, 0.1 MiB: {place}\n"
    same(place, LazySnippetDataset(kitti_raw_snippets(tmp_path / "kitti"), **SIZE))
    main(["prepare", "check", str(place)])
    assert capfd.readouterr().out == f"{place}: every file is as it was written\n"
    manifest = json.loads((place / "manifest.json").read_text())
    assert manifest["counts"]["snippets"] == 4
    assert manifest["drives"][0]["intrinsics_origin"] == "P_rect_02 of calib_cam_to_cam.txt"


def test_drives_of_the_eigen_test_are_not_taken_without_a_split(
    clip: SyntheticClip, tmp_path: Path, refused: Refused
) -> None:
    drive = write_kitti_raw(clip, tmp_path / "kitti", drive=2)
    assert drive.name == "2011_09_26_drive_0002_sync"
    said = refused("prepare", "kitti", str(tmp_path / "kitti"), f"--output={tmp_path / 'shards'}", *WORDS)
    assert "no three frames in a row" in said
    assert not (tmp_path / "shards").exists()


def test_a_split_of_kitti_of_which_files_lack_is_refused(clip: SyntheticClip, tmp_path: Path, refused: Refused) -> None:
    write_kitti_raw(clip, tmp_path / "kitti", drive=7)
    words = ["prepare", "kitti", str(tmp_path / "kitti"), f"--output={tmp_path / 'shards'}", *WORDS]
    assert "lacks" in refused(*words, "--split=zhou_train")
    said = refused(*words, "--split=eigen_test")
    assert "shards are made of zhou_train, zhou_validation, stereo" in said
    assert not (tmp_path / "shards").exists()


def test_kitti_odometry_by_sequences(clip: SyntheticClip, tmp_path: Path, refused: Refused) -> None:
    root = tmp_path / "odometry"
    write_kitti_odometry(clip, root, sequence="01")
    write_kitti_odometry(clip, root, sequence="04")
    words = ["prepare", "kitti_odometry", str(root), *WORDS]
    main([*words, f"--output={tmp_path / 'all'}"])
    same(tmp_path / "all", LazySnippetDataset(kitti_odometry_snippets(root), **SIZE))
    main([*words, f"--output={tmp_path / 'one'}", "--sequences=4"])
    same(tmp_path / "one", LazySnippetDataset(kitti_odometry_snippets(root / "sequences" / "04"), **SIZE))
    assert "has no sequence 07; there are 01, 04" in refused(*words, "--output=o", "--sequences=04,07")
    assert "numbers with commas" in refused(*words, "--output=o", "--sequences=x")
    assert "not both" in refused(*words, "--output=o", "--sequences=4", "--split=odometry_train")
    assert "odometry_train, odometry_validation" in refused(*words, "--output=o", "--split=odometry_test")


def test_cityscapes_loses_its_bonnet(tmp_path: Path) -> None:
    root = tmp_path / "cityscapes"
    images = root / "leftImg8bit_sequence" / "train" / "aachen"
    cameras = root / "camera" / "train" / "aachen"
    images.mkdir(parents=True)
    cameras.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(7):
        pixels = random.integers(0, 256, (64, 128, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(images / f"aachen_000001_{number:06d}_leftImg8bit.png")
    intrinsic = {"fx": 2262.5, "fy": 2265.3, "u0": 1096.0, "v0": 513.1}
    extrinsic = {"baseline": 0.2, "pitch": 0.0, "roll": 0.0, "yaw": 0.0, "x": 1.7, "y": 0.1, "z": 1.2}
    (cameras / "aachen_000001_000003_camera.json").write_text(
        json.dumps({"extrinsic": extrinsic, "intrinsic": intrinsic})
    )
    main(["prepare", "cityscapes", str(root), f"--output={tmp_path / 'shards'}", "--size=32x64", "--workers=1"])
    files = LazySnippetDataset(cityscapes_snippets(root), height=32, width=64, bottom_crop=BOTTOM_CROP)
    assert len(files) == 3
    same(tmp_path / "shards", files)


def test_folders_and_videos(video: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], refused: Refused) -> None:
    root = tmp_path / "drives"
    root.mkdir()
    shutil.copy(video, root / "slide.mp4")
    words = ["prepare", "folders", str(root), f"--output={tmp_path / 'shards'}", *WORDS]
    main([*words, "--intrinsics=90,90,59.5,39.5"])
    assert "8 snippets of 10 frames" in capfd.readouterr().err
    dataset = ShardSnippetDataset(tmp_path / "shards")
    assert dataset.name_of(0) == "slide.mp4/000001"
    assert float(dataset[0].intrinsics[0, 0]) == pytest.approx(90 * 96 / 120)
    assert "intrinsics or neighbors of the data set changed" in refused(*words)
    main([*words, "--overwrite"])
    assert "WARNING" in capfd.readouterr().err
    main([*words, "--stride=2", "--overwrite"])
    assert ShardSnippetDataset(tmp_path / "shards").snippet_names == [f"slide.mp4/{n:06d}" for n in range(2, 8)]


def test_a_changed_file_is_named_with_exit_code_1(
    clip: SyntheticClip, tmp_path: Path, capfd: pytest.CaptureFixture[str], refused: Refused
) -> None:
    write_kitti_raw(clip, tmp_path / "kitti", drive=7)
    place = tmp_path / "shards"
    main(["prepare", "kitti", str(tmp_path / "kitti"), f"--output={place}", *WORDS])
    file = place / "chunk-000000.bin"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    capfd.readouterr()
    with pytest.raises(SystemExit) as caught:
        main(["prepare", "check", str(place)])
    assert caught.value.code == 1
    said = capfd.readouterr().out.splitlines()
    assert said[0] == f"{file}: is not what was written (checksum)"
    assert "--overwrite" in said[1]
    assert len(said) == 2
    assert "no shards are there" in refused("prepare", "check", str(tmp_path / "kitti"))


def test_finished_shards_that_lack_a_file_are_not_taken_for_whole(
    clip: SyntheticClip, tmp_path: Path, capfd: pytest.CaptureFixture[str], refused: Refused
) -> None:
    write_kitti_raw(clip, tmp_path / "kitti", drive=7)
    place = tmp_path / "shards"
    words = ["prepare", "kitti", str(tmp_path / "kitti"), f"--output={place}", *WORDS]
    main(words)
    whole = {file.name: file.read_bytes() for file in place.iterdir()}
    capfd.readouterr()
    main(words)
    assert "they were there already" in capfd.readouterr().err
    (place / "chunk-000000.bin").write_bytes(whole["chunk-000000.bin"][:-1])
    (place / "snippets.npy").unlink()
    line = refused(*words)
    assert f"chunk-000000.bin: has {len(whole['chunk-000000.bin']) - 1} bytes" in line
    assert "(and 1 other)" in line
    assert "--overwrite" in line
    main([*words, "--overwrite"])
    assert "there already" not in capfd.readouterr().err
    assert {file.name: file.read_bytes() for file in place.iterdir()} == whole


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["folders", "nowhere", "--output=o"], "nowhere: no such folder"),
        (["folders", "."], "needed and not given: --output"),
        (["folders", ".", "--output=o", "--size=4"], "--size 4: write it as HEIGHTxWIDTH"),
        (["folders", ".", "--output=o", "--workers=0"], "--workers 0: must be 1 or more"),
        (["folders", ".", "--output=o", "--skip_limit=-1"], "skip limit -1"),
        (["folders", ".", "--output=o"], "no three frames in a row"),
        (["kitti", "--output=o"], "needs the folder of the data set"),
        (["kitti", "nowhere", "--output=o"], "nowhere: no such folder"),
        (["cityscapes", ".", "--output=o"], "unpack leftImg8bit_sequence_trainvaltest.zip"),
        (["kitti_odometry", ".", "--output=o"], "no three frames in a row"),
        (["check", "nowhere"], "nowhere: no shards are there"),
        (["check", "gopher://nowhere"], "gopher://nowhere: cannot be looked at"),
        (
            ["folders", ".", "--output=s3://bucket/mine"],
            "s3://bucket/mine: its kind of storage needs s3fs; pip install s3fs",
        ),
    ],
)
def test_words_that_cannot_be_followed_are_refused(
    refused: Refused, words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as where it is not installed
    assert said in refused("prepare", *words)
    assert list(tmp_path.iterdir()) == []
