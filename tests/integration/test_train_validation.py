"""`triptych train` judges its networks as the evaluators do."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.run_lines import lines

from triptych.cli import main
from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.kitti_writer import write_kitti_odometry


def test_the_validation_figures_are_those_of_the_evaluator(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]]
) -> None:
    folder = tmp_path / "run"
    words = settings_of(
        drives / "2011_09_26" / "2011_09_26_drive_0001_sync",
        folder,
        "--steps=1",
        "--stages=joint",
        "--data.left_out=[]",
        f"--validation.root={drives / '2011_09_26' / '2011_09_26_drive_0005_sync'}",
        "--validation.pictures=0",
    )
    main(words)
    (judged,) = lines(folder / "validation.jsonl")
    drive = drives / "2011_09_26" / "2011_09_26_drive_0005_sync"
    prediction = tmp_path / "prediction"
    main(["predict", str(drive), f"--model={folder}", f"--output={prediction}", "--refinement=none"])
    result = tmp_path / "images.csv"
    main(
        [
            "evaluate",
            "depth",
            f"--prediction={prediction}",
            f"--ground-truth={drive}",
            "--protocol=eigen_improved",
            f"--per_image={result}",
        ]
    )
    with result.open(newline="") as file:
        scored = [float(row["abs_rel"]) for row in csv.DictReader(file)]
    assert judged["snippets"] == 10  # all frames but the first and the last, which are no targets
    assert judged["figures"]["abs_rel"] == pytest.approx(sum(scored[1:-1]) / 10, rel=1e-4)


def test_what_is_learned_from_is_not_validated_on(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], refused: Callable[..., str]
) -> None:
    words = settings_of(drives, tmp_path / "run", "--steps=1", f"--validation.root={drives}")
    assert "20 of the 20 snippets to validate on would be learned from too" in refused(*words)
    assert not (tmp_path / "run").exists()


def test_poses_beside_a_sequence_judge_the_camera_motion(tmp_path: Path, settings_of: Callable[..., list[str]]) -> None:
    root, folder = tmp_path / "odometry", tmp_path / "run"
    clip = synthetic_clip("street", seed=203, frames=12, height=64, width=192)
    write_kitti_odometry(clip, root, sequence="00")
    words = settings_of(root, folder, "--steps=2", "--stages=depth,joint", "--data.dataset=kitti_odometry")
    main([*words, "--validation.held_out=0.4"])
    (judged,) = lines(folder / "validation.jsonl")
    assert judged["measure"] == "ate_3"
    assert 0 <= judged["figures"]["ate_3"] < 1


def test_damaged_frames_to_validate_on_are_named_and_counted(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "raw"
    shutil.copytree(drives, root)
    images = root / "2011_09_26" / "2011_09_26_drive_0005_sync" / "image_02" / "data"
    (images / "0000000011.png").write_bytes(b"")
    main(settings_of(root, tmp_path / "run", "--steps=1", "--stages=flow", "--validation.held_out=0.3"))
    error = " ".join(capfd.readouterr().err.split())
    assert error.count("0000000011.png: ") == 1
    assert "another validation snippet stands in" in error
    assert "1 file of frames could not be read" in error
    (judged,) = lines(tmp_path / "run" / "validation.jsonl")
    assert len(judged["damaged"]) == 1
