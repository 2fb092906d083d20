"""Settings from presets, YAML and the command line; unknown keys are refused."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from jsonargparse import (  # type: ignore[attr-defined]  # exported in its __init__, not in __all__
    ActionConfigFile,
    ArgumentParser,
    Namespace,
)

from triptych.config.schema import FitSettings, LearningSettings
from triptych.config.settings_file import check_settings_file
from triptych.config.train_schema import TrainSettings
from triptych.errors import InputError

LENGTHS = ("minutes", "steps", "epochs")
STAGES = ("flow", "depth", "joint")
LIES_OVER = {"adapt": ("small",)}
"""Presets that lie over another one and name only what differs."""
NULLS = ("null", "Null", "NULL", "~")
"""How YAML writes that there is no value."""
Settings = TypeVar("Settings", bound=LearningSettings)


def preset_names() -> list[str]:
    """Names of the presets in the package."""
    return _names_in(_folder("presets"))


def named_configs() -> list[str]:
    """Names of the other settings in the package: of data sets, and of the rows of the ablation."""
    return _names_in(_folder("named"))


def add_fit_arguments(parser: ArgumentParser) -> None:
    """Give a command the settings of a fit, with `--preset` and `--config` before them."""
    _add_arguments(parser, FitSettings, preset="adapt", told="settings to start from; with --from_scratch small")


def add_train_arguments(parser: ArgumentParser) -> None:
    """Give a command the settings of a training, with `--preset` and `--config` before them."""
    _add_arguments(parser, TrainSettings, preset="small", told="settings to start from")


def with_preset(arguments: Sequence[str], *, default: str = "small") -> list[str]:
    """Command-line words with the preset's files in front, then those of `--config`: words override them.

    A training has one length: where the words, or a file that they name, give one
    (--minutes, --steps or --epochs), those given before it are dropped; null gives none.
    `--config` may name settings of the package, and stages may be given as `flow,depth`.

    Args:
        arguments: the words.
        default: name of the preset where they name none.

    Raises:
        InputError: there is no such preset or file, a file is no table of settings or has
            one twice, or stages are parted by spaces.
    """
    files, words = _parted(_plainer(arguments))
    name = value_of(words, "--preset") or _preset_in(files) or default
    if name not in preset_names():
        raise InputError(f"--preset {name}: there is no such preset; choose from {', '.join(preset_names())}")
    layers = [*LIES_OVER.get(name, ()), name]
    first = _configs([str(_folder("presets") / f"{layer}.yaml") for layer in layers])
    return [*first, *_one_length([*_configs(files), f"--preset={name}", *_without("--preset", words)])]


def over_run(stored: Path, arguments: Sequence[str]) -> list[str]:
    """Command-line words over the settings of a run that is resumed.

    The preset and the files that the run began with are in its settings already: the command
    that began a run goes on with it.

    Args:
        stored: file of the run's settings.
        arguments: the words.
    """
    _, words = _parted(_plainer(arguments))
    return ["--config", str(stored), *_one_length(_without("--preset", words))]


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files that words name by `--config`, and the other words."""
    if words and words[-1] in ("--config", "--preset"):
        raise InputError(f"{words[-1]}: name one behind it")
    files = [
        word.partition("=")[2] if equals else words[position + 1]
        for position, word in enumerate(words)
        if (equals := word.startswith("--config=")) or (word == "--config" and position + 1 < len(words))
    ]
    return files, _without("--config", words)


def _configs(files: Sequence[str]) -> list[str]:
    return [word for file in files for word in ("--config", file)]


def _without(option: str, words: Sequence[str]) -> list[str]:
    """Words less an option and its values."""
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if option not in (word, before) and not word.startswith(f"{option}=")
    ]


def value_of(words: Sequence[str], option: str) -> str | None:
    """The value that words give an option, the last one if there are several."""
    value = None
    for position, word in enumerate(words):
        if word == option and position + 1 < len(words):
            value = words[position + 1]
        elif word.startswith(option + "="):
            value = word.partition("=")[2]
    return value


def give_length(words: Sequence[str]) -> bool:
    """Whether words give a training its length."""
    return any(value_of(words, f"--{name}") not in (None, *NULLS) for name in LENGTHS)


def fit_settings(namespace: Namespace) -> FitSettings:
    """The settings of a fit from a parsed command line."""
    return _from_namespace(FitSettings, namespace)


def train_settings(namespace: Namespace) -> TrainSettings:
    """The settings of a training from a parsed command line."""
    return _from_namespace(TrainSettings, namespace)


def part_of_plan(settings: Settings, *, given: bool = False) -> Settings:
    """The settings of some of the stages, as long as these are within the whole plan.

    Thirty epochs of three equal stages are ten of one, and where that is the second, ten
    have gone before it for the halving of the learning rate. Done once: what comes out says
    that its length is that of the stages that run.

    Args:
        settings: of the stages.
        given: whether the length was, on the command line: it is that of the stages that run.
    """
    if not settings.training.whole_plan:
        return settings
    training = replace(settings.training, whole_plan=False)
    if given or set(settings.stages) == set(STAGES):
        return replace(settings, training=training)
    shares = [getattr(settings.training, name).share for name in STAGES]
    part = sum(shares[STAGES.index(name)] for name in settings.stages) / sum(shares)
    before = sum(shares[: min(STAGES.index(name) for name in settings.stages)]) / sum(shares)
    if settings.epochs is None:
        return replace(
            settings,
            steps=None if settings.steps is None else max(round(settings.steps * part), 1),
            minutes=None if settings.minutes is None else settings.minutes * part,
            training=training,
        )
    training = replace(training, epochs_before=training.epochs_before + round(settings.epochs * before))
    return replace(settings, epochs=max(round(settings.epochs * part), 1), training=training)


