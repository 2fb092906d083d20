"""Settings given in Python or refused for the data set: what is given is what is meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonargparse import ArgumentParser

from triptych.cli.run_words import said_otherwise, words_of_run
from triptych.config.build_training import build_training_data
from triptych.config.check import check_settings
from triptych.config.load import (
    add_train_arguments,
    over_run,
    preset_settings,
    preset_train_settings,
    settings_yaml,
    train_settings,
    value_of,
)
from triptych.config.schema import DepthSettings
from triptych.errors import InputError


def test_overrides_come_back_as_they_were_given() -> None:
    depth = DepthSettings(encoder="resnet18", encoder_options={"layers": [1, 1, 1, 1]}, width=0.5)
    given: dict[str, Any] = {"size": "64x96", "initial": "a run/of mine", "seed": 3, "steps": 7, "depth": depth}
    settings = preset_settings("small", **given)
    assert {name: getattr(settings, name) for name in given} == given
    assert (settings.minutes, settings.epochs) == (None, None)


def test_resume_counts_before_and_behind_a_config() -> None:
    stored = Path("run/settings.yaml")
    behind = over_run(stored, ["--config", "folders", "--output", "run", "--resume"])
    before = over_run(stored, ["--resume", "--output", "run", "--config", "folders"])
    assert "--resume" in behind
    assert "--resume" in before
    assert value_of(before, "--output") == "run"


def test_a_field_of_view_is_refused_where_the_data_set_has_its_own(tmp_path: Path) -> None:
    settings = preset_train_settings(
        "small", data={"dataset": "kitti_raw", "root": str(tmp_path), "assumed_fov_deg": 60.0}
    )
    with pytest.raises(InputError, match=r"--data\.assumed_fov_deg: is for folders, not for kitti_raw"):
        build_training_data(settings)


def test_what_files_say_otherwise_than_the_run_that_goes_on_is_told(tmp_path: Path) -> None:
    parser = ArgumentParser(exit_on_error=False)
    add_train_arguments(parser)
    parser.add_argument("--output")
    parser.add_argument("--resume", action="store_true")
    file = tmp_path / "mine.yaml"
    file.write_text("losses: {alpha: 0.5}\nsteps: 9\n")
    words = ["--config", str(file), f"--output={tmp_path}", "--losses.lambda_eo=0.1"]
    (tmp_path / "settings.yaml").write_text(
        settings_yaml(train_settings(parser.instantiate(parser.parse_args(words_of_run(words)))))
    )
    resumed = [*words, "--resume"]

    def said(words: list[str]) -> str | None:
        return said_otherwise(parser, words, parser.parse_args(words_of_run(words)))

    assert said(resumed) is None
    assert said([*resumed, "--losses.lambda_ed=0.1"]) is None  # a word counts, as it says
    file.write_text("losses: {alpha: 0.7, tau_epipolar: 0.5}\nsteps: 12\n")
    told = said(resumed)
    assert told is not None
    assert "not losses.alpha, losses.tau_epipolar of --config or --preset" in told
    assert said([*words[2:], "--resume"]) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"losses": {"alpha": 2.0}}, "--losses.alpha 2: give a share from 0 to 1"),
        ({"losses": {"flow_pyramid_weight": -1.0}}, "--losses.flow_pyramid_weight -1: must be 0 or more"),
        ({"losses": {"flow_smoothness": -1.0}}, "--losses.flow_smoothness -1: must be 0 or more"),
        ({"losses": {"minimum_motion_px": -1.0}}, "--losses.minimum_motion_px -1: must be 0 or more"),
        ({"augmentation": {"crop": 0.5}}, "--augmentation.crop 0.5: must be 1 or more"),
        ({"augmentation": {"flip": 1.5}}, "--augmentation.flip 1.5: give a share from 0 to 1"),
        ({"augmentation": {"brightness": 1.0}}, "--augmentation.brightness 1: must be from 0 to below 1"),
        ({"augmentation": {"hue": 0.6}}, "--augmentation.hue 0.6: must be from 0 to 0.5"),
        ({"training": {"epochs_before": -5}}, "--training.epochs_before -5: must be 0 or more"),
    ],
)
def test_numbers_outside_of_their_range_are_told_by_their_name(change: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        check_settings(preset_train_settings("small", **change))
