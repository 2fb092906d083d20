"""Settings from presets, YAML and the command line; unknown keys are refused."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from jsonargparse import (  # type: ignore[attr-defined]  # exported in its __init__, not in __all__
    ActionConfigFile,
    ArgumentParser,
    Namespace,
)

from triptych.config.schema import FitSettings
from triptych.errors import InputError

LENGTHS = ("minutes", "steps", "epochs")
Settings = TypeVar("Settings")


def preset_names() -> list[str]:
    """Names of the presets in the package."""
    return sorted(path.name.removesuffix(".yaml") for path in _presets().iterdir() if path.name.endswith(".yaml"))


def add_fit_arguments(parser: ArgumentParser) -> None:
    """Give a command the settings of a fit, with `--preset` and `--config` before them."""
    parser.add_argument("--preset", default="small", choices=preset_names(), help="settings to start from")
    parser.add_argument("--config", action=ActionConfigFile, help="YAML file of settings, over the preset")
    parser.add_class_arguments(FitSettings, None)


def with_preset(arguments: Sequence[str]) -> list[str]:
    """Command-line words with the preset's file in front, so that all else overrides it.

    Where the words give a length (--minutes, --steps or --epochs), the preset's own is
    dropped: a training has one.
    """
    words = list(arguments)
    name = "small"
    for position, word in enumerate(words):
        if word == "--preset" and position + 1 < len(words):
            name = words[position + 1]
        elif word.startswith("--preset="):
            name = word.partition("=")[2]
    if name not in preset_names():
        raise InputError(f"--preset {name}: there is no such preset; choose from {', '.join(preset_names())}")
    given = {word.partition("=")[0] for word in words}
    drop = [f"--{length}=null" for length in LENGTHS] if given & {f"--{length}" for length in LENGTHS} else []
    return ["--config", str(_presets() / f"{name}.yaml"), *drop, *words]


def fit_settings(namespace: Namespace) -> FitSettings:
    """The settings of a fit from a parsed command line."""
    names = {field.name for field in fields(FitSettings)}
    return FitSettings(**{name: value for name, value in vars(namespace).items() if name in names})


def preset_settings(name: str, **overrides: Any) -> FitSettings:
    """The settings of a preset, for use from Python.

    Args:
        name: of the preset.
        overrides: top-level settings that replace the preset's.

    Raises:
        InputError: no such preset.
    """
    parser = ArgumentParser(exit_on_error=False)
    add_fit_arguments(parser)
    words = [f"--{key}={json.dumps(_plain(value))}" for key, value in overrides.items()]
    parsed = parser.parse_args(with_preset(["--preset", name, *words]))
    return fit_settings(parser.instantiate(parsed))


def settings_from_yaml(text: str) -> FitSettings:
    """The settings written by `settings_yaml`, checked like any others."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(FitSettings, None)
    parsed = parser.parse_string(text)
    return fit_settings(parser.instantiate(parsed))


def settings_yaml(settings: FitSettings) -> str:
    """All settings as YAML text, in the order of the schema."""
    return yaml.safe_dump(asdict(settings), sort_keys=False)


def size_of(text: str) -> tuple[int, int]:
    """(height, width) of a size written HEIGHTxWIDTH.

    Raises:
        InputError: it is not of that form, or too small for the networks.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise InputError(f"--size {text}: write it as HEIGHTxWIDTH in pixels, for instance 128x384")
    height, width = int(parts[0]), int(parts[1])
    if height < 32 or width < 32:
        raise InputError(f"--size {text}: 32 pixels a side are the least")
    return height, width


def nearest_name(name: str, known: Sequence[str]) -> str:
    """A hint naming the known word nearest to a misspelt one, or nothing."""
    match = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {match[0]}?" if match else ""


def _presets() -> Path:
    return Path(str(files("triptych.config") / "presets"))


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
