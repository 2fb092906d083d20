"""`triptych evaluate` refuses what it cannot use, in a line that says what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tests.integration.evaluate.conftest import FRAMES

from triptych.formats.maps import save_depth
from triptych.types import SyntheticClip

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--laser_depth=camera_z"], "--laser_depth: is for --protocol eigen"),
        (["--leave_out=[a]"], "--leave_out: is for --protocol make3d"),
        (["--protocol=eigen_improved", "--cap_m=50"], "counts all of its truth"),
        (["--png_scale=0"], "--png_scale 0: give the steps"),
        (["--cap_m=0"], "must lie above"),
        (["--bottom_crop=20"], "for instance 0.25"),
        (["--json="], "need a name"),
        (["--json=."], "is a folder"),
    ],
)
def test_options_without_a_use_or_a_meaning_are_refused(
    refused: Refused, drive: Path, predicted: Path, words: list[str], said: str
) -> None:
    line = refused("evaluate", "depth", f"--prediction={predicted / 'depth'}", f"--ground-truth={drive}", *words)
    assert said in line


def test_places_that_cannot_be_written_are_refused_before_the_work(
    refused: Refused, tmp_path: Path, drive: Path, predicted: Path
) -> None:
    (tmp_path / "file").write_text("")
    words = ["evaluate", "depth", f"--prediction={predicted / 'depth'}", f"--ground-truth={drive}"]
    assert "is a file; name a folder" in refused(*words, f"--figures={tmp_path / 'file'}")
    assert "cannot be written to" in refused(*words, f"--json={tmp_path / 'file' / 'x.json'}")


def test_an_alignment_has_no_meaning_for_snippets(refused: Refused, world: Path, predicted: Path) -> None:
    line = refused(
        *("evaluate", "odometry", f"--prediction={predicted / 'trajectory.kitti.txt'}"),
        *(f"--ground-truth={world / 'poses' / '07.txt'}", "--snippet=3", "--alignment=7dof"),
    )
    assert "each snippet has one scale" in line


def test_a_missing_prediction_is_named(refused: Refused, tmp_path: Path, drive: Path, predicted: Path) -> None:
    for index in (0, 2, 3):
        save_depth(tmp_path / "p" / f"{index:06d}.npz", torch.ones(4, 6))
    line = refused("evaluate", "depth", f"--prediction={tmp_path / 'p'}", f"--ground-truth={drive}")
    assert "no prediction for 1 of 4 images" in line
    assert "0000000001" in line


def test_unequal_counts_are_told(refused: Refused, tmp_path: Path, drive: Path) -> None:
    np.save(tmp_path / "all.npy", np.ones((9, 4, 6), np.float32))
    save_depth(tmp_path / "p" / "left.npz", torch.ones(4, 6))
    line = refused("evaluate", "depth", f"--prediction={tmp_path / 'p'}", f"--ground-truth={drive}")
    assert "holds 1 maps, the truth has 4 images" in line


def test_a_wrong_folder_is_told(refused: Refused, tmp_path: Path, drive: Path, predicted: Path) -> None:
    line = refused("evaluate", "depth", f"--prediction={tmp_path / 'nowhere'}", f"--ground-truth={drive}")
    assert "nowhere does not exist" in line
    line = refused("evaluate", "depth", f"--prediction={predicted / 'depth'}", f"--ground-truth={tmp_path / 'nowhere'}")
    assert "nowhere does not exist" in line
    line = refused("evaluate", "flow", f"--prediction={predicted}", f"--ground-truth={tmp_path}")
    assert "has no flow_occ" in line
    line = refused(
        "evaluate", "depth", f"--prediction={predicted / 'depth'}", f"--ground-truth={tmp_path}", "--protocol=eigen"
    )
    assert "697 of 697 laser scans are missing" in line
    assert "prepare kitti" in line


@pytest.mark.parametrize(("value", "said"), [(float("nan"), "nothing but NaN"), (0.0, "0 or less on 24 of 24")])
def test_a_map_that_holds_nothing_is_named(
    refused: Refused, tmp_path: Path, drive: Path, value: float, said: str
) -> None:
    for index in range(FRAMES):
        save_depth(tmp_path / "p" / f"{index:06d}.npz", torch.full((4, 6), value if index == 2 else 1.0))
    line = refused(
        "evaluate",
        "depth",
        f"--prediction={tmp_path / 'p'}",
        f"--ground-truth={drive}",
        f"--json={tmp_path / 'r.json'}",
    )
    assert said in line
    assert "000002.npz" in line
    assert not (tmp_path / "r.json").exists()


def test_depth_in_another_unit_is_told(refused: Refused, tmp_path: Path, drive: Path, clip: SyntheticClip) -> None:
    for index in range(FRAMES):
        save_depth(tmp_path / "p" / f"{index:06d}.npz", 1000 * clip.depth_m[index, 0].clamp_max(90.0))
    line = refused("evaluate", "depth", f"--prediction={tmp_path / 'p'}", f"--ground-truth={drive}")
    assert "the truth is 0.001 times the prediction" in line


def test_a_png_of_the_wrong_bit_depth_is_told(refused: Refused, tmp_path: Path, drive: Path, world: Path) -> None:
    (tmp_path / "p").mkdir()
    for index in range(FRAMES):
        cv2.imwrite(str(tmp_path / "p" / f"{index:06d}.png"), np.full((4, 6), 9, np.uint8))
    line = refused("evaluate", "depth", f"--prediction={tmp_path / 'p'}", f"--ground-truth={drive}")
    assert "a PNG of 1 x 16 bits is needed, found 1 x 8 bits" in line
    assert "000000.png" in line
    for index in range(FRAMES - 1):
        cv2.imwrite(str(tmp_path / "p" / f"{index:06d}_10.png"), np.full((4, 6, 3), 9, np.uint8))
    line = refused("evaluate", "flow", f"--prediction={tmp_path / 'p'}", f"--ground-truth={world}")
    assert "3 x 16 bits" in line


def test_a_pose_file_with_eleven_numbers_in_a_line_is_told(refused: Refused, tmp_path: Path, world: Path) -> None:
    truth = world / "poses" / "07.txt"
    rows = truth.read_text().splitlines()
    rows[1] = rows[1].rsplit(" ", 1)[0]
    (tmp_path / "p.txt").write_text("\n".join(rows))
    line = refused("evaluate", "odometry", f"--prediction={tmp_path / 'p.txt'}", f"--ground-truth={truth}")
    assert "p.txt, line 2: 12 or 13 numbers are needed, found 11" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name what to evaluate"),
        (["dept"], "did you mean depth"),
        (["depth", "--prediction=p"], "ground"),
        (["depth", "--prediction=p", "--ground-truth=t", "--protocol=eigne"], "eigne"),
        (["odometry", "--prediction=p", "--ground-truth=t", "--snippet=4"], "snippet"),
        (["odometry", "--prediction=p", "--ground-truth=t", "--frames=12"], "START:END"),
    ],
)
def test_words_that_cannot_be_evaluated(refused: Refused, words: list[str], said: str) -> None:
    assert said in refused("evaluate", *words)
