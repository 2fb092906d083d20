"""The second run of the flow network, on a random window of the frames it has just seen.

Where the window lies goes by the snippet and the place in the stage, worked out from
their numbers: nothing is drawn that a checkpoint would have to keep, a resume sees the
same windows, and so do a batch in parts and a batch over several processes.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from triptych.losses.crop_agreement import Window, WindowFlow, enlarged
from triptych.training.batches import in_float32
from triptych.training.estimator import Autocast, Estimator
from triptych.types import Snippet

LEAST_SHARE, LARGEST_SHARE = 0.6, 0.9
"""Sides of a window over those of the frames: an enlargement by 1.1 to 1.7."""

BITS = 30
"""Of a number that is drawn: products with `MULTIPLIER` stay below 2**63."""
MULTIPLIER = 0x045D9F3B
"""Odd, so that no two numbers become one; spreads one bit over all (Mueller's integer hash)."""
DRAWS = 3
"""Of a window: its share, its column, its row."""


def random_windows(
    index: Int[Tensor, " batch"], *, fraction: float, height: int, width: int, dtype: torch.dtype = torch.float32
) -> Window:
    """A window of each snippet, the same wherever and whenever it is asked for.

    The share is even in [0.6, 0.9], the place even over where the window fits; neither is
    whole. Stays on the device of the index, and waits for nothing.

    Args:
        index: of the snippets in their data set.
        fraction: place in the stage, in [0, 1].
        height: of the frames (px).
        width: of the frames (px).
        dtype: number format of the window.
    """
    numbers = _mixed(index.long() % 2**BITS) ^ round(fraction * (2**BITS - 1))
    draws = torch.stack([_mixed(_mixed(numbers) ^ number) for number in range(DRAWS)])
    share, across, down = (draws.double() / 2**BITS).to(dtype)
    share = LEAST_SHARE + (LARGEST_SHARE - LEAST_SHARE) * share
    return Window(share, left=across * (1 - share) * width, top=down * (1 - share) * height)


def window_flow(model: Estimator, snippet: Snippet, *, fraction: float, autocast: Autocast) -> WindowFlow:
    """What the flow network says, with gradient, of a window of the jittered frames.

    Args:
        model: the networks, of which that of flow alone runs, from the target to both sources.
        snippet: the batch.
        fraction: place in the stage, in [0, 1].
        autocast: context in which the network runs.
    """
    frames = snippet.jittered
    count, (height, width) = frames.shape[1], frames.shape[-2:]
    window = random_windows(snippet.index, fraction=fraction, height=height, width=width, dtype=frames.dtype)
    cut = torch.unflatten(enlarged(frames.flatten(1, 2), window), 1, (count, -1))
    with autocast():
        estimate = model.estimate(
            replace(snippet, jittered=cut),
            depth=False,
            pose=False,
            flow=True,
            flow_gradient=True,
            backward_flow=False,
            reversed_pose=False,
            depth_levels=1,
            source_depth=False,
        )
    assert estimate.flow_target_to_source is not None  # it was asked for
    return WindowFlow(window, in_float32(estimate.flow_target_to_source.flow))


def _mixed(numbers: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    """Numbers of `BITS` bits, every bit of which hangs on all bits of those given."""
    for _ in range(2):
        numbers = ((numbers ^ (numbers >> BITS // 2)) * MULTIPLIER) % 2**BITS
    return numbers ^ (numbers >> BITS // 2)
