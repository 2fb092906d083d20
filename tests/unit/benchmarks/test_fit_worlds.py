"""What a driver of fits leaves of a world."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

Driver = Callable[[str], ModuleType]


def test_figures_that_were_half_written_are_not_taken_for_a_world_s(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit_worlds = driver("fit_worlds")
    clip = Namespace(images=torch.zeros(60, 1), intrinsics=None, camera_to_world=torch.eye(4).expand(60, 4, 4))
    for name, value in {
        "random_world_clip": clip,
        "save_frames": None,
        "triptych": None,
        "predicted_answer": None,
        "classical_answer": Namespace(flow=torch.zeros(60, 1)),
        "ClipAnswer": None,
        "clip_figures": {"abs_rel": 0.5, "delta1": float("nan")},
    }.items():
        monkeypatch.setattr(fit_worlds, name, lambda *_, value=value, **__: value)
    options = Namespace(output=tmp_path, part="test", size="32x96", minutes=1.0, jobs=1, settings=[])
    (tmp_path / "test_1000").mkdir()
    written = Path.write_text

    def killed(path: Path, text: str) -> int:
        written(path, text[: len(text) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            fit_worlds.world(1000, options)
    figures = {name: {"abs_rel": 0.5} for name in ("before", "after", "dis_straight")}
    assert fit_worlds.world(1000, options) == figures
    assert json.loads((tmp_path / "test_1000" / "figures.json").read_text()) == figures
