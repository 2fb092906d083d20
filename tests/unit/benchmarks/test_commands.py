"""What drivers keep in their folders, and what they refuse to go on with."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from triptych.errors import InputError

Driver = Callable[[str], ModuleType]


def test_a_folder_keeps_the_options_that_it_was_begun_with(driver: Driver, tmp_path: Path) -> None:
    commands, folder = driver("commands"), tmp_path / "out"
    commands.keep_options(folder, Namespace(steps=3, words=["--a=1"], jobs=1), ["steps", "words"])
    assert json.loads((folder / "options.json").read_text()) == {"steps": 3, "words": ["--a=1"]}
    (folder / "results").mkdir()
    commands.keep_options(folder, Namespace(steps=3, words=["--a=1"], jobs=2), ["steps", "words"])
    with pytest.raises(InputError, match=r'was begun with steps 3, words \["--a=1"\], not steps 4, words \[\]'):
        commands.keep_options(folder, Namespace(steps=4, words=[], jobs=1), ["steps", "words"])


def test_results_of_unknown_options_are_not_gone_on_with(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "driver.log").touch()
    driver("commands").keep_options(tmp_path, Namespace(steps=3), ["steps"])
    (tmp_path / "options.json").unlink()
    (tmp_path / "results").mkdir()
    with pytest.raises(InputError, match=r"holds folders and no options\.json"):
        driver("commands").keep_options(tmp_path, Namespace(steps=3), ["steps"])


def test_a_result_is_there_whole_or_not_at_all(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_: Path, __: str) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "results" / "base_0.json"
    driver("commands").save_result(file, {"abs_rel": 0.5})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            driver("commands").save_result(file, {"abs_rel": 0.4})
    assert json.loads(file.read_text()) == {"abs_rel": 0.5}
    assert list(file.parent.glob("*.json")) == [file]


@pytest.mark.parametrize(
    ("name", "work", "begun", "words", "told"),
    [
        ("ablation", "prepare_worlds", [], ["--steps=4"], "with steps 300, not steps 4"),
        ("ablation", "prepare_worlds", [], ["--base_steps=4"], "with base_steps 2400, not base_steps 4"),
        ("ablation", "prepare_worlds", [], ["--size=32x96"], 'not size "32x96"'),
        ("ablation", "prepare_worlds", [], ["--clips=4"], "with clips 300, not clips 4"),
        ("holes", "street", [], ["--steps=4"], "with steps 500, not steps 4"),
        ("holes", "street", [], ["--base_steps=4"], "with base_steps 600, not base_steps 4"),
        ("holes", "street", [], ["--size=32x96"], 'not size "32x96"'),
        ("fit_worlds", "world", [], ["--minutes=1"], "with minutes 10.0, not minutes 1.0"),
        ("fit_worlds", "world", [], ["--size=32x96"], 'not size "32x96"'),
        ("fit_worlds", "world", [], ["--jobs=1"], "with jobs 2, not jobs 1"),
        ("fit_worlds", "world", ["--", "--seed=1"], ["--", "--seed=2"], 'not settings ["--seed=2"]'),
        ("ablation", "prepare_worlds", [], ["--only", "full", "no_row"], "--only no_row: is nothing"),
        ("holes", "street", [], ["--settings", "no_row"], "--settings no_row: is nothing"),
    ],
)
def test_drivers_refuse_what_their_folder_was_not_begun_with(
    driver: Driver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    work: str,
    begun: list[str],
    words: list[str],
    told: str,
) -> None:
    commands, module = driver("commands"), driver(name)

    def reached(*_: object, **__: object) -> None:
        raise InputError("reached")

    monkeypatch.setattr(module, work, reached)

    def told_by(*more: str) -> str:
        monkeypatch.setattr("sys.argv", [name, f"--output={tmp_path}", *more])
        with pytest.raises(SystemExit) as ended:
            commands.run_driver(module.main)
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert told_by(*begun) == "reached"
    assert told in told_by(*words)
    free = ["--worlds=1"] if name == "fit_worlds" else ["--jobs=1"]  # jobs share the minutes of a fit
    assert told_by(*free, *begun) == "reached"
