"""Flow of a part of the picture, taught by that of the whole. Not in the paper.

Where a match leaves the frame no photometric error can teach it. In an enlarged window
of the frames more matches leave than in the whole, and those the network has already
found in the whole: its answer there is the teacher of its answer in the window
(Jonschkowski et al., "What Matters in Unsupervised Optical Flow", ECCV 2020; Liu et
al., "Learning by Analogy", CVPR 2020).

Convention: pixel centers at whole numbers. Pixel q of the enlarged window is at
`share (q + 1/2) - 1/2 + offset` of the whole, as if the window were cut out and resized
with align_corners=False; so a displacement in the window is 1 / share of that in the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.grid import pixel_grid, sample
from triptych.geometry.precision import check_precision
from triptych.losses.means import masked_mean

AGREEMENT_SOFTNESS_PX = 0.1
"""Distance below which the penalty is quadratic: what a good flow is off by."""


@dataclass(frozen=True)
class Window:
    """A part of the picture for each snippet, enlarged to the size of the whole.

    Attributes:
        share: its sides over those of the whole, in (0, 1].
        left: from the whole's left edge to the window's (px of the whole); need not be whole.
        top: from the upper edge to the window's (px).
    """

    share: Float[Tensor, " batch"]
    left: Float[Tensor, " batch"]
    top: Float[Tensor, " batch"]

    def pixels(self, height: int, width: int) -> Float[Tensor, "batch 2 {height} {width}"]:
        """Where each pixel of the enlarged window lies in the whole, x then y (px)."""
        grid = pixel_grid(height, width, dtype=self.share.dtype, device=self.share.device)
        share, left, top = (values.view(-1, 1, 1) for values in (self.share, self.left, self.top))
        x, y = share * (grid[0] + 0.5) + (left - 0.5), share * (grid[1] + 0.5) + (top - 0.5)
        return torch.stack((x, y), dim=1)


@dataclass(frozen=True)
class WindowFlow:
    """What the flow network says of windows of the frames.

    Attributes:
        window: the same for all frames of a snippet.
        flow: target to source (px of the enlarged window), batch and sources joined, batch major.
    """

    window: Window
    flow: Float[Tensor, "joined 2 height width"]


def enlarged(
    maps: Float[Tensor, "batch channels height width"], window: Window
) -> Float[Tensor, "batch channels height width"]:
    """The window of any maps at the size of the whole, bilinear.

    Raises:
        TypeError: below float32.
    """
    height, width = maps.shape[-2:]
    return sample(maps, window.pixels(height, width), padding="border")


def enlarged_flow(
    flow: Float[Tensor, "batch sources 2 height width"], window: Window
) -> Float[Tensor, "batch sources 2 height width"]:
    """The window of flows of the whole, in px of the enlarged window.

    Raises:
        TypeError: below float32.
    """
    cut = enlarged(flow.flatten(1, 2), window).view(flow.shape)
    return cut / window.share.view(-1, 1, 1, 1, 1)


def crop_agreement(
    of_window: WindowFlow,
    flow: Float[Tensor, "batch sources 2 height width"],
    trust: Float[Tensor, "batch sources 1 height width"],
) -> Float[Tensor, ""]:
    """Mean robust distance between flow of a window and what flow of the whole says of it.

    `sqrt(d^2 + 0.1^2) - 0.1`, d in px of the enlarged window, which are those that the
    network is shown.

    Args:
        of_window: that of the window; gradient goes here only.
        flow: that of the whole, target to source (px).
        trust: weight of each pixel of the whole, 1 where its flow can teach.

    Returns:
        A scalar (px); 0 where both agree, or nothing of the window is trusted.

    Raises:
        TypeError: below float32.
    """
    check_precision(of_window.flow, flow)
    teacher = enlarged_flow(flow.detach(), of_window.window)
    weight = enlarged(trust.detach().squeeze(2), of_window.window).unsqueeze(2)
    squared = (of_window.flow.view_as(teacher) - teacher).square().sum(dim=2, keepdim=True)
    return masked_mean((squared + AGREEMENT_SOFTNESS_PX**2).sqrt() - AGREEMENT_SOFTNESS_PX, weight)