def preset_settings(name: str, **overrides: Any) -> FitSettings:
    """The settings of a fit by a preset, for use from Python.

    Args:
        name: of the preset.
        overrides: top-level settings that replace the preset's.

    Raises:
        InputError: no such preset.
    """
    return _preset(FitSettings, name, overrides)


def preset_train_settings(name: str, **overrides: Any) -> TrainSettings:
    """The settings of a training by a preset, for use from Python; see `preset_settings`."""
    return _preset(TrainSettings, name, overrides)


def settings_from_yaml(text: str) -> FitSettings:
    """The settings written by `settings_yaml`: names and types are checked; `config.check` knows what they may be."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(FitSettings, None)
    parsed = parser.parse_string(text)
    return fit_settings(parser.instantiate(parsed))


def settings_yaml(settings: LearningSettings) -> str:
    """All settings as YAML text, in the order of the schema."""
    return yaml.safe_dump(asdict(settings), sort_keys=False)


def size_of(text: str) -> tuple[int, int]:
    """(height, width) of a size written HEIGHTxWIDTH.

    Raises:
        InputError: it is not of that form, or too small for the networks.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise InputError(f"--size {text}: write it as HEIGHTxWIDTH in pixels, for instance 128x384")
    height, width = int(parts[0]), int(parts[1])
    if height < 32 or width < 32:
        raise InputError(f"--size {text}: 32 pixels a side are the least")
    return height, width


def nearest_name(name: str, known: Sequence[str]) -> str:
    """A hint naming the known word nearest to a misspelt one, or nothing."""
    match = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {match[0]}?" if match else ""


def _folder(name: str) -> Path:
    return Path(str(files("triptych.config") / name))


def _names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix().removesuffix(".yaml") for path in folder.rglob("*.yaml"))


def _add_arguments(parser: ArgumentParser, schema: type[LearningSettings], *, preset: str, told: str) -> None:
    parser.add_argument("--preset", default=preset, choices=preset_names(), help=told)
    parser.add_argument(
        "--config",
        action=ActionConfigFile,
        help=f"YAML file of settings, over the preset, or the name of one: {', '.join(named_configs())}",
    )
    parser.add_class_arguments(schema, None)


def _plainer(arguments: Sequence[str]) -> list[str]:
    """The words with names of configs as their files, and stages as a list in YAML."""
    words: list[str] = []
    for word in arguments:
        option, equals, value = word.partition("=")
        before = words[-1] if words else ""
        if word in STAGES and (words[-2:-1] == ["--stages"] or before.startswith("--stages=")):
            raise InputError(f"--stages: {word} stands apart; write commas without spaces, such as flow,depth")
        if before == "--config":
            words.append(_config_file(word))
        elif before == "--stages":
            words.append(_list(word))
        elif equals and option in ("--config", "--stages"):
            words.append(f"{option}={_config_file(value) if option == '--config' else _list(value)}")
        else:
            words.append(word)
    return words


def _one_length(words: Sequence[str]) -> list[str]:
    """The words, with all lengths taken back before one that gives a length."""
    found: list[str] = []
    for position, word in enumerate(words):
        option, equals, value = word.partition("=")
        if not equals and position + 1 < len(words):
            value = words[position + 1]
        lengths = [name for name in LENGTHS if option == f"--{name}" and value not in NULLS]
        if option == "--config":
            lengths = _lengths_in(Path(value))
        found += [f"--{length}=null" for length in LENGTHS if lengths and length not in lengths]
        found.append(word)
    return found


def _lengths_in(file: Path) -> list[str]:
    """Lengths that a file of settings gives."""
    return [name for name in LENGTHS if _content(file).get(name) is not None]


def _preset_in(files: Sequence[str]) -> str | None:
    """The preset that files of settings name, as those of `--print-config` do; the last one if there are several."""
    named = [preset for file in files if (preset := _content(Path(file)).get("preset")) is not None]
    return str(named[-1]) if named else None


def _content(file: Path) -> dict[str, Any]:
    """What a file of settings says; what is wrong with it is told where it is read."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _config_file(name: str) -> str:
    """A file of settings: one that is there, or one of the package by its name."""
    if Path(name).is_file():
        check_settings_file(Path(name))
        return name
    if name in named_configs():
        return str(_folder("named") / f"{name}.yaml")
    if Path(name).is_dir():
        raise InputError(f"--config {name}: is a folder; name a YAML file of settings")
    hint = nearest_name(name, named_configs())
    raise InputError(f"--config {name}: no such file, nor settings of that name{hint} ({', '.join(named_configs())})")


def _list(text: str) -> str:
    return text if text.startswith("[") else f"[{text}]"


def _from_namespace(schema: type[Settings], namespace: Namespace) -> Settings:
    names = {field.name for field in fields(schema)}
    return schema(**{name: value for name, value in vars(namespace).items() if name in names})


def _preset(schema: type[Settings], name: str, overrides: Mapping[str, Any]) -> Settings:
    parser = ArgumentParser(exit_on_error=False)
    _add_arguments(parser, schema, preset=name, told="settings to start from")
    words = [f"--{key}={_word(value)}" for key, value in overrides.items()]
    parsed = parser.parse_args(with_preset(["--preset", name, *words]))
    return _from_namespace(schema, parser.instantiate(parsed))


def _word(value: Any) -> str:
    """A value as a command line gives it: text as it is, all else in YAML's way."""
    if isinstance(value, str):
        return value
    return json.dumps(asdict(value) if is_dataclass(value) and not isinstance(value, type) else value)
