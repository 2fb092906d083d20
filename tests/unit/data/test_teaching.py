"""Classical answers follow the augmentation of their frames."""

from dataclasses import replace

import pytest
import torch

from triptych.data.augment import GeometricChange, reframed
from triptych.data.teaching import reframed_teaching, stacked_teachings
from triptych.geometry.pose import rigid_transform
from triptych.geometry.rigid import rigid_flow
from triptych.types import Teaching

HEIGHT, WIDTH = 48, 96
K = torch.tensor([[60.0, 0, 45.0], [0, 62.0, 25.0], [0, 0, 1]])
POSES = rigid_transform(
    torch.tensor([[0.0, 0.02, 0.01], [0.01, -0.02, 0.0]]), torch.tensor([[0.1, 0.0, 0.8], [-0.1, 0.05, -0.9]])
)


def smooth_teaching() -> Teaching:
    """Consistent answers about a smooth surface: flow is the rigid flow of depth and poses."""
    y, x = torch.meshgrid(torch.arange(float(HEIGHT)), torch.arange(float(WIDTH)), indexing="ij")
    depth = (9 + 2 * torch.sin(x / 40) + torch.cos(y / 30))[None]
    flow = rigid_flow(depth.expand(2, 1, -1, -1), K.expand(2, 3, 3), POSES).flow
    trust = (x / WIDTH)[None]
    return Teaching(flow, trust.expand(2, 1, -1, -1), POSES, torch.tensor([0.9, 0.5]), 1 / depth, trust)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("window", [(0, 0, WIDTH, HEIGHT), (10, 5, 80, 40)])
def test_after_crop_zoom_and_flip_flow_is_still_the_rigid_flow_under_the_new_intrinsics(
    window: tuple[int, int, int, int], flipped: bool
) -> None:
    left, top, width, height = window
    change = GeometricChange(left=left, top=top, width=width, height=height, flipped=flipped)
    after = reframed_teaching(smooth_teaching(), change)
    _, intrinsics = reframed(torch.zeros(3, 3, HEIGHT, WIDTH), K, change)
    expected = rigid_flow(
        1 / after.inverse_depth.expand(2, 1, -1, -1), intrinsics.expand(2, 3, 3), after.source_from_target
    ).flow
    torch.testing.assert_close(after.flow[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=0.02, rtol=0)


def test_a_flip_twice_changes_nothing() -> None:
    flip = GeometricChange(left=0, top=0, width=WIDTH, height=HEIGHT, flipped=True)
    before = smooth_teaching()
    after = reframed_teaching(reframed_teaching(before, flip), flip)
    torch.testing.assert_close(after.flow, before.flow)
    torch.testing.assert_close(after.source_from_target, before.source_from_target)
    torch.testing.assert_close(after.depth_trust, before.depth_trust)


def test_stacking_adds_a_batch_axis_to_every_part() -> None:
    both = stacked_teachings([smooth_teaching(), smooth_teaching()])
    assert both.flow.shape == (2, 2, 2, HEIGHT, WIDTH)
    assert both.motion_trust.shape == (2, 2)
    assert torch.equal(both.inverse_depth[1], smooth_teaching().inverse_depth)


def test_fillers_of_unknown_depth_do_not_blend_into_what_is_known() -> None:
    known = torch.ones(1, HEIGHT, WIDTH)
    known[:, 10:30, 20:50] = 0.0
    inverse_depth = torch.where(known > 0, 0.5, 20.0)
    before = replace(smooth_teaching(), inverse_depth=inverse_depth, depth_trust=0.8 * known)
    after = reframed_teaching(before, GeometricChange(left=3, top=2, width=83, height=43, flipped=False))
    trusted = after.depth_trust > 1e-3
    assert (after.depth_trust < 0.79).any()
    torch.testing.assert_close(after.inverse_depth[trusted], torch.full_like(after.inverse_depth[trusted], 0.5))
