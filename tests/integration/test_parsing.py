"""What the command line says of words that it cannot use."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from triptych.cli import main

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--protcol=eigen"], "--protcol: no such option; did you mean --protocol? (see triptych evaluate depth"),
        (["--cap-m=far"], "--cap_m far: give a number"),
        (["stray"], "stray: no such argument"),
        (["--protocol=eigne"], "eigne"),
        (["--any-scal"], "did you mean --any_scale?"),
    ],
)
def test_a_word_that_is_no_option_or_no_value_is_named(refused: Refused, words: list[str], said: str) -> None:
    assert said in refused("evaluate", "depth", "--prediction=p", "--ground-truth=t", *words)


def test_options_that_are_missing_are_written_as_one_types_them(refused: Refused) -> None:
    line = refused("evaluate", "odometry", "--stride=abc", "--ground_truth=t")
    assert "--stride" in line
    assert "needed and not given: --prediction, --ground_truth" in refused("evaluate", "odometry").replace(
        "-truth", "_truth"
    )


@pytest.mark.parametrize("word", ["--assumed-fov-deg", "--assumed_fov_deg"])
def test_hyphens_and_underscores_are_one(refused: Refused, word: str) -> None:
    line = refused("predict", "nowhere.mp4", "--model=no-such-run", "--output=o", f"{word}=70")
    assert "no-such-run" in line  # the value keeps its hyphens


def test_nested_settings_have_their_nearest_name(refused: Refused) -> None:
    line = refused("fit", "x.mp4", "--output=r", "--losses.tau_photometrik=0.3")
    assert "did you mean --losses.tau_photometric?" in line


def test_a_group_of_settings_has_no_value_of_its_own(refused: Refused) -> None:
    line = refused("train", "--output=r", "--training.flow=3")
    assert "--training.flow '3': is a group of settings" in line


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--losses.photometric=l1", "--losses.photometric l1: give one of ssim, census ("),
        ("--losses.flow_smoothness_order=3", "--losses.flow_smoothness_order 3: give one of 1, 2 ("),
        ("--training.flow.learns=[dept]", "--training.flow.learns dept: give one of flow, depth, pose ("),
    ],
)
def test_a_value_that_is_none_of_a_few_is_told_with_these(refused: Refused, word: str, said: str) -> None:
    assert said in refused("fit", "x.mp4", "--output=r", word)


@pytest.mark.parametrize("command", [["fit", "x.mp4"], ["train"]])
def test_a_run_cannot_go_on_and_be_replaced(refused: Refused, command: list[str]) -> None:
    assert "leave one of them out" in refused(*command, "--output=r", "--resume", "--overwrite")


def test_no_setting_of_a_training_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    required = [line for line in capsys.readouterr().out.splitlines() if "required" in line]
    assert len(required) == 1
    assert "--output" in required[0]
