"""Trajectories brought onto the same frames, and scored."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from triptych.errors import InputError
from triptych.evaluation.odometry import STRAIGHT, score_sequence, score_snippets
from triptych.evaluation.path_times import at_the_rate_of
from triptych.evaluation.paths import paired_paths
from triptych.formats.trajectories import save_kitti_trajectory, save_tum_trajectory
from triptych.geometry.pose import rigid_transform

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_real = pytest.mark.skipif(not REAL.exists(), reason="no real data beside the checkout")


def path_of(frames: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    turn = 0.05 * torch.randn(frames, 3, generator=generator, dtype=torch.float64)
    place = torch.randn(frames, 3, generator=generator, dtype=torch.float64).cumsum(0)
    return rigid_transform(turn, place)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    save_kitti_trajectory(tmp_path / "07.txt", path_of(20))
    return tmp_path / "07.txt"


def kitti(path: Path, poses: torch.Tensor) -> Path:
    save_kitti_trajectory(path, poses)
    return path


def test_a_line_a_frame_is_matched_line_by_line(tmp_path: Path, truth: Path) -> None:
    paths = paired_paths(kitti(tmp_path / "p.txt", path_of(20, seed=1)), truth)
    assert paths.present.all()
    assert paths.sequence == "07"
    torch.testing.assert_close(paths.predicted, path_of(20, seed=1))


def test_lines_that_begin_with_their_frame_may_leave_frames_out(tmp_path: Path, truth: Path) -> None:
    poses = path_of(20, seed=1)
    kept = [3, 4, 7, 19]
    rows = [" ".join(map(repr, [frame, *poses[frame, :3].flatten().tolist()])) for frame in kept]
    (tmp_path / "p.txt").write_text("\n".join(rows))
    paths = paired_paths(tmp_path / "p.txt", truth)
    assert paths.present.nonzero().flatten().tolist() == kept
    torch.testing.assert_close(paths.predicted[kept], poses[kept])


@pytest.mark.parametrize("strided", [True, False])
def test_a_stride_takes_frames_of_both_or_of_the_truth_alone(tmp_path: Path, truth: Path, strided: bool) -> None:
    poses = path_of(20, seed=1)
    given = poses[::3] if strided else poses
    paths = paired_paths(kitti(tmp_path / "p.txt", given), truth, stride=3)
    torch.testing.assert_close(paths.predicted, poses[::3])
    torch.testing.assert_close(paths.truth, path_of(20)[::3])
    assert paths.stride == 3


def test_a_part_of_the_truth_can_be_chosen(tmp_path: Path, truth: Path) -> None:
    paths = paired_paths(kitti(tmp_path / "p.txt", path_of(5, seed=1)), truth, frames=(4, 9))
    torch.testing.assert_close(paths.truth, path_of(20)[4:9])
    assert paths.present.all()
    assert score_snippets(paths, length=3).protocol.settings["part"] == "4:9"


def test_a_folder_of_ours_knows_its_frames(tmp_path: Path, truth: Path) -> None:
    folder = tmp_path / "prediction"
    kitti(folder / "trajectory.kitti.txt", path_of(4, seed=1))
    (folder / "result.json").write_text(json.dumps({"frames": {"source_indices": [2, 4, 6, 8]}}))
    paths = paired_paths(folder, truth, stride=2)
    assert paths.present.tolist() == [False, True, True, True, True, False, False, False, False, False]
    (folder / "result.json").write_text(json.dumps({"frames": {"source_indices": [2, 4]}}))
    with pytest.raises(InputError, match=r"4 poses, result\.json names 2 frames"):
        paired_paths(folder, truth)


def test_a_folder_goes_by_the_numbers_of_kittis_frames(tmp_path: Path, truth: Path) -> None:
    folder = tmp_path / "prediction"
    numbers = [10, 11, 13, 14]  # frame 12 is not on the disk
    kitti(folder / "trajectory.kitti.txt", path_of(20)[numbers])
    frames = {"source_indices": [0, 1, 2, 3], "names": [f"{number:06d}" for number in numbers], "numbered": True}
    (folder / "result.json").write_text(json.dumps({"frames": frames}))
    paths = paired_paths(folder, truth)
    assert paths.present.nonzero().flatten().tolist() == numbers
    assert score_sequence(paths, alignment="none").metrics["ate_m"] == pytest.approx(0, abs=1e-9)
    assert paired_paths(folder, truth, frames=(10, 15)).present.tolist() == [True, True, False, True, True]


def test_a_folder_goes_by_its_times_where_the_truth_has_some(tmp_path: Path) -> None:
    fast = torch.arange(60, dtype=torch.float64) / 30
    save_tum_trajectory(tmp_path / "truth.txt", path_of(60), fast)
    folder = tmp_path / "prediction"
    save_tum_trajectory(folder / "trajectory.tum.txt", path_of(60)[::3], fast[::3])
    paths = paired_paths(folder, tmp_path / "truth.txt")
    assert paths.present.tolist() == [True] * 20
    assert score_sequence(paths, alignment="none").metrics["ate_m"] == pytest.approx(0, abs=1e-9)


def test_numbers_of_the_truths_lines_count_too(tmp_path: Path) -> None:
    def numbered(name: str, frames: range) -> Path:
        rows = [" ".join(map(repr, [frame, *path_of(30)[frame, :3].flatten().tolist()])) for frame in frames]
        (tmp_path / name).write_text("\n".join(rows))
        return tmp_path / name

    truth = numbered("truth.txt", range(5, 30))
    paths = paired_paths(numbered("p.txt", range(8, 20)), truth)
    assert paths.present.nonzero().flatten().tolist() == list(range(3, 15))
    torch.testing.assert_close(paths.predicted[paths.present], paths.truth[paths.present])
    with pytest.raises(InputError, match=r"is about frames 2 to 9, .* has frames 5 to 29"):
        paired_paths(numbered("p.txt", range(2, 10)), truth)


def test_what_is_missing_between_timed_poses_is_left_out_and_told(tmp_path: Path) -> None:
    times = torch.arange(40, dtype=torch.float64) / 20
    save_tum_trajectory(tmp_path / "truth.txt", path_of(40), times)
    kept = [*range(0, 14, 2), *range(22, 40, 2)]  # half the truth's rate, and 14, 16, 18, 20 are lost
    save_tum_trajectory(tmp_path / "p.txt", path_of(40)[kept], times[kept])
    paths = paired_paths(tmp_path / "p.txt", tmp_path / "truth.txt")
    assert paths.numbers.tolist() == list(range(0, 40, 2))
    assert paths.numbers[~paths.present].tolist() == [14, 16, 18, 20]
    result = score_snippets(paths, length=3)
    assert result.metrics["snippets"] == 5 + 7  # none across the gap
    assert any("4 of 20 frames are not predicted" in note for note in result.notes)


def test_poses_with_times_are_matched_by_time(tmp_path: Path) -> None:
    times = torch.arange(6, dtype=torch.float64) / 10
    save_tum_trajectory(tmp_path / "truth.txt", path_of(6), times)
    late = torch.tensor([0.1, 0.3, 0.45], dtype=torch.float64) + 0.004  # the last one is between two frames
    save_tum_trajectory(tmp_path / "p.txt", path_of(3, seed=1), late)
    paths = paired_paths(tmp_path / "p.txt", tmp_path / "truth.txt")
    assert paths.present.tolist() == [True, True]  # only the frames that have a pose are compared
    torch.testing.assert_close(paths.predicted, path_of(3, seed=1)[:2])
    torch.testing.assert_close(paths.truth, path_of(6)[[1, 3]])


def test_a_truth_that_has_each_time_twice_is_compared_all_the_same(tmp_path: Path) -> None:
    times = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.9], dtype=torch.float64)
    save_tum_trajectory(tmp_path / "truth.txt", path_of(5), times)
    save_tum_trajectory(tmp_path / "p.txt", path_of(2, seed=1), times[[0, 4]])
    assert paired_paths(tmp_path / "p.txt", tmp_path / "truth.txt").present.all()
    twice = torch.tensor([0.0, 0.0, 0.5], dtype=torch.float64)
    assert at_the_rate_of(torch.arange(3), torch.arange(3), twice).tolist() == [0, 1, 2]


def test_a_pose_stands_for_one_frame_only(tmp_path: Path) -> None:
    fast = torch.arange(100, dtype=torch.float64) / 100
    save_tum_trajectory(tmp_path / "truth.txt", path_of(100), fast)
    (tmp_path / "p.txt").write_text("# a header\n")
    save_tum_trajectory(tmp_path / "slow.txt", path_of(100)[::4], fast[::4])
    (tmp_path / "p.txt").write_text("# a header\n" + (tmp_path / "slow.txt").read_text())
    paths = paired_paths(tmp_path / "p.txt", tmp_path / "truth.txt")
    assert len(paths.truth) == 25
    assert score_sequence(paths, alignment="none").metrics["ate_m"] == pytest.approx(0, abs=1e-9)


def test_numbers_at_the_beginning_of_lines_count_though_they_begin_with_zero(tmp_path: Path, truth: Path) -> None:
    poses = path_of(20)
    rows = [" ".join(map(repr, [frame, *poses[frame, :3].flatten().tolist()])) for frame in range(10)]
    (tmp_path / "p.txt").write_text("\n".join(rows))
    paths = paired_paths(tmp_path / "p.txt", truth, stride=2)
    assert paths.present.tolist() == [True] * 5 + [False] * 5
    torch.testing.assert_close(paths.predicted[:5], poses[:10:2])


def test_a_frame_before_the_first_is_refused(tmp_path: Path, truth: Path) -> None:
    row = " ".join(map(repr, path_of(1)[0, :3].flatten().tolist()))
    (tmp_path / "p.txt").write_text(f"-1 {row}\n0 {row}\n")
    with pytest.raises(InputError, match="frames -1 to 0"):
        paired_paths(tmp_path / "p.txt", truth)


def test_counts_that_do_not_fit_are_refused_with_both_numbers(tmp_path: Path, truth: Path) -> None:
    with pytest.raises(InputError, match=r"p.txt: holds 12 poses, .*07.txt gives 20 frames to compare of 20"):
        paired_paths(kitti(tmp_path / "p.txt", path_of(12)), truth)


def test_what_cannot_be_a_trajectory_is_refused_by_file_and_line(tmp_path: Path, truth: Path) -> None:
    rows = truth.read_text().splitlines()
    rows[2] = " ".join(rows[2].split()[:11])
    (tmp_path / "p.txt").write_text("\n".join(rows))
    with pytest.raises(InputError, match=r"p.txt, line 3: 12 or 13 numbers are needed, found 11"):
        paired_paths(tmp_path / "p.txt", truth)
    with pytest.raises(InputError, match="cannot read"):
        paired_paths(tmp_path / "nowhere.txt", truth)
    with pytest.raises(InputError, match="is a folder"):
        paired_paths(truth, tmp_path)
    with pytest.raises(InputError, match=r"holds no trajectory\.kitti\.txt"):
        paired_paths(tmp_path, truth)


def test_frames_outside_of_the_truth_are_refused(tmp_path: Path, truth: Path) -> None:
    row = " ".join(map(repr, path_of(1)[0, :3].flatten().tolist()))
    (tmp_path / "p.txt").write_text(f"25 {row}\n26 {row}\n")
    with pytest.raises(InputError, match=r"frames 25 to 26, .* has frames 0 to 19"):
        paired_paths(tmp_path / "p.txt", truth)


@pytest.mark.parametrize(
    ("stride", "frames", "said"),
    [
        (0, None, "--stride 0: use every frame"),
        (30, None, "1 of 20 frames are left to compare; two are the least"),
        (1, (5, 6), "1 of 20 frames are left to compare; two are the least"),
        (1, (0, 21), "--frames 0:21: .* has 20 frames, 0 to 19"),
    ],
)
def test_settings_that_leave_nothing_are_refused(
    tmp_path: Path, truth: Path, stride: int, frames: tuple[int, int] | None, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        paired_paths(kitti(tmp_path / "p.txt", path_of(20)), truth, stride=stride, frames=frames)


def test_a_perfect_path_has_no_error_and_its_baseline_has(tmp_path: Path, truth: Path) -> None:
    paths = paired_paths(kitti(tmp_path / "p.txt", path_of(20)), truth)
    result = score_sequence(paths, alignment="7dof")
    assert result.metrics["ate_m"] == pytest.approx(0, abs=1e-9)
    assert result.baselines[STRAIGHT]["ate_m"] > 0.5
    assert any("shorter than 100 m" in note for note in result.notes)


def test_missing_frames_are_told(tmp_path: Path, truth: Path) -> None:
    poses = path_of(20)
    rows = [" ".join(map(repr, [frame, *poses[frame, :3].flatten().tolist()])) for frame in range(2, 20)]
    (tmp_path / "p.txt").write_text("\n".join(rows))
    paths = paired_paths(tmp_path / "p.txt", truth)
    result = score_snippets(paths, length=3)
    assert result.metrics["snippets"] == 16
    assert result.notes == ("2 of 20 frames are not predicted, and left out: are both of the same sequence?",)
    assert score_sequence(paths, alignment="none").protocol.settings["frames"] == 18


def test_a_snippet_longer_than_the_path_is_refused(tmp_path: Path, truth: Path) -> None:
    paths = paired_paths(kitti(tmp_path / "p.txt", path_of(4)), truth, frames=(0, 4))
    with pytest.raises(InputError, match="shorter --snippet"):
        score_snippets(paths, length=5)


def test_figures_of_a_sequence_are_percent_and_degrees_a_hundred_meters(tmp_path: Path) -> None:
    straight = torch.eye(4, dtype=torch.float64).repeat(301, 1, 1)
    straight[:, 2, 3] = torch.arange(301, dtype=torch.float64)
    longer = straight.clone()
    longer[:, 2, 3] *= 1.1
    angle = torch.arange(301, dtype=torch.float64) * math.radians(0.01)  # about the axis of travel: nothing moves
    longer[:, 0, 0] = longer[:, 1, 1] = angle.cos()
    longer[:, 0, 1], longer[:, 1, 0] = -angle.sin(), angle.sin()
    paths = paired_paths(kitti(tmp_path / "p.txt", longer), kitti(tmp_path / "t.txt", straight))
    metrics = score_sequence(paths, alignment="none").metrics
    # segments of 100 m (20 of them) are 101 m long, those of 200 m (10) are 201 m long
    assert metrics["t_rel_percent"] == pytest.approx((20 * 10.1 + 10 * 20.1 / 2) / 30)
    assert metrics["r_rel_deg_per_100m"] == pytest.approx((20 * 1.01 + 10 * 2.01 / 2) / 30, rel=1e-6)
    assert metrics["rpe_translation_m"] == pytest.approx(0.1)
    assert metrics["rpe_rotation_deg"] == pytest.approx(0.01, rel=1e-4)


def test_the_deviation_of_snippets_is_that_of_the_population(tmp_path: Path) -> None:
    bent = torch.eye(4, dtype=torch.float64).repeat(4, 1, 1)
    bent[:, :3, 3] = torch.tensor([[0, 0, 0], [0, 0, 1], [0, 0, 2], [1, 0, 3]], dtype=torch.float64)
    straight = bent.clone()
    straight[3, 0, 3] = 0.0
    paths = paired_paths(kitti(tmp_path / "p.txt", straight), kitti(tmp_path / "t.txt", bent))
    metrics = score_snippets(paths, length=3).metrics
    # the first snippet is perfect; in the second g = (0,0,1), (1,0,2) and p = (0,0,1), (0,0,2): s = 1, error 1 / 3
    assert metrics["ate_mean"] == pytest.approx(1 / 6)
    assert metrics["ate_std"] == pytest.approx(1 / 6)


@pytest.mark.real
@needs_real
@pytest.mark.parametrize(
    ("sequence", "length", "windows", "mean"),
    [("09", 3, 1589, 0.0237), ("09", 5, 1587, 0.0419), ("10", 3, 1199, 0.0181), ("10", 5, 1197, 0.0304)],
)
def test_straight_motion_scores_as_published(sequence: str, length: int, windows: int, mean: float) -> None:
    truth = REAL / "kitti_odom" / "poses" / f"{sequence}.txt"
    result = score_snippets(paired_paths(truth, truth), length=length)
    assert result.metrics["ate_mean"] == pytest.approx(0, abs=1e-12)
    assert result.baselines[STRAIGHT]["snippets"] == windows
    assert result.baselines[STRAIGHT]["ate_mean"] == pytest.approx(mean, abs=5e-5)


@pytest.mark.real
@needs_real
def test_fast_motion_is_harder_for_the_baseline() -> None:
    truth = REAL / "kitti_odom" / "poses" / "10.txt"
    errors = [
        score_snippets(paired_paths(truth, truth, stride=stride), length=3).baselines[STRAIGHT]["ate_mean"]
        for stride in (1, 2, 3, 4)
    ]
    assert errors == sorted(errors)
    assert errors[-1] > 4 * errors[0]
