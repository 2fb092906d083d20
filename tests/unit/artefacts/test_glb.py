"""A GLB file says the same to another reader, in glTF's axes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from triptych.artefacts.glb import ColoredPoints, save_glb
from triptych.errors import InputError
from triptych.geometry.camera import intrinsics_matrix

K = intrinsics_matrix(10.0, 10.0, 9.5, 4.5)
POINTS = ColoredPoints(
    torch.tensor([[1.0, 2.0, 3.0], [-4.0, 5.0, 6.0]]), torch.tensor([[0, 188, 255], [10, 128, 64]], dtype=torch.uint8)
)


def poses() -> torch.Tensor:
    path = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    path[:, 2, 3] = torch.tensor([0.0, 1.0, 2.5])
    return path


def loaded(path: Path) -> trimesh.Scene:
    return trimesh.load_scene(path)


def write(path: Path, points: dict[str, ColoredPoints]) -> None:
    save_glb(path, points, camera_to_world=poses(), intrinsics=K, size=(10, 20), camera_depth=0.5)


def test_points_come_back_with_y_up_and_z_backward(tmp_path: Path) -> None:
    write(tmp_path / "s.glb", {"points": POINTS})
    cloud = loaded(tmp_path / "s.glb").geometry["points"]
    np.testing.assert_allclose(cloud.vertices, [[1, -2, -3], [-4, -5, -6]])
    # sRGB 188 is half the light: 0.5029 of 255; 10 is 10 / 12.92; 128 and 64 from the standard's curve.
    np.testing.assert_array_equal(cloud.colors, [[0, 128, 255, 255], [1, 55, 13, 255]])


def test_cameras_and_path_stand_where_the_camera_was(tmp_path: Path) -> None:
    write(tmp_path / "s.glb", {"points": POINTS})
    geometry = loaded(tmp_path / "s.glb").geometry
    path = np.asarray(geometry["path"].vertices)
    assert {tuple(place) for place in path.round(6).tolist()} == {(0, 0, 0), (0, 0, -1), (0, 0, -2.5)}
    cameras = np.asarray(geometry["cameras"].vertices)
    # Half-angles 10 / 10 and 5 / 10: at 0.5 ahead the corners lie 0.5 and 0.25 to the sides.
    first = cameras[np.abs(cameras[:, 2] + 0.5) < 1e-6]
    assert {tuple(corner) for corner in np.abs(first[:, :2]).round(6).tolist()} == {(0.5, 0.25)}
    assert cameras[:, 2].min() == pytest.approx(-3.0)


def test_sets_without_points_are_left_out(tmp_path: Path) -> None:
    none = ColoredPoints(torch.zeros(0, 3), torch.zeros((0, 3), dtype=torch.uint8))
    write(tmp_path / "s.glb", {"points": POINTS, "moving points": none})
    assert set(loaded(tmp_path / "s.glb").geometry) == {"points", "cameras", "path"}


def test_without_the_library_the_way_to_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[view\]'"):
        write(tmp_path / "s.glb", {"points": POINTS})
    assert list(tmp_path.iterdir()) == []
