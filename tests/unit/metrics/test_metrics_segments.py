import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.formats.trajectories import load_indexed_kitti_trajectory, load_kitti_trajectory
from triptych.geometry.pose import rigid_transform
from triptych.metrics.segments import OdometryMetrics, odometry_metrics, rotation_angle
from triptych.metrics.trajectory import absolute_trajectory_error, snippet_trajectory_errors

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"


def straight(frames: int, *, step_m: float = 1.0) -> torch.Tensor:
    poses = torch.eye(4, dtype=torch.float64).repeat(frames, 1, 1)
    poses[:, 2, 3] = step_m * torch.arange(frames, dtype=torch.float64)
    return poses


def wandering(seed: int, frames: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    turn = 0.02 * torch.randn(frames, 3, generator=generator, dtype=torch.float64)
    ahead = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64) + 0.1 * torch.randn(
        frames, 3, generator=generator, dtype=torch.float64
    )
    poses = [torch.eye(4, dtype=torch.float64)]
    for step in rigid_transform(turn, ahead):
        poses.append(poses[-1] @ step)
    return torch.stack(poses)


def slow_segment_drift(predicted: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
    """The benchmark's loops, in NumPy."""
    guess, goal = predicted.numpy(), truth.numpy()
    path = [0.0]
    for before, after in itertools.pairwise(goal):
        path.append(path[-1] + float(np.linalg.norm(after[:3, 3] - before[:3, 3])))
    moved, turned = [], []
    for first in range(0, len(goal), 10):
        for length in (100, 200, 300, 400, 500, 600, 700, 800):
            last = next((i for i in range(first, len(goal)) if path[i] > path[first] + length), None)
            if last is None:
                continue
            true_motion = np.linalg.inv(goal[first]) @ goal[last]
            error = np.linalg.inv(np.linalg.inv(guess[first]) @ guess[last]) @ true_motion
            moved.append(np.linalg.norm(error[:3, 3]) / length)
            turned.append(math.acos(min(1.0, max(-1.0, (np.trace(error[:3, :3]) - 1) / 2))) / length)
    return float(np.mean(moved)), float(np.mean(turned))


def test_a_path_that_is_a_tenth_too_long_drifts_by_a_tenth() -> None:
    metrics = odometry_metrics(straight(301, step_m=1.1), straight(301), alignment="none")
    # a segment of 100 m ends at the first frame beyond it, 101 m on, and is off by 10.1 m
    lengths = torch.tensor([100] * 20 + [200] * 10, dtype=torch.float64)
    assert metrics.t_rel.item() == pytest.approx(((lengths + 1) * 0.1 / lengths).mean().item())
    assert metrics.segments == 30
    assert metrics.r_rel_rad_per_m.item() == pytest.approx(0, abs=1e-9)
    assert metrics.rpe_translation_m.item() == pytest.approx(0.1)
    assert metrics.ate_m.item() == pytest.approx(0.1 * math.sqrt(sum(i * i for i in range(301)) / 301))
    assert odometry_metrics(straight(301, step_m=1.1), straight(301), alignment="scale").t_rel.item() < 1e-9


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_drift_over_segments_is_that_of_the_benchmarks_loops(seed: int) -> None:
    predicted, truth = wandering(seed, 260), wandering(seed + 1, 260)
    metrics = odometry_metrics(predicted, truth, alignment="none")
    moved, turned = slow_segment_drift(predicted, truth)
    assert metrics.t_rel.item() == pytest.approx(moved, rel=1e-10)
    assert metrics.r_rel_rad_per_m.item() == pytest.approx(turned, rel=1e-8)


def test_a_path_shorter_than_every_segment_has_no_drift_to_tell() -> None:
    metrics = odometry_metrics(straight(20), straight(20), alignment="none")
    assert metrics.segments == 0
    assert metrics.t_rel.isnan().item()
    assert metrics.r_rel_rad_per_m.isnan().item()
    assert metrics.ate_m.item() == 0


def test_segments_whose_ends_are_missing_are_left_out() -> None:
    present = torch.ones(301, dtype=torch.bool)
    present[:15] = False  # the first two segments' beginnings, at the frames 0 and 10
    predicted = straight(301, step_m=2.0)
    predicted[:15] = torch.nan  # to be ignored
    metrics = odometry_metrics(predicted, straight(301), alignment="none", present=present)
    assert metrics.segments == 18 + 8
    assert metrics.rpe_translation_m.item() == pytest.approx(1.0)


def test_a_frame_that_is_missing_in_the_middle_costs_its_segments_and_pairs() -> None:
    present = torch.ones(301, dtype=torch.bool)
    present[101] = False  # the end of the first segment of 100 m
    predicted = straight(301)
    predicted[101] = torch.nan
    metrics = odometry_metrics(predicted, straight(301), alignment="none", present=present)
    assert metrics.segments == 30 - 1
    assert metrics.t_rel.item() == pytest.approx(0, abs=1e-12)
    assert metrics.rpe_translation_m.item() == pytest.approx(0, abs=1e-12)


def test_the_angle_of_a_rotation_is_between_nothing_and_a_half_turn() -> None:
    turns = torch.tensor([[0.0, 0, 0], [0, 0.5, 0], [math.pi, 0, 0], [0, 0, -1.0]], dtype=torch.float64)
    motions = rigid_transform(turns, torch.zeros_like(turns))
    assert rotation_angle(motions).tolist() == pytest.approx([0, 0.5, math.pi, 1.0], abs=1e-7)


def test_arrays_give_what_tensors_give() -> None:
    predicted, truth = wandering(1, 120), wandering(2, 120)
    of_arrays = odometry_metrics(predicted.numpy(), truth.numpy(), alignment="7dof")
    of_tensors = odometry_metrics(predicted, truth, alignment="7dof")
    assert of_arrays == of_tensors
    ate = absolute_trajectory_error(predicted.numpy(), truth.numpy(), alignment="7dof")
    assert ate.item() == pytest.approx(of_tensors.ate_m.item(), rel=1e-12)


def published(sequence: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A published trajectory on the true one's frames, the truth, and which frames there are."""
    truth = load_kitti_trajectory(REAL / "kitti_odom" / "poses" / f"{sequence}.txt")
    frames, poses = load_indexed_kitti_trajectory(REAL / "odometry" / "example_0" / f"{sequence}.txt")
    predicted = torch.full_like(truth, torch.nan)
    predicted[frames] = poses
    present = torch.zeros(len(truth), dtype=torch.bool)
    present[frames] = True
    return predicted, truth, present


# t_rel (%), r_rel (deg / 100 m), ATE (m), RPE (m), RPE (deg): by the tools' own code, unchanged
GOLDEN = {
    ("09", "7dof"): (2.884112511407, 0.249056186746, 8.386618922788, 0.343413077069, 0.063388606653),
    ("10", "7dof"): (3.297839536933, 0.304589951945, 6.630158107185, 0.047352563719, 0.066264064738),
    ("09", "scale"): (2.866391190849, 0.249056186746, 10.638550474033, None, 0.063388606653),
    ("10", "scale"): (3.902146163316, 0.304589951945, 12.934527718275, None, 0.066264064738),
    ("09", "none"): (72.109181857, 0.249056186746, 349.640435112, None, 0.063388606653),
    ("10", "none"): (82.069971337, 0.304589951945, 425.382200978, None, 0.066264064738),
    ("09", "6dof"): (72.109181857, 0.249056186746, 215.435334863, None, 0.063388606653),
    ("10", "6dof"): (82.069971337, 0.304589951945, 201.579211663, None, 0.066264064738),
}


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the checkout")
@pytest.mark.parametrize(("sequence", "alignment"), GOLDEN)
def test_a_published_trajectory_has_the_golden_figures(sequence: str, alignment: str) -> None:
    predicted, truth, present = published(sequence)
    metrics: OdometryMetrics = odometry_metrics(predicted, truth, alignment=alignment, present=present)
    found = (
        100 * metrics.t_rel.item(),
        100 * math.degrees(metrics.r_rel_rad_per_m.item()),
        metrics.ate_m.item(),
        metrics.rpe_translation_m.item(),
        math.degrees(metrics.rpe_rotation_rad.item()),
    )
    for value, golden in zip(found, GOLDEN[sequence, alignment], strict=True):
        if golden is not None:
            assert value == pytest.approx(golden, rel=1e-6)


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the checkout")
@pytest.mark.parametrize(
    ("sequence", "length", "count", "mean", "deviation"),
    [
        ("10", 3, 1195, 0.010732, 0.007318),
        ("10", 5, 1193, 0.012777, 0.008323),
        ("09", 3, 1587, 0.099849, 0.150281),
        ("09", 5, 1585, 0.108699, 0.123995),
    ],
)
def test_a_published_trajectory_has_the_golden_snippet_errors(
    sequence: str, length: int, count: int, mean: float, deviation: float
) -> None:
    predicted, truth, present = published(sequence)
    errors = snippet_trajectory_errors(predicted, truth, length=length, present=present)
    assert len(errors) == count
    assert errors.mean().item() == pytest.approx(mean, abs=5e-7)
    assert errors.std(correction=0).item() == pytest.approx(deviation, abs=5e-7)
