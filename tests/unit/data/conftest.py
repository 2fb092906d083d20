"""Videos, image folders and shards written by the tests themselves."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image
from tests.unit.data import noise_shards, small_shards

from triptych.data.folder_snippets import folder_snippets
from triptych.data.shard_preparing import prepared_shards
from triptych.types import FrameSequence

WriteVideo = Callable[..., Path]


def encode(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    rate: int = 25,
    codec: str = "libx264",
    pts: Sequence[int] | None = None,
    rotation: float = 0.0,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write RGB frames (height, width, 3); `pts` in milliseconds where given."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if codec == "libx264":
            stream.options = {"crf": "12"}
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        if pts is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for position, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            if pts is not None:
                frame.pts, frame.time_base = pts[position], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def numbered_frames(count: int, *, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Noisy frames whose mean gray level tells their number: 20 + 8 n."""
    noise = np.random.default_rng(0).integers(-15, 16, (height, width, 1))
    return [np.clip(20 + 8 * n + noise, 0, 255).astype(np.uint8).repeat(3, axis=2) for n in range(count)]


@pytest.fixture
def write_video() -> WriteVideo:
    return encode


@pytest.fixture
def numbered() -> Callable[..., list[np.ndarray]]:
    return numbered_frames


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """Five gray 40x30 images, frame1.png to frame12.png, whose level is their number."""
    folder = tmp_path / "walk"
    folder.mkdir()
    for number in (1, 2, 3, 10, 12):
        Image.new("RGB", (40, 30), (number, number, number)).save(folder / f"frame{number}.png")
    return folder


@pytest.fixture
def plain_sequence() -> Callable[..., FrameSequence]:
    """A sequence of random frames, with gaps in time where asked for."""

    def build(
        count: int = 6, *, height: int = 24, width: int = 40, timestamps: Sequence[float] | None = None
    ) -> FrameSequence:
        generator = torch.Generator().manual_seed(5)
        times = torch.arange(count) / 10 if timestamps is None else torch.tensor(timestamps)
        return FrameSequence(
            images=torch.randint(0, 256, (count, 3, height, width), generator=generator, dtype=torch.uint8),
            intrinsics=torch.tensor([[30.0, 0.0, 18.0], [0.0, 32.0, 11.0], [0.0, 0.0, 1.0]]),
            timestamps=times,
            source_indices=torch.arange(count),
            source_length=count,
            intrinsics_origin="made up",
            name="plain",
        )

    return build


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two drives of ten and seven frames."""
    small_shards.write_drive(tmp_path / "root" / "long", 10)
    small_shards.write_drive(tmp_path / "root" / "short", 7)
    return tmp_path / "root"


@pytest.fixture(scope="session")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drives of noise of different sizes, one of them with a K."""
    root = tmp_path_factory.mktemp("drives")
    random = np.random.default_rng(0)
    for (name, length), size in zip(noise_shards.LENGTHS.items(), ((60, 100, 3), (44, 90, 3)), strict=True):
        (root / name).mkdir()
        for number in range(length):
            Image.fromarray(random.integers(0, 256, size, dtype=np.uint8)).save(root / name / f"{number:03d}.png")
    (root / "walk" / "K.txt").write_text("80 0 51 0 82 28 0 0 1")
    return root


@pytest.fixture(scope="session")
def shards(drives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "small"
    prepared_shards(
        folder_snippets(drives), folder, bottom_crop=0.2, chunk_bytes=noise_shards.CHUNK_BYTES, **noise_shards.SIZE
    )
    return folder


@pytest.fixture
def own_shards(shards: Path, tmp_path: Path) -> Path:
    """A copy to do harm to."""
    folder = tmp_path / "own"
    folder.mkdir()
    for file in shards.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder
