"""What the command line says of words that it cannot use."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
