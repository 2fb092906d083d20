"""Floors: what a work costs at least, by its arithmetic and by what this machine can do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

Work = Callable[[], object]

CONVOLUTIONS = (
    # inputs, outputs, height, width: of ResNet18 and of MaskFlowNet's finest decoder at 192x640
    (64, 64, 48, 160),
    (128, 128, 24, 80),
    (256, 256, 12, 40),
    (256, 128, 48, 160),
)
REPEATS = 12


def gigaflops(work: Work) -> float:
    """Arithmetic of a work in GFLOP: matrix products and convolutions, as PyTorch counts them."""
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    return float(counter.get_total_flops()) / 1e9


def fastest_s(work: Work, *, repeats: int = REPEATS) -> float:
    """The shortest of several runs of a work, in seconds."""
    work()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def ceilings() -> dict[str, float]:
    """GFLOP/s that this machine reaches now: in a matrix product, and in the best of usual convolutions."""
    with torch.no_grad():
        left, right = torch.randn(2048, 2048), torch.randn(2048, 2048)
        product = 2 * 2048**3 / fastest_s(lambda: left @ right, repeats=5) / 1e9
        best = 0.0
        for inputs, outputs, height, width in CONVOLUTIONS:
            image, weight = torch.randn(1, inputs, height, width), torch.randn(outputs, inputs, 3, 3)

            def convolution(image: torch.Tensor = image, weight: torch.Tensor = weight) -> torch.Tensor:
                return F.conv2d(image, weight, padding=1)

            flops = 2 * 9 * inputs * outputs * height * width
            best = max(best, flops / fastest_s(convolution) / 1e9)
    return {"matrix product": product, "convolution": best}


def peak_memory_gb() -> float:
    """The most memory this process has held so far.

    From /proc: `ru_maxrss` of a child starts at what its parent held when it was started.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 2**20
    raise OSError("no VmHWM in /proc/self/status: peak memory can only be measured on Linux")
