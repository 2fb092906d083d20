"""A training's state on disk: whole or refused, and never lost."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.errors import InputError
from triptych.training import checkpoint as module
from triptych.training.budget import TrainingState
from triptych.training.checkpoint import (
    MARK,
    Checkpoint,
    load_checkpoint,
    load_latest_checkpoint,
    save_checkpoint,
    save_latest_checkpoint,
)
from triptych.training.identity import DataIdentity


def state(step: int) -> Checkpoint:
    return Checkpoint(
        {"a": torch.arange(3.0) + step}, {"state": {}, "param_groups": []}, TrainingState(step=step), "size: 64x96\n"
    )


def never(text: str) -> None:
    raise AssertionError(text)


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    saved = Checkpoint(
        {"a": torch.arange(3.0)},
        {"state": {}, "param_groups": []},
        TrainingState(epoch=2, batch=1, step=9, seconds=3.5, skipped=1),
        "size: 64x96\n",
    )
    save_checkpoint(tmp_path / "x.ckpt", saved)
    loaded = load_checkpoint(tmp_path / "x.ckpt")
    assert loaded.state == saved.state
    assert loaded.settings == saved.settings
    assert torch.equal(loaded.model["a"], saved.model["a"])


def test_a_checkpoint_of_before_the_data_was_told_is_read(tmp_path: Path) -> None:
    content = {"model": {}, "optimizer": {}, "state": {"step": 3}, "settings": ""}
    stream = io.BytesIO()
    torch.save(content, stream)
    payload = stream.getvalue()
    (tmp_path / "x.ckpt").write_bytes(MARK + hashlib.sha256(payload).digest() + payload)
    older, newer = load_checkpoint(tmp_path / "x.ckpt").identity, DataIdentity("a", 3, "b", 2)
    assert older == DataIdentity()
    assert newer.learns_as(older)
    assert newer.judges_as(older)
    save_checkpoint(tmp_path / "y.ckpt", replace(state(1), identity=newer))
    assert load_checkpoint(tmp_path / "y.ckpt").identity == newer


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_file_of_another_program_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.ckpt").write_bytes(content)
    with pytest.raises(InputError, match="is not a triptych checkpoint") as caught:
        load_checkpoint(tmp_path / "x.ckpt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", [len(MARK), len(MARK) + 40, -1])
def test_a_single_changed_byte_is_noticed(tmp_path: Path, place: int) -> None:
    save_checkpoint(tmp_path / "x.ckpt", state(1))
    content = bytearray((tmp_path / "x.ckpt").read_bytes())
    content[place] ^= 1
    (tmp_path / "x.ckpt").write_bytes(content)
    with pytest.raises(InputError, match="damaged: its checksum"):
        load_checkpoint(tmp_path / "x.ckpt")


def test_a_file_that_was_cut_off_is_noticed(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "x.ckpt", state(1))
    content = (tmp_path / "x.ckpt").read_bytes()
    (tmp_path / "x.ckpt").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged: its checksum"):
        load_checkpoint(tmp_path / "x.ckpt")


def test_a_checkpoint_that_would_run_code_is_refused_though_its_checksum_is_right(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "harmed",))

    stream = io.BytesIO()
    torch.save({"model": Harm()}, stream)
    payload = stream.getvalue()
    (tmp_path / "x.ckpt").write_bytes(MARK + hashlib.sha256(payload).digest() + payload)
    with pytest.raises(InputError, match="cannot be read as a checkpoint"):
        load_checkpoint(tmp_path / "x.ckpt")
    assert not (tmp_path / "harmed").exists()


def test_the_one_before_the_last_is_kept_and_taken_where_the_last_is_damaged(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save_latest_checkpoint(tmp_path, state(step))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["before_last.ckpt", "last.ckpt"]
    assert load_latest_checkpoint(tmp_path, warn=never).state.step == 3
    (tmp_path / "last.ckpt").write_bytes((tmp_path / "last.ckpt").read_bytes()[:-5])
    said: list[str] = []
    assert load_latest_checkpoint(tmp_path, warn=said.append).state.step == 2
    assert "last.ckpt is damaged" in said[0]
    assert "going on from before_last.ckpt" in said[0]


@pytest.mark.parametrize("moment", ["write", "rename"])
def test_a_crash_while_saving_leaves_a_whole_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    save_latest_checkpoint(tmp_path, state(1))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    if moment == "write":
        monkeypatch.setattr(module, "_write", crash)
    else:
        monkeypatch.setattr("triptych.formats.atomic._flush_to_disk", crash)  # the old one has been renamed by then
    with pytest.raises(KeyboardInterrupt):
        save_latest_checkpoint(tmp_path, state(2))
    monkeypatch.undo()
    assert load_latest_checkpoint(tmp_path, warn=lambda _: None).state.step == 1


def test_without_any_checkpoint_there_is_none_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no checkpoint at .*last\.ckpt"):
        load_latest_checkpoint(tmp_path, warn=never)
