"""The motion of the camera behind matches."""

import pytest
import torch

from triptych.geometry.pose import axis_angle, rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.inference.matches import Matches
from triptych.inference.two_view import PairMotion, pair_motion

K = torch.tensor([[110.0, 0, 95.5], [0, 110.0, 31.5], [0, 0, 1]]).double()
MOTIONS = [
    ((0.0, 0.02, 0.003), (0.1, 0.0, -0.8)),
    ((0.004, -0.02, 0.0), (-0.1, 0.02, 0.8)),
    ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
]


def matches_of(pose: torch.Tensor) -> Matches:
    """Exact matches of a wavy surface on every third pixel."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(192.0), indexing="ij")
    depth = (8 + 4 * torch.sin(x / 17) + 3 * torch.cos(y / 11) + 2 * torch.sin((x + y) / 7)).double()
    flow = rigid_flow(depth[None, None], K[None], pose[None])
    kept = torch.zeros_like(flow.valid[0, 0])
    kept[::3, ::3] = flow.valid[0, 0, ::3, ::3]
    start = torch.stack((x[kept], y[kept], torch.ones_like(x[kept]))).double()
    end = start.clone()
    end[:2] += flow.flow[0][:, kept]
    return Matches(start, end)


def off(motion: PairMotion, pose: torch.Tensor) -> tuple[float, float]:
    """Errors of the rotation and of the direction (rad)."""
    turn = axis_angle(motion.source_from_target[:3, :3] @ pose[:3, :3].T).norm()
    direction = pose[:3, 3] / pose[:3, 3].norm()
    return float(turn), float((motion.source_from_target[:3, 3] - direction).norm())


@pytest.mark.parametrize(("turn", "shift"), MOTIONS)
def test_exact_matches_give_the_exact_motion(turn: tuple[float, ...], shift: tuple[float, ...]) -> None:
    pose = rigid_transform(torch.tensor(turn).double(), torch.tensor(shift).double())
    motion = pair_motion(matches_of(pose), K)
    assert max(off(motion, pose)) < 1e-5
    assert motion.trust > 0.95
    assert float(motion.source_from_target[:3, 3].norm()) == pytest.approx(1.0, abs=1e-9)


def test_a_fifth_of_wrong_matches_and_noise_leave_a_hundredth_of_a_radian() -> None:
    pose = rigid_transform(*(torch.tensor(part).double() for part in MOTIONS[0]))
    exact = matches_of(pose)
    generator = torch.Generator().manual_seed(2)
    source = exact.source.clone()
    source[:2] += 0.2 * torch.randn(2, source.shape[1], generator=generator, dtype=torch.float64)
    source[:2, ::5] += 8.0
    turn, direction = off(pair_motion(Matches(exact.target, source), K), pose)
    assert turn < 0.002
    assert direction < 0.01


def test_refinement_beats_the_five_points_it_begins_with(monkeypatch: pytest.MonkeyPatch) -> None:
    pose = rigid_transform(*(torch.tensor(part).double() for part in MOTIONS[0]))
    exact = matches_of(pose)
    generator = torch.Generator().manual_seed(4)
    noise = 0.5 * torch.randn(2, exact.source.shape[1], generator=generator, dtype=torch.float64)
    source = exact.source + torch.cat((noise, torch.zeros_like(noise[:1])))
    refined = off(pair_motion(Matches(exact.target, source), K), pose)
    monkeypatch.setattr("triptych.inference.two_view.ITERATIONS", 0)
    begun = off(pair_motion(Matches(exact.target, source), K), pose)
    assert refined[1] < 0.7 * begun[1]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_far_scenes_do_not_turn_the_motion_around(sign: float) -> None:
    """A hundred steps away: walking pace at video rate, before a town square."""
    shift = sign * torch.tensor([0.03, 0.0, -0.09]).double()
    pose = rigid_transform(torch.tensor([0.0, 0.02, 0.0]).double(), shift)
    exact = matches_of(pose)
    generator = torch.Generator().manual_seed(6)
    noise = 0.01 * torch.randn(2, exact.source.shape[1], generator=generator, dtype=torch.float64)
    source = exact.source + torch.cat((noise, torch.zeros_like(noise[:1])))
    motion = pair_motion(Matches(exact.target, source), K)
    assert motion.trust > 0.9
    assert off(motion, pose)[1] < 0.2


def test_six_of_ten_wrong_matches_do_not_pull_the_refined_motion_away() -> None:
    pose = rigid_transform(*(torch.tensor(part).double() for part in MOTIONS[0]))
    exact = matches_of(pose)
    source = exact.source.clone()
    wrong = torch.arange(source.shape[1]) % 10 < 6
    generator = torch.Generator().manual_seed(8)
    source[:2, wrong] += 20 * torch.rand(2, int(wrong.sum()), generator=generator, dtype=torch.float64) - 10
    assert off(pair_motion(Matches(exact.target, source), K), pose)[1] < 0.03


def test_a_sideways_start_with_a_turn_against_it_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """What five points may say in a turn: the motion backward and sideways fits nearly as well."""
    pose = rigid_transform(torch.tensor([0.0, 0.1, 0.0]).double(), torch.tensor([-0.1, 0.0, -0.8]).double())
    turned = rigid_transform(torch.tensor([0.0, 0.03, 0.0]).double(), torch.zeros(3).double())[:3, :3] @ pose[:3, :3]
    start = (turned, torch.tensor([0.99, 0.1, -0.1]).double(), 0.9)
    monkeypatch.setattr("triptych.inference.two_view._five_point_motion", lambda *_: start)
    turn, direction = off(pair_motion(matches_of(pose), K), pose)
    assert turn < 1e-4
    assert direction < 1e-3


def test_where_nothing_moves_there_is_no_answer() -> None:
    start = matches_of(torch.eye(4).double()).target
    motion = pair_motion(Matches(start, start), K)
    assert motion.trust == 0.0
    assert motion.source_from_target.isfinite().all()


def test_too_few_matches_are_no_answer() -> None:
    exact = matches_of(rigid_transform(*(torch.tensor(part).double() for part in MOTIONS[0])))
    assert pair_motion(Matches(exact.target[:, :40], exact.source[:, :40]), K).trust == 0.0
