"""Random numbers of a step, for networks that draw some (dropped paths): the same ones when it is done again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def random_of_step(device: torch.device, *, seed: int, step: int, rank: int) -> Iterator[None]:
    """Within it torch's generators are those of this step and process; after it they are as before.

    So a resume needs no state of generators, and processes draw apart.

    Args:
        device: of the networks; a GPU's generator is set beside the CPU's.
        seed: of the run.
        step: steps done before it.
        rank: of the process.
    """
    on_gpu = device.type == "cuda"
    state = np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)
    drawn = int(state[0]) >> 1  # torch takes seeds below 2**63 on every platform
    with torch.random.fork_rng(devices=[device] if on_gpu else []):
        torch.default_generator.manual_seed(drawn)
        if on_gpu:
            torch.cuda.manual_seed(drawn)
        yield
