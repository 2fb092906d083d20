"""Signs that a training has stopped to learn."""

from __future__ import annotations

import math

import pytest
import torch

from triptych.geometry.pose import rigid_transform
from triptych.training.collapse import CollapseWatch, vital_signs
from triptych.types import FlowEstimate, SnippetEstimate

WELL = {"depth_variation": 0.4, "motion": 0.02, "flow": 0.01}


def test_the_signs_are_those_worked_out_by_hand() -> None:
    disparity = torch.tensor([[1.0, 3.0]]).view(1, 1, 1, 2)  # mean 2, deviation sqrt(2)
    turn = torch.tensor([[0.0, 0.0, 0.1], [0.0, 0.0, 0.0]])
    poses = rigid_transform(turn, torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]])).view(1, 2, 4, 4)
    flow = torch.zeros(2, 2, 1, 10)
    flow[0, 0], flow[0, 1] = 3.0, 4.0
    estimate = SnippetEstimate(
        disparity=(disparity,),
        source_from_target=poses,
        flow_target_to_source=FlowEstimate(flow, torch.ones(2, 1, 1, 10)),
    )
    signs = vital_signs(estimate)
    assert signs["depth_variation"].item() == pytest.approx(math.sqrt(2) / 2)
    # |R - I| = 2 sqrt(2) sin(angle / 2), over sqrt(2): about the angle
    assert signs["motion"].item() == pytest.approx((5 + 2 * math.sin(0.05) + 0) / 2, rel=1e-5)
    assert signs["flow"].item() == pytest.approx(5 / 2 / 10)


def test_parts_that_did_not_run_have_no_sign() -> None:
    assert vital_signs(SnippetEstimate()) == {}


def test_signs_send_no_gradient() -> None:
    disparity = torch.rand(1, 1, 4, 4, requires_grad=True)
    assert not vital_signs(SnippetEstimate(disparity=(disparity,)))["depth_variation"].requires_grad


@pytest.mark.parametrize(
    ("sign", "said"),
    [("depth_variation", "depth is the same everywhere"), ("motion", "stands still"), ("flow", "zero")],
)
def test_a_sign_that_fails_for_long_is_told_once_with_its_reason(sign: str, said: str) -> None:
    watch = CollapseWatch(patience=3)
    heard = [watch.observe(WELL | {sign: 0.0}, {}) for _ in range(6)]
    assert [len(words) for words in heard] == [0, 0, 1, 0, 0, 0]
    assert said in heard[2][0]


def test_a_sign_that_recovers_in_between_is_not_told() -> None:
    watch = CollapseWatch(patience=3)
    for step in range(12):
        assert watch.observe(WELL | {"flow": 0.0 if step % 3 else 0.1}, {}) == []


def test_a_sign_that_fails_again_after_a_recovery_is_told_again() -> None:
    watch = CollapseWatch(patience=2)
    pattern = [0.0, 0.0, 0.1, 0.0, 0.0]
    assert [len(watch.observe(WELL | {"flow": value}, {})) for value in pattern] == [0, 1, 0, 0, 1]


def test_a_gate_that_drops_every_pixel_is_told_by_name() -> None:
    watch = CollapseWatch(patience=2)
    shares = {"gate_epipolar_depth": 0.001, "gate_photometric_flow": 0.7}
    assert watch.observe(WELL, shares) == []
    (said,) = watch.observe(WELL, shares)
    assert "gate_epipolar_depth has kept 0.1 % of the pixels" in said
