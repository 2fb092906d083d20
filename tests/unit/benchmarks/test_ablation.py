"""What the ablation takes from a training's log, and where its tables go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from triptych.errors import InputError

Driver = Callable[[str], ModuleType]


def test_shares_that_were_not_finite_do_not_count(driver: Driver, tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    shares = [{"gate": 0.9, "valid": 0.9, "none": 0.9}, {"gate": 0.2, "valid": None, "none": None}]
    shares += [{"gate": 0.4, "valid": 0.6, "none": None}]
    steps = [{"stage": "flow", "shares": {"gate": 1.0}}] + [{"stage": "joint", "shares": each} for each in shares]
    log.write_text("".join(json.dumps(step) + "\n" for step in steps))
    assert driver("ablation").gate_shares(log) == pytest.approx({"gate": 0.3, "valid": 0.6})


def test_a_document_keeps_its_tables_where_the_new_ones_cannot_be_written(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = driver("ablation_table")
    document = tmp_path / "ablation.md"
    text = f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n"
    document.write_text(text)

    def full(path: Path, _: str) -> None:
        path.write_bytes(b"hal")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(InputError, match="the disk is full"):
            tables.write_tables([], document)
    assert document.read_text() == text
    assert list(tmp_path.iterdir()) == [document]
    tables.write_tables([], document)
    assert document.read_text().startswith(f"before\n{tables.BEGIN}\n\n### Shares")
    assert document.read_text().endswith(f"{tables.END}\nafter\n")
