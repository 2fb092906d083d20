"""The classical flow that a flow network begins with."""

import torch

from triptych.training.classical import classical_flow
from triptych.training.imitation import DOUBTED_WEIGHT, FLOW_WEIGHT, ROBUSTNESS_PX, flow_imitation
from triptych.types import FlowEstimate


def textured(height: int, width: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 4, width // 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)[0]


def shifted_snippet(shift: int) -> torch.Tensor:
    wide = textured(64, 160)
    frames = [wide[:, :, 32 + offset : 32 + offset + 96] for offset in (-shift, 0, shift)]
    return torch.stack(frames)[None]


def test_the_classical_flow_of_a_shift_is_the_shift_with_opposite_signs_for_the_two_sources() -> None:
    flow, agreed = classical_flow(shifted_snippet(3))
    # previous shows what lies 3 px to the left: a target pixel is found 3 px to the right of itself there
    inner = (slice(None), slice(8, -8), slice(16, -16))
    assert (flow[0][inner] - torch.tensor([3.0, 0.0]).view(2, 1, 1)).abs().median() < 0.3
    assert (flow[1][inner] - torch.tensor([-3.0, 0.0]).view(2, 1, 1)).abs().median() < 0.3
    assert agreed[:, 0, 8:-8, 16:-16].float().mean() > 0.9


def test_imitating_perfectly_costs_only_the_robust_floor() -> None:
    teacher = torch.full((1, 2, 32, 64), 4.0)
    levels = (torch.full((1, 2, 8, 16), 1.0), torch.full((1, 2, 4, 8), 0.5))
    estimate = FlowEstimate(teacher, torch.ones(1, 1, 32, 64), levels)
    loss = flow_imitation(estimate, teacher, torch.ones(1, 1, 32, 64, dtype=torch.bool))
    torch.testing.assert_close(loss, torch.tensor(FLOW_WEIGHT * ROBUSTNESS_PX))


def test_a_miss_of_five_pixels_costs_five_times_the_weight() -> None:
    teacher = torch.zeros(1, 2, 32, 64)
    estimate = FlowEstimate(teacher + torch.tensor([3.0, 4.0]).view(1, 2, 1, 1), torch.ones(1, 1, 32, 64))
    loss = flow_imitation(estimate, teacher, torch.ones(1, 1, 32, 64, dtype=torch.bool))
    torch.testing.assert_close(loss, torch.tensor(FLOW_WEIGHT * (25 + ROBUSTNESS_PX**2) ** 0.5))


def test_doubted_pixels_count_less() -> None:
    teacher = torch.zeros(1, 2, 8, 8)
    trusted = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    trusted[..., :4] = True
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0, :, 4:] = 10.0  # wrong only where the teacher is in doubt
    loss = flow_imitation(FlowEstimate(flow, torch.ones(1, 1, 8, 8)), teacher, trusted)
    off = (100 + ROBUSTNESS_PX**2) ** 0.5
    expected = FLOW_WEIGHT * (DOUBTED_WEIGHT * off + ROBUSTNESS_PX) / (1 + DOUBTED_WEIGHT)
    torch.testing.assert_close(loss, torch.tensor(expected))
