"""What is asked for on the page becomes command lines, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from triptych.config.load import preset_names
from triptych.errors import InputError
from triptych.viewing.app.order import PRESETS, checked_order
from triptych.viewing.app.steps import Step, steps_after_stop, steps_of


def order_of(**given: Any) -> Any:
    return checked_order(**{"rendered": False, "learn": False, "frames": 20, "frames_at_most": 300, **given})


def words(steps: list[Step], folder: Path) -> list[list[str]]:
    return [step.words(folder) for step in steps]


@pytest.mark.parametrize("text", ["720, 720, 640, 360", "720 720 640 360", "720,720,640,360.0"])
def test_intrinsics_are_four_numbers_however_they_are_parted(text: str) -> None:
    assert order_of(intrinsics=text).intrinsics == "720,720,640,360"


@pytest.mark.parametrize("text", ["/etc/passwd", "calib.txt", "1,2,3", "1,2,3,4,5", "nan,1,1,1", "0,1,1,1", "--help"])
def test_intrinsics_that_are_no_four_numbers_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="four numbers"):
        order_of(intrinsics=text)


@pytest.mark.parametrize(
    "given",
    [
        {"frames": 3},
        {"frames": 301},
        {"frames": float("nan")},
        {"learn": True, "minutes": 0.0},
        {"learn": True, "minutes": float("inf")},
        {"learn": True, "preset": "../../x"},
    ],
)
def test_what_is_out_of_bounds_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        order_of(**given)


def test_every_preset_of_the_page_is_one_of_the_package() -> None:
    assert set(PRESETS) <= set(preset_names())


def test_a_video_is_predicted_at_once_with_what_was_given(tmp_path: Path) -> None:
    (tmp_path / "video.mov").touch()
    first, report, scene = words(steps_of(order_of(intrinsics="1 2 3 4")), tmp_path)
    assert first[:2] == ["predict", str(tmp_path / "video.mov")]
    assert {"--limit=20", "--intrinsics=1,2,3,4", f"--output={tmp_path}/run/prediction"} <= set(first)
    assert (report[0], scene[0]) == ("report", "view")


def test_a_rendered_clip_is_fitted_with_the_camera_that_is_known(tmp_path: Path) -> None:
    (tmp_path / "clip" / "yard-1" / "frames").mkdir(parents=True)
    render, fit, *_ = words(steps_of(order_of(rendered=True, learn=True, minutes=3, intrinsics="none")), tmp_path)
    assert render[:2] == ["prepare", "synthetic"]
    assert fit[:2] == ["fit", str(tmp_path / "clip/yard-1/frames")]
    assert {"--preset=adapt", "--minutes=3", f"--intrinsics={tmp_path}/clip/yard-1/K.txt"} <= set(fit)
    assert "--from_scratch" not in fit


def test_learning_from_random_weights_says_so(tmp_path: Path) -> None:
    fit = words(steps_of(order_of(learn=True, preset="small")), tmp_path)[0]
    assert {"--preset=small", "--from_scratch"} <= set(fit)


def test_after_a_stop_the_best_networks_predict(tmp_path: Path) -> None:
    predict = words(steps_after_stop(order_of(learn=True)), tmp_path)[0]
    assert predict[0] == "predict"
    assert f"--model={tmp_path}/run/best.safetensors" in predict
