"""The demo, shrunk: it scores itself, and its model is one like any other."""

from __future__ import annotations

import json
from pathlib import Path

from triptych.cli.main import main


def test_the_demo_scores_itself_and_its_model_predicts(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    main(["demo", "--steps=3", "--frames=16", "--size=64x128", f"--output={demo}"])
    scores = json.loads((demo / "demo.json").read_text())
    assert scores["held_out_frames"] == 3
    assert scores["depth"]["abs_rel"] > 0
    assert scores["flow"]["zero_epe_all"] > 0
    page = (demo / "index.html").read_text(encoding="utf-8")
    for part in ("results", "player", "truth", "depths", "training", "provenance"):
        assert f'<section id="{part}"' in page
    assert page.count('class="player-frame"') == 16
    figure = f"{scores['depth']['abs_rel']:.3f}"
    assert figure in page
    main(["report", str(demo), f"--output={tmp_path / 'again.html'}"])
    again = (tmp_path / "again.html").read_text(encoding="utf-8")
    assert figure in again  # the table comes back from demo.json
    assert "16 held-out frames" not in again
    assert "3 held-out frames" in again
    frames = tmp_path / "drive"
    main(["prepare", "synthetic", f"--output={frames}", "--frames=4", "--size=64x128"])
    drive = next(frames.rglob("image_02")).parent
    main(["predict", str(drive), f"--model={demo}", f"--output={tmp_path / 'result'}"])
    assert len(list((tmp_path / "result" / "depth").glob("*.npz"))) == 4
