"""A model written as graphs for other runtimes, with a file that tells what they take and give."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from torch.export import ExportedProgram

from triptych import __version__
from triptych.errors import InputError, installing
from triptych.formats.atomic import atomic_folder
from triptych.inference.graphs import STRIDE, Graph, Port, graphs_of
from triptych.inference.graphs_tracing import LEAST_SIDE, MOST_SIDE, traced
from triptych.networks.joint import JointModel
from triptych.networks.layers import multiple_size

GraphFormat = Literal["onnx", "torch-export"]
SUFFIXES: dict[GraphFormat, str] = {"onnx": ".onnx", "torch-export": ".pt2"}

DESCRIPTION_FILE = "graphs.json"
OPSET = 20
"""The first one with GridSample of all modes; onnxruntime 1.17 and later have it."""


def write_graphs(
    folder: Path,
    model: JointModel,
    *,
    form: GraphFormat,
    size: tuple[int, int],
    min_depth: float,
    max_depth: float,
    names: Sequence[str] = (),
    fixed: bool = False,
    overwrite: bool = False,
    facts: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write one graph for each network, one for all, or some of these, and `graphs.json`; all or nothing.

    Args:
        folder: where.
        model: the networks, on the CPU.
        form: `onnx`, or `torch-export` for `torch.export.load`.
        size: height and width they are meant for (px).
        min_depth: nearest depth of the model.
        max_depth: farthest depth of the model.
        names: of the graphs to write; none for all of them.
        fixed: for this size alone; else for all whose sides are multiples of `STRIDE`.
        overwrite: replace what the folder holds.
        facts: what `graphs.json` says beside.
        progress: called with (graphs written, graphs to write).

    Raises:
        InputError: a library is missing, there is no graph of a name, a network cannot be traced, the size
            cannot be exported, or the folder is not empty or cannot be written to.
    """
    if form == "onnx":
        check_onnx()
    graphs = _named(graphs_of(model, min_depth=min_depth, max_depth=max_depth), names)
    used = size if fixed else multiple_size(*size, of=STRIDE)
    with atomic_folder(folder, overwrite=overwrite) as temporary:
        for done, graph in enumerate(graphs):
            if progress is not None:
                progress(done, len(graphs))
            file = temporary / f"{graph.name}{SUFFIXES[form]}"
            with _told(graph, fixed=fixed):
                program = traced(graph, used, fixed=fixed)
                save = _saving_onnx(program, graph) if form == "onnx" else _saving_program(program)
            save(file)  # outside: what the system refuses is told by the folder
        description = {
            "format": form,
            **({"opset": OPSET} if form == "onnx" else {}),
            "triptych": __version__,
            "torch": torch.__version__,
            **(facts or {}),
            "type": "float32",
            "size": {"height": used[0], "width": used[1], **_limits(fixed=fixed)},
            "depth_range": [min_depth, max_depth],
            "graphs": {graph.name: _described(graph, used, form=form, fixed=fixed) for graph in graphs},
        }
        (temporary / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _named(graphs: Sequence[Graph], names: Sequence[str]) -> Sequence[Graph]:
    """Those of the given names, in their own order."""
    known = [graph.name for graph in graphs]
    for name in names:
        if name not in known:
            raise InputError(f"--graphs {name}: there is none of this name; take some of {', '.join(known)}")
    return [graph for graph in graphs if not names or graph.name in names]


@contextmanager
def _told(graph: Graph, *, fixed: bool) -> Iterator[None]:
    """What torch says of a network that it cannot trace, as a line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # torch.export and torch.onnx have many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        way_out = "another encoder may be" if fixed else "with --fixed it may be"
        raise InputError(f"{graph.name}: cannot be exported, {way_out} ({reason})") from error


def check_onnx() -> None:
    """Refuse to write ONNX where a library for it is missing.

    Raises:
        InputError: it is.
    """
    for library in ("onnx", "onnxscript"):
        if find_spec(library) is None:
            raise InputError(f"--format onnx: needs {library}: {installing('export')}")


def save_onnx(file: str | os.PathLike[str], program: ExportedProgram, graph: Graph) -> None:
    """Write a traced graph as one ONNX file, its weights inside.

    Args:
        file: to write.
        program: of the graph.
        graph: whose names inputs and outputs get.
    """
    _saving_onnx(program, graph)(file)


def _saving_onnx(program: ExportedProgram, graph: Graph) -> Callable[[str | os.PathLike[str]], None]:
    """What writes the graph, once it is converted."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of the exporter, about its own future
        converted = torch.onnx.export(
            program,
            (),
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            input_names=[port.name for port in graph.inputs],
            output_names=[port.name for port in graph.outputs],
            verbose=False,
        )
        assert converted is not None
        values = (*converted.model.graph.inputs, *converted.model.graph.outputs)
        for value, port in zip(values, (*graph.inputs, *graph.outputs), strict=True):
            _name_sides(value, port)

    def save(file: str | os.PathLike[str]) -> None:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            converted.save(os.fspath(file), external_data=False)

    return save


def _saving_program(program: ExportedProgram) -> Callable[[Path], None]:
    """What writes a traced graph for `torch.export.load`, once it is packed.

    Packed in memory: torch's writer of files tells what the system refuses as a failure of its own,
    and ends the process when it is taken down after it.
    """
    packed = io.BytesIO()
    torch.export.save(program, packed)

    def save(file: Path) -> None:
        file.write_bytes(packed.getbuffer())

    return save


def _name_sides(value: Any, port: Port) -> None:
    """Give the sides that vary the names by which `graphs.json` tells them, in place."""
    for axis, side in enumerate(port.shape):
        if not isinstance(value.shape[axis], int):
            value.shape[axis] = side


def _limits(*, fixed: bool) -> dict[str, Any]:
    if fixed:
        return {"fixed": True}
    return {"fixed": False, "multiple_of": STRIDE, "least": LEAST_SIDE, "most": MOST_SIDE}


def _described(graph: Graph, size: tuple[int, int], *, form: GraphFormat, fixed: bool) -> dict[str, Any]:
    known = dict(zip(("height", "width"), size, strict=True)) if fixed else {}

    def told(port: Port) -> dict[str, Any]:
        return {
            "name": port.name,
            "shape": [known.get(side, side) if isinstance(side, str) else side for side in port.shape],
            "meaning": port.meaning,
        }

    return {
        "file": f"{graph.name}{SUFFIXES[form]}",
        "inputs": [told(port) for port in graph.inputs],
        "outputs": [told(port) for port in graph.outputs],
    }
