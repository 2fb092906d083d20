import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.geometry.pose import rigid_transform
from triptych.metrics.alignment import umeyama
from triptych.metrics.trajectory import (
    absolute_trajectory_error,
    snippet_trajectory_errors,
    straight_motion_errors,
)

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"


def trajectory(seed: int, frames: int = 8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    turn, place = torch.randn(2, frames, 3, generator=generator, dtype=torch.float64)
    return rigid_transform(turn, place)


def track(*positions: tuple[float, float, float]) -> torch.Tensor:
    poses = torch.eye(4, dtype=torch.float64).repeat(len(positions), 1, 1)
    poses[:, :3, 3] = torch.tensor(positions, dtype=torch.float64)
    return poses


def scaled(poses: torch.Tensor, factor: float) -> torch.Tensor:
    result = poses.clone()
    result[:, :3, 3] *= factor
    return result


def test_the_error_of_a_snippet_is_the_one_worked_out_by_hand() -> None:
    truth = track((0, 0, 0), (0, 0, 1), (0, 1, 2))
    predicted = track((5, 5, 5), (5, 5, 7), (5, 5, 9))  # straight on, twice as long, from elsewhere
    # s = (1*2 + 2*4) / (4 + 16) = 0.5; residuals (0, 0, 0), (0, 0, 0), (0, -1, 0)
    assert snippet_trajectory_errors(predicted, truth, length=3).tolist() == pytest.approx([1 / 3])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), factor=st.floats(0.01, 100), length=st.integers(2, 5))
def test_neither_scale_nor_the_world_frame_of_a_prediction_matters(seed: int, factor: float, length: int) -> None:
    truth, predicted, elsewhere = trajectory(seed), trajectory(seed + 1), trajectory(seed + 2)[:1]
    once = snippet_trajectory_errors(predicted, truth, length=length)
    again = snippet_trajectory_errors(elsewhere @ scaled(predicted, factor), elsewhere @ truth, length=length)
    torch.testing.assert_close(once, again)
    assert len(once) == 8 - length + 1
    perfect = snippet_trajectory_errors(scaled(truth, factor), truth, length=length)
    assert perfect.max() < 1e-12


def test_each_snippet_has_its_own_scale() -> None:
    truth = track((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 4), (0, 0, 6))
    predicted = track((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3), (0, 0, 4))
    errors = snippet_trajectory_errors(predicted, truth, length=3)
    assert errors[0].item() == pytest.approx(0)
    assert errors[2].item() == pytest.approx(0)
    assert errors[1].item() > 0.05


def test_a_prediction_that_stands_still_is_off_by_the_whole_motion() -> None:
    truth = track((0, 0, 0), (0, 0, 3), (0, 4, 3))
    errors = snippet_trajectory_errors(track((1, 1, 1), (1, 1, 1), (1, 1, 1)), truth, length=3)
    assert errors.item() == pytest.approx(math.sqrt(9 + 25) / 3)


def test_the_straight_baseline_is_perfect_on_a_straight_road_and_off_in_a_bend() -> None:
    straight = track((0, 0, 0), (0, 0, 1.5), (0, 0, 3), (0, 0, 4.5))
    assert straight_motion_errors(straight, length=3).max() < 1e-12
    bend = track((0, 0, 0), (0, 0, 1), (1, 0, 2))
    # s = (1*1 + 2*2) / (1 + 4) = 1; the last point is off by 1 sideways
    assert straight_motion_errors(bend, length=3).tolist() == pytest.approx([1 / 3])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), factor=st.floats(0.1, 10))
