"""`triptych report` and the pages that other commands write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.unit.viewing.written_prediction import write_small_prediction, write_small_run

from triptych.cli.main import main
from triptych.formats.maps import save_depth


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    write_small_run(folder)
    return folder


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What an evaluation wrote: its JSON, and its page."""
    folder = tmp_path_factory.mktemp("scored")
    for index in range(2):
        truth = torch.linspace(2.0, 40.0, 32 * 64).reshape(32, 64)
        save_depth(folder / "truth" / f"{index}.npz", truth)
        save_depth(folder / "ours" / f"{index}.npz", truth * (1 + 0.25 * (torch.arange(64) % 2)))
    places = [f"--prediction={folder / 'ours'}", f"--ground-truth={folder / 'truth'}", "--name=the method"]
    main(["evaluate", "depth", *places, f"--json={folder / 'depth.json'}", f"--report={folder / 'depth.html'}"])
    return folder / "depth.json", (folder / "depth.html").read_text(encoding="utf-8")


def test_an_evaluation_writes_its_table_with_protocol_and_baselines(result: tuple[Path, str]) -> None:
    _, page = result
    for expected in ("the method: depth, plain", "abs_rel", "lower is better", "Protocol", "scaling", "median"):
        assert expected in page
    assert "default-src 'none'" in page
    assert "script-src 'none'" in page


def test_a_report_shows_a_run_and_the_results_that_were_named(
    run: Path, result: tuple[Path, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    main(["report", str(run), "--results", str(result[0]), str(result[0]), f"--output={page}", "--title=My walk"])
    text = page.read_text(encoding="utf-8")
    assert "<h1>My walk</h1>" in text
    assert text.count("the method: depth, plain") == 2
    assert 'id="player-facts"' in text
    assert "report: " in capfd.readouterr().err


def test_a_report_lies_in_the_folder_itself_unless_told_otherwise(tmp_path: Path, refused: Callable[..., str]) -> None:
    write_small_prediction(tmp_path / "result", frames=4)
    main(["report", str(tmp_path / "result"), "--frames=2"])
    first = (tmp_path / "result" / "report.html").read_text(encoding="utf-8")
    assert "2 of 4 frames are shown" in first
    assert "pass --overwrite" in refused("report", str(tmp_path / "result"))
    main(["report", str(tmp_path / "result"), "--overwrite"])
    assert (tmp_path / "result" / "report.html").read_text(encoding="utf-8").count('class="player-frame"') == 4


def test_what_cannot_be_reported_is_refused_in_a_line_and_leaves_nothing(
    run: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    page = tmp_path / "page.html"
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong.json").write_text('{"a": 1}')
    assert "holds no run and no prediction" in refused("report", str(tmp_path / "empty"), f"--output={page}")
    assert "is no folder" in refused("report", str(tmp_path / "nowhere"), f"--output={page}")
    assert "ends with .html" in refused("report", str(run), f"--output={tmp_path / 'page.pdf'}")
    assert "give 2 at least" in refused("report", str(run), f"--output={page}", "--frames=1")
    wrong = ("--results", str(tmp_path / "wrong.json"))
    assert "is not a result of" in refused("report", str(run), *wrong, f"--output={page}")
    assert "cannot read" in refused("report", str(run), "--results", "missing.json", f"--output={page}")
    assert "cannot be written" in refused("report", str(run), f"--output={tmp_path / 'wrong.json' / 'page.html'}")
    assert "is a folder" in refused("evaluate", "depth", "--prediction=a", "--ground-truth=b", f"--report={tmp_path}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "wrong.json"]


def test_a_fit_ends_with_its_report(fitted: Path) -> None:
    page = (fitted / "report.html").read_text(encoding="utf-8")
    for part in ("player", "depths", "training", "provenance"):
        assert f'<section id="{part}"' in page
    assert page.count('class="player-frame"') == 10
    assert "from_scratch" not in page
    assert "--steps" not in page
    assert "steps: 3" in page  # settings.yaml
