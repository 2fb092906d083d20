"""Teachings of snippets by themselves: kept, the latest, and the same as worked out anew."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch
from torch import Tensor

from triptych.data.synthetic import synthetic_clip
from triptych.inference import teacher
from triptych.inference.teacher import SnippetTeacher
from triptych.types import Teaching

SNIPPETS = 2


@pytest.fixture(scope="module")
def snippets() -> list[tuple[Tensor, Tensor]]:
    clip = synthetic_clip("room", seed=3, frames=2 + SNIPPETS, height=32, width=64)
    return [(clip.images[begin : begin + 3], clip.intrinsics.float()) for begin in range(SNIPPETS)]


@pytest.fixture
def flows_asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    asked: list[int] = []
    own = teacher.enlarged_dis_flow

    def counted(target: Tensor, source: Tensor) -> Tensor:
        asked.append(1)
        return own(target, source)

    monkeypatch.setattr(teacher, "enlarged_dis_flow", counted)
    return asked


def same(one: Teaching, other: Teaching) -> bool:
    return all(torch.equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Teaching))


def test_what_is_known_is_not_worked_out_again(snippets: list[tuple[Tensor, Tensor]], flows_asked: list[int]) -> None:
    teach = SnippetTeacher()
    first = [teach(*snippet) for snippet in snippets]
    worked = len(flows_asked)
    assert worked > 0
    again = [teach(*snippet) for snippet in snippets]
    assert len(flows_asked) == worked
    assert all(same(one, other) for one, other in zip(first, again, strict=True))
    assert not same(*first)


def test_a_folder_keeps_them_for_other_teachers(
    snippets: list[tuple[Tensor, Tensor]], flows_asked: list[int], tmp_path: Path
) -> None:
    first = [SnippetTeacher(folder=tmp_path / "kept")(*snippet) for snippet in snippets]
    worked = len(flows_asked)
    again = [SnippetTeacher(folder=tmp_path / "kept")(*snippet) for snippet in snippets]
    assert len(flows_asked) == worked
    assert all(same(one, other) for one, other in zip(first, again, strict=True))
    assert not same(*again)


def test_what_is_damaged_in_the_folder_is_worked_out_anew(
    snippets: list[tuple[Tensor, Tensor]], flows_asked: list[int], tmp_path: Path
) -> None:
    first = SnippetTeacher(folder=tmp_path)(*snippets[0])
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for broken in (b"", whole[: len(whole) // 2]):
        file.write_bytes(broken)
        before = len(flows_asked)
        assert same(SnippetTeacher(folder=tmp_path)(*snippets[0]), first)
        assert len(flows_asked) > before
        assert file.read_bytes() == whole


def test_other_intrinsics_are_another_snippet(snippets: list[tuple[Tensor, Tensor]], flows_asked: list[int]) -> None:
    teach = SnippetTeacher()
    images, intrinsics = snippets[0]
    teach(images, intrinsics)
    worked = len(flows_asked)
    teach(images, intrinsics * intrinsics.new_tensor([[2.0], [2.0], [1.0]]))
    assert len(flows_asked) == 2 * worked


def test_the_memory_is_bounded(snippets: list[tuple[Tensor, Tensor]], flows_asked: list[int]) -> None:
    teach = SnippetTeacher(kept_bytes=0)
    teach(*snippets[0])
    worked = len(flows_asked)
    teach(*snippets[1])
    teach(*snippets[0])
    assert len(flows_asked) == 3 * worked
