"""Corners followed from frame to frame."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from triptych.inference.tracks import TRACKS_AT_MOST, CornerTracks


def gliding(frames: int) -> Tensor:
    """A picture that glides by 3 px to the left from frame to frame."""
    coarse = torch.rand(1, 3, 20, 90, generator=torch.Generator().manual_seed(3))
    wide = torch.nn.functional.interpolate(coarse, (80, 360), mode="bicubic").clamp(0, 1)[0]
    return torch.stack([(255 * wide[:, :, 3 * index : 3 * index + 160]).to(torch.uint8) for index in range(frames)])


def tracks_of(images: Tensor, *, frames_at_most: int) -> CornerTracks:
    tracks = CornerTracks(frames_at_most=frames_at_most)
    guess = torch.tensor([-2.0, 1.0]).view(2, 1, 1).expand(2, 80, 160)  # a pixel off each way
    for image, following in pairwise(images):
        tracks.follow(image, following, guess)
    return tracks


def test_corners_keep_their_numbers_along_the_picture() -> None:
    found = tracks_of(gliding(5), frames_at_most=8).observations(5)
    assert 100 < len(found.seen) <= 2 * TRACKS_AT_MOST
    both = found.seen[:, 1:] & found.seen[:, :-1]
    moved = (found.pixels[:, 1:] - found.pixels[:, :-1])[both]
    torch.testing.assert_close(moved, torch.tensor([-3.0, 0.0]).double().expand_as(moved), rtol=0, atol=0.5)
    assert float((moved - torch.tensor([-3.0, 0.0])).abs().mean()) < 0.05
    assert float(both.float().mean()) > 0.7
    assert (found.seen.sum(dim=1) > 1).all()
    assert (found.pixels[~found.seen] == 0).all()


def test_new_corners_take_the_place_of_those_that_leave() -> None:
    found = tracks_of(gliding(20), frames_at_most=20).observations(20)
    assert not found.seen[:, 0].all()
    counts = found.seen.sum(dim=0)
    assert counts[10] > 0.7 * counts[1]
    gaps = (found.seen.int().diff(dim=1) != 0).sum(dim=1)
    assert gaps.max() <= 2  # who is lost does not come back


def test_only_the_last_frames_are_kept() -> None:
    tracks = tracks_of(gliding(12), frames_at_most=4)
    assert tracks.observations(12).seen.shape[1] == 4
    assert tracks.observations(3).seen.shape[1] == 3


def test_a_picture_without_corners_has_no_points() -> None:
    flat = torch.full((3, 3, 80, 160), 128, dtype=torch.uint8)
    assert len(tracks_of(flat, frames_at_most=4).observations(3).seen) == 0
