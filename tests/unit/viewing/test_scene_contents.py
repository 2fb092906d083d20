"""The points of a scene lie where the frames saw them, as many as are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.unit.viewing.exact_prediction import street, write_truth

from triptych.errors import InputError
from triptych.inference.result import PredictionFolder, prediction_folder
from triptych.types import SyntheticClip
from triptych.viewing.scene_contents import MEDIAN_DEPTH, median_depth, moving_pixels, scene_of


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return street()


@pytest.fixture(scope="module")
def truth(clip: SyntheticClip, tmp_path_factory: pytest.TempPathFactory) -> PredictionFolder:
    folder = tmp_path_factory.mktemp("truth") / "prediction"
    write_truth(folder, clip)
    return prediction_folder(folder)


def test_each_point_stands_on_the_surface_that_its_pixel_saw(truth: PredictionFolder, clip: SyntheticClip) -> None:
    scene = scene_of(truth)
    unit = MEDIAN_DEPTH / median_depth(truth)
    fx, cx = float(clip.intrinsics[0, 0]), float(clip.intrinsics[0, 2])
    fy, cy = float(clip.intrinsics[1, 1]), float(clip.intrinsics[1, 2])
    for index, frame in enumerate(scene.frames):
        assert len(frame.points.positions) > 1000
        x, y, z = (frame.points.positions / unit).unbind(1)
        column, row = (fx * x / z + cx).round().long(), (fy * y / z + cy).round().long()
        torch.testing.assert_close(z, clip.depth_m[index, 0, row, column], rtol=1e-4, atol=0)
        shown = frame.points.colors.T.float() - clip.images[index][:, row, column].float()
        assert shown.abs().median() <= 8  # the frames are JPEG
        torch.testing.assert_close(frame.camera_to_world[:3, 3], truth.camera_to_world[index, :3, 3] * unit)


def test_there_are_no_more_points_than_asked_for(truth: PredictionFolder) -> None:
    scene = scene_of(truth, points=600)
    assert [len(frame.points.positions) for frame in scene.frames] == [100] * 6
    assert scene.spacing > scene_of(truth).spacing


def test_fewer_points_than_frames_are_refused(truth: PredictionFolder) -> None:
    assert [len(frame.points.positions) for frame in scene_of(truth, points=6).frames] == [1] * 6
    with pytest.raises(InputError, match=r"--points 5: fewer than the 6 frames.*; give 6 or more"):
        scene_of(truth, points=5)


def test_what_moves_is_told_and_can_be_left_out(truth: PredictionFolder, clip: SyntheticClip) -> None:
    moving = torch.stack([frame.points.moving.sum() for frame in scene_of(truth).frames])
    assert (moving > 0).all()
    still = scene_of(truth, without_motion=True)
    assert not any(frame.points.moving.any() for frame in still.frames)
    assert clip.moving[0].any()


def test_motion_of_the_last_frame_is_that_of_the_one_before_carried_on(
    truth: PredictionFolder, clip: SyntheticClip
) -> None:
    found, true = moving_pixels(truth, len(truth) - 1), clip.moving[-1, 0]
    assert truth.motion(len(truth) - 1) is None
    assert (found & true).sum() / true.sum() > 0.9
    assert (found & ~true).sum() / true.sum() < 0.5  # a rim of a pixel, of small cars


def test_a_frame_that_contradicts_its_neighbors_loses_its_points(
    truth: PredictionFolder, clip: SyntheticClip, tmp_path: Path
) -> None:
    wrong = clip.depth_m.clone()
    wrong[3] *= 1.6
    changed = SyntheticClip(**{**clip.__dict__, "depth_m": wrong})
    write_truth(tmp_path / "prediction", changed)
    before, after = (
        scene_of(found, points=10**6, without_motion=True).frames[3].points.positions
        for found in (truth, prediction_folder(tmp_path / "prediction"))
    )
    assert len(after) < 0.4 * len(before)


def test_up_is_against_the_cameras_own_down(truth: PredictionFolder) -> None:
    up = scene_of(truth).up
    assert float(up.norm()) == pytest.approx(1.0)
    assert float(up[1]) < -0.99
