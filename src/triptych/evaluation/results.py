"""What an evaluation found: figures together with the protocol that they were made by."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triptych import __version__
from triptych.errors import InputError
from triptych.evaluation.measures import MEASURES
from triptych.formats.atomic import StrPath, atomic_path

Setting = str | int | float | bool | None
Figures = Mapping[str, float]
"""Figures by the names of `MEASURES`; NaN where there was nothing to measure."""


@dataclass(frozen=True)
class Protocol:
    """How figures were made. Figures of protocols that differ are not comparable.

    Attributes:
        task: depth, flow, odometry, snippets or masks.
        name: of the protocol, such as eigen.
        settings: all that the figures depend on: split, images, kind of truth, crop, cap,
            scaling, alignment.

    Raises:
        ValueError: a setting is called task or name, which the file has for the protocol's own.
    """

    task: str
    name: str
    settings: Mapping[str, Setting]

    def __post_init__(self) -> None:
        if {"task", "name"} & set(self.settings):
            raise ValueError("a setting of a protocol cannot be called task or name")

    def line(self) -> str:
        """The protocol in one line, for a person."""
        parts = [setting_phrase(name, value) for name, value in self.settings.items()]
        return f"{self.task}, {self.name}: " + "; ".join(parts)

    def points(self) -> dict[str, Setting]:
        """All that figures depend on: `task`, `protocol` (its name) and the settings."""
        return {"task": self.task, "protocol": self.name, **self.settings}

    def differing(self, other: Protocol) -> list[str]:
        """Names of the points that set it apart from another one; empty where they are one."""
        ours, theirs = self.points(), other.points()
        return [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]


@dataclass(frozen=True)
class Result:
    """Figures of one prediction.

    Attributes:
        protocol: how they were made.
        metrics: of the prediction.
        baselines: of trivial and classical answers, by name.
        variants: of the same prediction by a protocol that differs in one named point.
        notes: what a reader must know beside the figures.
        name: of what was scored; results of one name are seeds of one method.
        named: whether somebody gave that name; False where it was only derived from a path,
            so that equal names say nothing of the methods.
    """

    protocol: Protocol
    metrics: Figures
    baselines: Mapping[str, Figures] = field(default_factory=dict)
    variants: Mapping[str, Figures] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    name: str = "prediction"
    named: bool = True


def setting_words(name: str) -> str:
    """The name of a setting in words: `cap` for `cap_m`."""
    return name.removesuffix("_m").replace("_", " ")


def setting_text(name: str, value: Setting) -> str:
    """The value of a setting as a person writes it, with its unit: `80 m`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} m" if name.endswith("_m") else text


def setting_phrase(name: str, value: Setting) -> str:
    """A setting in words: `cap 80 m` for `cap_m`."""
    return f"{setting_words(name)} {setting_text(name, value)}"


def save_result(path: StrPath, result: Result) -> None:
    """Write a result as JSON; figures that are not numbers become null.

    Raises:
        InputError: the place cannot be written to.
    """
    content = {
        "name": result.name,
        "named": result.named,
        "protocol": {"task": result.protocol.task, "name": result.protocol.name, **result.protocol.settings},
        "metrics": _storable(result.metrics),
        "baselines": {name: _storable(figures) for name, figures in result.baselines.items()},
        "variants": {name: _storable(figures) for name, figures in result.variants.items()},
        "notes": list(result.notes),
        "versions": {"triptych": __version__},
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def load_result(path: StrPath) -> Result:
    """A result as `save_result` wrote it.

    Raises:
        InputError: no such file, or not a result.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # of UTF-8, of JSON, or of numbers too long for Python
        raise InputError(f"{path} is not JSON ({error}); give what `triptych evaluate ... --json` wrote") from error
    try:
        protocol = _settings(content["protocol"])
        return Result(
            protocol=Protocol(_text(protocol.pop("task")), _text(protocol.pop("name")), protocol),
            metrics=_figures(content["metrics"]),
            baselines={name: _figures(figures) for name, figures in content["baselines"].items()},
            variants={name: _figures(figures) for name, figures in content["variants"].items()},
            notes=tuple(_text(note) for note in content["notes"]),
            name=_text(content["name"]),
            named=_yes_or_no(content.get("named", True)),
        )
    except KeyError as error:
        raise InputError(f"{path} is not a result of `triptych evaluate ... --json`: it lacks {error}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path} is not a result of `triptych evaluate ... --json`: {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"text is needed, found {value!r}")
    return value


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"true or false is needed, found {value!r}")
    return value


def _settings(content: Mapping[str, Any]) -> dict[str, Any]:
    """The protocol's settings from JSON.

    Raises:
        ValueError: one of them is a list or has parts.
    """
    compound = [name for name, value in content.items() if isinstance(value, list | dict)]
    if compound:
        raise ValueError(f"the protocol's {', '.join(compound)} must be one value")
    return dict(content)


def _storable(figures: Figures) -> dict[str, float | int | None]:
    """Figures for JSON, which knows no NaN; counts as whole numbers.

    Raises:
        KeyError: a figure that `MEASURES` does not name.
    """
    _refuse_unknown(figures)
    return {
        name: None if not math.isfinite(value) else value if MEASURES[name].digits else round(value)
        for name, value in figures.items()
    }


def _figures(content: Mapping[str, Any]) -> dict[str, float]:
    """Figures from JSON, null as NaN.

    Raises:
        ValueError: a figure that `MEASURES` does not name, or that is no number.
    """
    try:
        _refuse_unknown(content)
    except KeyError as error:
        raise ValueError(error.args[0]) from error
    wrong = [name for name, value in content.items() if value is not None and type(value) not in (int, float)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} must be a number or null")
    return {name: math.nan if value is None else float(value) for name, value in content.items()}


def _refuse_unknown(figures: Mapping[str, Any]) -> None:
    unknown = [name for name in figures if name not in MEASURES]
    if unknown:
        raise KeyError(f"no measure is named {', '.join(unknown)}")
