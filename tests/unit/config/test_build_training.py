"""What a training learns from and is judged on: apart, told by the setting to change, indexed once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from triptych.config.build_training import build_training_data, spelled_out
from triptych.config.check import check_settings
from triptych.config.load import preset_train_settings
from triptych.config.train_schema import TrainSettings
from triptych.data import folder_snippets as folders
from triptych.data import shard_snippets as shards
from triptych.data.folder_snippets import folder_snippets
from triptych.data.shard_preparing import prepared_shards
from triptych.errors import InputError


def write_drive(drive: Path, frames: int, *, first: int = 0) -> Path:
    drive.mkdir(parents=True)
    (drive / "K.txt").write_text("80 0 47.5 0 80 31.5 0 0 1")
    for index in range(frames):
        Image.fromarray(np.full((64, 96, 3), first + index, dtype=np.uint8)).save(drive / f"{index:06d}.png")
    return drive


def settings_of(learned: Path, *, data: dict[str, Any] | None = None, **validation: Any) -> TrainSettings:
    return preset_train_settings(
        "small", size="64x96", data={"root": str(learned)} | (data or {}), validation=validation
    )


@pytest.mark.parametrize(
    ("frames", "share", "told"),
    [
        (12, 0.9, "of 10 snippets of the longest drive, --validation.held_out 0.9 leaves none to learn from; lower it"),
        (12, 0.02, "of 10 snippets of the longest drive, --validation.held_out 0.02 is none; raise it"),
        (
            5,
            0.4,
            "of 3 snippets of the longest drive, 2 lie between those learned from and those held out; name others",
        ),
        (12, 0.3, ""),
        (12, 0.0, ""),
    ],
)
def test_where_nothing_is_held_out_the_setting_to_change_is_named(
    tmp_path: Path, frames: int, share: float, told: str
) -> None:
    write_drive(tmp_path / "one", frames)
    data = build_training_data(settings_of(tmp_path, held_out=share))
    assert "; ".join(data.remarks).startswith(f"nothing is validated: {told}" if told else "")
    assert bool(data.remarks) == bool(told)
    assert (data.validation is None) == (bool(told) or share == 0.0)


def test_to_validate_on_what_is_learned_from_is_refused_in_one_line(tmp_path: Path) -> None:
    write_drive(tmp_path / "root" / "one", 8)
    two = write_drive(tmp_path / "root" / "two", 6)
    link = tmp_path / "link"
    link.symlink_to(two)
    for root, told in ((tmp_path / "root", "5 of the 5 snippets"), (two, "4 of the 4"), (link, "4 of the 4")):
        with pytest.raises(InputError, match=f"--validation.root {root}: {told}") as caught:
            build_training_data(settings_of(tmp_path / "root", root=str(root), snippets=5))
        assert "\n" not in str(caught.value)
        assert "null for --validation.root" in str(caught.value)


def test_validating_on_another_layout_keeps_what_is_of_folders_to_the_training(tmp_path: Path) -> None:
    write_drive(tmp_path / "learned" / "a", 6)
    data = {"dataset": "folders", "assumed_fov_deg": 60.0}
    other = {"root": str(tmp_path), "dataset": "kitti_odometry"}
    with pytest.raises(InputError) as told:  # there are no sequences here
        build_training_data(settings_of(tmp_path / "learned", data=data, **other))
    assert "assumed_fov_deg" not in str(told.value)
    with pytest.raises(InputError, match=r"--validation\.split: is for .*, not for folders"):
        build_training_data(settings_of(tmp_path / "learned", data=data, root=str(tmp_path), split="stereo"))


@pytest.mark.parametrize(
    ("chosen", "validation", "told"),
    [
        ({}, {"root": "elsewhere", "held_out": 0.2}, "--validation.held_out 0.2: is a share of what is learned from"),
        ({}, {"intrinsics": "9,9,9,9"}, "--validation.intrinsics: is for snippets from elsewhere"),
        ({}, {"bottom_crop": 0.1}, "--validation.bottom_crop: is for snippets from elsewhere"),
        ({}, {"root": ".", "dataset": "shards", "intrinsics": "9,9,9,9"}, "--validation.intrinsics: is for folders, "),
        ({}, {"root": ".", "dataset": "shards", "bottom_crop": 0.1}, "--validation.bottom_crop: is for files; shards"),
        (
            {"dataset": "kitti_raw", "split": "stereo", "left_out": []},
            {},
            "--data.left_out: --data.split stereo names its drives itself; give null for one of the two",
        ),
    ],
)
def test_settings_that_would_have_no_effect_are_refused(
    tmp_path: Path, chosen: dict[str, Any], validation: dict[str, Any], told: str
) -> None:
    write_drive(tmp_path / "one", 6)
    settings = settings_of(tmp_path, data=chosen, **validation)

    def begin() -> None:
        check_settings(settings)
        build_training_data(settings)

    with pytest.raises(InputError, match=re.escape(told)):
        begin()


def test_files_that_shards_are_judged_on_are_cut_as_the_shards_were(tmp_path: Path) -> None:
    write_drive(tmp_path / "learned" / "one", 8)
    write_drive(tmp_path / "judged" / "two", 6, first=100)
    prepared_shards(folder_snippets(tmp_path / "learned"), tmp_path / "shards", height=64, width=96, bottom_crop=0.25)
    chosen = {"root": str(tmp_path / "shards"), "dataset": "shards"}
    beside = {"root": str(tmp_path / "judged"), "dataset": "folders", "intrinsics": "90,90,48,32"}
    judged = build_training_data(settings_of(tmp_path, data=chosen, **beside)).validation
    assert judged is not None
    assert judged.bottom_crop == 0.25
    whole = build_training_data(settings_of(tmp_path, data=chosen, bottom_crop=0.0, **beside)).validation
    assert whole is not None
    assert whole.bottom_crop == 0.0
    _, focal_y = judged[0].intrinsics.diagonal()[:2].tolist()
    assert focal_y == pytest.approx(90 / 0.75)  # of 48 rows that are made 64 again


def test_drives_that_are_called_alike_may_be_learned_from_and_judged_on(tmp_path: Path) -> None:
    write_drive(tmp_path / "learned" / "one", 8)
    write_drive(tmp_path / "judged" / "one", 6)
    data = build_training_data(settings_of(tmp_path / "learned", root=str(tmp_path / "judged")))
    assert (len(data.learned), len(data.positions)) == (6, 4)


def test_shards_are_not_judged_on_the_files_that_they_were_made_of(tmp_path: Path) -> None:
    write_drive(tmp_path / "root" / "one", 8)
    prepared_shards(folder_snippets(tmp_path / "root"), tmp_path / "shards", height=64, width=96)
    chosen = {"root": str(tmp_path / "shards"), "dataset": "shards"}
    with pytest.raises(InputError, match="6 of the 6 snippets to validate on would be learned from too, one/000001"):
        build_training_data(settings_of(tmp_path, data=chosen, dataset="folders", root=str(tmp_path / "root")))


def test_the_identity_of_the_data_tells_both_sets_and_follows_what_is_there(tmp_path: Path) -> None:
    write_drive(tmp_path / "root" / "one", 22)
    first = build_training_data(settings_of(tmp_path / "root", held_out=0.2)).identity
    assert (first.learned_count, first.judged_count) == (14, 4)
    assert first == build_training_data(settings_of(tmp_path / "root", held_out=0.2)).identity
    nothing_held = build_training_data(settings_of(tmp_path / "root", held_out=0.0)).identity
    fewer_judged = build_training_data(settings_of(tmp_path / "root", held_out=0.2, snippets=3)).identity
    write_drive(tmp_path / "root" / "two", 22)
    grown = build_training_data(settings_of(tmp_path / "root", held_out=0.2)).identity
    assert not first.learns_as(nothing_held)
    assert first.learns_as(fewer_judged)
    assert not first.judges_as(fewer_judged)
    assert not first.learns_as(grown)


def test_a_share_that_is_held_out_costs_no_second_look_at_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_drive(tmp_path / "root" / "one", 22)
    prepared_shards(folder_snippets(tmp_path / "root"), tmp_path / "shards", height=64, width=96, bottom_crop=0.25)
    looks = []
    contents, reader = folders._contents, shards.ShardReader
    monkeypatch.setattr(folders, "_contents", lambda root: (looks.append(root), contents(root))[1])
    monkeypatch.setattr(shards, "ShardReader", lambda *given, **more: (looks.append(given), reader(*given, **more))[1])
    for chosen, crop in (
        ({"root": str(tmp_path / "root")}, 0.0),
        ({"root": str(tmp_path / "shards"), "dataset": "shards"}, 0.25),
    ):
        looks.clear()
        settings = settings_of(tmp_path, data=chosen, held_out=0.2)
        data = build_training_data(settings)
        assert data.validation is not None
        assert data.validation.augmentation is None
        assert len(data.positions) == 4
        assert spelled_out(settings, data).data.bottom_crop == crop
        assert len(looks) == 1
    with pytest.raises(InputError, match=r"the shards were made with 0\.25"):
        build_training_data(settings_of(tmp_path, data=chosen | {"bottom_crop": 0.5}))


def test_classical_answers_are_kept_in_the_folder_that_is_named(tmp_path: Path) -> None:
    drive = write_drive(tmp_path / "drives" / "one", 3)
    scene = np.random.default_rng(0).integers(0, 255, (64, 104, 3), dtype=np.uint8)
    for index in range(3):
        Image.fromarray(scene[:, 4 * index : 4 * index + 96]).save(drive / f"{index:06d}.png")
    kept = tmp_path / "kept"
    build_training_data(settings_of(tmp_path / "drives", data={"teachings": str(kept)})).learned[0]
    assert len(list(kept.iterdir())) == 1
