"""Trajectories read back as they were written, and as others wrote them."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.trajectories import (
    load_indexed_kitti_trajectory,
    load_kitti_trajectory,
    load_tum_trajectory,
    quaternions,
    rotations,
    save_kitti_trajectory,
    save_tum_trajectory,
)

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_data = pytest.mark.skipif(not REAL.is_dir(), reason="no real data beside the checkout")


def random_rotations(count: int, *, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    orthogonal = torch.linalg.qr(torch.randn((count, 3, 3), generator=generator, dtype=torch.float64)).Q
    return orthogonal * torch.linalg.det(orthogonal)[:, None, None]


def random_poses(count: int, *, seed: int) -> Tensor:
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    poses[:, :3, :3] = random_rotations(count, seed=seed)
    poses[:, :3, 3] = torch.randn((count, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return poses


def test_kitti_lines_are_the_upper_rows_read_row_by_row(tmp_path: Path) -> None:
    pose = torch.eye(4)
    pose[0, 3], pose[1, 3], pose[2, 3] = 1.5, -2.0, 3.25
    save_kitti_trajectory(tmp_path / "t.txt", pose[None])
    numbers = [float(word) for word in (tmp_path / "t.txt").read_text().split()]
    assert numbers == [1, 0, 0, 1.5, 0, 1, 0, -2, 0, 0, 1, 3.25]


def test_a_kitti_trajectory_is_read_back_bit_by_bit(tmp_path: Path) -> None:
    poses = random_poses(9, seed=1)
    save_kitti_trajectory(tmp_path / "t.txt", poses)
    assert torch.equal(load_kitti_trajectory(tmp_path / "t.txt"), poses)


def test_frame_indices_before_the_numbers_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("# frames of a tool\n4 1 0 0 7 0 1 0 0 0 0 1 0\n\n9 1 0 0 8 0 1 0 0 0 0 1 0\n")
    indices, poses = load_indexed_kitti_trajectory(path)
    assert indices.tolist() == [4, 9]
    assert poses[:, 0, 3].tolist() == [7.0, 8.0]
    assert torch.equal(load_kitti_trajectory(path), poses)


def test_lines_without_an_index_count_from_zero(tmp_path: Path) -> None:
    save_kitti_trajectory(tmp_path / "t.txt", random_poses(3, seed=2))
    assert load_indexed_kitti_trajectory(tmp_path / "t.txt")[0].tolist() == [0, 1, 2]


def test_a_tum_line_of_a_quarter_turn_about_z_is_worked_out_by_hand(tmp_path: Path) -> None:
    pose = torch.tensor([[0.0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]], dtype=torch.float64)
    save_tum_trajectory(tmp_path / "t.txt", pose[None], torch.tensor([0.5]))
    numbers = [float(word) for word in (tmp_path / "t.txt").read_text().split()]
    half = math.sqrt(0.5)
    assert numbers == pytest.approx([0.5, 1, 2, 3, 0, 0, half, half], abs=1e-15)


def test_a_tum_trajectory_is_read_back(tmp_path: Path) -> None:
    poses, times = random_poses(9, seed=3), torch.arange(9, dtype=torch.float64) / 10 + 1_305_031_102.1
    save_tum_trajectory(tmp_path / "t.txt", poses, times)
    loaded_times, loaded = load_tum_trajectory(tmp_path / "t.txt")
    assert torch.equal(loaded_times, times)
    assert (loaded - poses).abs().max() < 1e-14


@settings(max_examples=30, deadline=None)
@given(
    axis=st.tuples(*[st.floats(-1, 1) for _ in range(3)]).filter(lambda a: sum(x * x for x in a) > 1e-4),
    angle=st.sampled_from([0.0, 1e-9, 1e-4, 1.0, math.pi / 2, 3.0, math.pi - 1e-9, math.pi, 4.0]),
)
def test_a_rotation_becomes_a_quaternion_and_back_at_every_angle(axis: tuple[float, ...], angle: float) -> None:
    direction = torch.tensor(axis, dtype=torch.float64)
    x, y, z = (angle * direction / direction.norm()).tolist()
    skew = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    rotation = torch.linalg.matrix_exp(skew)[None]
    quaternion = quaternions(rotation)
    assert quaternion.norm().item() == pytest.approx(1.0, abs=1e-12)
    assert quaternion[0, 3] >= 0
    assert quaternion[0, 3].item() == pytest.approx(abs(math.cos(angle / 2)), abs=1e-9)
    assert (rotations(quaternion) - rotation).abs().max() < 1e-9


@pytest.mark.parametrize("diagonal", [(1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0)])
def test_half_turns_about_the_axes_are_exact(diagonal: tuple[float, float, float]) -> None:
    rotation = torch.diag(torch.tensor(diagonal, dtype=torch.float64))[None]
    assert torch.equal(rotations(quaternions(rotation)), rotation)


def test_products_of_quaternions_are_products_of_rotations() -> None:
    first, second = random_rotations(20, seed=4), random_rotations(20, seed=5)
    a, b = quaternions(first), quaternions(second)
    vector = a[:, 3:] * b[:, :3] + b[:, 3:] * a[:, :3] + torch.linalg.cross(a[:, :3], b[:, :3])
    scalar = a[:, 3:] * b[:, 3:] - (a[:, :3] * b[:, :3]).sum(dim=1, keepdim=True)
    assert (rotations(torch.cat((vector, scalar), dim=1)) - first @ second).abs().max() < 1e-12


IDENTITY = "1 0 0 0 0 1 0 0 0 0 1 0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no pose"),
        ("# only a comment\n", "holds no pose"),
        ("1 2 3\n", "line 1: 12 or 13 numbers are needed, found 3"),
        (f"{IDENTITY}\n0 {IDENTITY}\n", "line 2: 12 or 13 numbers"),
        (f"{IDENTITY}\na {IDENTITY[2:]}\n", "line 2"),
        (f"{IDENTITY[:-1]}nan\n", "not finite"),
        (f"2 {IDENTITY[2:]}\n", "line 1: is not a rotation"),
        ("-1 0 0 0 0 1 0 0 0 0 1 0\n", "line 1: is not a rotation"),
        (f"0.5 {IDENTITY}\n", "frame indices"),
        (f"3 {IDENTITY}\n3 {IDENTITY}\n", "frame indices"),
    ],
)
def test_a_kitti_file_that_holds_no_poses_is_refused_with_the_reason(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "t.txt").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        load_kitti_trajectory(tmp_path / "t.txt")
    assert "t.txt" in str(caught.value)


def test_a_tum_quaternion_that_is_not_of_length_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("0 0 0 0 0 0 0 1\n1 0 0 0 0 0 0 0.5\n")
    with pytest.raises(InputError, match=r"line 2: the quaternion must have length 1, not 0\.5"):
        load_tum_trajectory(tmp_path / "t.txt")


@pytest.mark.parametrize("load", [load_kitti_trajectory, load_tum_trajectory])
def test_a_missing_or_binary_file_is_refused(tmp_path: Path, load: Callable[[Path], Any]) -> None:
    with pytest.raises(InputError, match="No such file"):
        load(tmp_path / "missing.txt")
    (tmp_path / "t.txt").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="not text"):
        load(tmp_path / "t.txt")


@pytest.mark.real
@needs_data
def test_every_real_trajectory_is_read() -> None:
    files = [*(REAL / "kitti_odom" / "poses").glob("*.txt"), *(REAL / "odometry" / "example_0").glob("*.txt")]
    assert len(files) >= 13
    for file in files:
        assert len(load_kitti_trajectory(file)) > 100
    indices, poses = load_indexed_kitti_trajectory(REAL / "odometry" / "example_0" / "10.txt")
    assert indices[0].item() == 4
    assert len(poses) == 1197
