"""Geometry that leaves for other programs is the scene's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from tests.unit.artefacts.test_point_cloud import parsed_ply
from tests.unit.formats.colmap_reader import check_tracks, read_colmap, reprojection_errors
from tests.unit.viewing.exact_prediction import street, write_truth

from triptych.errors import InputError
from triptych.inference.result import PredictionFolder, prediction_folder
from triptych.types import SyntheticClip
from triptych.viewing.scene_export import export_geometry


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return street()


@pytest.fixture(scope="module")
def truth(clip: SyntheticClip, tmp_path_factory: pytest.TempPathFactory) -> PredictionFolder:
    folder = tmp_path_factory.mktemp("truth") / "prediction"
    write_truth(folder, clip)
    return prediction_folder(folder)


def share_on_surfaces(points: np.ndarray, clip: SyntheticClip) -> float:
    """Share of points whose depth in some frame is that frame's, within a hundredth."""
    world = torch.from_numpy(np.array(points, dtype=np.float64))
    found = torch.zeros(len(world), dtype=torch.bool)
    for depth, pose in zip(clip.depth_m[:, 0], clip.camera_to_world.double(), strict=True):
        x, y, z = ((world - pose[:3, 3]) @ pose[:3, :3]).unbind(1)
        k = clip.intrinsics.double()
        column, row = (k[0, 0] * x / z + k[0, 2]).round().long(), (k[1, 1] * y / z + k[1, 2]).round().long()
        inside = (z > 0) & (column >= 0) & (column < depth.shape[1]) & (row >= 0) & (row < depth.shape[0])
        there = depth[row.clamp(0, depth.shape[0] - 1), column.clamp(0, depth.shape[1] - 1)]
        found |= inside & ((there - z).abs() < 0.01 * z)
    return float(found.float().mean())


def test_points_of_a_ply_lie_on_the_surfaces_of_the_world(
    truth: PredictionFolder, clip: SyntheticClip, tmp_path: Path
) -> None:
    count = export_geometry(str(tmp_path / "s.ply"), truth)
    points, colors = parsed_ply(tmp_path / "s.ply")
    assert count == len(points) == len(colors) > 10_000
    assert share_on_surfaces(points, clip) > 0.999
    assert export_geometry(str(tmp_path / "few.ply"), truth, points=600) == 600
    assert export_geometry(str(tmp_path / "still.ply"), truth, without_motion=True) < count


def test_a_glb_holds_the_same_points_turned_to_its_axes(
    truth: PredictionFolder, clip: SyntheticClip, tmp_path: Path
) -> None:
    count = export_geometry(str(tmp_path / "s.glb"), truth, points=3000)
    geometry = trimesh.load_scene(tmp_path / "s.glb").geometry
    assert set(geometry) == {"points", "moving points", "cameras", "path"}
    turned = np.concatenate([np.asarray(geometry[name].vertices) for name in ("points", "moving points")])
    assert count == len(turned) == 3000
    assert share_on_surfaces(turned * [1, -1, -1], clip) > 0.999
    path = np.asarray(geometry["path"].vertices) * [1, -1, -1]
    last = clip.camera_to_world[-1, :3, 3].numpy()
    assert np.abs(path - last).sum(axis=1).min() < 1e-3


def test_colmap_reads_cameras_and_points_that_meet_in_the_images(
    truth: PredictionFolder, clip: SyntheticClip, tmp_path: Path
) -> None:
    count = export_geometry(f"{tmp_path / 'colmap'}/", truth)
    model = read_colmap(tmp_path / "colmap" / "sparse" / "0")
    assert len(model.points) == count > 500
    check_tracks(model)
    errors = reprojection_errors(model)
    assert np.mean(errors) < 0.1  # px; truth's flow read between pixels
    assert errors.max() < 1.0
    assert np.mean(list(model.errors.values())) < 0.1
    assert share_on_surfaces(np.array(list(model.points.values())), clip) > 0.98
    images = sorted(path.name for path in (tmp_path / "colmap" / "images").iterdir())
    assert images == [image.name for image in model.images.values()]
    assert max(len(track) for track in model.tracks.values()) >= 5
    for index, image in enumerate(model.images.values()):
        place = -image.rotation.T @ image.translation
        np.testing.assert_allclose(place, clip.camera_to_world[index, :3, 3], atol=1e-3)


def test_fewer_tracks_come_where_fewer_are_asked_for(truth: PredictionFolder, tmp_path: Path) -> None:
    many = export_geometry(str(tmp_path / "many"), truth, points=2000)
    few = export_geometry(str(tmp_path / "few"), truth, points=200)
    assert 0 < few < 0.4 * many
    assert few <= 300  # their number is a guess, told before they are followed
    assert many <= 3000


def test_nothing_is_replaced_unasked_and_no_other_ending_taken(truth: PredictionFolder, tmp_path: Path) -> None:
    for name in ("s.ply", "s.glb", "folder"):
        export_geometry(str(tmp_path / name), truth, points=600)
        with pytest.raises(InputError, match="--overwrite"):
            export_geometry(str(tmp_path / name), truth)
        export_geometry(str(tmp_path / name), truth, points=600, overwrite=True)
    with pytest.raises(InputError, match=r"as \.ply, \.glb, or a folder for COLMAP"):
        export_geometry(str(tmp_path / "s.obj"), truth)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "s.glb", "s.ply"]


@pytest.mark.parametrize("name", ["s.ply", "s.glb"])
def test_fewer_points_than_frames_are_refused(truth: PredictionFolder, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="--points 5: fewer than the 6 frames"):
        export_geometry(str(tmp_path / name), truth, points=5)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_for_colmap_with_anything_else_in_it_is_not_replaced(truth: PredictionFolder, tmp_path: Path) -> None:
    (tmp_path / "sparse" / "0").mkdir(parents=True)
    (tmp_path / "images").mkdir()
    (tmp_path / "database.db").write_text("mine")
    with pytest.raises(InputError, match=r"holds database\.db beside what is written for COLMAP.*name another folder"):
        export_geometry(str(tmp_path), truth, points=600, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["database.db", "images", "sparse"]
