"""`fit` and `predict`: every file that is promised, and what is in it."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from triptych.cli import main
from triptych.formats.maps import load_depth, load_depth_png, load_flo, load_kitti_flow, load_mask
from triptych.formats.trajectories import load_kitti_trajectory, load_tum_trajectory
from triptych.inference.motion import carried_motion, grown_motion

FRAMES, HEIGHT, WIDTH = 10, 64, 96
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_fit_leaves_a_whole_run_folder(fitted: Path) -> None:
    expected = {"checkpoints", "environment.json", "metrics.jsonl", "model.safetensors", "prediction"}
    assert expected | {"report.html", "settings.yaml", "tensorboard"} == set(names(fitted))
    steps = [json.loads(line) for line in (fitted / "metrics.jsonl").read_text().splitlines()]
    assert [step["stage"] for step in steps] == ["flow", "flow", "depth"]


def test_there_is_a_map_for_every_frame_and_pair(fitted: Path) -> None:
    prediction = fitted / "prediction"
    all_frames = [f"{index:06d}" for index in range(FRAMES)]
    assert names(prediction / "depth") == [f"{name}.npz" for name in all_frames]
    assert names(prediction / "depth_png") == [f"{name}.png" for name in all_frames]
    for kind in ("flow", "visibility", "motion"):
        assert names(prediction / kind) == [f"{name}.png" for name in all_frames[:-1]]


def test_the_maps_have_the_processing_size_and_the_depth_png_its_scale(fitted: Path) -> None:
    prediction = fitted / "prediction"
    result = json.loads((prediction / "result.json").read_text())
    with np.load(prediction / "depth" / "000003.npz") as file:
        assert file["depth"].dtype == np.float32
        assert file["depth"].shape == (HEIGHT, WIDTH)
    depth = load_depth(prediction / "depth" / "000003.npz")
    png = load_depth_png(prediction / "depth_png" / "000003.png", scale=result["depth_png_scale"])
    torch.testing.assert_close(png, depth, atol=0.51 / result["depth_png_scale"], rtol=0)
    flow, valid = load_kitti_flow(prediction / "flow" / "000003.png")
    assert flow.shape == (2, HEIGHT, WIDTH)
    assert valid.all()
    assert load_mask(prediction / "motion" / "000003.png").shape == (HEIGHT, WIDTH)


def test_both_trajectories_say_the_same_and_begin_at_the_identity(fitted: Path) -> None:
    prediction = fitted / "prediction"
    kitti = load_kitti_trajectory(prediction / "trajectory.kitti.txt")
    times, tum = load_tum_trajectory(prediction / "trajectory.tum.txt")
    assert kitti.shape == (FRAMES, 4, 4)
    torch.testing.assert_close(kitti[0], torch.eye(4, dtype=kitti.dtype))
    torch.testing.assert_close(kitti, tum, atol=1e-5, rtol=0)
    torch.testing.assert_close(times.diff(), torch.full((FRAMES - 1,), 0.1, dtype=times.dtype), atol=1e-3, rtol=0)


def test_the_result_says_where_the_intrinsics_came_from_and_what_was_used(fitted: Path) -> None:
    result = json.loads((fitted / "prediction" / "result.json").read_text())
    assert "given as 90,90,59.5,39.5" in result["intrinsics"]["origin"]
    # 120x80 frames at 96x64: scale 0.8, c' = 0.8 (59.5 + 0.5) - 0.5
    assert result["intrinsics"]["matrix"][0] == pytest.approx([72.0, 0.0, 47.5], abs=1e-4)
    assert result["scale"] == "up to scale"
    assert result["frames"]["predicted"] == FRAMES
    assert result["frames_learned_from"] == list(range(FRAMES))


def test_the_overview_is_a_video_of_all_frames(fitted: Path) -> None:
    with av.open(str(fitted / "prediction" / "overview.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES


def test_predict_repeats_what_fit_predicted(fitted: Path, video: Path, tmp_path: Path) -> None:
    words = ["predict", str(video), "--model", str(fitted), "--output", str(tmp_path / "out")]
    main([*words, "--intrinsics=90,90,59.5,39.5", "--flo"])
    first = fitted / "prediction"
    for index in range(FRAMES):
        again = load_depth(tmp_path / "out" / "depth" / f"{index:06d}.npz")
        torch.testing.assert_close(again, load_depth(first / "depth" / f"{index:06d}.npz"))
    maps = [f"{kind}/{name}" for kind in ("flow", "visibility", "motion") for name in names(first / kind)]
    for name in (*maps, "trajectory.kitti.txt"):
        assert (tmp_path / "out" / name).read_bytes() == (first / name).read_bytes(), name
    flow, _ = load_kitti_flow(tmp_path / "out" / "flow" / "000000.png")
    torch.testing.assert_close(load_flo(tmp_path / "out" / "flow" / "000000.flo"), flow, atol=1 / 127, rtol=0)


def test_predict_s_options_change_what_it_writes(fitted: Path, video: Path, tmp_path: Path) -> None:
    words = ["predict", str(video), "--model", str(fitted), "--intrinsics=90,90,59.5,39.5"]
    main([*words, "--output", str(tmp_path / "a"), "--points=0:10"])
    main([*words, "--output", str(tmp_path / "b"), "--points=0:2", "--visibility=learned", "--stride=2"])
    main([*words, "--output", str(tmp_path / "c"), "--refinement=none", "--points_without_motion"])
    result = json.loads((tmp_path / "b" / "result.json").read_text())
    assert result["frames"]["source_indices"] == [0, 2, 4, 6, 8]
    assert result["visibility"] == "learned"
    assert (tmp_path / "b" / "points.ply").stat().st_size < (tmp_path / "a" / "points.ply").stat().st_size
    first = (tmp_path / "a" / "visibility" / "000000.png").read_bytes()
    assert first != (tmp_path / "b" / "visibility" / "000000.png").read_bytes()
    assert json.loads((tmp_path / "c" / "result.json").read_text())["refinement"] == "none"
    for name in ("trajectory.kitti.txt", "flow/000001.png"):
        assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "c" / name).read_bytes()
    masks = [load_mask(path) for path in sorted((tmp_path / "c" / "motion").iterdir())]
    last_flow, _ = load_kitti_flow(tmp_path / "c" / "flow" / f"{FRAMES - 2:06d}.png")
    masks.append(grown_motion(carried_motion(masks[-1], last_flow)))
    moving = sum(int(mask.sum()) for mask in masks)
    assert moving > 0
    for folder, points in (("a", FRAMES * HEIGHT * WIDTH), ("c", FRAMES * HEIGHT * WIDTH - moving)):
        assert f"element vertex {points}\n".encode() in (tmp_path / folder / "points.ply").read_bytes()


def test_predict_takes_the_frames_of_the_camera_that_are_asked_for(
    fitted: Path, frames: torch.Tensor, tmp_path: Path
) -> None:
    drive = tmp_path / "2011_09_26_drive_0001_sync"
    for camera, count in (("image_02", 3), ("image_03", FRAMES)):
        (drive / camera / "data").mkdir(parents=True)
        for index in range(count):
            Image.fromarray(frames[index].permute(1, 2, 0).numpy()).save(drive / camera / "data" / f"{index:010d}.png")
    words = ["--camera=3", "--start=2", "--limit=5", "--rate=5", "--bottom_crop=0.25", "--assumed_fov_deg=90"]
    main(["predict", str(drive), "--model", str(fitted), "--output", str(tmp_path / "out"), *words])
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["frames"]["source_indices"] == [2, 4, 6]  # of 2 to 6, ten of them a second
    # f = 60 of 120 columns at 90 degrees; 120x60 that are left of 120x80, at 96x64
    fx, fy = result["intrinsics"]["matrix"][0][0], result["intrinsics"]["matrix"][1][1]
    assert (fx, fy) == pytest.approx((60 * 96 / 120, 60 * 64 / 60), abs=1e-3)


def test_without_calibration_the_assumption_is_said_loudly(
    fitted: Path, video: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    main(["predict", str(video), "--model", str(fitted), "--output", str(tmp_path / "out")])
    said = " ".join(capfd.readouterr().err.split())
    assert "WARNING: no calibration was found" in said
    assert "was read with --intrinsics 90,90,59.5,39.5: of the same camera, give them again" in said
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["intrinsics"]["assumed"] is True
    assert "assumed" in result["intrinsics"]["origin"]


def path_of(prediction: Path) -> torch.Tensor:
    return load_kitti_trajectory(prediction / "trajectory.kitti.txt")


def test_a_standing_camera_is_predicted_to_stand_even_by_a_model_that_never_saw_one(
    fitted: Path, frames: torch.Tensor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "still"
    source.mkdir()
    for index in range(4):
        Image.fromarray(frames[0].permute(1, 2, 0).numpy()).save(source / f"{index}.png")
    main(["predict", str(source), "--model", str(fitted), "--output", str(tmp_path / "out")])
    assert "stands still between 3 of 3 pairs" in capfd.readouterr().err
    path = path_of(tmp_path / "out")
    assert torch.equal(path, torch.eye(4, dtype=path.dtype).expand(4, 4, 4))


@pytest.mark.real
@pytest.mark.skipif(not SHARED.exists(), reason="no real data beside the checkout")
def test_the_real_camera_at_rest_before_passing_cars_stands_still(fitted: Path, tmp_path: Path) -> None:
    drive = SHARED / "kitti_raw/2011_09_26/2011_09_26_drive_0017_sync"
    main(["predict", str(drive), "--model", str(fitted), "--output", str(tmp_path / "out")])
    path = path_of(tmp_path / "out")
    assert torch.equal(path, torch.eye(4, dtype=path.dtype).expand(12, 4, 4))


def test_prepared_worlds_are_read_back_as_kitti_sequences(tmp_path: Path, fitted: Path) -> None:
    main(["prepare", "synthetic", "--output", str(tmp_path / "world"), "--frames=4", "--size=64x96"])
    drives = list((tmp_path / "world").glob("*/*_sync"))
    assert len(drives) == 1
    main(["predict", str(drives[0]), "--model", str(fitted), "--output", str(tmp_path / "out")])
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["frames"]["predicted"] == 4
    assert result["intrinsics"]["assumed"] is False
