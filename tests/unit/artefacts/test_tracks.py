"""Points are followed for as long as flow, depth and path tell the same story."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from triptych.artefacts.tracks import FrameMaps, tracked_points
from triptych.geometry.camera import intrinsics_matrix

FRAMES, HEIGHT, WIDTH = 4, 24, 40
K = intrinsics_matrix(40.0, 40.0, 19.5, 11.5)
WALL = 4.0
STEP = 0.2  # to the right: the picture moves 40 * 0.2 / 4 = 2 px to the left


def poses() -> torch.Tensor:
    path = torch.eye(4, dtype=torch.float64).repeat(FRAMES, 1, 1)
    path[:, 0, 3] = STEP * torch.arange(FRAMES)
    return path


def maps(*, depth: float = WALL, flow: float = -2.0, usable: bool = True, seen: float = 1.0) -> Iterator[FrameMaps]:
    generator = torch.Generator().manual_seed(1)
    texture = torch.randint(0, 256, (3, HEIGHT, WIDTH + 2 * FRAMES), generator=generator, dtype=torch.uint8)
    everywhere = torch.ones(HEIGHT, WIDTH)
    for index in range(FRAMES):
        last = index == FRAMES - 1
        yield FrameMaps(
            image=texture[:, :, 2 * index : 2 * index + WIDTH].contiguous(),
            depth=depth * everywhere,
            flow=None if last else torch.stack((flow * everywhere, 0 * everywhere)),
            visibility=None if last else seen * everywhere,
            usable=everywhere > 0 if usable else everywhere < 0,
        )


def test_points_of_a_wall_stand_on_it_and_are_seen_where_they_appear() -> None:
    tracks = tracked_points(maps(), K, poses(), spacing=6)
    assert len(tracks.positions) >= 4 * 6
    torch.testing.assert_close(tracks.positions[:, 2], torch.full_like(tracks.positions[:, 2], WALL))
    assert tracks.errors.max() < 1e-5
    at = tracks.positions[tracks.point]
    expected = 19.5 + 40.0 * (at[:, 0] - STEP * tracks.frame) / WALL
    torch.testing.assert_close(tracks.pixel[:, 0], expected, atol=1e-4, rtol=0)
    views = torch.bincount(tracks.point)
    assert views.min() >= 2
    assert views.max() == FRAMES


def test_a_point_ends_where_something_moves_over_it_or_another_depth_comes() -> None:
    whole = list(maps())
    covered = [replace(frame, usable=frame.usable & (index < 2)) for index, frame in enumerate(whole)]
    farther = [replace(frame, depth=frame.depth * (1 if index < 2 else 1.2)) for index, frame in enumerate(whole)]
    for changed in (covered, farther):
        tracks = tracked_points(changed, K, poses(), spacing=6)
        assert int(tracks.frame.max()) == 1
        assert len(tracks.positions) >= 4 * 6


def test_colors_are_those_of_the_pixel_that_a_point_began_at() -> None:
    tracks = tracked_points(maps(), K, poses(), spacing=6)
    frames = list(maps())
    for point in (0, 7, len(tracks.positions) - 1):
        first = (tracks.point == point).nonzero()[0, 0]
        column, row = tracks.pixel[first].round().long().tolist()
        assert torch.equal(tracks.colors[point], frames[int(tracks.frame[first])].image[:, row, column])


def test_no_two_points_begin_in_one_cell() -> None:
    tracks = tracked_points(maps(), K, poses(), spacing=6)
    cells = (tracks.pixel[tracks.frame == 0] // 6).tolist()
    assert len(cells) == len({tuple(cell) for cell in cells})


def test_nothing_is_followed_against_depth_flow_motion_or_visibility() -> None:
    # Depth 3 would move the picture 2.67 px, flow says 2: 0.67 px apart, 0.2 px are allowed.
    for wrong in (maps(depth=3.0), maps(flow=-3.0), maps(usable=False), maps(seen=0.0)):
        tracks = tracked_points(wrong, K, poses(), spacing=6)
        assert len(tracks.positions) == len(tracks.frame) == 0
