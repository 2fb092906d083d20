"""What matters for speed, each timed in turn with a named alternative: medians and ratios.

python benchmarks/core.py [--json FILE] [--runs N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from checkouts import loop_cost_volume
from triptych.data.synthetic import synthetic_clip
from triptych.geometry.visibility import range_map
from triptych.losses.photometric import photometric_error, photometric_errors
from triptych.networks.matching import cost_volume

Work = Callable[[], object]


def autograd_range_map(flow: Tensor) -> Tensor:
    """The range map as the gradient of bilinear sampling of a map of ones."""
    height, width = flow.shape[-2:]
    ones = torch.ones(flow.shape[0], 1, height, width, requires_grad=True)
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    grid = torch.stack((x, y))[None] + flow
    normalized = torch.stack(((2 * grid[:, 0] + 1) / width - 1, (2 * grid[:, 1] + 1) / height - 1), dim=-1)
    sampled = F.grid_sample(ones, normalized, align_corners=False, padding_mode="zeros")
    return torch.autograd.grad(sampled.sum(), ones)[0]


def compared(ours: Work, other: Work, *, runs: int) -> dict[str, float]:
    """Median seconds of both, run in turn, and the median of the ratios pair by pair."""
    ours(), other()
    pairs = []
    for _ in range(runs):
        begin = time.perf_counter()
        ours()
        middle = time.perf_counter()
        other()
        pairs.append((middle - begin, time.perf_counter() - middle))
    return {
        "ours_s": statistics.median(pair[0] for pair in pairs),
        "other_s": statistics.median(pair[1] for pair in pairs),
        "ratio": statistics.median(pair[0] / pair[1] for pair in pairs),
    }


def cost_volume_work(volume: Callable[[Tensor, Tensor], Tensor]) -> Work:
    """Forward and backward at the sizes of levels 2 to 6 of a 192x640 pair."""
    sizes = {32: (48, 160), 64: (24, 80), 96: (12, 40), 128: (6, 20), 196: (3, 10)}
    pairs = [(torch.randn(1, c, *s), torch.randn(1, c, *s)) for c, s in sizes.items()]

    def work() -> None:
        for target, source in pairs:
            volume(target.requires_grad_(), source.requires_grad_()).square().sum().backward()

    return work


def photometric_work(*, shared: bool) -> Work:
    """Forward and backward of eight warped images against one target at 192x640."""
    target, warped = torch.rand(1, 3, 192, 640), torch.rand(1, 8, 3, 192, 640)

    def work() -> None:
        views = warped.detach().requires_grad_()
        if shared:
            photometric_errors(target, views).mean().backward()
        else:
            torch.stack([photometric_error(target, views[:, i]) for i in range(8)]).mean().backward()

    return work


def main() -> None:
    """Run all comparisons and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--runs", type=int, default=9, help="counted runs of each")
    options = parser.parse_args()
    flow = 5 * torch.randn(4, 2, 192, 640)
    figures = {
        "cost volume, forward + backward / loop of 81 shifts": compared(
            cost_volume_work(cost_volume), cost_volume_work(loop_cost_volume), runs=options.runs
        ),
        "photometric errors of 8 views, forward + backward / one view at a time": compared(
            photometric_work(shared=True), photometric_work(shared=False), runs=options.runs
        ),
        "range map / gradient of grid_sample": compared(
            lambda: range_map(flow), lambda: autograd_range_map(flow), runs=options.runs
        ),
    }
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, medians of {options.runs}")
    for name, figure in figures.items():
        print(f"{name}: {figure['ours_s']:.4f} s / {figure['other_s']:.4f} s = {figure['ratio']:.2f}")
    begin = time.perf_counter()
    synthetic_clip("street", seed=0, frames=24, height=96, width=320)
    rate = 24 / (time.perf_counter() - begin)
    print(f"synthetic street with all truth, 96x320: {rate:.1f} frames/s")
    if options.json:
        options.json.write_text(json.dumps(figures | {"synthetic frames/s": rate}, indent=2) + "\n")


if __name__ == "__main__":
    main()
