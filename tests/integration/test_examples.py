"""Every example runs as it stands, in a few steps."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image

from triptych.config.build_model import load_model
from triptych.data.synthetic import synthetic_clip
from triptych.formats.clips import save_frames
from triptych.formats.maps import save_picture
from triptych.inference.graphs import graphs_of
from triptych.inference.graphs_files import save_onnx
from triptych.inference.graphs_tracing import traced

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which an example runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drives of five small frames each."""
    folder = tmp_path_factory.mktemp("drives")
    for seed in (1, 2):
        clip = synthetic_clip("street", seed=seed, frames=5, height=64, width=96)
        save_frames(folder / str(seed), clip.images, clip.intrinsics)
    return folder


def ran(name: str, monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_all_are_listed() -> None:
    listed = re.findall(r"\]\((\w+\.py)\)", (EXAMPLES / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(file.name for file in EXAMPLES.glob("*.py"))


def test_depth_of_one_image(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    ran("depth_of_one_image.py", monkeypatch)
    assert picture(here / "depth.png").shape == (128, 384, 3)
    assert "depth.png: bright is near" in capsys.readouterr().out
    Image.fromarray(np.full((50, 70, 3), 99, dtype=np.uint8)).save("gray.png")
    ran("depth_of_one_image.py", monkeypatch, "gray.png", "--output=of_gray.png")
    assert picture(here / "of_gray.png").shape == (50, 70, 3)


def test_flow_of_two(here: Path, monkeypatch: pytest.MonkeyPatch, drives: Path, capsys: Capture) -> None:
    frames = sorted((drives / "1" / "frames").iterdir())
    ran("flow_of_two.py", monkeypatch, *frames[:2], "--output=flow_of_files.png")
    assert picture(here / "flow_of_files.png").shape == (64, 96, 3)
    assert "hue is direction" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        ran("flow_of_two.py", monkeypatch, frames[0])


def test_video_to_point_cloud(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    ran("video_to_point_cloud.py", monkeypatch, "--frames=3")
    count = int(re.findall(r"(\d+) points of 3 frames", capsys.readouterr().out)[0])
    assert 1000 < count <= 3 * 64 * 192
    assert f"element vertex {count}\n".encode() in (here / "points.ply").read_bytes()


def test_own_loss(here: Path, monkeypatch: pytest.MonkeyPatch, drives: Path, capsys: Capture) -> None:
    video, calibration = drives / "1" / "frames", drives / "1" / "K.txt"
    ran("own_loss.py", monkeypatch, video, f"--intrinsics={calibration}", "--steps=2", "--size=64x96")
    assert re.findall(r"step (\d): loss \d+\.\d+, own term \d+\.\d+", capsys.readouterr().out) == ["1", "2"]
    assert_moved(here / "own_loss")


def test_train_on_own_data(here: Path, monkeypatch: pytest.MonkeyPatch, drives: Path, capsys: Capture) -> None:
    ran("train_on_own_data.py", monkeypatch, drives, "--steps=2", "--size=64x96")
    told = capsys.readouterr().out
    assert re.findall(r"step (\d) \(joint\): loss", told) == ["1", "2"]
    assert_moved(here / "own_training")


def assert_moved(folder: Path) -> None:
    """The model is one that the commands take, and is no longer the package's."""
    begun, learned = (load_model(source)[0].state_dict() for source in ("packaged", folder))
    for network in ("depth", "pose", "flow"):
        weights = [name for name in begun if name.startswith(network) and name.endswith("weight")]
        assert any((begun[name] != learned[name]).any() for name in weights), network


def test_onnx_depth(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, request: pytest.FixtureRequest
) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model, settings = load_model("packaged")
    near, far = settings.depth.min_depth, settings.depth.max_depth
    graph = graphs_of(model, min_depth=near, max_depth=far)[0]
    jaxtyping.config.update("jaxtyping_disable", True)  # the checks of shapes would be traced too
    request.addfinalizer(lambda: jaxtyping.config.update("jaxtyping_disable", False))
    save_onnx("depth.onnx", traced(graph, (64, 96), fixed=True), graph)
    description = {
        "size": {"height": 64, "width": 96},
        "depth_range": [near, far],
        "bottom_crop": 0.25,
        "graphs": {"depth": {"file": "depth.onnx"}},
    }
    Path("graphs.json").write_text(json.dumps(description))
    frame = synthetic_clip("street", seed=1, frames=2, height=64, width=96).images[0]
    save_picture("frame.png", torch.cat((frame, torch.zeros_like(frame[:, :21])), dim=1))  # 21 of 85 rows are cut off
    ran("onnx_depth.py", monkeypatch, ".", "frame.png", "out.png")
    assert "96x64" in capsys.readouterr().out
    found = picture(here / "out.png")
    assert found.dtype in (np.uint16, np.int32)
    expected = graph.module(frame[None].float() / 255)[1][0, 0].detach().numpy()
    np.testing.assert_allclose(found / (65535 / far), expected, atol=0.6 * far / 65535, rtol=1e-4)


def test_the_example_without_torch_imports_none_of_it() -> None:
    text = (EXAMPLES / "onnx_depth.py").read_text(encoding="utf-8")
    assert set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)) == {
        "json",
        "sys",
        "pathlib",
        "numpy",
        "onnxruntime",
        "PIL",
    }
