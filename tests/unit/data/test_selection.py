"""Frames picked by rate and by motion."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from triptych.data.selection import decimated, moving_frames
from triptych.data.sequence import load_sequence
from triptych.data.sources import open_source
from triptych.errors import InputError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_real = pytest.mark.skipif(not SHARED.exists(), reason="no real data beside the checkout")


def test_a_stride_takes_every_such_frame() -> None:
    assert decimated(torch.arange(7) / 10, stride=3).tolist() == [0, 3, 6]


def test_a_rate_takes_the_frames_nearest_to_its_ticks() -> None:
    # 30 Hz to 12 Hz: ticks at 2.5 frames; 2.5 is as near to 2 as to 3, the earlier is taken
    times = torch.arange(11, dtype=torch.float64) / 30
    assert decimated(times, rate=12.0).tolist() == [0, 2, 5, 7, 10]


def test_a_rate_follows_the_times_and_not_the_count() -> None:
    times = torch.tensor([0.0, 0.01, 0.02, 0.5, 0.51, 1.0, 1.01])
    assert decimated(times, rate=2.0).tolist() == [0, 3, 5]


@given(count=st.integers(1, 200), rate=st.sampled_from([10.0, 24.0, 25.0, 29.97, 30.0]))
@settings(max_examples=40, deadline=None)
def test_the_own_rate_of_a_source_or_a_higher_one_takes_every_frame(count: int, rate: float) -> None:
    times = torch.arange(count, dtype=torch.float64) / rate
    assert decimated(times, rate=rate).tolist() == list(range(count))
    assert decimated(times, rate=3.0 * rate).tolist() == list(range(count))


def test_the_own_rate_takes_every_frame_also_of_times_cut_to_milliseconds() -> None:
    times = torch.tensor([0.0, 0.033, 0.066, 0.1, 0.133, 0.166, 0.2, 0.233, 0.266])
    assert decimated(times, rate=30.0).tolist() == list(range(9))


@pytest.mark.parametrize(("stride", "rate"), [(0, None), (1, 0.0), (1, -2.0), (2, 5.0), (1, float("nan"))])
def test_a_stride_or_rate_without_meaning_is_refused(stride: int, rate: float | None) -> None:
    with pytest.raises(InputError):
        decimated(torch.arange(5) / 10, stride=stride, rate=rate)


def panned(shifts_px: list[float], *, height: int = 96, width: int = 320) -> Tensor:
    """A textured wall seen by a camera that has moved sideways by these amounts (px)."""
    noise = np.random.default_rng(0).integers(0, 256, (height + 40, width + 80), dtype=np.uint8)
    wall = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2.0), None, 0, 255, cv2.NORM_MINMAX)
    frames = []
    for shift in shifts_px:
        matrix = np.array([[1.0, 0.0, -20 - shift], [0.0, 1.0, -20.0]])
        frames.append(cv2.warpAffine(wall, matrix, (width, height), flags=cv2.INTER_CUBIC))
    return torch.from_numpy(np.stack(frames))[:, None].expand(-1, 3, -1, -1).contiguous()


def test_motion_is_told_in_pixels_per_frame() -> None:
    selection = moving_frames(panned([0.0, 2.0, 4.0, 6.0, 8.0]))
    assert selection.kept == (0, 1, 2, 3, 4)
    assert selection.median_motion_px == pytest.approx(2.0, abs=0.1)
    assert not selection.camera_still


def test_motion_is_told_in_pixels_of_the_images_also_where_measured_smaller() -> None:
    selection = moving_frames(panned([0.0, 4.0, 8.0], width=640))
    assert selection.median_motion_px == pytest.approx(4.0, abs=0.2)


def test_frames_of_a_stop_are_dropped() -> None:
    selection = moving_frames(panned([0, 2, 4, 4, 4, 4, 6, 8]))
    assert selection.kept == (0, 1, 2, 6, 7)
    assert selection.dropped == (3, 4, 5)


def test_slow_motion_adds_up_until_a_frame_is_kept() -> None:
    # 0.2 px a frame of 320: 0.001 of the width is reached by every second frame
    selection = moving_frames(panned([0.2 * n for n in range(9)]), minimum_motion=0.001)
    assert selection.kept == (0, 2, 4, 6, 8)
    assert selection.median_motion_px == pytest.approx(0.2, abs=0.03)


def test_a_still_camera_is_told_although_something_moves_in_front_of_it() -> None:
    frames = panned([0.0] * 8)
    noise = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (3, 60, 80), dtype=np.uint8))
    for position, frame in enumerate(frames):
        frame[:, 20:80, 20 + 12 * position : 100 + 12 * position] = noise
    selection = moving_frames(frames)
    assert selection.camera_still
    assert len(selection.dropped) == 7


def test_motion_is_measured_where_something_is_drawn() -> None:
    frames = panned([0.0, 2.0, 4.0])
    frames[:, :, :70] = 128  # a blank sky over nearly three quarters
    assert moving_frames(frames).median_motion_px == pytest.approx(2.0, abs=0.3)


def test_a_blank_video_does_not_move() -> None:
    selection = moving_frames(torch.full((4, 3, 32, 64), 128, dtype=torch.uint8))
    assert selection.kept == (0,)
    assert selection.camera_still
    assert selection.median_motion_px == 0.0


def test_zero_minimum_motion_keeps_all_frames() -> None:
    assert moving_frames(panned([0.0] * 4), minimum_motion=0.0).kept == (0, 1, 2, 3)


def test_a_negative_minimum_motion_is_refused() -> None:
    with pytest.raises(InputError, match="must be 0 or a share"):
        moving_frames(panned([0.0, 1.0]), minimum_motion=-0.1)


def test_progress_is_told_for_each_frame() -> None:
    told: list[tuple[int, int]] = []
    moving_frames(panned([0.0, 2.0, 4.0]), progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 3), (3, 3)]


@pytest.mark.real
@needs_real
def test_the_real_drive_with_a_standing_camera_and_moving_cars_is_still() -> None:
    drive = SHARED / "kitti_raw/2011_09_26/2011_09_26_drive_0017_sync"
    selection = moving_frames(load_sequence(open_source(drive), height=128, width=384).images)
    assert selection.camera_still
    assert selection.kept == (0,)
    assert selection.median_motion_px < 0.05


@pytest.mark.real
@needs_real
@pytest.mark.parametrize(
    "path",
    [
        "kitti_raw/2011_09_26/2011_09_26_drive_0095_sync",
        "kitti_odom/sequences/00",
        "videos/udacity_solidWhiteRight_960x540.mp4",
    ],
)
def test_real_recordings_from_a_moving_car_are_kept_whole(path: str) -> None:
    source = open_source(SHARED / path)
    selection = moving_frames(load_sequence(source, height=128, width=384, limit=80).images)
    assert selection.dropped == ()
    assert selection.median_motion_px > 0.5
