"""A model leaves for other runtimes, and says there what it says here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from triptych.config.build_model import build_model, load_model
from triptych.data.sequence import resized_image
from triptych.data.sources import open_source
from triptych.data.synthetic import synthetic_clip
from triptych.inference.graphs import Graph, graphs_of, relative_error

Refused = Callable[..., str]

LARGEST_ERROR = 1e-3
"""By `relative_error`."""

NAMES = ["depth", "pose", "flow", "triptych"]
ONE_SIZE = (120, 400)
"""No multiples of the stride, as only a fixed size may be."""

DRIVES = Path(__file__).resolve().parents[3] / "shared" / "data" / "kitti_raw"


def exported(model: str, folder: Path, *words: str) -> None:
    """In a process of its own, where no check of shapes is traced."""
    command = [sys.executable, "-m", "triptych", "export", model, "--output", str(folder), *words]
    subprocess.run(command, check=True, capture_output=True, text=True)


def inputs_of(graph: Graph, first: Tensor, second: Tensor, flow: Tensor) -> list[Tensor]:
    known = {"image": first, "first": first, "second": second, "flow": flow}
    return [known[port.name] for port in graph.inputs]


def outputs(graph: Graph, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    with torch.no_grad():
        found = graph.module(*inputs)
    return found if isinstance(found, tuple) else (found,)


def pair_of(images: Tensor) -> tuple[Tensor, Tensor]:
    """Two frames and, turned about, the same again: a batch of two."""
    return images.float() / 255, images.flip(0).float() / 255


def check_parity(folder: Path, source: str, pairs: list[tuple[Tensor, Tensor]], *, names: list[str]) -> None:
    """ONNX graphs of a folder against eager PyTorch on pairs of frames."""
    runtime = pytest.importorskip("onnxruntime")
    model, settings = load_model(source)
    depth = settings.depth
    graphs = {graph.name: graph for graph in graphs_of(model, min_depth=depth.min_depth, max_depth=depth.max_depth)}
    for graph in (graphs[name] for name in names):
        session = runtime.InferenceSession(folder / f"{graph.name}.onnx", providers=["CPUExecutionProvider"])
        assert [port.name for port in session.get_inputs()] == [port.name for port in graph.inputs]
        assert [port.name for port in session.get_outputs()] == [port.name for port in graph.outputs]
        for first, second in pairs:
            with torch.no_grad():
                flow = model.flow(first, second).flow
            inputs = inputs_of(graph, first, second, flow)
            expected = outputs(graph, inputs)
            found = session.run(
                None, {port.name: value.numpy() for port, value in zip(graph.inputs, inputs, strict=True)}
            )
            for port, one, other in zip(graph.outputs, found, expected, strict=True):
                error = relative_error(port, torch.from_numpy(one), other)
                assert error < LARGEST_ERROR, f"{graph.name} {port.name} at {tuple(first.shape)}: {error:.1e}"


def rendered(height: int, width: int) -> tuple[Tensor, Tensor]:
    return pair_of(synthetic_clip("street", seed=9, frames=2, height=height, width=width).images)


@pytest.mark.slow
def test_an_onnx_graph_says_what_the_network_says_at_any_size(tmp_path: Path, fitted: Path) -> None:
    pytest.importorskip("onnxscript")
    names = ["depth", "pose", "triptych"]  # the last holds the flow network, whose graph takes the longest
    exported(str(fitted), tmp_path / "graphs", "--format=onnx", "--size=128x128", f"--graphs={','.join(names)}")
    description = json.loads((tmp_path / "graphs" / "graphs.json").read_text())
    assert (description["format"], description["opset"], description["type"]) == ("onnx", 20, "float32")
    assert (description["model"], description["bottom_crop"]) == (fitted.name, 0.0)
    assert description["size"] == {
        "height": 128, "width": 128, "fixed": False, "multiple_of": 64, "least": 128, "most": 4096,
    }  # fmt: skip
    first, second = rendered(128, 128)
    pairs = [(first, second), (first[:1], second[:1]), rendered(128, 192), rendered(192, 128)]
    check_parity(tmp_path / "graphs", str(fitted), pairs, names=names)


@pytest.fixture(scope="module")
def packaged_graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All graphs of the packaged model at `ONE_SIZE` alone."""
    pytest.importorskip("onnxscript")
    folder = tmp_path_factory.mktemp("packaged") / "graphs"
    exported("packaged", folder, "--format=onnx", "--size={}x{}".format(*ONE_SIZE), "--fixed")
    return folder


@pytest.mark.slow
def test_onnx_graphs_of_one_size_say_what_the_networks_say(packaged_graphs: Path) -> None:
    assert {file.name for file in packaged_graphs.iterdir()} == {"graphs.json", *(f"{name}.onnx" for name in NAMES)}
    first, second = rendered(*ONE_SIZE)
    check_parity(packaged_graphs, "packaged", [(first, second), (first[:1], second[:1])], names=NAMES)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(not DRIVES.is_dir(), reason="no real data beside the checkout")
