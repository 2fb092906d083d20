"""Graphs say what the networks say, and the operations that stand in for others have their values."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest
import torch

from triptych.config.build_model import build_model
from triptych.config.load import preset_settings
from triptych.errors import InputError
from triptych.geometry.grid import sample
from triptych.inference.graphs import DEPTH, FLOW, MOTION, SEEN, Graph, graphs_of, relative_error
from triptych.inference.graphs_files import GraphFormat, write_graphs
from triptych.inference.graphs_tracing import (
    flow_picture,
    plain_operations,
    shifted_cost_volume,
    traced,
    zero_padded_sample,
)
from triptych.inference.predictor import PredictionSettings, Predictor
from triptych.networks import matching, pose
from triptych.networks.flow import MaskFlowNet
from triptych.networks.joint import JointModel
from triptych.types import FrameSequence

TINY = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "stem_width": 8}
RANGE = {"min_depth": 0.5, "max_depth": 50.0}


def tiny_model(*, sees_flow: bool = True, cascade: bool = False) -> JointModel:
    return build_model(
        preset_settings(
            "small",
            size="128x128",
            depth={"encoder_options": TINY, "width": 0.25},
            pose={"encoder_options": TINY, "channels": 16, "sees_flow": sees_flow},
            flow={"width": 0.25, "normalized_costs": True, "cascade": cascade},
        )
    )


@pytest.fixture(scope="module")
def model() -> JointModel:
    return tiny_model().eval()


@pytest.fixture
def unchecked() -> Iterator[None]:
    """The checks of shapes would be traced too."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def frames(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("size", "radius"), [((5, 7), 4), ((1, 1), 4), ((9, 24), 2), ((12, 3), 1)])
def test_shifted_costs_are_the_costs(size: tuple[int, int], radius: int) -> None:
    target, source = frames(2, 6, *size), frames(2, 6, *size, seed=1)
    expected = matching.cost_volume(target, source, search_radius=radius)
    torch.testing.assert_close(shifted_cost_volume(target, source, search_radius=radius), expected)


def test_plain_samples_are_the_samples() -> None:
    image = frames(2, 3, 6, 9)
    pixels = 16 * frames(2, 2, 4, 5, seed=1) - 3  # some of them outside
    torch.testing.assert_close(zero_padded_sample(image, pixels), sample(image, pixels, padding="zeros"))
    with pytest.raises(ValueError, match="padding must be zeros"):
        zero_padded_sample(image, pixels, padding="border")


@pytest.mark.parametrize("size", [(6, 9), (9, 6), (2, 2)])
def test_the_plain_picture_of_flow_is_the_picture(size: tuple[int, int]) -> None:
    flow = 5 * frames(2, 2, *size)
    torch.testing.assert_close(flow_picture(flow), pose._flow_picture(flow))


def test_the_networks_say_the_same_by_plain_operations() -> None:
    model = tiny_model(cascade=True).eval()
    first, second = frames(2, 3, 64, 128), frames(2, 3, 64, 128, seed=1)
    with torch.no_grad():
        expected = model.flow(first, second)
        moved = model.pose(first, second, expected.flow)
        with plain_operations():
            assert matching.cost_volume is shifted_cost_volume
            found = model.flow(first, second)
            torch.testing.assert_close(model.pose(first, second, expected.flow), moved)
    assert relative_error(FLOW, found.flow, expected.flow) < 1e-3
    torch.testing.assert_close(found.visibility, expected.visibility)


def test_plain_operations_end_with_their_block_also_by_an_error() -> None:
    before = matching.cost_volume, matching.sample, pose._flow_picture, MaskFlowNet.features
    with pytest.raises(RuntimeError, match="ended"), plain_operations():
        raise RuntimeError("ended")
    assert (matching.cost_volume, matching.sample, pose._flow_picture, MaskFlowNet.features) == before


@pytest.mark.parametrize("sees_flow", [True, False])
def test_graphs_take_and_give_what_they_tell(sees_flow: bool) -> None:
    graphs = graphs_of(tiny_model(sees_flow=sees_flow), **RANGE)
    assert [graph.name for graph in graphs] == ["depth", "pose", "flow", "triptych"]
    known = {"batch": 2, "height": 64, "width": 128}
    for graph in graphs:
        with torch.no_grad():
            found = outputs(graph, *graph.example((64, 128)))
        shapes = [tuple(known.get(str(side), side) for side in port.shape) for port in graph.outputs]
        assert [tuple(output.shape) for output in found] == shapes, graph.name
    assert [port.name for port in graphs[1].inputs] == ["first", "second", *(["flow"] if sees_flow else [])]


