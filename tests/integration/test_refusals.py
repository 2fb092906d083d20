"""What cannot be used is refused in one line, with exit code 2, and nothing is left behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from triptych.artefacts.video import VideoWriter
from triptych.cli.run_folder import start_run_folder
from triptych.config.load import preset_settings
from triptych.formats.maps import save_picture

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


def copied(folder: Path, place: Path) -> Path:
    shutil.copytree(folder, place)
    return place


def test_nothing_is_replaced_that_is_read_or_that_is_something_else(
    refused: Refused, tmp_path: Path, frames: torch.Tensor, fitted: Path, tiny: list[str]
) -> None:
    run = copied(fitted, tmp_path / "run")
    for index, frame in enumerate(frames):
        save_picture(run / "frames" / f"{index}.png", frame)
    source, precious = str(run / "frames"), tmp_path / "precious"
    (precious / "of_mine").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    for words in (
        ["predict", source, f"--output={source}"],
        ["predict", source, f"--output={run}"],
        ["predict", source, f"--model={run}", f"--output={run}"],
        ["fit", source, f"--output={run}", *tiny],
        ["train", f"--initial={run}", f"--output={run}", f"--data.root={fitted}"],
        ["evaluate", "streets", f"--ground-truth={run}", f"--model={run}", f"--prediction={run}"],
    ):
        assert "which is read, lies there" in refused(*words, "--overwrite")
    assert "holds no result that" in refused("predict", source, f"--output={precious}", "--overwrite")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_behind_a_link_is_replaced_and_the_link_stays(tmp_path: Path, fitted: Path, video: Path) -> None:
    run, link = copied(fitted, tmp_path / "run"), tmp_path / "link"
    link.symlink_to(run)
    (run / "old").symlink_to(fitted)
    start_run_folder(link, preset_settings("small"), overwrite=True)
    assert link.is_symlink()
    assert sorted(file.name for file in run.iterdir()) == ["environment.json", "settings.yaml"]
    assert (fitted / "model.safetensors").is_file()


def test_what_is_refused_late_leaves_the_old_run(
    refused: Refused,
    tmp_path: Path,
    video: Path,
    fitted: Path,
    tiny: list[str],
    drives: Path,
    settings_of: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("triptych.networks.execution.shutil.which", lambda _: None)  # no compiler
    run = copied(fitted, tmp_path / "run")
    before = sorted(run.rglob("*"))
    words = ["--overwrite", "--training.compile=true"]
    fit = ["fit", str(video), "--preset=small", *tiny]
    assert "compile" in refused(*fit, f"--output={run}", *words)
    assert "compile" in refused(*settings_of(drives, run, "--steps=1", *words))
    assert sorted(run.rglob("*")) == before
    assert "compile" in refused(*fit, f"--output={tmp_path / 'new'}", words[1])
    assert not (tmp_path / "new").exists()


def test_a_run_is_no_folder_of_predictions_of_a_benchmark(refused: Refused, tmp_path: Path, fitted: Path) -> None:
    run = copied(fitted, tmp_path / "run")
    words = ["evaluate", "streets", "--ground-truth=none", f"--model={fitted}", f"--prediction={run}", "--overwrite"]
    assert "holds no result that --overwrite could replace" in refused(*words)
    assert "name it, --prediction" in refused(*words[:4], "--overwrite")
    assert (run / "model.safetensors").is_file()


def test_a_fit_is_not_resumed_with_another_video(
    refused: Refused, tmp_path: Path, video: Path, fitted: Path, frames: torch.Tensor
) -> None:
    run = copied(fitted, tmp_path / "run")
    with VideoWriter(tmp_path / "other.mp4", rate=10.0) as writer:
        for frame in frames:
            writer.write(frame)
    before = (run / "model.safetensors").read_bytes()
    words = [f"--output={run}", "--resume", "--steps=4"]
    assert "the files of the source are others" in refused("fit", str(tmp_path / "other.mp4"), *words)
    assert "--frames.limit 8, which was None" in refused("fit", str(video), *words, "--frames.limit=8")
    assert "--held_out 0.4, which was 0.1" in refused("fit", str(video), *words, "--held_out=0.4")
    assert (run / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("words", [["--steps=0"], ["--minutes=-1"], ["--seed=-1"]])
def test_a_demo_that_cannot_be_leaves_the_old_one(refused: Refused, tmp_path: Path, words: list[str]) -> None:
    old = tmp_path / "demo"
    old.mkdir()
    (old / "settings.yaml").write_text("of an old demo")
    assert words[0].partition("=")[0] in refused("demo", f"--output={old}", "--overwrite", *words)
    assert (old / "settings.yaml").read_text() == "of an old demo"
    assert "--resume" not in refused("demo", f"--output={old}")


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
        (["fit", "x.mp4", "--output=r", "--size=6\N{SUPERSCRIPT TWO}x96"], "HEIGHTxWIDTH"),
        (["predict", "x.mp4", "--output=r", "--points=0:\N{SUPERSCRIPT TWO}"], "START:END"),
        (["predict", "x.mp4", "--output=r", "--points=50:10"], "--points 50:10: holds no frame"),
        (["predict", "x.mp4", "--output=r", "--points=:0"], "--points :0: holds no frame"),
        (["evaluate", "streets", "--ground-truth=x", "--prediction=y", "--refinement=none"], "with --model"),
        (["fit", "x.mp4", "--output=nowhere", "--resume"], "no run to resume"),
    ],
)
def test_words_that_mean_nothing(
    refused: Refused, words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused(*words)
    assert list(tmp_path.iterdir()) == []


def test_points_of_frames_that_are_not_there_are_refused_before_anything_is_predicted(
    refused: Refused, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.cli.predict.write", lambda *_, **__: pytest.fail("it predicts"))
    said = refused("predict", str(video), f"--output={tmp_path / 'r'}", "--points=10:")
    assert "--points 10: of 10 frames, counted from 0, none begins there; give a START below 10" in said
    assert list(tmp_path.iterdir()) == []
