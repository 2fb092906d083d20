"""Commands in README and docs: all are understood, and those that need no data set run, one after another."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import dataclass
from importlib.metadata import metadata
from pathlib import Path

import pytest
from tests.integration import documented_data_sets
from torch import Tensor

from triptych.artefacts.video import VideoWriter
from triptych.cli import main
from triptych.data.synthetic import benchmark
from triptych.evaluation.results import load_result

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SERVES = ("triptych app", "triptych view run", "triptych view result", "triptych view run --headless")
"""Beginnings of commands that go on until they are stopped; tests/browser runs them."""
FAULTS = re.compile(
    r"no such option|no such argument|no such setting|no such preset|is not a command|is a group of settings|"
    r"needed and not given|did you mean|give (?:a number|a whole number|true or false|text|a list|one of)|"
    r"choose from|write it as|ignored explicit argument"
)
"""What is said of the words themselves, not of input that is missing."""


@dataclass(frozen=True)
class Documented:
    """A command.

    Attributes:
        page: where it stands.
        words: after `triptych`.
    """

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: triptych {' '.join(self.words)}"


def documented() -> list[Documented]:
    """All commands of the package in blocks of code, each once a page."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```(?:\w*)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                command = re.match(r"\s*(?:\$ )?(?:\S*torchrun .*-m |\S*bin/)?triptych (.*)", line)
                if command is not None and "..." not in line:
                    found.append(Documented(page.name, tuple(shlex.split(command.group(1), comments=True))))
    return list(dict.fromkeys(found))


COMMANDS = documented()


