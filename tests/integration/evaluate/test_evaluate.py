"""`triptych evaluate` on written worlds: figures, protocol and baselines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
import torch
from tests.integration.evaluate.conftest import FRAMES

from triptych.cli import main
from triptych.formats.maps import save_depth, save_depth_png
from triptych.types import SyntheticClip

Refused = Callable[..., str]


def evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[dict, str]:
    """The JSON and the printed table of an evaluation."""
    main(["evaluate", *words, "--json", str(tmp_path / "result.json")])
    return json.loads((tmp_path / "result.json").read_text()), capsys.readouterr().out


def test_depth_has_its_figures_protocol_and_baselines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drive: Path, predicted: Path
) -> None:
    result, table = evaluated(
        tmp_path, capsys, "depth", "--prediction", str(predicted / "depth"), "--ground-truth", str(drive)
    )
    names = (
        "abs_rel",
        "sq_rel",
        "rmse",
        "rmse_log",
        "delta1",
        "delta2",
        "delta3",
        "scale_median",
        "scale_std",
        "images",
    )
    assert set(names) <= result["metrics"].keys()
    assert result["metrics"]["abs_rel"] < 0.01
    assert result["metrics"]["scale_median"] == pytest.approx(7, rel=0.01)
    assert result["metrics"]["images"] == FRAMES
    for baseline in ("constant_depth", "mean_depth_map"):
        assert result["baselines"][baseline]["abs_rel"] > 10 * result["metrics"]["abs_rel"]
        assert result["baselines"][baseline].keys() == result["metrics"].keys()
        assert result["baselines"][baseline]["images"] == FRAMES
    assert result["protocol"]["cap_m"] == 80
    for said in (
        "abs_rel",
        "lower is better",
        "higher is better",
        "rmse (m)",
        "cap 80 m",
        "scaling median",
        "images 4",
    ):
        assert said in table, said


def test_options_of_depth_reach_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drive: Path, predicted: Path, clip: SyntheticClip
) -> None:
    words = ["depth", "--prediction", str(predicted / "depth"), "--ground-truth", str(drive)]
    usual, _ = evaluated(tmp_path, capsys, *words)
    near, _ = evaluated(tmp_path, capsys, *words, "--cap_m=12", f"--per_image={tmp_path / 'x.csv'}")
    assert near["protocol"]["cap_m"] == 12
    assert near["baselines"]["constant_depth"]["rmse"] < usual["baselines"]["constant_depth"]["rmse"]
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 1 + FRAMES
    plain = tmp_path / "truth"
    for index in range(FRAMES):
        save_depth_png(plain / f"{index:06d}.png", clip.depth_m[index, 0].clamp_max(60.0), scale=1000.0)
        upper = clip.depth_m[index, 0, :36].clamp_max(60.0) / 7
        save_depth_png(tmp_path / "p" / f"{index:06d}.png", upper, scale=2000.0)
    words = ["depth", "--prediction", str(tmp_path / "p"), "--ground-truth", str(plain), "--png_scale=2000"]
    for index in range(FRAMES):  # truth on the upper three quarters only
        kept = clip.depth_m[index, 0].clamp_max(60.0).clone()
        kept[36:] = 0
        save_depth_png(plain / f"{index:06d}.png", kept, scale=1000.0)
    found, _ = evaluated(tmp_path, capsys, *words, "--truth_png_scale=1000", "--bottom_crop=0.25")
    assert found["metrics"]["abs_rel"] < 0.01
    assert found["metrics"]["scale_median"] == pytest.approx(7, rel=0.01)


def test_the_scaling_of_depth_reaches_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drive: Path, predicted: Path
) -> None:
    words = ["depth", f"--prediction={predicted / 'depth'}", f"--ground-truth={drive}"]
    found, _ = evaluated(tmp_path, capsys, *words, "--scaling=none")
    assert found["protocol"]["scaling"] == "none"
    assert found["metrics"]["abs_rel"] == pytest.approx(6 / 7, rel=0.01)  # the prediction is a seventh of the truth


def test_disparity_and_mirrored_predictions_are_scored_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drive: Path, clip: SyntheticClip
) -> None:
    usual, doubled = tmp_path / "usual", tmp_path / "doubled"
    for index in range(FRAMES):
        disparity = 7 / clip.depth_m[index, 0].clamp_max(90.0)
        save_depth(usual / f"{index:06d}.npz", disparity)
        left_half = torch.arange(144) < 72
        save_depth(doubled / f"{index:06d}.npz", disparity.flip(-1) * (1 + left_half))
    words = ["depth", f"--prediction={usual}", f"--ground-truth={drive}", "--prediction_of=disparity"]
    alone, _ = evaluated(tmp_path, capsys, *words)
    assert alone["metrics"]["abs_rel"] < 0.01
    assert alone["protocol"]["post_processing"] == "none"
    blended, _ = evaluated(tmp_path, capsys, *words, f"--flipped={doubled}")
    assert blended["protocol"]["post_processing"] == "flipped image blended in"
    assert blended["metrics"]["abs_rel"] > 0.1  # the right half, which is the left one mirrored, comes nearer


def test_moving_objects_are_scored_without_flow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], world: Path, predicted: Path
) -> None:
    for part in ("obj_map", "disp_occ_0", "calib_cam_to_cam"):
        (tmp_path / "t").mkdir(exist_ok=True)
        (tmp_path / "t" / part).symlink_to(world / "training" / part)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "motion").symlink_to(predicted / "motion")
    words = ["masks", "--prediction", str(tmp_path / "p"), "--ground-truth", str(tmp_path / "t")]
    result, _ = evaluated(tmp_path, capsys, *words)
    assert result["protocol"]["pixels"] == "all"
    assert result["metrics"]["motion_f1"] == 1


def test_flow_has_its_figures_and_baselines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], world: Path, predicted: Path
) -> None:
    words = [
        "flow",
        "--prediction",
        str(predicted),
        "--ground-truth",
        str(world),
        "--figures",
        str(tmp_path / "pictures"),
    ]
    result, table = evaluated(tmp_path, capsys, *words)
    keys = {"epe_all", "epe_noc", "epe_occ", "fl_all_pooled", "fl_all_per_image", "images", "epe_moving", "epe_static"}
    assert keys <= result["metrics"].keys()
    assert result["metrics"]["epe_all"] < 0.02
    assert result["metrics"]["fl_all_pooled"] == 0
    assert result["metrics"]["epe_noc"] < result["baselines"]["dis_medium"]["epe_noc"]
    assert result["baselines"]["dis_medium"]["epe_noc"] < result["baselines"]["zero_flow"]["epe_noc"]
    assert result["protocol"]["split"] == world.name  # not the benchmark's, though in its layout
    assert "15 of the 29 scenes" not in table
    assert len(list((tmp_path / "pictures").glob("flow_*.png"))) == 3


def test_odometry_has_its_figures_for_every_alignment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], world: Path, predicted: Path
) -> None:
    words = [
        "odometry",
        f"--prediction={predicted / 'trajectory.kitti.txt'}",
        f"--ground-truth={world / 'poses' / '07.txt'}",
    ]
    errors = {}
    for alignment in ("none", "scale", "6dof", "7dof"):
        result, _ = evaluated(tmp_path, capsys, *words, "--alignment", alignment)
        keys = {"t_rel_percent", "r_rel_deg_per_100m", "ate_m", "rpe_translation_m", "rpe_rotation_deg"}
        assert result["metrics"].keys() == keys
        assert result["metrics"]["t_rel_percent"] is None  # a few meters have no segment of 100 m
        assert result["protocol"]["alignment"] == alignment
        errors[alignment] = result["metrics"]["ate_m"]
    assert errors["scale"] < 1e-5
    assert errors["7dof"] < 1e-5
    assert errors["none"] > errors["6dof"] > 0.1


def test_snippets_have_their_own_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], world: Path, predicted: Path
) -> None:
    result, table = evaluated(
        tmp_path,
        capsys,
        "odometry",
        f"--prediction={predicted / 'trajectory.kitti.txt'}",
        f"--ground_truth={world / 'poses' / '07.txt'}",
        "--snippet=3",
    )
    assert result["metrics"].keys() == {"ate_mean", "ate_std", "snippets"}
    assert result["metrics"]["snippets"] == FRAMES - 2
    assert result["metrics"]["ate_mean"] < 1e-5
    assert result["baselines"]["straight_motion"]["ate_mean"] > 1e-4
    assert "snippet 3" in table


def test_masks_and_depth_on_what_moves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], world: Path, predicted: Path, clip: SyntheticClip
) -> None:
    names = [f"{index:06d}_10" for index in range(FRAMES - 1)]
    for index, name in enumerate(names):
        save_depth(tmp_path / "p" / "depth" / f"{name}.npz", clip.depth_m[index, 0].clamp_max(90.0))
    for kind in ("visibility", "motion"):
        (tmp_path / "p" / kind).symlink_to(predicted / kind)
    result, _ = evaluated(tmp_path, capsys, "masks", "--prediction", str(tmp_path / "p"), "--ground-truth", str(world))
    metrics = result["metrics"]
    assert metrics["occlusion_f1"] == metrics["occlusion_auc"] == metrics["motion_f1"] == 1
    assert metrics["moving_hole_rate"] == 0
    assert metrics["moving_abs_rel"] < 0.02
    assert result["protocol"]["scored"] == "occlusion, motion, depth"


def test_a_calibration_from_elsewhere_turns_disparity_into_depth(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], refused: Refused, world: Path, predicted: Path
) -> None:
    truth, maps = tmp_path / "t", tmp_path / "p"
    truth.mkdir()
    for part in ("obj_map", "disp_occ_0"):
        (truth / part).symlink_to(world / "training" / part)
    (maps / "depth").mkdir(parents=True)
    for index in range(FRAMES - 1):
        (maps / "depth" / f"{index:06d}_10.npz").symlink_to(predicted / "depth" / f"{index:06d}.npz")
    calibration = f"--calibration={world / '2011_09_26' / 'calib_cam_to_cam.txt'}"
    depth = ["depth", f"--prediction={maps / 'depth'}", f"--ground-truth={truth}"]
    masks = ["masks", f"--prediction={maps}", f"--ground-truth={truth}"]
    for words, name in ((depth, "abs_rel"), (masks, "moving_abs_rel")):
        assert "calib" in refused("evaluate", *words)
        assert evaluated(tmp_path, capfd, *words, calibration)[0]["metrics"][name] < 0.02


def test_the_pictures_of_depth_and_path_are_drawn(tmp_path: Path, drive: Path, world: Path, predicted: Path) -> None:
    folder = tmp_path / "pictures"
    main(["evaluate", "depth", f"--prediction={predicted / 'depth'}", f"--ground-truth={drive}", f"--figures={folder}"])
    path = predicted / "trajectory.kitti.txt"
    main(
        [
            *("evaluate", "odometry", f"--prediction={path}", f"--ground-truth={world / 'poses' / '07.txt'}"),
            f"--figures={folder}",
        ]
    )
    names = sorted(file.name.split("_2011")[0] for file in folder.iterdir())
    assert names == ["depth_best", "depth_median", "depth_ratios.png", "depth_worst", "trajectory_07_7dof.png"]
    for file in folder.iterdir():
        assert cv2.imread(str(file)).std() > 10, file.name
