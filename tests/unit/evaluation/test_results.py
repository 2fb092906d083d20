"""A result comes back from its file as it was, and a file that is none is refused in one line."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from triptych.errors import InputError
from triptych.evaluation.results import Protocol, Result, load_result, save_result

PROTOCOL = Protocol("depth", "eigen", {"images": 697, "cap_m": 80.0, "crop": None, "flip": True})


def stored(tmp_path: Path, **changes: Any) -> Path:
    """A good file with some of its entries replaced; `...` takes one away."""
    path = tmp_path / "result.json"
    save_result(path, Result(PROTOCOL, {"abs_rel": 0.5}))
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not ...}))
    return path


def test_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    result = Result(
        PROTOCOL,
        {"abs_rel": 0.1, "delta1": 0.9},
        baselines={"mean depth": {"abs_rel": 0.4}},
        variants={"camera z": {"abs_rel": 0.2}},
        notes=("one", "two"),
        name="ours",
        named=False,
    )
    save_result(tmp_path / "result.json", result)
    assert load_result(tmp_path / "result.json") == result


def test_a_file_that_does_not_say_whether_it_was_named_counts_as_named(tmp_path: Path) -> None:
    assert load_result(stored(tmp_path, named=...)).named
    assert not load_result(stored(tmp_path, named=False)).named


def test_nan_and_infinity_are_null_in_the_file_and_nan_again_when_read(tmp_path: Path) -> None:
    save_result(tmp_path / "r.json", Result(PROTOCOL, {"abs_rel": math.nan, "rmse": math.inf, "delta1": 0.0}))
    assert json.loads((tmp_path / "r.json").read_text())["metrics"] == {"abs_rel": None, "rmse": None, "delta1": 0.0}
    metrics = load_result(tmp_path / "r.json").metrics
    assert math.isnan(metrics["abs_rel"])
    assert math.isnan(metrics["rmse"])
    assert metrics["delta1"] == 0.0


def test_a_measure_without_a_name_in_the_list_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="abs_rell"):
        save_result(tmp_path / "r.json", Result(PROTOCOL, {"abs_rell": 0.1}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metrics": {"abs_rell": 0.1}}, "no measure is named abs_rell"),
        ({"baselines": {"zero": {"abs_rell": 0.1}}}, "no measure is named abs_rell"),
        ({"metrics": {"abs_rel": "0.1"}}, "abs_rel must be a number"),
        ({"metrics": {"abs_rel": True}}, "abs_rel must be a number"),
        ({"metrics": ...}, "lacks 'metrics'"),
        ({"protocol": {"name": "eigen"}}, "lacks 'task'"),
        ({"protocol": {"task": "depth", "name": "eigen", "crop": [1, 2]}}, "crop must be one value"),
        ({"notes": "abc", "name": 5}, "found 5"),
        ({"baselines": []}, "not a result"),
        ({"named": "no"}, "true or false is needed, found 'no'"),
    ],
)
def test_a_file_that_is_no_result_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = stored(tmp_path, **changes)
    with pytest.raises(InputError, match=said) as caught:
        load_result(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b'{"name": "ou', b"\xff\xfe\x00", b"[1, 2]", b"null"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(InputError, match=r"r\.json is not") as caught:
        load_result(tmp_path / "r.json")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*nowhere\.json"):
        load_result(tmp_path / "nowhere.json")


def test_protocols_of_the_same_settings_in_another_order_do_not_differ() -> None:
    other = Protocol("depth", "eigen", {"flip": True, "crop": None, "cap_m": 80, "images": 697})
    assert PROTOCOL.differing(other) == []


def test_the_points_that_differ_are_named_and_no_value_is_as_good_as_none() -> None:
    other = Protocol("flow", "plain", {"images": 652, "cap_m": 80.0, "flip": True, "scale": "none"})
    assert PROTOCOL.differing(other) == ["task", "protocol", "images", "scale"]


def test_a_protocol_in_one_line_has_its_units_behind_the_numbers() -> None:
    assert PROTOCOL.line() == "depth, eigen: images 697; cap 80 m; crop none; flip yes"


def test_a_setting_cannot_take_the_place_of_the_protocols_name() -> None:
    with pytest.raises(ValueError, match="task or name"):
        Protocol("depth", "eigen", {"name": "other"})