def test_the_pages_have_commands() -> None:
    assert {command.words[0] for command in COMMANDS} >= {"fit", "predict", "train", "evaluate", "report", "export"}
    assert len(COMMANDS) > 40


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.words[0] not in ("demo", "app")], ids=str)
def test_a_command_is_understood_and_lacks_but_its_input(
    command: Documented, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if command.words[:2] == ("prepare", "synthetic"):
        pytest.skip("needs no input; runs below")
    if any(word.startswith("s3://") for word in command.words):
        pytest.skip("asks the network")
    if command.words[0] == "export" and command.words[1].startswith("-"):
        pytest.skip("needs no input")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(list(command.words))
    line = capfd.readouterr().err.strip().splitlines()[-1]
    assert caught.value.code == 2, line
    assert not FAULTS.search(line), line
    values = {part for word in command.words for part in word.split("=") if not part.startswith("-")}
    assert any(value in line for value in values if len(value) > 1), line


SHORT = {
    "fit": ["--steps=3"],
    "report": ["--overwrite"],
    "view": ["--overwrite"],
    "prepare": ["--frames=5"],
}
"""What is added to a command, so that it takes no time; look.md has alternatives that write one file."""
CHAIN = ("README.md", "start.md", "fit.md", "look.md")
"""Pages whose commands run on one's own video, in the order of reading; the next test and test_export run others."""


@pytest.mark.parametrize("page", CHAIN)
def test_the_commands_of_a_page_run_in_their_order(
    page: str, tmp_path: Path, frames: Tensor, tiny: list[str], monkeypatch: pytest.MonkeyPatch, fitted: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("my_video.mp4", "other_video.mp4"):
        with VideoWriter(tmp_path / name, rate=10.0) as writer:
            for frame in frames[:6].repeat_interleave(9, 2).repeat_interleave(10, 3):  # 1200x720
                writer.write(frame)
    if page == "look.md":
        shutil.copytree(fitted, "run")
    ran = 0
    for command in (command for command in COMMANDS if command.page == page):
        words = list(command.words)
        if is_on_data_sets(command) or words[0] in ("demo", "app") or _goes_on(words):
            continue
        words += SHORT.get(words[0], [])
        if words[0] == "fit":
            words = " ".join(words).replace("--minutes 30", "").split()
            words += [*tiny, *([] if "--from_scratch" in words else ["--from_scratch"])]  # tiny are not those packaged
        main(words)
        ran += 1
    assert ran > 0


def is_on_data_sets(command: Documented) -> bool:
    """Whether a command needs data sets, or what others have made of them."""
    return command.words[0] in ("train", "evaluate") or any(word.startswith("/data/") for word in command.words)


def _goes_on(words: list[str]) -> bool:
    """Whether a command serves a page until it is stopped."""
    return f"triptych {' '.join(words)}".startswith(SERVES) and not {"--save", "--export"} & set(words)


def write_results_of_others(root: Path) -> None:
    """What README and evaluate.md compare with: other seeds and methods."""
    depth = json.loads(Path("depth.json").read_text())
    for number, file in enumerate(("ours-seed0", "ours-seed1", "theirs")):
        metrics = {name: value + 0.001 * number for name, value in depth["metrics"].items()}
        result = depth | {"name": file.split("-")[0], "named": True, "metrics": metrics}
        Path(f"{file}.json").write_text(json.dumps(result))
    for sequence in ("09", "10"):
        truth = root / "odometry" / "poses" / f"{sequence}.txt"
        words = f"--prediction={truth} --ground-truth={truth} --name=theirs --json=theirs{sequence}.json"
        main(["evaluate", "odometry", *words.split()])


def run_page(page: str, data: Path, more: list[str], done: set[tuple[str, ...]]) -> None:
    """Run the page's commands on data sets but those in a cloud, or `done` on an earlier page.

    `data` is what the page calls /data, `more` goes with every training.
    """
    ran = 0
    for command in (command for command in COMMANDS if command.page == page and command.words not in done):
        words = [
            str(data / word.removeprefix("/data/")) if word.startswith("/data/") else word for word in command.words
        ]
        if any(word.startswith("s3://") for word in words) or (page == "README.md" and not is_on_data_sets(command)):
            continue
        if words[0] in ("train", "predict", "prepare") and "--output" in words:
            # One GPU or eight, one page or the next: the same folder.
            shutil.rmtree(words[words.index("--output") + 1], ignore_errors=True)
        if words[0] == "train":  # shards keep the size that they were made with
            words += [word for word in more if "shards" not in words or not word.startswith("--size")]
        main(words)
        done.add(command.words)
        ran += 1
    assert ran > 0


def test_pages_on_data_sets_run_in_the_order_of_their_commands(
    tmp_path: Path, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    documented_data_sets.write_kitti(data)
    documented_data_sets.write_cityscapes(data)
    documented_data_sets.write_drives(tmp_path / "my_drives")
    documented_data_sets.shorten_splits(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmark, "CLIPS", 2)
    monkeypatch.setattr(benchmark, "FRAMES", 5)
    more, done = [*tiny, *documented_data_sets.QUICKLY], set[tuple[str, ...]]()
    run_page("kitti.md", data, more, done)
    write_results_of_others(data)
    for page in ("streets", "evaluate", "README", "cityscapes", "shards", "train"):
        run_page(f"{page}.md", data, more, done)
    for file, measure in {
        "depth.json": "abs_rel",
        "ours09.json": "ate_m",
        "flow.json": "epe_all",
        "streets.json": "abs_rel",
        "cityscapes.json": "abs_rel",
    }.items():
        assert measure in load_result(tmp_path / file).metrics
    assert "ATE" in (tmp_path / "odometry.tex").read_text()


CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)


def snippets() -> list[str]:
    """All lines of code of the pages, in blocks and within lines."""
    found = [code for page in PAGES for pair in CODE.findall(page.read_text(encoding="utf-8")) for code in pair]
    return [line for code in found for line in code.replace("\\\n", " ").splitlines()]


def test_scripts_that_are_named_are_there_and_have_the_options() -> None:
    pattern = re.compile(r"python ((?:benchmarks|examples|docs)/\w+\.py)(.*)")
    named = [match for line in snippets() if (match := pattern.search(line))]
    assert len(named) > 8
    for match in named:
        script = (ROOT / match.group(1)).read_text(encoding="utf-8")
        for option in re.findall(r"(?<=\s)--[\w-]+", match.group(2).split("#")[0]):
            assert f'"{option}"' in script, f"{match.group()}: no {option}"


def test_targets_that_are_named_are_in_the_makefile() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {match.group(1) for line in snippets() if (match := re.match(r"make (\w+)", line))}
    assert named >= {"demo", "test", "docs", "weights"}
    assert named <= targets


def test_extras_that_are_named_are_in_the_project() -> None:
    pattern = re.compile(r"pip install (?:-e )?'(?:triptych|\.)\[([\w,]+)\]'")
    lists = [match.group(1) for line in snippets() if (match := pattern.search(line))]
    named = {extra for extras in lists for extra in extras.split(",")}
    assert named >= {"view", "app", "export", "cloud"}
    assert named <= set(metadata("triptych").get_all("Provides-Extra") or [])