def outputs(graph: Graph, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    found = graph.module(*inputs)
    return found if isinstance(found, tuple) else (found,)


def test_the_graph_of_all_says_what_the_predictor_says(model: JointModel) -> None:
    images = (255 * frames(2, 3, 64, 128)).to(torch.uint8)
    sequence = FrameSequence(
        images=images,
        intrinsics=torch.tensor([[90.0, 0, 63.5], [0, 90.0, 31.5], [0, 0, 1]]),
        timestamps=torch.arange(2, dtype=torch.float64),
        source_indices=torch.arange(2),
        source_length=2,
        intrinsics_origin="made for a test",
        name="noise",
    )
    predictor = Predictor(model, PredictionSettings(refinement="none", **RANGE))
    predicted = next(iter(predictor.predict(sequence)))
    first, second = images.float()[:, None] / 255
    with torch.no_grad():
        depth, flow, visibility, motion = outputs(graphs_of(model, **RANGE)[3], first, second)
    torch.testing.assert_close(depth[0, 0], predicted.depth)
    assert predicted.flow is not None
    assert predicted.visibility is not None
    assert predicted.step is not None
    torch.testing.assert_close(flow[0], predicted.flow, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(visibility[0, 0], predicted.visibility, rtol=1e-3, atol=1e-3)
    expected = torch.eye(4) if predicted.step.still else motion[0]
    torch.testing.assert_close(predicted.step.next_from_current, expected)


@pytest.mark.usefixtures("unchecked")
def test_a_graph_is_traced_for_other_sizes_and_batches_than_its_own(model: JointModel) -> None:
    for graph in graphs_of(model, **RANGE)[:2]:
        program = traced(graph, (100, 150)).module()  # with 128x192
        for size, batch in (((128, 192), 1), ((192, 128), 3)):
            inputs = graph.example(size, batch=batch)
            with torch.no_grad():
                expected, found = outputs(graph, *inputs), program(*inputs)
            found = found if isinstance(found, tuple) else (found,)
            for one, other in zip(found, expected, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("unchecked")
def test_a_fixed_graph_is_for_its_size_alone_whatever_that_is(model: JointModel) -> None:
    graph = graphs_of(model, **RANGE)[0]
    program = traced(graph, (50, 70), fixed=True).module()
    inputs = graph.example((50, 70), batch=3)
    with torch.no_grad():
        torch.testing.assert_close(program(*inputs), outputs(graph, *inputs))
        with pytest.raises((AssertionError, RuntimeError)):
            program(*graph.example((64, 128)))


def test_a_size_that_cannot_be_traced_is_refused(model: JointModel) -> None:
    graph = graphs_of(model, **RANGE)[0]
    for size in ((64, 256), (128, 5000)):
        with pytest.raises(InputError, match="sides of 128 to 4096 px can be exported"):
            traced(graph, size)


def test_errors_are_shares_of_what_an_output_says() -> None:
    depth = torch.tensor([[[[1.0, 10.0]]]])
    assert relative_error(DEPTH, depth + torch.tensor([0.0, 1.0]), depth) == pytest.approx(0.1)
    flow = torch.tensor([[[[4.0, 0.0]], [[-8.0, 0.0]]]])
    assert relative_error(FLOW, flow + 0.08, flow) == pytest.approx(0.01)
    assert relative_error(SEEN, torch.full((1, 1, 1, 2), 0.01), torch.zeros(1, 1, 1, 2)) == pytest.approx(0.01)
    motion = torch.eye(4)
    motion[0, 3] = 0.02
    other = motion.clone()
    other[2, 3] = 0.001
    assert relative_error(MOTION, other[None], motion[None]) == pytest.approx(0.05)


class ConvolvedTwice(torch.nn.Conv2d):
    """Stands in for the depth network, which has two outputs."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        convolved = super().forward(image)
        return convolved, 2 * convolved


@pytest.fixture
def small_files() -> Iterator[None]:
    """The system refuses files above 20 kB, as it does when a disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("unchecked", "small_files")
@pytest.mark.parametrize("form", ["torch-export", "onnx"])
def test_a_full_disk_is_not_told_as_a_network_that_cannot_be_exported(
    form: GraphFormat, model: JointModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if form == "onnx":
        pytest.importorskip("onnxscript")
    program = torch.export.export(ConvolvedTwice(3, 64, 9), (torch.zeros(1, 3, 9, 9),))
    monkeypatch.setattr("triptych.inference.graphs_files.traced", lambda *_, **__: program)
    with pytest.raises(InputError, match=r"cannot write .*graphs: the file grew larger"):
        write_graphs(tmp_path / "graphs", model, form=form, size=(128, 128), names=["depth"], **RANGE)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_traced_is_told_with_the_way_out(
    model: JointModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("data-dependent")

    monkeypatch.setattr("triptych.inference.graphs_files.traced", fails)
    with pytest.raises(InputError, match=r"depth: cannot be exported, with --fixed it may be \(data-dependent\)"):
        write_graphs(tmp_path / "graphs", model, form="torch-export", size=(128, 128), names=["depth"], **RANGE)
