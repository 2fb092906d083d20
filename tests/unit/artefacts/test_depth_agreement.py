"""Two frames agree about a wall that both see, and not where one of them is wrong."""

import torch

from triptych.artefacts.depth_agreement import bent, seen_alike
from triptych.geometry.camera import intrinsics_matrix

K = intrinsics_matrix(20.0, 20.0, 15.5, 7.5)


def wall(distance: float) -> torch.Tensor:
    return torch.full((16, 32), distance)


def ahead(length: float) -> torch.Tensor:
    """What maps points to a camera that went on by a length."""
    moved = torch.eye(4, dtype=torch.float64)
    moved[2, 3] = -length
    return moved


def test_a_wall_is_seen_alike_from_nearer_by() -> None:
    in_view, alike = seen_alike(wall(4.0), wall(3.0), K, ahead(1.0), tolerance=0.01)
    assert torch.equal(in_view, alike)
    # From 3 away the picture is 4/3 as large: columns 15.5 +- 15.5 * 3/4 stay in the frame.
    assert in_view[8].nonzero()[:, 0].tolist() == list(range(4, 28))


def test_another_depth_is_told_by_as_much_as_is_allowed() -> None:
    for wrong, accepted in ((3.2, True), (3.5, False), (2.5, False)):
        in_view, alike = seen_alike(wall(4.0), wall(wrong), K, ahead(1.0), tolerance=0.1)
        assert in_view.any()
        assert bool((alike == in_view).all()) is accepted
        assert bool(alike.any()) is accepted


def test_a_steep_plane_is_not_bent_but_a_step_is_on_both_sides() -> None:
    columns = torch.arange(32.0)
    ground = (1 / (0.02 + 0.03 * columns)).expand(16, 32)
    assert not bent(ground).any()
    step = wall(4.0)
    step[:, 16:] = 6.0
    assert bent(step)[8].nonzero()[:, 0].tolist() == [15, 16]
    assert bent(step.T.contiguous())[:, 8].nonzero()[:, 0].tolist() == [15, 16]
