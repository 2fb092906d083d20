"""What cannot be used is refused in one line, with exit code 2, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

Refused = Callable[..., str]


def folder_of_images(folder: Path, sizes: list[tuple[int, int]]) -> Path:
    folder.mkdir()
    for index, (width, height) in enumerate(sizes):
        Image.new("RGB", (width, height), (index * 9, 80, 120)).save(folder / f"{index:03d}.png")
    return folder


def test_a_missing_file(refused: Refused, tmp_path: Path) -> None:
    assert "does not exist" in refused("fit", str(tmp_path / "no.mp4"), "--output", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_an_unreadable_video(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_text("no video at all")
    assert "x.mp4" in refused("fit", str(tmp_path / "x.mp4"), "--output", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_truncated_video(refused: Refused, tmp_path: Path, video: Path) -> None:
    content = video.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    assert "cut.mp4" in refused("fit", str(tmp_path / "cut.mp4"), "--output", str(tmp_path / "run"))


def test_one_frame_only(refused: Refused, tmp_path: Path) -> None:
    source = folder_of_images(tmp_path / "one", [(120, 80)])
    assert "frame" in refused("fit", str(source), "--output", str(tmp_path / "run"))


def test_frames_of_different_sizes(refused: Refused, tmp_path: Path, tiny: list[str]) -> None:
    source = folder_of_images(tmp_path / "mixed", [(120, 80), (120, 80), (100, 80), (120, 80)])
    line = refused("fit", str(source), "--output", str(tmp_path / "run"), *tiny)
    assert "100x80" in line
    assert "120x80" in line


@pytest.mark.parametrize(
    ("intrinsics", "said"), [("90,90,59", "four numbers"), ("90,90,500,40", "500"), ("-1,90,59,40", "positive")]
)
def test_intrinsics_that_cannot_be(
    refused: Refused, tmp_path: Path, tiny: list[str], video: Path, intrinsics: str, said: str
) -> None:
    line = refused("fit", str(video), "--output", str(tmp_path / "run"), f"--intrinsics={intrinsics}", *tiny)
    assert said in line


def test_a_camera_that_stands_still(refused: Refused, tmp_path: Path, tiny: list[str]) -> None:
    source = tmp_path / "still"
    source.mkdir()
    generator = torch.Generator().manual_seed(0)
    picture = (torch.rand(80, 120, 3, generator=generator) * 255).to(torch.uint8).numpy()
    for index in range(6):
        Image.fromarray(picture).save(source / f"{index}.png")
    assert "stands still" in refused("fit", str(source), "--output", str(tmp_path / "run"), *tiny)


def test_an_output_folder_that_holds_something(refused: Refused, tmp_path: Path, video: Path, fitted: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious.txt").write_text("keep me")
    assert "not empty" in refused("fit", str(video), "--output", str(tmp_path / "full"))
    line = refused("predict", str(video), "--model", str(fitted), "--output", str(tmp_path / "full"))
    assert "--overwrite" in line
    assert "not empty" in refused("demo", "--output", str(tmp_path / "full"))
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["precious.txt"]


def test_a_full_disk(
    refused: Refused, tmp_path: Path, video: Path, fitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from triptych.inference import writer

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writer, "save_depth_png", full)
    line = refused("predict", str(video), "--model", str(fitted), "--output", str(tmp_path / "out"))
    assert "disk is full" in line
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_ours(refused: Refused, tmp_path: Path, video: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "model.safetensors")
    line = refused("predict", str(video), "--model", str(tmp_path), "--output", str(tmp_path / "out"))
    assert "model.safetensors" in line
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_is_not_ours(refused: Refused, tmp_path: Path, video: Path, fitted: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "settings.yaml").write_text((fitted / "settings.yaml").read_text())
    torch.save({"state_dict": {}}, run / "checkpoints" / "last.ckpt")
    line = refused("fit", str(video), "--output", str(run), "--resume")
    assert "not a triptych checkpoint" in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fitt"], "did you mean fit"),
        (["fit", "--preset=tiny"], "no such preset"),
        (["fit", "x.mp4", "--output=r", "--size=big"], "HEIGHTxWIDTH"),
        (["fit", "x.mp4", "--output=r", "--losses.tau_photometrik=0.3"], "tau_photometrik"),
        (["fit", "x.mp4", "--output=r", "--losses.fundamental=guess"], "fundamental"),
        (["fit", "x.mp4"], "output"),
        (["predict", "x.mp4", "--model=nowhere", "--output=r"], "nowhere"),
        (["demo", "--frames=4"], "16 at least"),
        (["fit", "x.mp4", "--output=nowhere", "--resume"], "no run to resume"),
    ],
)
def test_words_that_mean_nothing(
    refused: Refused, words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused(*words)
    assert list(tmp_path.iterdir()) == []
