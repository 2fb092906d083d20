"""Small inputs for the commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from triptych.artefacts.video import VideoWriter
from triptych.cli import main
from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.kitti_writer import write_kitti_raw

TINY_SETTINGS = [
    "--size=64x96",
    "--depth.encoder_options={layers: [1, 1, 1, 1], channels: [8, 8, 16, 16], stem_width: 8}",
    "--depth.width=0.25",
    "--pose.encoder_options={layers: [1, 1, 1, 1], channels: [8, 8, 16, 16], stem_width: 8}",
    "--pose.channels=16",
    "--flow.width=0.25",
]


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Words for networks so small that a step takes no time."""
    return TINY_SETTINGS


@pytest.fixture(scope="session")
def frames() -> torch.Tensor:
    """Ten frames of a picture that slides past."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(1, 3, 20, 44, generator=generator)
    scene = torch.nn.functional.interpolate(coarse, (80, 176), mode="bicubic").clamp(0, 1)[0]
    return (torch.stack([scene[:, :, 4 * i : 4 * i + 120] for i in range(10)]) * 255).to(torch.uint8)


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory, frames: torch.Tensor) -> Path:
    """The frames as an mp4."""
    path = tmp_path_factory.mktemp("video") / "slide.mp4"
    with VideoWriter(path, rate=10.0) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory, video: Path) -> Path:
    """A run folder after three steps, one of each stage."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    words = ["--steps=3", "--from_scratch", "--intrinsics=90,90,59.5,39.5", *TINY_SETTINGS]
    main(["fit", str(video), "--output", str(folder), *words])
    return folder


@pytest.fixture(scope="session")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drives in the layout of KITTI raw, with annotated depth."""
    root = tmp_path_factory.mktemp("raw")
    for drive in (1, 5):  # the second is none of the Eigen test, which is left out of trainings
        clip = synthetic_clip("street", seed=200 + drive, frames=12, height=64, width=192)
        write_kitti_raw(clip, root, drive=drive)
    return root


@pytest.fixture
def settings_of(tiny: list[str]) -> Callable[..., list[str]]:
    """Words that train the paper's way, but tiny, on what lies under a root."""

    def words(root: Path, folder: Path, *more: str) -> list[str]:
        return [
            "train",
            "--preset=paper",
            "--depth.pretrained=null",
            "--pose.pretrained=null",
            "--depth.encoder=resnet18",
            "--pose.encoder=resnet18",
            *tiny,
            "--training.batch_size=2",
            "--data.dataset=kitti_raw",
            f"--data.root={root}",
            f"--output={folder}",
            *more,
        ]

    return words


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with exit code 2 and one line without a traceback; the line."""

    def run(*words: str) -> str:
        with pytest.raises(SystemExit) as caught:
            main(list(words))
        error = capfd.readouterr().err
        assert caught.value.code == 2, error
        assert "Traceback" not in error
        lines = [line for line in error.splitlines() if line.startswith("triptych:")]
        assert len(lines) == 1, error
        assert error.strip().splitlines()[-1] == lines[0], error
        return lines[0]

    return run
