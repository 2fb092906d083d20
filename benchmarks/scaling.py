"""What a step costs in arithmetic, time and exchanged gradients, and what follows for a training on KITTI.

python benchmarks/scaling.py [--json FILE] [--size 192x640] [--runs N] [--gpu-tflops 30] [--link-gb-s 20]

The steps are those of `triptych train --preset paper`, through the very class that the training uses; with two
processes the gradients go through gloo on the loopback. The last two options are assumptions about a GPU and
its network, not measurements: what it sustains on such networks, and what all-reduce moves per second.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from floors import gigaflops
from own_steps import random_snippet
from triptych.config.build import build_fabric, build_objective, build_plan, run_as_asked
from triptych.config.build_model import build_model, without_pretrained
from triptych.config.load import preset_train_settings, size_of
from triptych.networks.execution import keep_freed_memory
from triptych.training.optimization import Optimization
from triptych.training.processes import Processes

KITTI_SNIPPETS = 39_810
EPOCHS_PER_STAGE = 10
STAGES = ("flow", "depth", "joint")


def measured(size: str, *, runs: int, count_arithmetic: bool) -> dict[str, Any]:
    """Seconds a step and bytes exchanged, by stage, of this process among all that were launched."""
    settings = without_pretrained(preset_train_settings("paper", size=size))
    fabric = build_fabric(settings.training)
    fabric.launch()
    keep_freed_memory()
    processes = Processes(fabric)
    height, width = size_of(size)
    snippet = random_snippet(1, height, width)
    plan = build_plan(settings)
    found: dict[str, Any] = {"processes": processes.count, "threads": torch.get_num_threads()}
    for index, name in enumerate(STAGES):
        position = plan.position((index + 0.5) / len(STAGES))
        model = build_model(settings).to(fabric.device)
        run_as_asked(model, settings.training, fabric.device)
        optimization = Optimization(model, build_objective(settings), fabric, accumulation=1, gradient_clip=10.0)
        optimization.begin_stage(position.stage)

        def step(optimization: Optimization = optimization, position: Any = position) -> None:
            optimization.step(snippet, position, rate=1e-5)

        arithmetic = gigaflops(step) if count_arithmetic else None
        step()
        seconds = []
        for _ in range(runs):
            fabric.barrier()
            begin = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - begin)
        learning = sum(part.numel() for part in optimization.model.parameters() if part.requires_grad)
        gradients = torch.zeros(learning)
        exchange = []
        for _ in range(runs if processes.count > 1 else 0):
            fabric.barrier()
            begin = time.perf_counter()
            processes.mean(gradients)
            exchange.append(time.perf_counter() - begin)
        found[name] = {
            "gigaflops": arithmetic,
            "step_s": statistics.median(seconds),
            "gradient_mb": 4 * learning / 1e6,
            "all_reduce_s": statistics.median(exchange) if exchange else 0.0,
        }
    return found


def of_processes(count: int, options: argparse.Namespace) -> dict[str, Any]:
    """The same measurement in processes of one thread each."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        launcher = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={count}", "--standalone"]
        words = [__file__, "--worker", str(file), "--size", options.size, "--runs", str(options.runs)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
        subprocess.run([*launcher, *words], check=True, env=environment, stderr=subprocess.DEVNULL)
        content: dict[str, Any] = json.loads(file.read_text())
        return content


def expected_hours(found: dict[str, Any], *, gpus: int, tflops: float, link_gb_s: float, batch: int = 6) -> float:
    """Hours of the paper's thirty epochs: arithmetic, plus an exchange that nothing hides.

    Per stage: 10 epochs * 39,810 snippets / (gpus * batch) steps, each of
    batch * GFLOP / sustained + 2 (gpus - 1) / gpus * gradient bytes / link.
    """
    seconds = 0.0
    for name in STAGES:
        steps = EPOCHS_PER_STAGE * KITTI_SNIPPETS / (gpus * batch)
        arithmetic = batch * found[name]["gigaflops"] / (1000 * tflops)
        exchange = 2 * (gpus - 1) / gpus * found[name]["gradient_mb"] / (1000 * link_gb_s)
        seconds += steps * (arithmetic + exchange)
    return seconds / 3600


def main() -> None:
    """Measure, and print what follows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--size", default="192x640")
    parser.add_argument("--runs", type=int, default=5, help="counted steps of each stage")
    parser.add_argument("--gpu-tflops", type=float, default=30.0, help="that a GPU is assumed to sustain")
    parser.add_argument("--link-gb-s", type=float, default=20.0, help="that an all-reduce is assumed to move")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        found = measured(options.size, runs=options.runs, count_arithmetic=False)
        if int(os.environ.get("RANK", "0")) == 0:
            options.worker.write_text(json.dumps(found))
        return
    found = measured(options.size, runs=options.runs, count_arithmetic=True)
    one, two = of_processes(1, options), of_processes(2, options)
    print(f"paper preset, {options.size}, batch 1 a process, medians of {options.runs}, torch {torch.__version__}")
    for name in STAGES:
        own = found[name]
        efficiency = one[name]["step_s"] / two[name]["step_s"]
        print(
            f"{name:<5}: {own['gigaflops']:.0f} GFLOP a snippet, {own['step_s']:.2f} s on {found['threads']} threads; "
            f"one process of one thread {one[name]['step_s']:.2f} s, two {two[name]['step_s']:.2f} s "
            f"(efficiency {efficiency:.2f}); {own['gradient_mb']:.0f} MB of gradients, all-reduce over gloo "
            f"{two[name]['all_reduce_s']:.3f} s"
        )
    print(f"KITTI, 30 epochs of {KITTI_SNIPPETS:,} snippets, batch 6 a GPU, if a GPU sustains {options.gpu_tflops:g}")
    print(f"TFLOP/s and an all-reduce moves {options.link_gb_s:g} GB/s (both assumed):")
    hours = {
        gpus: expected_hours(found, gpus=gpus, tflops=options.gpu_tflops, link_gb_s=options.link_gb_s)
        for gpus in (1, 8, 64)
    }
    for gpus, value in hours.items():
        print(f"  {gpus:>2} GPUs: {value:.1f} h")
    if options.json:
        content = {"here": found, "one process": one, "two processes": two, "expected hours": hours}
        options.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
