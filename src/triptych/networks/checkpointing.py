"""Activation checkpointing: memory for time, with the same gradients and the same statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


def checkpointed(block: nn.Module, *inputs: Any, enabled: bool) -> Any:
    """What a block says of its inputs, its activations kept, or computed again when the gradient asks.

    Args:
        block: any module; it must not change its inputs in place.
        inputs: of the block.
        enabled: compute again; False, and where gradients are off, is a plain call.
    """
    if not enabled or not torch.is_grad_enabled():
        return block(*inputs)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _statistics_untouched(block)

    return checkpoint(block, *inputs, use_reentrant=False, context_fn=contexts)


@contextmanager
def _statistics_untouched(block: nn.Module) -> Iterator[None]:
    """Within it, a block has copies of its buffers: running statistics are not updated a second time."""
    owners = [(module, dict(module.named_buffers(recurse=False))) for module in block.modules()]
    for module, buffers in owners:
        for name, buffer in buffers.items():
            setattr(module, name, buffer.clone())
    try:
        yield
    finally:
        for module, buffers in owners:
            for name, buffer in buffers.items():
                setattr(module, name, buffer)
