"""Classical answers about the snippets of a street, held against its truth."""

import pytest
import torch

from triptych.geometry.pose import inverse_transform
from triptych.geometry.visibility import forward_backward_visibility
from triptych.inference.classical import enlarged_dis_flow
from triptych.inference.teacher import DOUBTED_TRUST, SequenceTeacher
from triptych.metrics.flow import end_point_error
from triptych.types import Teaching


@pytest.fixture(scope="module")
def teaching(street) -> Teaching:  # type: ignore[no-untyped-def]
    return SequenceTeacher(street.sequence()).teaching((0, 1, 2))


def true_flow(street) -> torch.Tensor:  # type: ignore[no-untyped-def]
    return torch.stack((street.clip.flow_backward[0], street.clip.flow_forward[1]))


def test_taught_flow_is_better_than_dis_most_of_all_where_the_source_hides_the_target(street, teaching) -> None:  # type: ignore[no-untyped-def]
    images = street.clip.images
    dis = torch.stack([enlarged_dis_flow(images[1], images[source]) for source in (0, 2)])
    truth = true_flow(street)
    seen = torch.stack((street.clip.visible_backward[0], street.clip.visible_forward[1]))
    ours, theirs = end_point_error(teaching.flow, truth), end_point_error(dis, truth)
    assert ours.mean() < 0.8 * theirs.mean()
    assert ours[~seen].mean() < 0.7 * theirs[~seen].mean()


def test_what_is_taught_with_trust_is_nearer_the_truth_than_what_is_doubted(street, teaching) -> None:  # type: ignore[no-untyped-def]
    error = end_point_error(teaching.flow, true_flow(street))
    doubted = teaching.flow_trust < 0.5
    assert torch.allclose(teaching.flow_trust[doubted], torch.tensor(DOUBTED_TRUST), atol=1e-3)
    assert error[~doubted].median() < 0.3 < error[doubted].median()


def test_unequal_steps_are_brought_to_one_unit_for_either_source(street) -> None:  # type: ignore[no-untyped-def]
    """The step to frame 3 is twice that to frame 0: a wrong ratio would move flows by half their parallax."""
    images = street.clip.images
    taught = SequenceTeacher(street.sequence()).teaching((0, 1, 3))
    there, back = enlarged_dis_flow(images[1], images[0]), enlarged_dis_flow(images[0], images[1])
    unconfirmed = ~forward_backward_visibility(there[None], back[None])
    by_other = unconfirmed & (taught.flow_trust[:1] > 0.5) & ~street.clip.moving[1]
    error = end_point_error(taught.flow[:1], street.clip.flow_backward[:1])
    assert int(by_other.sum()) > 100
    assert error[by_other].median() < 0.5


def test_taught_motions_are_the_true_ones_up_to_length(street, teaching) -> None:  # type: ignore[no-untyped-def]
    truth = torch.stack((inverse_transform(street.unit_step(0)), street.unit_step(1))).float()
    torch.testing.assert_close(teaching.source_from_target, truth, atol=0.02, rtol=0)
    assert (teaching.motion_trust > 0.8).all()


def test_taught_depth_is_the_true_one_up_to_one_factor(street, teaching) -> None:  # type: ignore[no-untyped-def]
    known = (teaching.depth_trust > 0.8) & ~street.clip.moving[1]
    product = (teaching.inverse_depth * street.clip.depth_m[1])[known]
    assert known.float().mean() > 0.3
    assert float((product / product.median() - 1).abs().median()) < 0.05
    assert (teaching.depth_trust >= 0).all()
    assert (teaching.depth_trust < 1).all()


def test_the_answer_is_the_same_when_it_is_asked_for_again_or_by_another_teacher(street, teaching) -> None:  # type: ignore[no-untyped-def]
    teacher = SequenceTeacher(street.sequence())
    teacher.teaching((1, 2, 3))
    for again in (teacher.teaching((0, 1, 2)), teacher.teaching((0, 1, 2))):
        for name in ("flow", "flow_trust", "source_from_target", "motion_trust", "inverse_depth", "depth_trust"):
            assert torch.equal(getattr(again, name), getattr(teaching, name)), name


def test_frames_without_motion_teach_no_motion_and_no_depth() -> None:
    generator = torch.Generator().manual_seed(1)
    image = (torch.nn.functional.interpolate(torch.rand(1, 3, 16, 24, generator=generator), (64, 96))[0] * 255).byte()
    from triptych.types import FrameSequence

    sequence = FrameSequence(
        images=torch.stack([image] * 3),
        intrinsics=torch.tensor([[60.0, 0, 47.5], [0, 60.0, 31.5], [0, 0, 1]]),
        timestamps=torch.arange(3).double(),
        source_indices=torch.arange(3),
        source_length=3,
        intrinsics_origin="made up",
        name="still",
    )
    teaching = SequenceTeacher(sequence).teaching((0, 1, 2))
    assert teaching.motion_trust.tolist() == [0.0, 0.0]
    assert (teaching.depth_trust == 0).all()
    assert (teaching.flow.abs() < 0.1).all()
