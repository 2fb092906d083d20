"""One step of the optimizer: the loss of a batch, its gradient, and nothing of a batch that is not finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, cast, final

import torch
from jaxtyping import Bool, Float
from lightning.fabric import Fabric
from lightning.fabric.wrappers import _FabricOptimizer
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils.clip_grad import clip_grad_norm_

from triptych.errors import InputError
from triptych.losses.means import weights_shared
from triptych.losses.objective import Objective
from triptych.networks.joint import JointModel
from triptych.training.batches import in_parts, mean_terms
from triptych.training.processes import Processes
from triptych.training.stages import Stage, StagePosition
from triptych.training.step import prepare_stage, step_loss
from triptych.types import LossTerms, Snippet

Autocast = Callable[[], AbstractContextManager[None]]
SCALER = "scaler"
"""Where a state holds that of the gradient scaler."""


@dataclass(frozen=True)
class StepResult:
    """What came of a step, still on the device.

    Attributes:
        terms: the loss, the mean over the parts of the batch.
        gradient_norm: before clipping.
        skipped: 1 where loss or gradient was not finite and nothing was changed, else 0.
    """

    terms: LossTerms
    gradient_norm: Float[Tensor, ""]
    skipped: Float[Tensor, ""]


@final
class Optimization:
    """The networks with their optimizer, on devices and over processes.

    Nothing in a step waits for the device: whether it was finite is decided there.

    Args:
        model: the networks; changed in place.
        objective: the loss.
        fabric: devices, precision, processes; launched.
        accumulation: parts that a batch is worked through in.
        gradient_clip: largest gradient norm.
    """

    def __init__(
        self, model: JointModel, objective: Objective, fabric: Fabric, *, accumulation: int, gradient_clip: float
    ) -> None:
        self.model = model.to(fabric.device)
        self._loss = _Loss(model, objective, fabric.autocast)
        self._fabric = fabric
        self._processes = Processes(fabric)
        self._accumulation = accumulation
        self._gradient_clip = gradient_clip
        self._adam = torch.optim.Adam(model.parameters(), lr=0.0, betas=(0.9, 0.999), fused=True)
        self._optimizer = cast(_FabricOptimizer, fabric.setup_optimizers(self._adam))
        # Of float16 alone; it leaves steps out by itself.
        self._scaler: GradScaler | None = getattr(fabric._precision, "scaler", None)
        self._exchange: _Exchange | None = None

    def begin_stage(self, stage: Stage) -> None:
        """Freeze and unfreeze networks for a stage, and wrap them anew for several processes.

        What is frozen when they are wrapped takes no part in the exchange of gradients.
        """
        prepare_stage(self.model, stage)
        if self._processes.count > 1:
            self._exchange = None  # its hooks on the parameters go with it
            self._exchange = _Exchange(self._loss, self._fabric.device)

    def step(self, snippet: Snippet, position: StagePosition, *, rate: float) -> StepResult:
        """Learn from a batch.

        Args:
            snippet: the batch, on the device.
            position: in the stages; `begin_stage` was called for its stage.
            rate: learning rate.
        """
        for group in self._adam.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        buffers = list(self.model.buffers())
        before = [buffer.clone() for buffer in buffers]
        terms = self._accumulated(snippet, position)
        if self._scaler is not None:
            self._spoil_where(~torch.isfinite(terms.total))
            self._scaler.unscale_(self._adam)
        norm = clip_grad_norm_(self.model.parameters(), self._gradient_clip)
        finite = torch.isfinite(norm) & torch.isfinite(terms.total)
        skipped = self._processes.any_of((~finite).float())
        with self._left_out_where(skipped):
            self._optimizer.step()
        _restore(buffers, before, where=skipped)
        return StepResult(terms, norm, skipped)

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state, and that of the gradient scaler where there is one."""
        scaler = {} if self._scaler is None else {SCALER: self._scaler.state_dict()}
        return {**self._adam.state_dict(), **scaler}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of another optimizer of the same networks."""
        if self._scaler is not None and SCALER in state:
            self._scaler.load_state_dict(state[SCALER])
        self._adam.load_state_dict({name: part for name, part in state.items() if name != SCALER})
        for parameter, kept in self._adam.state.items():
            for name, value in kept.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    # The fused step goes by memory: moments lie as the weights do, whatever layout they were saved in.
                    kept[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)

    def _accumulated(self, snippet: Snippet, position: StagePosition) -> LossTerms:
        """The mean loss over the parts of a batch, whose gradients are added up."""
        count = self._accumulation
        done: list[LossTerms] = []
        exchange = self._exchange
        for index, part in enumerate(in_parts(snippet, count)):
            with (
                nullcontext() if exchange is None else exchange.only_with(last=index == count - 1),
                nullcontext() if exchange is None else weights_shared(self._processes.mean),
            ):
                loss = self._loss if exchange is None else exchange.loss
                terms: LossTerms = loss(part, position)
                if not terms.total.requires_grad:
                    stage = position.stage
                    raise InputError(
                        f"stage {stage.name}: none of its terms ({', '.join(terms.terms)}) depends on what it learns "
                        f"({', '.join(sorted(stage.learns))}); change its terms or its learners"
                    )
                done.append(terms)
                self._fabric.backward(terms.total / count)
        return mean_terms(done)

    def _spoil_where(self, broken: Bool[Tensor, ""]) -> None:
        """Make a gradient NaN where the loss of a process is not finite: the scaler looks at gradients alone."""
        flag = self._processes.any_of(broken.float())
        gradient = next(weight.grad for weight in self.model.parameters() if weight.grad is not None)
        gradient.masked_fill_(flag > 0, math.nan)

    @contextmanager
    def _left_out_where(self, skipped: Float[Tensor, ""]) -> Iterator[None]:
        """Within it the fused optimizer's step does nothing where the flag is set.

        It is the flag by which a gradient scaler, where there is one, says the same.
        """
        if self._scaler is not None:
            yield
            return
        self._adam.found_inf = skipped  # type: ignore[attr-defined]
        try:
            yield
        finally:
            del self._adam.found_inf  # type: ignore[attr-defined]


@final
class _Loss(nn.Module):
    """The networks with the loss of what they say, so that who exchanges gradients sees which of them learn."""

    def __init__(self, model: JointModel, objective: Objective, autocast: Autocast) -> None:
        super().__init__()
        self.model = model
        self._objective = objective
        self._autocast = autocast

    def forward(self, snippet: Snippet, position: StagePosition) -> LossTerms:
        return step_loss(
            self.model,
            self._objective,
            snippet,
            position.stage,
            fraction=position.fraction,
            autocast=self._autocast,
        )


@final
class _Exchange:
    """The loss, of which the gradients are averaged over the processes as they are worked out."""

    def __init__(self, loss: _Loss, device: torch.device) -> None:
        devices = None if device.type == "cpu" else [device.index]
        # Heads that the loss does not use, or networks that wait in a part of a stage, get no gradient.
        self.loss = DistributedDataParallel(loss, device_ids=devices, find_unused_parameters=True)

    def only_with(self, *, last: bool) -> AbstractContextManager[None]:
        """Within it gradients are exchanged with the last part of a batch, added up with the others."""
        return nullcontext() if last else self.loss.no_sync()


def _restore(buffers: list[Tensor], before: list[Tensor], *, where: Float[Tensor, ""]) -> None:
    """Put back the batch statistics that a batch which is not finite has spoilt."""
    if where.device.type == "cpu" and not where:
        return
    for buffer, old in zip(buffers, before, strict=True):
        buffer.copy_(torch.where(where > 0, old, buffer))
