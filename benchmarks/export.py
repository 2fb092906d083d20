"""Graphs for onnxruntime against eager PyTorch: how far apart, and how fast.

python benchmarks/export.py [--graphs FOLDER] [--source FRAMES] [--runs N] [--threads N] [--json FILE]

Both run the same frames in turn, with the same number of threads; the times are medians of one pair.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from torch import Tensor

from commands import triptych
from triptych.config.build_model import load_model
from triptych.data.sequence import resized_image
from triptych.data.sources import open_source
from triptych.data.synthetic import synthetic_clip
from triptych.inference.graphs import Graph, graphs_of, relative_error

SIZES = ((128, 384), (192, 640))
"""That of the export, and another."""


def frames_of(source: Path | None, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Two frames at a size, of a source or rendered."""
    if source is None:
        images = list(synthetic_clip("street", seed=9, frames=2, height=size[0], width=size[1]).images)
    else:
        images = [resized_image(image, height=size[0], width=size[1]) for image in open_source(source).frames(0, 2)]
    first, second = (image[None].float() / 255 for image in images)
    return first, second


def compared(graph: Graph, session: Any, inputs: dict[str, Tensor], *, runs: int) -> dict[str, Any]:
    """Errors of each output and median times, both runtimes in turn."""
    fed = {name: value.numpy() for name, value in inputs.items()}

    def eager() -> tuple[Tensor, ...]:
        found = graph.module(*inputs.values())
        return found if isinstance(found, tuple) else (found,)

    def exported() -> list[Any]:
        return list(session.run(None, fed))

    expected, found = eager(), exported()
    errors = {
        port.name: relative_error(port, torch.from_numpy(one), other)
        for port, one, other in zip(graph.outputs, found, expected, strict=True)
    }
    pairs = []
    for _ in range(runs):
        begin = time.perf_counter()
        exported()
        middle = time.perf_counter()
        eager()
        pairs.append((middle - begin, time.perf_counter() - middle))
    return {
        "relative_error": errors,
        "onnxruntime_s": statistics.median(pair[0] for pair in pairs),
        "eager_s": statistics.median(pair[1] for pair in pairs),
        "ratio": statistics.median(pair[0] / pair[1] for pair in pairs),
    }


def main() -> None:
    """Export where need be, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="packaged")
    parser.add_argument("--graphs", type=Path, help="folder of graphs of that model; by default they are exported")
    parser.add_argument("--source", type=Path, help="video or folder of frames; by default rendered")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, settings = load_model(options.model)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary, torch.inference_mode():
        folder = options.graphs or Path(temporary, "graphs")
        if options.graphs is None:
            triptych("export", options.model, "--format=onnx", f"--output={folder}")
        how = onnxruntime.SessionOptions()
        how.intra_op_num_threads = how.inter_op_num_threads = options.threads
        print(
            f"onnxruntime {onnxruntime.__version__} and torch {torch.__version__}, {options.threads} thread(s), "
            f"one pair of frames, medians of {options.runs} interleaved runs"
        )
        for graph in graphs_of(model, min_depth=settings.depth.min_depth, max_depth=settings.depth.max_depth):
            session = onnxruntime.InferenceSession(folder / f"{graph.name}.onnx", how)
            for size in SIZES:
                first, second = frames_of(options.source, size)
                flow = model.flow(first, second).flow
                known = {"image": first, "first": first, "second": second, "flow": flow}
                inputs = {port.name: known[port.name] for port in graph.inputs}
                figure = compared(graph, session, inputs, runs=options.runs)
                figures[f"{graph.name} {size[0]}x{size[1]}"] = figure
                errors = ", ".join(f"{name} {error:.1e}" for name, error in figure["relative_error"].items())
                print(
                    f"{graph.name} {size[0]}x{size[1]}: {1000 * figure['onnxruntime_s']:.0f} ms / "
                    f"{1000 * figure['eager_s']:.0f} ms = {figure['ratio']:.2f}; relative error: {errors}",
                    flush=True,
                )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
