"""docs/equations.md: each function that it names is there, and so is each test, which uses the function."""

from __future__ import annotations

import importlib
import re
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "equations.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|") and "`triptych." in line
]


def named(cell: str) -> list[tuple[str, str | None]]:
    """(module, name) of all code in a cell; a bare name is of the module before it, a module has no name."""
    found: list[tuple[str, str | None]] = []
    for code in re.findall(r"`([\w.]+)`", cell):
        if not code.startswith("triptych."):
            found.append((found[-1][0], code))
            continue
        module, _, name = code.rpartition(".")
        try:
            importlib.import_module(code)
            found.append((code, None))
        except ModuleNotFoundError:
            found.append((module, name))
    return found


def files(cell: str) -> list[Path]:
    """Test files of a cell; a bare name is of the folder before it."""
    found: list[PurePosixPath] = []
    for code in re.findall(r"`([\w./]+\.py)`", cell):
        found.append(PurePosixPath(code) if "/" in code else found[-1].parent / code)
    return [ROOT / path for path in found]


def test_every_equation_has_its_row() -> None:
    numbers = {int(number) for row in ROWS for number in re.findall(r"^(\d)", row[0])}
    assert numbers == set(range(1, 9))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_functions_and_tests_of_a_row_are_there_and_belong_together(row: list[str]) -> None:
    functions, tests = named(row[1]), files(row[2])
    assert functions
    assert tests
    for module, name in functions:
        there = importlib.import_module(module)
        assert name is None or hasattr(there, name), f"{module} has no {name}"
    texts = [path.read_text(encoding="utf-8") for path in tests]
    for module, name in functions:
        wanted = name or module.rpartition(".")[2]
        assert any(wanted in text for text in texts), f"no test named beside it uses {wanted}"
