"""COLMAP's text says what we said, in its own conventions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.unit.formats.colmap_reader import check_tracks, read_colmap, reprojection_errors

from triptych.formats.colmap import PointTracks, write_colmap_text
from triptych.geometry.camera import intrinsics_matrix

K = intrinsics_matrix(100.0, 110.0, 31.5, 23.5)
QUARTER_TURN = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]], dtype=torch.float64)  # looks along world x


def poses() -> torch.Tensor:
    path = torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
    path[1, :3, :3] = QUARTER_TURN
    path[1, :3, 3] = torch.tensor([-6.0, 0.0, 5.0])
    return path


def tracks() -> PointTracks:
    """Two points that both cameras see; the first straight ahead of both, in the middle of their pictures."""
    return PointTracks(
        positions=torch.tensor([[0.0, 0.0, 5.0], [0.5, 0.2, 4.0]]),
        colors=torch.tensor([[1, 2, 3], [4, 5, 6]], dtype=torch.uint8),
        errors=torch.tensor([0.25, 0.0]),
        frame=torch.tensor([0, 0, 1, 1]),
        point=torch.tensor([1, 0, 0, 1]),
        # The second: (0.5, 0.2, 4) in the first camera, (1, 0.2, 6.5) in the second.
        pixel=torch.tensor(
            [
                [31.5 + 100 * 0.5 / 4, 23.5 + 110 * 0.2 / 4],
                [31.5, 23.5],
                [31.5, 23.5],
                [31.5 + 100 * 1.0 / 6.5, 23.5 + 110 * 0.2 / 6.5],
            ],
            dtype=torch.float64,
        ),
    )


def write(folder: Path) -> None:
    folder.mkdir()
    write_colmap_text(
        folder, size=(48, 64), intrinsics=K, camera_to_world=poses(), names=["a.jpg", "b.jpg"], tracks=tracks()
    )


def test_another_reader_finds_cameras_poses_and_tracks(tmp_path: Path) -> None:
    write(tmp_path / "0")
    model = read_colmap(tmp_path / "0")
    assert model.size == (48, 64)
    assert model.camera == (100.0, 110.0, 32.0, 24.0)  # centers of pixels lie at halves
    assert [image.name for image in model.images.values()] == ["a.jpg", "b.jpg"]
    second = model.images[2]
    np.testing.assert_allclose(-second.rotation.T @ second.translation, [-6, 0, 5], atol=1e-12)
    np.testing.assert_allclose(second.rotation @ [1, 0, 0], [0, 0, 1], atol=1e-12)
    assert model.errors == {1: 0.25, 2: 0.0}
    check_tracks(model)
    assert model.tracks[1] == [(1, 1), (2, 0)]


def test_points_appear_where_they_were_seen(tmp_path: Path) -> None:
    write(tmp_path / "0")
    errors = reprojection_errors(read_colmap(tmp_path / "0"))
    assert len(errors) == 4
    assert errors.max() < 1e-3


def test_a_name_for_each_pose_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got 1 for 2"):
        write_colmap_text(tmp_path, size=(4, 4), intrinsics=K, camera_to_world=poses(), names=["a"], tracks=tracks())
