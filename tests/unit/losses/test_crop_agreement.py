"""Windows of frames and flows: the geometry to a part of a pixel, and who learns from whom."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from triptych.geometry.camera import cropped_intrinsics, intrinsics_matrix, resized_intrinsics
from triptych.geometry.grid import pixel_grid
from triptych.geometry.pose import rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.losses.crop_agreement import (
    AGREEMENT_SOFTNESS_PX,
    Window,
    WindowFlow,
    crop_agreement,
    enlarged,
    enlarged_flow,
)

HEIGHT, WIDTH = 20, 40


def window(share: float, left: float, top: float, *, dtype: torch.dtype = torch.float64) -> Window:
    return Window(*(torch.tensor([value], dtype=dtype) for value in (share, left, top)))


def test_a_window_of_whole_pixels_is_cut_out_and_resized() -> None:
    maps = torch.rand(1, 3, HEIGHT, WIDTH, dtype=torch.float64)
    found = enlarged(maps, window(0.6, 7.0, 3.0))
    cut = maps[..., 3 : 3 + 12, 7 : 7 + 24]
    expected = F.interpolate(cut, (HEIGHT, WIDTH), mode="bilinear", align_corners=False)
    # The cut repeats its border, where the window reads what lies beside it.
    torch.testing.assert_close(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])


def test_the_window_that_is_the_whole_changes_nothing() -> None:
    maps = torch.rand(1, 3, HEIGHT, WIDTH, dtype=torch.float64)
    torch.testing.assert_close(enlarged(maps, window(1.0, 0.0, 0.0)), maps)


def test_corners_of_the_window_are_corners_of_the_enlarged_picture() -> None:
    pixels = window(0.5, 4.0, 2.0).pixels(HEIGHT, WIDTH)[0]
    # Half a pixel beyond the outermost centers, in steps of half a pixel of the whole.
    assert (pixels[:, 0, 0] - 0.25).tolist() == [3.5, 1.5]
    assert (pixels[:, -1, -1] + 0.25).tolist() == [3.5 + 20, 1.5 + 10]


def test_flow_of_an_enlarged_window_is_the_rigid_flow_under_the_camera_of_that_window() -> None:
    share, left, top = 0.6875, 3.3, 2.6
    camera = intrinsics_matrix(30.0, 33.0, 19.0, 9.0, dtype=torch.float64)
    of_window = resized_intrinsics(cropped_intrinsics(camera, left=left, top=top), scale_x=1 / share, scale_y=1 / share)
    pose = rigid_transform(torch.zeros(1, 3, dtype=torch.float64), torch.tensor([[0.3, -0.1, 0.0]]).double())

    def flow(intrinsics: torch.Tensor) -> torch.Tensor:
        """Of a plane that leans: 1 / depth, and so this flow, is linear in the pixels."""
        ray = torch.linalg.solve(intrinsics, torch.cat((pixel_grid(HEIGHT, WIDTH), torch.ones(1, HEIGHT, WIDTH)))
                                 .double().flatten(1)).view(3, HEIGHT, WIDTH)  # fmt: skip
        depth = 1 / (0.2 + 0.05 * ray[0] + 0.08 * ray[1])
        return rigid_flow(depth[None, None], intrinsics[None], pose).flow

    whole = flow(camera).unsqueeze(1)
    torch.testing.assert_close(enlarged_flow(whole, window(share, left, top)), flow(of_window).unsqueeze(1))


def test_what_a_flow_says_of_a_window_is_true_of_the_enlarged_pictures() -> None:
    cut = window(0.7, 5.2, 3.1)
    x, y = pixel_grid(HEIGHT, WIDTH, dtype=torch.float64)

    def picture(shift: float) -> torch.Tensor:
        return torch.sin((x - shift) / 4 + y / 5)[None, None]

    flow = torch.zeros(1, 1, 2, HEIGHT, WIDTH, dtype=torch.float64)
    flow[:, :, 0] = 2.0
    target, source = enlarged(picture(0.0), cut), enlarged(picture(2.0), cut)
    shift = enlarged_flow(flow, cut)[0, 0, 0, 0, 0].item()
    assert shift == pytest.approx(2 / 0.7)
    whole, part = math.floor(shift), shift % 1
    moved = (1 - part) * source[..., whole:-1] + part * source[..., whole + 1 :]
    torch.testing.assert_close(moved, target[..., : moved.shape[-1]], atol=0.01, rtol=0)


def exact() -> tuple[torch.Tensor, Window]:
    """An affine flow to each of two sources, of two snippets with windows of their own."""
    x, y = pixel_grid(HEIGHT, WIDTH, dtype=torch.float64)
    one = torch.stack((0.1 * x - 0.05 * y + 2, 0.02 * x + 0.07 * y - 1))
    flow = torch.stack((one, -one)).expand(2, -1, -1, -1, -1)
    share, left, top = torch.tensor([[0.6, 0.9], [6.5, 1.25], [3.7, 0.8]], dtype=torch.float64)
    return flow, Window(share, left, top)


def test_flow_that_is_exact_agrees_with_itself() -> None:
    flow, cut = exact()
    x, y = cut.pixels(HEIGHT, WIDTH).unbind(1)
    one = torch.stack((0.1 * x - 0.05 * y + 2, 0.02 * x + 0.07 * y - 1), dim=1)
    own = torch.stack((one, -one), dim=1) / cut.share.view(-1, 1, 1, 1, 1)
    trust = torch.ones(2, 2, 1, HEIGHT, WIDTH, dtype=torch.float64)
    assert crop_agreement(WindowFlow(cut, own.flatten(0, 1)), flow, trust).item() < 1e-12
    unscaled = (own * cut.share.view(-1, 1, 1, 1, 1)).flatten(0, 1)
    assert crop_agreement(WindowFlow(cut, unscaled), flow, trust).item() > 0.1


def test_a_distance_counts_in_pixels_of_the_window_where_the_whole_is_trusted() -> None:
    flow = torch.zeros(1, 2, 2, HEIGHT, WIDTH, dtype=torch.float64)
    trust = torch.ones(1, 2, 1, HEIGHT, WIDTH, dtype=torch.float64)
    trust[..., : WIDTH // 2] = 0
    cut = window(0.5, 10.0, 5.0)  # the middle, of which the left half is not trusted
    own = torch.zeros(2, 2, HEIGHT, WIDTH, dtype=torch.float64)
    own[0, 0], own[0, 1], own[1, 0] = 3.0, 4.0, 1.0
    own[..., : WIDTH // 2 - 1] = 100.0  # the next column lies between, with a quarter of the trust
    distances = [math.hypot(distance, AGREEMENT_SOFTNESS_PX) - AGREEMENT_SOFTNESS_PX for distance in (5.0, 1.0)]
    assert crop_agreement(WindowFlow(cut, own), flow, trust).item() == pytest.approx(sum(distances) / 2)


def test_only_the_flow_of_the_window_is_sent_a_gradient() -> None:
    flow, cut = exact()
    flow, trust = flow.clone().requires_grad_(), torch.rand(2, 2, 1, HEIGHT, WIDTH).double().requires_grad_()
    own = torch.zeros(4, 2, HEIGHT, WIDTH, dtype=torch.float64, requires_grad=True)
    crop_agreement(WindowFlow(cut, own), flow, trust).backward()
    assert own.grad is not None
    assert own.grad.abs().min() > 0
    assert flow.grad is None
    assert trust.grad is None


def test_where_nothing_is_trusted_it_is_zero_with_zero_gradient() -> None:
    flow, cut = exact()
    own = torch.rand(4, 2, HEIGHT, WIDTH, dtype=torch.float64, requires_grad=True)
    value = crop_agreement(WindowFlow(cut, own), flow, torch.zeros(2, 2, 1, HEIGHT, WIDTH).double())
    value.backward()
    assert value.item() == 0
    assert own.grad is not None
    assert own.grad.abs().max() == 0
