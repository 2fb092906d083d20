"""Numbers of many steps, fetched from the device at once and averaged over the processes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from triptych.training.collapse import CollapseWatch
from triptych.training.log import StepReport
from triptych.training.optimization import StepResult
from triptych.training.processes import Processes

GROUPS = ("terms", "shares", "signs")


@dataclass(frozen=True)
class _Pending:
    """A step of which the numbers are still on the device."""

    report: StepReport
    result: StepResult


@final
class Reports:
    """Steps that are done and not yet told.

    Args:
        processes: over which the numbers are averaged.
        watch: looks for signs of a collapse in them.
        skipped: batches skipped before.
    """

    def __init__(self, processes: Processes, watch: CollapseWatch, *, skipped: int = 0) -> None:
        self._processes = processes
        self._pending: list[_Pending] = []
        self._watch = watch
        self._skipped = skipped

    def add(self, report: StepReport, result: StepResult) -> None:
        """Take in a step.

        Args:
            report: what is known of it without the device.
            result: what came of it.
        """
        self._pending.append(_Pending(report, result))

    def told(self) -> list[StepReport]:
        """Whole reports of the steps taken in since the last time; waits for the device."""
        pending, self._pending = self._pending, []
        if not pending:
            return []
        columns = [_scalars(one.result) for one in pending]
        values = self._processes.mean(torch.stack([value.float() for column in columns for value in column])).tolist()
        reports, begin = [], 0
        for one, column in zip(pending, columns, strict=True):
            reports.append(self._report(one, values[begin : begin + len(column)]))
            begin += len(column)
        return reports

    def _report(self, pending: _Pending, values: list[float]) -> StepReport:
        total, norm, skipped = values[:3]
        named, begin = {}, 3
        for group in GROUPS:
            names = list(getattr(pending.result.terms, group))
            named[group] = dict(zip(names, values[begin : begin + len(names)], strict=True))
            begin += len(names)
        self._skipped += int(skipped > 0)
        return replace(
            pending.report,
            total=total,
            gradient_norm=None if skipped > 0 or not math.isfinite(norm) else norm,
            skipped=self._skipped,
            warnings=(*pending.report.warnings, *self._watch.observe(named["signs"], named["shares"])),
            terms=named["terms"],
            shares=named["shares"],
            signs=named["signs"],
        )


def _scalars(result: StepResult) -> list[Tensor]:
    """All numbers of a step, in the order in which `_report` takes them apart."""
    terms = result.terms
    groups: list[Mapping[str, Tensor]] = [getattr(terms, group) for group in GROUPS]
    named = [value for group in groups for value in group.values()]
    return [terms.total.detach(), result.gradient_norm.detach(), result.skipped, *named]
