"""Figures of answers about rendered clips: the truth itself is right, and each error shows where it is."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from triptych.data.synthetic import synthetic_clip
from triptych.errors import InputError
from triptych.evaluation.clip_answers import MeanDepthMaps, classical_answer, five_point_path, trivial_answer
from triptych.evaluation.clip_figures import ClipAnswer, clip_figures, known_depth, predicted_answer
from triptych.evaluation.measures import MEASURES
from triptych.evaluation.streets import CLASSICAL, MEAN_MAP, TRIVIAL, score_benchmark
from triptych.formats.clips import load_clip, save_clip
from triptych.formats.maps import save_depth, save_kitti_flow, save_mask, save_visibility
from triptych.formats.trajectories import save_kitti_trajectory
from triptych.metrics.depth import hole_rate
from triptych.metrics.trajectory import snippet_trajectory_errors
from triptych.types import Role, SyntheticClip

FRAMES = 6


SIDEWAYS, FORWARD = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return synthetic_clip("street", seed=5, frames=FRAMES, height=64, width=128)


def truth_answer(clip: SyntheticClip) -> ClipAnswer:
    return ClipAnswer(
        depth=clip.depth_m.clamp(max=1e4) * 0.25,
        flow=clip.flow_forward,
        camera_to_world=clip.camera_to_world,
        visibility=clip.visible_forward.float(),
        learned_visibility=clip.visible_forward.float(),
        motion=clip.moving[:-1].float(),
    )


def test_the_truth_at_another_scale_is_without_error(clip: SyntheticClip) -> None:
    figures = clip_figures(truth_answer(clip), clip, range(FRAMES))
    assert set(figures) <= set(MEASURES)
    for name, value in figures.items():
        perfect = 1.0 if MEASURES[name].better == "higher" else 0.0
        if not math.isnan(value):
            assert value == pytest.approx(perfect, abs=1e-5), name
    for name in ("abs_rel", "moving_hole_rate", "epe_occ", "ate_5", "learned_occlusion_f1", "motion_f1"):
        assert not math.isnan(figures[name]), name


def test_a_hole_shows_in_the_region_that_it_is_in(clip: SyntheticClip) -> None:
    role = torch.where(clip.moving, int(Role.LEADING), int(Role.STATIC)).to(torch.uint8)
    led = replace(clip, role=role)
    truth = truth_answer(led)
    assert truth.depth is not None
    answer = replace(truth, depth=torch.where(led.moving, truth.depth * 3, truth.depth))
    figures = clip_figures(answer, led, range(FRAMES))
    assert figures["moving_hole_rate"] == figures["leading_hole_rate"] == 1
    assert math.isnan(figures["crossing_hole_rate"])
    assert figures["moving_abs_rel"] == pytest.approx(2.0, abs=0.5)  # where the cap does not cut it
    assert figures["static_abs_rel"] < 0.02  # the median that scales depth has moved a little


def test_depth_that_drifts_has_a_spread_of_scales(clip: SyntheticClip) -> None:
    truth = truth_answer(clip)
    assert truth.depth is not None
    factors = torch.linspace(1.0, 2.0, FRAMES)
    figures = clip_figures(replace(truth, depth=truth.depth * factors.view(-1, 1, 1, 1)), clip, range(FRAMES))
    scales = 1 / factors.double()
    middle = float(scales[2] + scales[3]) / 2
    assert figures["scale_std"] == pytest.approx(float(scales.std(correction=0)) / middle, rel=1e-5)
    assert figures["abs_rel"] == pytest.approx(0, abs=1e-5)


def test_flow_errors_are_parted_by_what_is_seen(clip: SyntheticClip) -> None:
    hidden = (~clip.visible_forward).float()
    answer = ClipAnswer(flow=clip.flow_forward + 3 * hidden * torch.tensor([1.0, 0.0]).view(1, 2, 1, 1))
    figures = clip_figures(answer, clip, range(FRAMES))
    assert figures["epe_noc"] == pytest.approx(0, abs=1e-6)
    assert figures["epe_occ"] == pytest.approx(3, abs=1e-4)
    assert figures["epe_all"] == pytest.approx(3 * float(hidden.mean()), abs=1e-4)
    assert "abs_rel" not in figures


def test_frames_in_which_nothing_moves_or_is_near_do_not_count_in_what_they_do_not_show(clip: SyntheticClip) -> None:
    moving = clip.moving.clone()
    moving[1] = False
    depth_m = clip.depth_m.clone()
    depth_m[2] = torch.inf
    part = replace(clip, moving=moving, role=clip.role * moving, depth_m=depth_m)
    wrong = moving[:-1].float()
    answer = ClipAnswer(
        depth=clip.depth_m.clamp(max=1e4),
        flow=clip.flow_forward + wrong * torch.tensor([0.0, 2.0]).view(1, 2, 1, 1),
        motion=wrong,
    )
    figures = clip_figures(answer, part, range(FRAMES))
    assert figures["epe_moving"] == pytest.approx(2, abs=1e-4)  # a mean with zeros in it would be less
    assert figures["motion_f1"] == figures["motion_auc"] == 1
    assert figures["abs_rel"] == figures["scale_std"] == pytest.approx(0, abs=1e-5)
    nothing = replace(part, moving=torch.zeros_like(moving), role=torch.zeros_like(clip.role))
    figures = clip_figures(answer, nothing, range(FRAMES))
    assert all(math.isnan(figures[name]) for name in figures if "mov" in name or "motion" in name)


def test_moving_depth_counts_the_last_frame_and_flow_does_not(clip: SyntheticClip) -> None:
    moving = torch.zeros_like(clip.moving)
    moving[-1] = clip.moving[-1]
    truth = truth_answer(clip)
    figures = clip_figures(truth, replace(clip, moving=moving), range(FRAMES))
    assert figures["moving_abs_rel"] == pytest.approx(0, abs=1e-5)
    assert math.isnan(figures["epe_moving"])


def test_fewer_frames_than_a_snippet_of_the_path_are_refused(clip: SyntheticClip) -> None:
    with pytest.raises(InputError, match="3 in a row are the least"):
        clip_figures(truth_answer(clip), clip, range(2))


@pytest.mark.parametrize("direction", [SIDEWAYS, FORWARD])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_far_points_too_say_which_way_the_five_point_path_goes(direction: tuple[float, ...], sign: float) -> None:
    height, width, focal = 240, 480, 480.0
    rows, columns = torch.meshgrid(torch.arange(height) - 120.0, torch.arange(width) - 240.0, indexing="ij")
    intrinsics = torch.tensor([[focal, 0, 240.0], [0, focal, 120.0], [0, 0, 1]])
    depth = 60 + 60 * torch.rand(height, width, generator=torch.Generator().manual_seed(0))  # steps of the camera
    x, y, z = (-sign * part for part in direction)  # of the points, seen from the camera
    u, v = ((at * depth / focal + off) / (depth + z) * focal - at for at, off in ((columns, x), (rows, y)))
    path = five_point_path(torch.stack((u, v))[None], intrinsics)
    assert path[1, :3, 3] @ (sign * torch.tensor(direction, dtype=torch.float64)) > 0.9


def test_flow_that_no_file_holds_is_not_scored(clip: SyntheticClip) -> None:
    flow = clip.flow_forward.clone()
    hidden = (~clip.visible_forward[0, 0]).nonzero()[0]
    flow[0, :, hidden[0], hidden[1]] = 1e5  # as of what passes behind the next camera
    behind = replace(clip, flow_forward=flow)
    answer = ClipAnswer(flow=clip.flow_forward)
    figures = clip_figures(answer, behind, range(FRAMES))
    assert all(figures[f"epe_{region}"] == 0 for region in ("all", "noc", "occ"))
    flow[0, :, hidden[0], hidden[1]] = 500.0
    assert clip_figures(answer, behind, range(FRAMES))["epe_occ"] > 0


def test_the_five_point_path_on_true_flow_is_the_true_one(clip: SyntheticClip) -> None:
    path = five_point_path(clip.flow_forward, clip.intrinsics)
    # Steps of length 1: each pair has its direction and rotation, and the drive an even pace.
    errors = snippet_trajectory_errors(path.double(), clip.camera_to_world.double(), length=3)
    travelled = (clip.camera_to_world[2:, :3, 3] - clip.camera_to_world[:-2, :3, 3]).norm(dim=1)
    assert float((errors / travelled).mean()) < 0.02


def test_the_mean_map_is_of_the_other_clips_alone(clip: SyntheticClip) -> None:
    maps = MeanDepthMaps()
    maps.add("one", clip)
    assert maps.without("one") is None
    other = replace(clip, depth_m=torch.full_like(clip.depth_m, 7.0))
    maps.add("two", other)
    mean = maps.without("one")
    assert mean is not None
    assert torch.equal(mean, torch.full_like(mean, 7.0))
    own = maps.without("two")
    known = known_depth(clip.depth_m)
    expected = torch.where(known, clip.depth_m, 0).sum(0) / known.sum(0)
    assert own is not None
    torch.testing.assert_close(own[known.any(0)], expected[known.any(0)])


def test_classical_flow_is_better_than_none(clip: SyntheticClip) -> None:
    classical = clip_figures(classical_answer(clip), clip, range(FRAMES))
    trivial = clip_figures(trivial_answer(clip), clip, range(FRAMES))
    assert classical["epe_all"] < trivial["epe_all"] / 2
    assert classical["occlusion_auc"] > 0.6 > trivial["occlusion_auc"] == 0.5


def write_prediction(folder: Path, clip: SyntheticClip) -> None:
    """The truth as `triptych predict` would write it."""
    everywhere = torch.ones_like(clip.moving[0, 0])
    for index in range(FRAMES):
        name = f"{index:06d}"
        save_depth(folder / "depth" / f"{name}.npz", clip.depth_m[index, 0].clamp(max=1e4))
        if index == FRAMES - 1:
            continue
        save_kitti_flow(folder / "flow" / f"{name}.png", clip.flow_forward[index], everywhere)
        save_visibility(folder / "visibility" / f"{name}.png", clip.visible_forward[index, 0].float())
        save_mask(folder / "motion" / f"{name}.png", clip.moving[index, 0])
    save_kitti_trajectory(folder / "trajectory.kitti.txt", clip.camera_to_world.double())


def test_a_benchmark_is_scored_clip_by_clip_beside_the_others(tmp_path: Path, clip: SyntheticClip) -> None:
    second = synthetic_clip("room", seed=5, frames=FRAMES, height=64, width=128)
    places = []
    for one in (clip, second):
        save_clip(tmp_path / "truth" / one.name, one)
        write_prediction(tmp_path / "prediction" / one.name, one)
        places.append(tmp_path / "truth" / one.name)
    told: list[tuple[int, int]] = []
    report = score_benchmark(
        tmp_path / "prediction", places, split="two", progress=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 2), (2, 2)]
    assert list(report.clips) == [clip.name, second.name]
    metrics = report.result.metrics
    assert metrics["clips"] == 2
    assert metrics["abs_rel"] == pytest.approx(0, abs=1e-5)
    assert metrics["epe_all"] < 1 / 64  # a step of KITTI's flow files
    assert metrics["occlusion_f1"] == metrics["motion_f1"] == 1
    assert set(report.result.baselines) == {MEAN_MAP, CLASSICAL, TRIVIAL}
    assert report.result.baselines[MEAN_MAP]["abs_rel"] > 0.1
    assert "epe_all" not in report.result.baselines[MEAN_MAP]


def test_a_clip_without_a_prediction_is_named(tmp_path: Path, clip: SyntheticClip) -> None:
    save_clip(tmp_path / clip.name, clip)
    with pytest.raises(InputError, match=f"holds no prediction of {clip.name}"):
        score_benchmark(tmp_path / "prediction", [tmp_path / clip.name], split="one")
    with pytest.raises(InputError, match="no clips"):
        score_benchmark(tmp_path / "prediction", [], split="none")


def test_a_prediction_of_another_size_is_named(tmp_path: Path, clip: SyntheticClip) -> None:
    save_clip(tmp_path / "truth" / clip.name, clip)
    small = synthetic_clip("street", seed=5, frames=FRAMES, height=32, width=64)
    write_prediction(tmp_path / "prediction" / clip.name, small)
    with pytest.raises(InputError, match=r"000000\.npz: is 32x64 \(rows x columns\), the clip 64x128"):
        score_benchmark(tmp_path / "prediction", [tmp_path / "truth" / clip.name], split="one")


def test_what_a_prediction_says_nothing_of_is_refused_and_not_left_out(tmp_path: Path, clip: SyntheticClip) -> None:
    write_prediction(tmp_path, clip)
    assert predicted_answer(tmp_path, clip, range(FRAMES)).depth is not None
    depth, flow = tmp_path / "depth" / "000002.npz", tmp_path / "flow" / "000001.png"
    for value in (math.nan, 0.0):
        values = clip.depth_m[2, 0].clone()
        values[60, 4] = value
        save_depth(depth, values)
        with pytest.raises(InputError, match=r"000002\.npz: 1 of the pixels that are scored have no depth above 0"):
            predicted_answer(tmp_path, clip, range(FRAMES))
    save_depth(depth, clip.depth_m[2, 0, :32])
    with pytest.raises(InputError, match=r"000002\.npz: is 32x128 \(rows x columns\), the clip 64x128"):
        predicted_answer(tmp_path, clip, range(FRAMES))
    save_depth(depth, clip.depth_m[2, 0])
    far = clip.flow_forward[1].clone()
    far[0, :2] = 600  # px, more than the format holds
    save_kitti_flow(flow, far, torch.ones_like(clip.moving[0, 0]))
    with pytest.raises(InputError, match=r"000001\.png: 256 of the pixels that are scored have no flow"):
        predicted_answer(tmp_path, clip, range(FRAMES))


def test_the_sky_may_be_without_depth(tmp_path: Path, clip: SyntheticClip) -> None:
    write_prediction(tmp_path, clip)
    scored = known_depth(clip.depth_m)
    assert not scored.all()
    frames = range(FRAMES)
    whole = clip_figures(predicted_answer(tmp_path, clip, frames), clip, frames)
    for index in frames:
        save_depth(tmp_path / "depth" / f"{index:06d}.npz", torch.where(scored, clip.depth_m, 0.0)[index, 0])
    assert clip_figures(predicted_answer(tmp_path, clip, frames), clip, frames) == pytest.approx(whole, nan_ok=True)


def test_depth_without_a_value_is_a_hole() -> None:
    truth = torch.full((1, 1, 2, 2), 5.0)
    depth = torch.tensor([math.nan, math.inf, 11.0, 5.0]).view(1, 1, 2, 2)
    assert hole_rate(depth, truth, torch.ones_like(truth, dtype=torch.bool)).item() == 0.75


def test_what_is_written_is_read_back(tmp_path: Path, clip: SyntheticClip) -> None:
    save_clip(tmp_path, clip)
    read = load_clip(tmp_path)
    assert (read.name, read.frame_rate) == (clip.name, clip.frame_rate)
    for name in ("images", "flow_forward", "visible_backward", "moving", "role", "depth_m"):
        assert torch.equal(getattr(read, name), getattr(clip, name)), name
    torch.testing.assert_close(read.intrinsics, clip.intrinsics)


@pytest.mark.parametrize("damaged", ["truth.npz", "frames/000002.png"])
def test_a_damaged_clip_is_told_by_its_file(tmp_path: Path, clip: SyntheticClip, damaged: str) -> None:
    save_clip(tmp_path, clip)
    path = tmp_path / damaged
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match=str(path)):
        load_clip(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="000002.png: is missing" if damaged.endswith("png") else "holds no truth.npz"):
        load_clip(tmp_path)
