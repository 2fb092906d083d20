"""Batches of records: onto a device, and in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from triptych.types import LossTerms


def on_device(record: Any, device: torch.device) -> Any:
    """A record of tensors, and of records of them, with all its tensors on a device; what else it holds stays."""
    if isinstance(record, Tensor):
        return record.to(device, non_blocking=True)
    if not is_dataclass(record) or isinstance(record, type):
        return record
    return type(record)(**{field.name: on_device(getattr(record, field.name), device) for field in fields(record)})


def in_float32(record: Any) -> Any:
    """A record whose floating-point tensors, also in records and tuples that it holds, are float32 at least."""
    if isinstance(record, Tensor):
        narrow = record.is_floating_point() and torch.finfo(record.dtype).bits < torch.finfo(torch.float32).bits
        return record.float() if narrow else record
    if isinstance(record, tuple):
        return tuple(in_float32(part) for part in record)
    if is_dataclass(record) and not isinstance(record, type):
        return type(record)(**{field.name: in_float32(getattr(record, field.name)) for field in fields(record)})
    return record


def in_parts(record: Any, count: int) -> list[Any]:
    """A batch cut along its first axis into records of equal size.

    Args:
        record: of tensors whose first axis is the batch, or several a snippet; of records and tuples
            of such, and of what all parts share.
        count: of parts.

    Raises:
        ValueError: the batch cannot be cut evenly.
    """
    if isinstance(record, Tensor):
        if len(record) % count:
            raise ValueError(f"a batch of {len(record)} cannot be cut into {count} equal parts")
        return list(record.chunk(count)) if len(record) else [record] * count
    if isinstance(record, tuple):
        rows = [in_parts(entry, count) for entry in record]
        return [tuple(row[index] for row in rows) for index in range(count)]
    if not is_dataclass(record) or isinstance(record, type):
        return [record] * count
    columns = {field.name: in_parts(getattr(record, field.name), count) for field in fields(record)}
    return [type(record)(**{name: values[index] for name, values in columns.items()}) for index in range(count)]


def mean_terms(parts: Sequence[LossTerms]) -> LossTerms:
    """The mean of the losses of the parts of a batch, and of all that they are made of.

    Raises:
        ValueError: without parts.
    """
    if not parts:
        raise ValueError("the mean of no losses")

    def means(name: str) -> dict[str, Tensor]:
        tables: list[dict[str, Tensor]] = [getattr(part, name) for part in parts]
        return {key: torch.stack([table[key] for table in tables]).mean() for key in tables[0]}

    return LossTerms(
        total=torch.stack([part.total.detach() for part in parts]).mean(),
        terms=means("terms"),
        shares=means("shares"),
        signs=means("signs"),
    )
