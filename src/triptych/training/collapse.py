"""The classic ways in which a training stops learning without saying so.

A loss may fall while depth becomes a plane, the camera stands still, the flow vanishes or
the gates throw every pixel away. Each has a sign that costs next to nothing to compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from triptych.types import SnippetEstimate

PATIENCE = 50
"""Steps in a row that a sign must last: single batches of fog or of a standing car are none."""
LEAST_DEPTH_VARIATION = 0.01
"""Deviation of the disparity over its mean, within an image: below it depth is a plane that faces the camera."""
LEAST_MOTION = 1e-5
"""Length of the translation plus angle (rad): below it the pose is the identity."""
LEAST_FLOW = 1e-3
"""Length of the flow over the width of the picture: below it nothing moves (0.6 px at 640)."""
LEAST_KEPT = 0.02
"""Share of the pixels that a gate or mask keeps: below it the loss is that of a few pixels."""

REASONS = {
    "depth_variation": (
        "depth is the same everywhere: the learning rate may be too high, the smoothness too strong, or the flow that "
        "guides it not yet learned"
    ),
    "motion": (
        "the pose network says that the camera stands still: check that the frames move, lower the learning rate, or "
        "train the flow longer before depth and pose"
    ),
    "flow": "the flow is zero: check that the frames move and the learning rate is not too high",
}


def vital_signs(estimate: SnippetEstimate) -> dict[str, Tensor]:
    """Signs of life of what the networks said, each a scalar without gradient; those that ran.

    Args:
        estimate: of a batch of snippets.

    Returns:
        `depth_variation`: mean over images of the deviation of the disparity over its mean;
        `motion`: mean over pairs of |t| plus the chordal angle (rad);
        `flow`: mean length of the flow over the width.
    """
    signs: dict[str, Tensor] = {}
    with torch.no_grad():
        if estimate.disparity is not None:
            disparity = estimate.disparity[0].float().flatten(1)
            signs["depth_variation"] = (disparity.std(dim=1) / disparity.mean(dim=1)).mean()
        if estimate.source_from_target is not None:
            pose = estimate.source_from_target.float().flatten(0, 1)
            turned = pose[:, :3, :3] - torch.eye(3, dtype=pose.dtype, device=pose.device)
            signs["motion"] = (pose[:, :3, 3].norm(dim=1) + turned.flatten(1).norm(dim=1) / 2**0.5).mean()
        if estimate.flow_target_to_source is not None:
            flow = estimate.flow_target_to_source.flow.float()
            signs["flow"] = flow.square().sum(dim=1).sqrt().mean() / flow.shape[-1]
    return signs


@dataclass
class CollapseWatch:
    """Watches the signs of a training and speaks once of each that fails for long.

    Attributes:
        patience: steps in a row that a sign must fail.
    """

    patience: int = PATIENCE
    _failing: dict[str, int] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def observe(self, signs: Mapping[str, float], shares: Mapping[str, float]) -> list[str]:
        """What is to be said after a step; mostly nothing.

        Args:
            signs: as `vital_signs` gives them.
            shares: share of the pixels that each gate and mask keeps, by name.
        """
        least = {"depth_variation": LEAST_DEPTH_VARIATION, "motion": LEAST_MOTION, "flow": LEAST_FLOW}
        low = {name: value < least[name] for name, value in signs.items()}
        low |= {f"share {name}": value < LEAST_KEPT for name, value in shares.items()}
        said = []
        for name, failing in low.items():
            self._failing[name] = self._failing.get(name, 0) + 1 if failing else 0
            if not failing:
                self._told.discard(name)
            elif self._failing[name] >= self.patience and name not in self._told:
                self._told.add(name)
                said.append(self._sentence(name, signs, shares))
        return said

    def _sentence(self, name: str, signs: Mapping[str, float], shares: Mapping[str, float]) -> str:
        if name in REASONS:
            return f"for {self.patience} steps {REASONS[name]} ({name} {signs[name]:.2g})"
        gate = name.removeprefix("share ")
        return (
            f"for {self.patience} steps {gate} has kept {100 * shares[gate]:.1f} % of the pixels: the loss is that of "
            "a few; check its tau, or whether the networks still say anything sensible"
        )