def test_umeyama_recovers_a_similarity(seed: int, factor: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    motion = trajectory(seed, frames=1)[0]
    target = factor * points @ motion[:3, :3].mT + motion[:3, 3]
    found = umeyama(points, target, with_scale=True)
    assert found.scale.item() == pytest.approx(factor)
    torch.testing.assert_close(found.rotation, motion[:3, :3])
    torch.testing.assert_close(found.moved(points), target)
    rigid = umeyama(points, points @ motion[:3, :3].mT + motion[:3, 3], with_scale=False)
    assert rigid.scale.item() == 1
    torch.testing.assert_close(rigid.translation, motion[:3, 3])


def test_umeyama_never_reflects() -> None:
    points = torch.randn(6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mirrored = points * torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    assert torch.linalg.det(umeyama(points, mirrored, with_scale=True).rotation).item() == pytest.approx(1)


def test_the_closest_rotation_to_a_reflection_gives_up_the_least_extended_axis() -> None:
    # 0.1 along x, 1 along y, 3 along z: mirrored in x, the identity fits best, with
    # s = (1 + 9 - 0.01) / (1 + 9 + 0.01); mirrored in z, so does a half turn about y
    points = torch.diag(torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64))
    points = torch.cat((points, -points))
    for axis, rotation in ((0, (1.0, 1.0, 1.0)), (2, (-1.0, 1.0, -1.0))):
        mirrored = points.clone()
        mirrored[:, axis] *= -1
        found = umeyama(points, mirrored, with_scale=True)
        torch.testing.assert_close(found.rotation, torch.diag(torch.tensor(rotation, dtype=torch.float64)))
        assert found.scale.item() == pytest.approx(9.99 / 10.01)


def test_points_that_coincide_are_aligned_without_a_scale() -> None:
    found = umeyama(torch.ones(4, 3), torch.ones(4, 3) * 3, with_scale=True)
    assert found.scale.item() == 1
    torch.testing.assert_close(found.moved(torch.ones(4, 3)), torch.full((4, 3), 3.0))


def test_more_freedom_of_alignment_never_raises_the_error() -> None:
    for seed in range(5):
        predicted, truth = trajectory(seed), trajectory(seed + 50)
        none, scale, rigid, similar = (
            absolute_trajectory_error(predicted, truth, alignment=a).item() for a in ("none", "scale", "6dof", "7dof")
        )
        assert similar <= scale <= none
        assert similar <= rigid <= none


def test_the_trajectory_error_is_a_root_mean_square() -> None:
    truth = track((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3))
    predicted = track((0, 0, 0), (0, 0, 1), (2, 0, 2), (0, 0, 3))
    assert absolute_trajectory_error(predicted, truth, alignment="none").item() == pytest.approx(math.sqrt(4 / 4))
    # s = (1 + 4 + 9) / (1 + 8 + 9): the residuals are (s - 1) (1, 2, 3) ahead and 2 s sideways
    s = 14 / 18
    expected = math.sqrt(((s - 1) ** 2 * 14 + 4 * s**2) / 4)
    assert absolute_trajectory_error(predicted, truth, alignment="scale").item() == pytest.approx(expected)


@pytest.mark.parametrize("alignment", ["scale", "7dof"])
def test_an_aligned_error_does_not_know_the_scale(alignment: str) -> None:
    predicted, truth = trajectory(1), trajectory(2)
    once, again = (
        absolute_trajectory_error(p, truth, alignment=alignment) for p in (predicted, scaled(predicted, 7.0))
    )
    torch.testing.assert_close(once, again)


def test_trajectories_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="same frames"):
        snippet_trajectory_errors(trajectory(1), trajectory(1)[1:], length=3)
    with pytest.raises(ValueError, match="at least 9"):
        snippet_trajectory_errors(trajectory(1), trajectory(1), length=9)
    with pytest.raises(ValueError, match="length=1"):
        snippet_trajectory_errors(trajectory(1), trajectory(1), length=1)


def real_poses(file: Path, *, indexed: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Frame indices and camera_to_world, from lines of 12 numbers, or 13 with the index first."""
    rows = torch.from_numpy(np.loadtxt(file))
    indices = rows[:, 0].long() if indexed else torch.arange(len(rows))
    poses = torch.eye(4, dtype=torch.float64).repeat(len(rows), 1, 1)
    poses[:, :3] = rows[:, -12:].reshape(-1, 3, 4)
    return indices, poses


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the checkout")
@pytest.mark.parametrize(
    ("sequence", "length", "count", "error"),
    [("09", 3, 1589, 0.0237), ("09", 5, 1587, 0.0419), ("10", 3, 1199, 0.0181), ("10", 5, 1197, 0.0304)],
)
def test_the_straight_baseline_has_its_known_error_on_kitti(
    sequence: str, length: int, count: int, error: float
) -> None:
    _, truth = real_poses(REAL / "kitti_odom" / "poses" / f"{sequence}.txt", indexed=False)
    errors = straight_motion_errors(truth, length=length)
    assert len(errors) == count
    assert errors.mean().item() == pytest.approx(error, abs=5e-5)


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the checkout")
@pytest.mark.parametrize(
    ("sequence", "length", "count", "mean", "deviation"),
    [
        ("09", 3, 1587, 0.099849, 0.150281),
        ("09", 5, 1585, 0.108699, 0.123995),
        ("10", 3, 1195, 0.010732, 0.007318),
        ("10", 5, 1193, 0.012777, 0.008323),
    ],
)
def test_snippet_errors_of_a_published_prediction_are_the_golden_ones(
    sequence: str, length: int, count: int, mean: float, deviation: float
) -> None:
    indices, predicted = real_poses(REAL / "odometry" / "example_0" / f"{sequence}.txt", indexed=True)
    _, truth = real_poses(REAL / "kitti_odom" / "poses" / f"{sequence}.txt", indexed=False)
    errors = snippet_trajectory_errors(predicted, truth[indices], length=length)
    assert len(errors) == count
    assert errors.mean().item() == pytest.approx(mean, abs=6e-7)
    assert errors.std(correction=0).item() == pytest.approx(deviation, abs=6e-7)


GOLDEN_ATE_M = {
    "09": {"none": 349.640435112, "scale": 10.638550474033, "6dof": 215.435334863, "7dof": 8.386618922788},
    "10": {"none": 425.382200978, "scale": 12.934527718275, "6dof": 201.579211663, "7dof": 6.630158107185},
}


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the checkout")
@pytest.mark.parametrize("sequence", GOLDEN_ATE_M)
def test_trajectory_errors_of_a_published_prediction_are_the_golden_ones(sequence: str) -> None:
    indices, predicted = real_poses(REAL / "odometry" / "example_0" / f"{sequence}.txt", indexed=True)
    _, truth = real_poses(REAL / "kitti_odom" / "poses" / f"{sequence}.txt", indexed=False)
    for alignment, golden in GOLDEN_ATE_M[sequence].items():
        found = absolute_trajectory_error(predicted, truth[indices], alignment=alignment).item()
        # the tool behind the golden values first divides by matrices that are printed to six digits
        assert found == pytest.approx(golden, rel=1e-6), alignment
