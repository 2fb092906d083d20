import math

import torch

from triptych.losses.guidance import flow_guidance


def test_flows_that_agree_need_no_guidance() -> None:
    flow = torch.randn(2, 2, 2, 5, 6)
    assert flow_guidance(flow, flow, torch.ones(2, 2, 1, 5, 6)).abs().item() < 1e-6


def test_guidance_is_the_charbonnier_distance_over_the_lengths_and_one_pixel() -> None:
    rigid, flow = torch.zeros(1, 2, 1, 1), torch.zeros(1, 2, 1, 1)
    rigid[0, 0], flow[0, 1] = 3.0, 4.0  # 5 px apart
    expected = (math.sqrt(25 + 0.01) - 0.1) / (3 + 4 + 1)
    value = flow_guidance(rigid, flow, torch.ones(1, 1, 1, 1))
    torch.testing.assert_close(value, torch.tensor(expected))


def test_guidance_looks_only_where_the_flow_is_trusted() -> None:
    rigid, flow = torch.zeros(1, 2, 1, 2), torch.zeros(1, 2, 1, 2)
    flow[..., 1] = 100.0
    assert flow_guidance(rigid, flow, torch.tensor([True, False]).view(1, 1, 1, 2)).item() == 0


def test_guidance_moves_the_rigid_flow_toward_the_flow_and_leaves_that_alone() -> None:
    rigid = torch.zeros(1, 2, 1, 1, requires_grad=True)
    flow = torch.tensor([2.0, -3.0]).view(1, 2, 1, 1).requires_grad_()
    flow_guidance(rigid, flow, torch.ones(1, 1, 1, 1)).backward()
    assert flow.grad is None
    assert rigid.grad is not None
    assert (-rigid.grad.flatten() * flow.detach().flatten() > 0).all()


def test_the_gradient_of_guidance_is_that_of_finite_differences_with_the_divisor_held() -> None:
    rigid = torch.tensor([0.3, -0.2], dtype=torch.float64).view(1, 2, 1, 1).requires_grad_()
    flow = torch.tensor([1.0, 0.5], dtype=torch.float64).view(1, 2, 1, 1)
    flow_guidance(rigid, flow, torch.ones(1, 1, 1, 1)).backward()
    gap = (rigid - flow).detach()
    size = rigid.detach().norm() + flow.norm() + 1
    assert rigid.grad is not None
    torch.testing.assert_close(rigid.grad, gap / (gap.square().sum() + 0.01).sqrt() / size)


def test_guidance_has_finite_gradients_for_no_motion_and_no_trust() -> None:
    rigid = torch.zeros(1, 2, 3, 3, requires_grad=True)
    for trust in (torch.zeros(1, 1, 3, 3), torch.ones(1, 1, 3, 3)):
        value = flow_guidance(rigid, torch.zeros(1, 2, 3, 3), trust)
        (gradient,) = torch.autograd.grad(value, rigid)
        assert value.item() == 0
        assert gradient.isfinite().all()
