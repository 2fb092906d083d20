"""Learned flow, brought nearer by the images."""

import torch

from triptych.inference.matches import tracked_matches, variational_flow
from triptych.metrics.flow import end_point_error

LEANING = torch.tensor([1.5, -1.0]).view(2, 1, 1)  # as a flow network errs: one way over whole surfaces


def test_corners_are_found_to_a_fraction_of_a_pixel_from_a_flow_that_is_off(street) -> None:  # type: ignore[no-untyped-def]
    clip = street.clip
    matches = tracked_matches(clip.images[0], clip.images[1], clip.flow_forward[0] + LEANING)
    columns, rows = matches.target[:2].round().long()
    seen = clip.visible_forward[0, 0, rows, columns]
    truth = matches.target[:2] + clip.flow_forward[0][:, rows, columns]
    off = (matches.source[:2] - truth).norm(dim=0)[seen]
    assert int(seen.sum()) > 200
    assert float(off.median()) < 0.3  # it began at 1.8


def test_an_image_without_corners_has_no_matches() -> None:
    flat = torch.full((3, 64, 96), 128, dtype=torch.uint8)
    assert tracked_matches(flat, flat, torch.zeros(2, 64, 96)).target.shape == (3, 0)


def test_matches_stay_in_the_frame(street) -> None:  # type: ignore[no-untyped-def]
    clip = street.clip
    matches = tracked_matches(clip.images[0], clip.images[1], clip.flow_forward[0])
    assert (matches.source[0] >= 0).all()
    assert (matches.source[0] <= clip.images.shape[-1] - 1).all()


def test_variational_refinement_halves_the_error_of_a_leaning_flow(street) -> None:  # type: ignore[no-untyped-def]
    clip = street.clip
    seen = clip.visible_forward[:1]
    begun = clip.flow_forward[0] + LEANING
    refined = variational_flow(clip.images[0], clip.images[1], begun)
    before = end_point_error(begun[None], clip.flow_forward[:1])[seen].mean()
    after = end_point_error(refined[None], clip.flow_forward[:1])[seen].mean()
    assert after < before / 2


def test_variational_refinement_leaves_its_input_alone(street) -> None:  # type: ignore[no-untyped-def]
    flow = street.clip.flow_forward[0].clone()
    variational_flow(street.clip.images[0], street.clip.images[1], flow)
    assert torch.equal(flow, street.clip.flow_forward[0])
