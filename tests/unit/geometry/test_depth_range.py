import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.geometry.depth_range import depth_from_disparity, disparity_from_depth


def test_a_disparity_of_one_half_is_a_depth_of_a_fifth_by_default() -> None:
    # 1 / (0.01 + 9.99 / 2) = 1 / 5.005
    depth = depth_from_disparity(torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64))
    expected = torch.tensor([100.0, 1 / 5.005, 0.1], dtype=torch.float64)
    torch.testing.assert_close(depth, expected, rtol=1e-12, atol=0)


@settings(max_examples=30, deadline=None)
@given(near=st.floats(0.01, 10.0), ratio=st.floats(1.1, 1e4), disparity=st.floats(0.0, 1.0))
def test_disparity_of_depth_of_disparity_is_the_disparity(near: float, ratio: float, disparity: float) -> None:
    given_disparity = torch.tensor(disparity, dtype=torch.float64)
    depth = depth_from_disparity(given_disparity, min_depth=near, max_depth=near * ratio)
    assert near * (1 - 1e-9) <= depth.item() <= near * ratio * (1 + 1e-9)
    back = disparity_from_depth(depth, min_depth=near, max_depth=near * ratio)
    torch.testing.assert_close(back, given_disparity, rtol=0, atol=1e-9)


def test_depth_falls_as_disparity_grows() -> None:
    depth = depth_from_disparity(torch.linspace(0, 1, 101))
    assert bool((depth[1:] < depth[:-1]).all())


@pytest.mark.parametrize(("near", "far"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 2.0), (3.0, 1.0)])
def test_a_range_that_is_empty_or_not_in_front_of_the_camera_is_refused(near: float, far: float) -> None:
    with pytest.raises(ValueError, match="min_depth < max_depth"):
        depth_from_disparity(torch.ones(1), min_depth=near, max_depth=far)
    with pytest.raises(ValueError, match="min_depth < max_depth"):
        disparity_from_depth(torch.ones(1), min_depth=near, max_depth=far)
