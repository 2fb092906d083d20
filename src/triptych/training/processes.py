"""What the processes of one training agree on; a single one agrees with itself at no cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast, final

import torch
import torch.distributed
from jaxtyping import Float
from lightning.fabric import Fabric
from torch import Tensor


@contextmanager
def launched(fabric: Fabric) -> Iterator[None]:
    """All processes of a fabric, for as long as this lasts.

    A process that ends beside threads that still listen to the others is aborted now and
    then, and all it did counts as failed. So they are let go of first; but not where this
    one fails, since the others may wait for it: the launcher ends them.
    """
    fabric.launch()
    yield
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@final
class Processes:
    """The processes of a training, of which this is one.

    Every method must be called by all of them, in the same order.

    Args:
        fabric: that launched them.
    """

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric

    @property
    def count(self) -> int:
        """How many there are."""
        return self._fabric.world_size

    @property
    def rank(self) -> int:
        """Number of this one."""
        return self._fabric.global_rank

    def mean(self, values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The average of a tensor over the processes, without gradient."""
        if self.count == 1:
            return values.detach()
        return cast(Tensor, self._fabric.all_reduce(values.detach().clone(), reduce_op="mean"))

    def any_of(self, flags: Float[Tensor, ""]) -> Float[Tensor, ""]:
        """1 where the flag of one of them is set, else 0; stays on the device."""
        return flags if self.count == 1 else (self.mean(flags) > 0).to(flags.dtype)

    def follow_first(self, tensors: Iterable[Tensor]) -> None:
        """Give tensors, in place, the values that those of the first process have."""
        for tensor in tensors if self.count > 1 else ():
            torch.distributed.broadcast(tensor, src=0)

    def gathered(self, lines: Sequence[str]) -> tuple[str, ...]:
        """Lines of all of them, each once, in the order of the processes."""
        if self.count == 1:
            return tuple(lines)
        found: list[tuple[str, ...]] = [()] * self.count
        torch.distributed.all_gather_object(found, tuple(lines))
        return tuple(dict.fromkeys(line for part in found for line in part))

    def agreed(self, *, seconds: float, stop: bool) -> tuple[float, bool]:
        """The first one's clock (s), and whether any of them was asked to stop."""
        if self.count == 1:
            return seconds, stop
        told = torch.tensor([seconds if self.rank == 0 else 0.0, float(stop)], dtype=torch.float64)
        total = self.mean(told.to(self._fabric.device)) * self.count
        return float(total[0]), bool(total[1] > 0)
