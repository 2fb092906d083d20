"""What a third view tells of two."""

import pytest
import torch

from triptych.geometry.pose import inverse_transform
from triptych.inference.three_view import (
    SourceView,
    StaticPoints,
    joint_points,
    length_ratio,
    static_flow,
    static_points,
)


def views(street) -> tuple[SourceView, SourceView]:  # type: ignore[no-untyped-def]
    """Frame 1 of the street as target, frames 0 and 2 as sources, all exact."""
    clip = street.clip
    previous = SourceView(clip.flow_backward[0], clip.visible_backward[0], inverse_transform(street.unit_step(0)))
    return previous, SourceView(clip.flow_forward[1], clip.visible_forward[1], street.unit_step(1))


def points(street) -> tuple[StaticPoints, StaticPoints]:  # type: ignore[no-untyped-def]
    previous, following = (static_points(view, street.intrinsics) for view in views(street))
    return previous, following


def test_exact_flows_give_the_ratio_of_the_steps_to_a_thousandth(street) -> None:  # type: ignore[no-untyped-def]
    previous, following = points(street)
    truth = float(street.step(1)[:3, 3].norm() / street.step(0)[:3, 3].norm())
    ratio = length_ratio(following, previous)
    assert ratio == pytest.approx(truth, rel=1e-3)


def test_static_points_have_their_true_depth(street) -> None:  # type: ignore[no-untyped-def]
    _, following = points(street)
    depth_m = street.clip.depth_m[1]
    still = following.usable & ~street.clip.moving[1] & (following.parallax > 3)
    length = street.step(1)[:3, 3].norm()
    ratio = following.inverse_depth[still] * depth_m[still] / length
    assert float((ratio - 1).abs().median()) < 0.01


def test_flow_of_what_the_next_frame_hides_comes_from_the_previous_one(street) -> None:  # type: ignore[no-untyped-def]
    previous, following = points(street)
    ratio = length_ratio(following, previous)
    flow, known = static_flow(joint_points(following, previous, ratio), street.intrinsics, street.unit_step(1))
    hidden = ~street.clip.visible_forward[1] & ~street.clip.moving[1] & known
    error = (flow - street.clip.flow_forward[1]).norm(dim=0, keepdim=True)[hidden]
    assert int(hidden.sum()) > 500
    assert float(error.median()) < 0.2


def test_matches_off_the_epipolar_line_are_not_static(street) -> None:  # type: ignore[no-untyped-def]
    _, following = views(street)
    shifted = following.flow.clone()
    shifted[1, :, 40:60] += 12.0  # down, where the lines run outward
    taken = static_points(SourceView(shifted, following.seen, following.source_from_target), street.intrinsics)
    middle = (slice(None), slice(40, 56), slice(40, 60))
    assert taken.usable[middle].float().mean() < 0.1
    assert torch.equal(taken.flow[:, 40:56, 40:60], shifted[:, 40:56, 40:60])


def test_small_errors_across_the_line_are_taken_off(street) -> None:  # type: ignore[no-untyped-def]
    _, following = views(street)
    generator = torch.Generator().manual_seed(3)
    noisy = following.flow + 0.3 * torch.randn(following.flow.shape, generator=generator)
    taken = static_points(SourceView(noisy, following.seen, following.source_from_target), street.intrinsics)
    still = taken.usable & ~street.clip.moving[1]
    before = (noisy - following.flow).norm(dim=0, keepdim=True)[still].mean()
    after = (taken.flow - following.flow).norm(dim=0, keepdim=True)[still].mean()
    # one of two equal components is left: sqrt(2 / pi) of sqrt(pi / 2) deviations
    assert float(after / before) == pytest.approx(2 / torch.pi, rel=0.05)


def test_too_few_common_points_tell_no_ratio(street) -> None:  # type: ignore[no-untyped-def]
    previous, following = points(street)
    none = StaticPoints(
        previous.flow, previous.seen, previous.inverse_depth, previous.parallax, torch.zeros_like(previous.usable)
    )
    assert length_ratio(following, none) is None


def test_joint_depth_weighs_logarithms_by_squared_parallax() -> None:
    def one(inverse_depth: float, parallax: float, *, usable: bool = True) -> StaticPoints:
        maps = torch.full((1, 1, 1), inverse_depth).double(), torch.full((1, 1, 1), parallax).double()
        return StaticPoints(
            torch.zeros(2, 1, 1), torch.ones(1, 1, 1).bool(), *maps, torch.full((1, 1, 1), fill_value=usable)
        )

    both = joint_points(one(0.1, 2.0), one(0.4, 4.0), 0.5)  # the other says 0.2 in the units of the first
    assert float(both.inverse_depth) == pytest.approx(0.1 * 2 ** (16 / 20))
    assert float(both.parallax) == pytest.approx(20**0.5)
    alone = joint_points(one(0.1, 2.0), one(0.4, 4.0), None)
    assert float(alone.inverse_depth) == pytest.approx(0.1)
    neither = joint_points(one(0.1, 2.0, usable=False), one(0.4, 4.0), None)
    assert not neither.known.any()