def test_onnx_graphs_say_what_the_networks_say_of_real_frames(packaged_graphs: Path) -> None:
    images = list(open_source(sorted(DRIVES.glob("*/*_sync"))[0]).frames(0, 2))
    height, width = ONE_SIZE
    pair = pair_of(torch.stack([resized_image(image, height=height, width=width) for image in images]))
    check_parity(packaged_graphs, "packaged", [pair], names=NAMES)


@pytest.mark.slow
def test_torch_export_writes_programs_that_torch_runs_alone(tmp_path: Path, fitted: Path) -> None:
    exported(
        str(fitted), tmp_path / "graphs", "--format=torch-export", "--size=64x96", "--fixed", "--graphs=depth,pose"
    )
    description = json.loads((tmp_path / "graphs" / "graphs.json").read_text())
    assert description["size"] == {"height": 64, "width": 96, "fixed": True}
    assert "opset" not in description
    model, settings = load_model(fitted)
    first, second = rendered(64, 96)
    with torch.no_grad():
        flow = model.flow(first, second).flow
    graphs = graphs_of(model, min_depth=settings.depth.min_depth, max_depth=settings.depth.max_depth)[:2]
    assert list(description["graphs"]) == [graph.name for graph in graphs]
    for graph in graphs:
        told = description["graphs"][graph.name]
        program = torch.export.load(tmp_path / "graphs" / told["file"]).module()
        inputs = inputs_of(graph, first, second, flow)
        found: Any = program(*inputs)
        found = found if isinstance(found, tuple) else (found,)
        for port, one, other in zip(graph.outputs, found, outputs(graph, inputs), strict=True):
            assert relative_error(port, one.detach(), other) < LARGEST_ERROR, (graph.name, port.name)
        assert [entry["shape"][0] for entry in told["inputs"]] == ["batch"] * len(graph.inputs)
        assert told["inputs"][0]["shape"][2:] == [64, 96]


def test_what_cannot_be_exported_is_refused_in_a_line(refused: Refused, tmp_path: Path, fitted: Path) -> None:
    model, file = str(fitted), tmp_path / "file"
    file.write_text("")
    full = tmp_path / "full"
    full.mkdir()
    (full / "kept").write_text("")
    onnx = ["export", model, "--format=onnx"]
    assert "--half: graphs are written in float32" in refused(*onnx, f"--output={tmp_path / 'x'}", "--half")
    assert "is a file; graphs are written to a folder" in refused(*onnx, f"--output={file}", "--overwrite")
    assert "is a folder; weights are written to a file" in refused("export", model, f"--output={full}", "--overwrite")
    assert "is not empty" in refused(*onnx, f"--output={full}")
    assert "holds no result that --overwrite could replace" in refused(*onnx, f"--output={full}", "--overwrite")
    assert "which is read, lies there" in refused(*onnx, f"--output={model}", "--overwrite")
    own = fitted / "model.safetensors"
    assert "which is read, lies there" in refused("export", model, f"--output={own}", "--half", "--overwrite")
    assert "write it as HEIGHTxWIDTH" in refused(*onnx, f"--output={tmp_path / 'x'}", "--size=large")
    assert "sides of 128 to 4096 px" in refused(*onnx, f"--output={tmp_path / 'x'}", "--size=64x96")
    assert "--size: is of graphs" in refused("export", model, f"--output={tmp_path / 'x'}", "--size=64x96")
    assert "--graphs deep: there is none of this name" in refused(*onnx, f"--output={tmp_path / 'x'}", "--graphs=deep")
    assert "--fixed: is of graphs" in refused("export", model, f"--output={tmp_path / 'x'}", "--fixed")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]


def test_a_missing_library_is_told_with_the_extra(
    refused: Refused, tmp_path: Path, fitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.inference.graphs_files.find_spec", lambda name: None)
    line = refused("export", str(fitted), "--format=onnx", f"--output={tmp_path / 'x'}")
    assert f"needs onnx: in the checkout, {sys.executable} -m pip install -e '.[export]'" in line
    assert not (tmp_path / "x").exists()


def test_predict_and_fit_take_a_folder_of_save_pretrained(
    tmp_path: Path, fitted: Path, video: Path, tiny: list[str]
) -> None:
    from triptych import Model
    from triptych.cli import main

    folder = tmp_path / "saved"
    _, settings = load_model(fitted)
    Model(build_model(replace(settings, seed=settings.seed + 1)), settings).save_pretrained(folder)
    words = ["--intrinsics=90,90,59.5,39.5"]
    main(["predict", str(video), "--model", str(folder), "--output", str(tmp_path / "prediction"), "--limit=3", *words])
    assert len(list((tmp_path / "prediction" / "depth").glob("*.npz"))) == 3
    run = tmp_path / "run"
    main(["fit", str(video), "--preset=small", f"--initial={folder}", "--steps=1", f"--output={run}", *words, *tiny])
    before, after = load_model(folder)[0].state_dict(), Model(*load_model(run)).networks.state_dict()
    moved = [float((after[name] - tensor).abs().max()) for name, tensor in before.items() if "flow" in name]
    assert max(moved) < 0.01  # a step from the given weights, not from others
