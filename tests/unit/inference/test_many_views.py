"""A frame's static points by all the frames around it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.unit.inference.conftest import Street
from tests.unit.inference.said_pairs import said
from torch import Tensor

from triptych.geometry.visibility import forward_backward_visibility
from triptych.inference.many_views import PointsByView, joint_points_by_views, views_around
from triptych.inference.pairs import MeasuredPair
from triptych.inference.three_view import StaticPoints
from triptych.inference.window import Surroundings


def exact_pair(street: Street, index: int) -> MeasuredPair:
    clip = street.clip
    there, back = clip.flow_forward[index], clip.flow_backward[index]
    return MeasuredPair(
        estimate=said(street, index),
        flow=there,
        flow_back=back,
        visibility=clip.visible_forward[index].float(),
        seen=forward_backward_visibility(there[None], back[None])[0],
        seen_back=forward_backward_visibility(back[None], there[None])[0],
        motion=street.unit_step(index),
        still=False,
    )


def around(street: Street, index: int) -> Surroundings:
    """A frame of the street among all its pairs, all exact; the unit of length is the meter."""
    pairs = range(len(street.clip.images) - 1)
    return Surroundings(tuple(exact_pair(street, pair) for pair in pairs), tuple(map(street.step, pairs)), index)


def off(street: Street, index: int, view: PointsByView) -> Tensor:
    """Relative error of the depth of static points by a view."""
    still = view.points.usable & ~street.clip.moving[index] & (view.points.parallax > 3)
    depth = view.length / view.points.inverse_depth[still]
    return (depth / street.clip.depth_m[index][still] - 1).abs()


def test_frames_farther_away_tell_the_same_depth(street: Street) -> None:
    views = views_around(around(street, 0), street.intrinsics)
    assert [view.pairs for view in views.after] == [1, 2, 3]
    assert views.before == ()
    for view in views.after:
        wrong = off(street, 0, view)
        assert len(wrong) > 1000
        assert float(wrong.median()) < 0.02
    near, far = views.after[0].points, views.after[2].points
    assert far.parallax[far.usable].median() > 1.5 * near.parallax[near.usable].median()
    backward = views_around(around(street, 3), street.intrinsics)
    assert [view.pairs for view in backward.before] == [1, 2, 3]
    assert backward.after == ()
    assert float(off(street, 3, backward.before[2]).median()) < 0.02


def test_a_chain_ends_where_something_is_hidden(street: Street) -> None:
    among = around(street, 0)
    covered = torch.zeros_like(among.pairs[1].seen)
    hiding = replace(among, pairs=(among.pairs[0], replace(among.pairs[1], seen=covered), among.pairs[2]))
    first, second, third = views_around(hiding, street.intrinsics).after
    assert first.points.usable.any()
    assert not second.points.usable.any()
    assert not third.points.usable.any()


def test_a_camera_that_is_back_in_its_place_tells_no_depth(street: Street) -> None:
    among = around(street, 0)
    there = among.steps[0]
    to_and_fro = Surroundings(among.pairs, (there, torch.linalg.inv(there), among.steps[2]), 0)
    lengths = [view.length for view in views_around(to_and_fro, street.intrinsics).after]
    assert lengths == pytest.approx([float(there[:3, 3].norm()), float(among.steps[2][:3, 3].norm())])


def view(
    inverse_depth: float, parallax: float, *, length: float = 1.0, pairs: int = 1, usable: bool = True
) -> PointsByView:
    one = torch.ones(1, 1, 1)
    points = StaticPoints(
        torch.zeros(2, 1, 1), one.bool(), (inverse_depth * one).double(), (parallax * one).double(), one.bool() & usable
    )
    return PointsByView(points, torch.eye(4, dtype=torch.float64), length, pairs)


def test_views_are_joined_by_their_inverse_variances_in_one_unit() -> None:
    # In the unit of a step of 2: 0.2 * 2 / 4 is 0.1 by both.
    joint = joint_points_by_views([view(0.1, 2.0, length=2.0), view(0.2, 4.0, length=4.0, pairs=2)], unit=2.0)
    assert float(joint.inverse_depth) == pytest.approx(0.1)
    assert float(joint.parallax) == pytest.approx((4 + 16 / 2) ** 0.5)
    near = joint_points_by_views([view(0.100, 2.0), view(0.102, 4.0)], unit=1.0)  # too alike for a weight to matter
    assert float(near.inverse_depth) == pytest.approx(0.1 * 1.02 ** (16 / 20), rel=1e-4)


def test_a_view_that_the_others_contradict_hardly_counts() -> None:
    agreeing = [view(0.1, 8.0) for _ in range(3)]
    joint = joint_points_by_views([*agreeing, view(0.4, 8.0)], unit=1.0)
    assert float(joint.inverse_depth) == pytest.approx(0.1, rel=0.02)
    assert float(joint.parallax) < 0.9 * 16


def test_what_no_view_tells_is_not_known() -> None:
    joint = joint_points_by_views([view(0.1, 8.0, usable=False), view(0.1, 1.2, pairs=3)], unit=1.0)
    assert not joint.known.any()
    assert joint.inverse_depth.isfinite().all()
    assert float(joint.parallax) == 0
