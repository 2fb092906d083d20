"""Result files become a table on the screen or in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from triptych.cli import evaluate_compare
from triptych.errors import InputError
from triptych.evaluation.published import published_rows
from triptych.evaluation.results import Protocol, Result, save_result

EIGEN = next(row.protocol for row in published_rows() if row.name == "Fang & Liu, full")


def compare(*words: str) -> None:
    parser = ArgumentParser(exit_on_error=False)
    evaluate_compare.add_arguments(parser)
    evaluate_compare.run(parser, words)


@pytest.fixture
def results(tmp_path: Path) -> list[str]:
    """Two seeds of one method and one of another, by the published tables' protocol."""
    paths = []
    for name, abs_rel in (("ours", 0.113), ("ours", 0.115), ("plain", 0.121)):
        path = tmp_path / "in" / f"{len(paths)}.json"
        baselines = {"mean depth": {"abs_rel": 0.4}}
        save_result(path, Result(EIGEN, {"abs_rel": abs_rel}, baselines, notes=("a note",), name=name))
        paths.append(str(path))
    return paths


@pytest.fixture
def uncropped(tmp_path: Path) -> str:
    """A result that differs in its crop."""
    protocol = Protocol("depth", "eigen", {**EIGEN.settings, "crop": "none"})
    save_result(tmp_path / "in" / "other.json", Result(protocol, {"abs_rel": 0.1}, name="other"))
    return str(tmp_path / "in" / "other.json")


def test_the_table_is_printed_with_protocol_published_rows_and_baselines(
    results: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    compare(*results)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == EIGEN.line()
    shown = [line.split() for line in lines]
    assert ["ours", "2", "0.114", "±", "0.001"] in shown
    assert ["plain", "1", "0.121"] in shown
    assert ["Fang", "&", "Liu,", "full", "\u2013", "0.112*"] in shown
    assert ["mean", "depth", "\u2013", "0.400"] in shown
    assert lines.count("a note") == 1


def test_published_rows_and_baselines_can_be_left_out(results: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    compare(*results, "--no-published", "--no_baselines", "--format", "markdown")
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert rows == [
        "| method | seeds | abs_rel ↓ |",
        "| :--- | ---: | ---: |",
        "| ours | 2 | **0.114 ± 0.001** |",
        "| plain | 1 | 0.121 |",
    ]


def test_a_file_holds_the_table_and_the_screen_is_left_alone(
    results: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out" / "table.tex"
    compare(*results, "--format", "latex", "--output", str(target))
    assert capsys.readouterr().out == ""
    text = target.read_text(encoding="utf-8")
    assert r"ours & 2 & 0.114 $\pm$ 0.001 \\" in text
    assert r"Fang \& Liu, full & -- & \textbf{0.112} \\" in text


@pytest.mark.parametrize(
    ("name", "words", "start"),
    [
        ("table.tex", (), "% needs"),
        ("table.MD", (), "depth, eigen: "),
        ("table.txt", (), "depth, eigen: "),
        ("table.tex", ("--format", "markdown"), "depth, eigen: "),
    ],
)
def test_the_suffix_tells_the_format_unless_another_is_asked_for(
    results: list[str], tmp_path: Path, name: str, words: tuple[str, ...], start: str
) -> None:
    compare(*results, "--output", str(tmp_path / name), *words)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith(start)
    assert ("| :--- |" in text) == (name == "table.MD" or "markdown" in words)


def test_columns_across_a_setting(results: list[str], uncropped: str, capsys: pytest.CaptureFixture[str]) -> None:
    compare(results[2], uncropped, "--across", "crop", "--no-published", "--no_baselines", "--format", "markdown")
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert rows == [
        "| method | abs_rel crop Garg ↓ | abs_rel crop none ↓ |",
        "| :--- | ---: | ---: |",
        "| plain | 0.121 | \u2013 |",
        "| other | \u2013 | 0.100 |",
    ]


def test_two_protocols_are_refused_and_nothing_is_written(results: list[str], uncropped: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="4 results of 2 protocols do not belong in one table: crop Garg, none "):
        compare(*results, uncropped, "--output", str(tmp_path / "table.txt"))
    assert not (tmp_path / "table.txt").exists()


def test_separate_prints_a_table_for_each(
    results: list[str], uncropped: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compare(*results, uncropped, "--separate")
    lines = capsys.readouterr().out.splitlines()
    captions = [line for line in lines if line.startswith("depth, eigen: ")]
    assert [("crop none" in caption) for caption in captions] == [False, True]
    assert lines.index(captions[1]) > 0
    assert lines[lines.index(captions[1]) - 1] == ""


def test_the_same_file_twice_is_refused(results: list[str]) -> None:
    with pytest.raises(InputError, match="same figures of ours"):
        compare(results[0], results[0])


def test_a_file_that_is_no_result_is_refused(results: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match=r"x\.json"):
        compare(*results, str(tmp_path / "x.json"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format=html"], "--format: invalid choice: 'html'"),
        (["--seperate"], "--seperate: no such option; did you mean --separate"),
        (["--across"], "--across: expected one argument"),
    ],
)
def test_words_that_mean_nothing_to_compare_are_refused(results: list[str], words: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare(results[0], *words)


def test_without_a_result_there_is_nothing_to_compare() -> None:
    with pytest.raises(InputError, match="needed and not given: results"):
        compare()
