"""From a source to a sequence at the processing size."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from triptych.data.calibration import Calibration, calibration_from_text
from triptych.data.frame_source import FrameSource
from triptych.data.image_folder import open_image_folder
from triptych.data.sequence import load_sequence, resized_image
from triptych.data.sources import open_source
from triptych.errors import InputError
from triptych.geometry.camera import intrinsics_matrix


class Memory(FrameSource):
    """Frames in memory, at 20 Hz, that counts how many were read."""

    def __init__(self, images: Tensor, *, calibration: Calibration | None = None, timed: bool = True) -> None:
        times = torch.arange(len(images), dtype=torch.float64) / 20
        height, width = images.shape[-2:]
        super().__init__(
            path=Path("memory"),
            name="memory",
            size=(height, width),
            timestamps=times,
            timed=timed,
            intrinsics=calibration,
        )
        self.images = images
        self.read = 0

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Tensor]:
        for image in self.images[start:stop]:
            self.read += 1
            yield image


def numbered_images(count: int, height: int = 30, width: int = 40) -> Tensor:
    return torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, height, width)


def dot(x: float, y: float, *, height: int, width: int, sigma: float = 4.0) -> Tensor:
    """A bright round dot on black, centered at (x, y) in px."""
    rows, columns = np.mgrid[:height, :width]
    level = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return torch.from_numpy(np.round(level).astype(np.uint8)).expand(3, -1, -1)


def centroid(image: Tensor) -> tuple[float, float]:
    weight = image.double().mean(dim=0)
    rows, columns = torch.meshgrid(*(torch.arange(side).double() for side in weight.shape), indexing="ij")
    return float((weight * columns).sum() / weight.sum()), float((weight * rows).sum() / weight.sum())


@pytest.mark.parametrize(("height", "width"), [(60, 160), (120, 160), (96, 100), (300, 400)])
@pytest.mark.parametrize("bottom_crop", [0.0, 0.25])
def test_a_point_is_found_where_the_new_intrinsics_project_it(height: int, width: int, bottom_crop: float) -> None:
    calibration = Calibration(intrinsics_matrix(210.0, 190.0, 150.0, 110.0), "test")
    point = torch.tensor([0.1, -0.2, 1.0])
    x, y = (calibration.intrinsics @ point)[:2].tolist()
    images = dot(x, y, height=240, width=320).expand(2, -1, -1, -1)
    sequence = load_sequence(
        Memory(images), height=height, width=width, calibration=calibration, bottom_crop=bottom_crop
    )
    expected = (sequence.intrinsics @ point)[:2].tolist()
    assert centroid(sequence.images[0]) == pytest.approx(expected, abs=0.03)


def test_the_bottom_crop_removes_its_share_of_the_lowest_rows() -> None:
    images = torch.zeros(2, 3, 40, 40, dtype=torch.uint8)
    images[:, :, 30:] = 255  # the bonnet: the lowest quarter
    sequence = load_sequence(Memory(images), height=30, width=40, bottom_crop=0.25)
    assert int(sequence.images.max()) == 0
    assert int(load_sequence(Memory(images), height=40, width=40, bottom_crop=0.2).images.max()) == 255


def test_shrinking_averages_instead_of_picking() -> None:
    stripes = torch.zeros(3, 32, 64, dtype=torch.uint8)
    stripes[:, :, ::4] = 200  # a quarter of 200; two neighbors alone would give 0 or 100
    shrunk = resized_image(stripes, height=32, width=4)
    assert (shrunk.float() - 50).abs().max() <= 4  # a stripe more or less at the edges


def test_the_frames_picked_keep_their_times_and_places_in_the_source() -> None:
    sequence = load_sequence(Memory(numbered_images(30)), height=30, width=40, stride=4, start=3, limit=20)
    assert sequence.source_indices.tolist() == [3, 7, 11, 15, 19]
    assert sequence.images[:, 0, 0, 0].tolist() == [3, 7, 11, 15, 19]
    assert sequence.timestamps.tolist() == pytest.approx([0.15, 0.35, 0.55, 0.75, 0.95])
    assert sequence.source_length == 30


def test_a_rate_picks_by_time() -> None:
    sequence = load_sequence(Memory(numbered_images(21)), height=30, width=40, rate=4.0)
    assert sequence.source_indices.tolist() == [0, 5, 10, 15, 20]


def test_a_rate_needs_a_source_that_tells_times() -> None:
    with pytest.raises(InputError, match="memory: tells no times, so 4 Hz cannot be picked; use a stride"):
        load_sequence(Memory(numbered_images(9), timed=False), height=30, width=40, rate=4.0)


def test_no_more_frames_are_read_than_used() -> None:
    source = Memory(numbered_images(100))
    load_sequence(source, height=30, width=40, start=10, limit=5)
    assert source.read == 5


def test_progress_is_told_for_each_frame() -> None:
    told: list[tuple[int, int]] = []
    load_sequence(
        Memory(numbered_images(6)),
        height=30,
        width=40,
        stride=2,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_given_calibration_goes_before_the_own_and_that_before_an_assumption() -> None:
    own = Calibration(intrinsics_matrix(50.0, 50.0, 19.5, 14.5), "own")
    images = numbered_images(3)
    given = load_sequence(
        Memory(images, calibration=own),
        height=30,
        width=40,
        calibration=calibration_from_text("60,61,19,14"),
    )
    assert given.intrinsics_origin == "given as 60,61,19,14"
    assert not given.assumed_intrinsics
    kept = load_sequence(Memory(images, calibration=own), height=30, width=40)
    assert kept.intrinsics_origin == "own"
    assumed = load_sequence(Memory(images), height=30, width=80, assumed_fov_deg=90.0)
    assert assumed.assumed_intrinsics
    assert "assumed" in assumed.intrinsics_origin
    # 90 degrees over 40 px: f = 20; twice as wide: fx = 40, cx = 2 * (19.5 + 0.5) - 0.5
    assert torch.allclose(assumed.intrinsics, intrinsics_matrix(40.0, 20.0, 39.5, 14.5))


def test_a_principal_point_outside_the_picture_is_refused() -> None:
    with pytest.raises(InputError, match="outside the 40x30 picture"):
        load_sequence(Memory(numbered_images(3)), height=30, width=40, calibration=calibration_from_text("50,50,90,14"))


def test_one_frame_alone_is_refused(tmp_path: Path, write_video: Callable, numbered: Callable) -> None:
    source = open_source(write_video(tmp_path / "short.mp4", numbered(1)))
    with pytest.raises(InputError, match=r"short\.mp4: 1 of 1 frames are left to use, at least 2"):
        load_sequence(source, height=24, width=32)
    assert len(load_sequence(source, height=24, width=32, minimum_frames=1)) == 1


def test_a_start_behind_the_end_is_refused() -> None:
    with pytest.raises(InputError, match="0 of 5 frames are left"):
        load_sequence(Memory(numbered_images(5)), height=30, width=40, start=7)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"height": 0}, "processing size 40x0: both sides must be positive"),
        ({"bottom_crop": 1.0}, "bottom crop 1: give the share of rows"),
        ({"bottom_crop": -0.1}, "bottom crop -0.1: give the share of rows"),
        ({"start": -1}, "frames from -1, None of them: start from 0 or later"),
        ({"limit": 0}, "frames from 0, 0 of them: start from 0 or later, and use 1 or more"),
        ({"stride": 0}, "stride 0: must be 1 or more"),
    ],
)
def test_a_setting_without_meaning_is_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_sequence(Memory(numbered_images(5)), **({"height": 30, "width": 40} | wrong))


def test_frames_of_different_sizes_are_refused_by_name(image_folder: Path) -> None:
    Image.new("RGB", (30, 40)).save(image_folder / "frame11.png")
    with pytest.raises(InputError, match=r"frame11\.png: is 30x40, the frames before it are 40x30"):
        load_sequence(open_image_folder(image_folder), height=15, width=20)


def test_resizing_agrees_with_opencv_where_nothing_is_lost() -> None:
    # Enlarged, antialiased bilinear is plain bilinear, and OpenCV has the same pixel centers.
    image = torch.randint(0, 256, (3, 12, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    ours = resized_image(image, height=30, width=44).permute(1, 2, 0).numpy().astype(int)
    theirs = cv2.resize(image.permute(1, 2, 0).numpy(), (44, 30), interpolation=cv2.INTER_LINEAR)
    assert np.abs(ours - theirs).max() <= 1
