"""Videos hold the frames that were written, in their colors, and appear whole."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from torch import Tensor

from triptych.artefacts.video import VideoWriter
from triptych.errors import InputError


def frames_of(path: Path) -> tuple[list[Tensor], Any]:
    """Decoded RGB frames and the codec context."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pictures = [
            torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1) for frame in container.decode(stream)
        ]
        return pictures, stream.codec_context


def plain(red: int, green: int, blue: int, *, height: int = 48, width: int = 64) -> Tensor:
    return torch.tensor([red, green, blue], dtype=torch.uint8)[:, None, None].repeat(1, height, width)


COLORS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 120, 40)]


def test_the_frames_come_back_in_number_order_and_color(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", rate=10) as video:
        for color in COLORS:
            video.write(plain(*color))
    pictures, context = frames_of(tmp_path / "v.mp4")
    assert len(pictures) == len(COLORS)
    for picture, color in zip(pictures, COLORS, strict=True):
        middle = picture[:, 24, 32].int() - torch.tensor(color)
        assert middle.abs().max() <= 6
    assert context.name == "h264"
    assert context.pix_fmt == "yuv420p"
    # BT.709 in all three, or players show other colors.
    assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)


def test_an_odd_size_is_padded_by_repeating_the_last_row_and_column(tmp_path: Path) -> None:
    picture = plain(0, 0, 0, height=31, width=45)
    picture[:, 30, :] = 255
    with VideoWriter(tmp_path / "v.mp4", rate=10, quality=1) as video:
        video.write(picture)
    pictures, _ = frames_of(tmp_path / "v.mp4")
    assert pictures[0].shape == (3, 32, 46)
    assert pictures[0][:, 31].float().mean() > 240
    assert pictures[0][:, 29].float().mean() < 15


@pytest.mark.parametrize("rate", [10, 12.5, 30000 / 1001])
def test_the_frame_rate_is_kept(tmp_path: Path, rate: float) -> None:
    with VideoWriter(tmp_path / "v.mp4", rate=rate) as video:
        for _ in range(5):
            video.write(plain(9, 9, 9))
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(rate, rel=1e-6)


def test_the_index_is_at_the_front_so_that_a_browser_can_start(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mp4", rate=10) as video:
        video.write(plain(1, 2, 3))
    content = (tmp_path / "v.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_frame_of_another_size_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    def write() -> None:
        with VideoWriter(tmp_path / "v.mp4", rate=10) as video:
            video.write(plain(0, 0, 0))
            video.write(plain(0, 0, 0, width=66))

    with pytest.raises(ValueError, match="frames of 64 x 48 are needed, got 66 x 48"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frame"), VideoWriter(tmp_path / "v.mp4", rate=10):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "rate"), [("v.avi", 10.0), ("v.mp4", 0.0), ("v.mp4", -1.0)])
def test_another_suffix_or_an_impossible_rate_is_refused_at_once(tmp_path: Path, name: str, rate: float) -> None:
    with pytest.raises(ValueError, match="is needed"):
        VideoWriter(tmp_path / name, rate=rate)


@pytest.fixture
def small_files() -> Iterator[None]:
    """The system refuses files above 100 kB, as it does when a disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_file_that_the_system_cuts_short_is_told_in_one_line_and_removed(tmp_path: Path) -> None:
    def write() -> None:
        with VideoWriter(tmp_path / "v.mp4", rate=10, quality=1) as video:
            for seed in range(30):
                generator = torch.Generator().manual_seed(seed)
                video.write(torch.randint(0, 256, (3, 120, 160), generator=generator, dtype=torch.uint8))

    with pytest.raises(InputError, match=r"cannot write .*v\.mp4: the file grew larger"):
        write()
    assert list(tmp_path.iterdir()) == []
