"""What a training step asks of the networks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from triptych.types import Snippet, SnippetEstimate

Autocast = Callable[[], AbstractContextManager[None]]
"""Makes the context in which networks run."""


@runtime_checkable
class Estimator(Protocol):
    """The joint model, or a wrapper of it that places it on devices."""

    def estimate(
        self,
        snippet: Snippet,
        *,
        depth: bool,
        pose: bool,
        flow: bool,
        flow_gradient: bool,
        backward_flow: bool,
        reversed_pose: bool,
        depth_levels: int,
        source_depth: bool,
    ) -> SnippetEstimate:
        """What the networks say of a batch of snippets; see `JointModel.estimate`."""
