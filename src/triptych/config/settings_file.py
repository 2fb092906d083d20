"""A file of settings, looked at before the parser has it: what that would let pass, or tell without the file's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml

from triptych.config.schema import FitSettings
from triptych.config.train_schema import TrainSettings
from triptych.errors import InputError

WORDS_ALONE = ("overwrite", "resume", "from_scratch")
"""What is for the command line to say, each time anew."""


def check_settings_file(file: Path) -> None:
    """Refuse a file that is no table of settings.

    Raises:
        InputError: it is no text or no YAML, a setting is given twice, one that needs a value,
            or settings below it, has none, or something is there that is not for a file to say.
    """
    try:
        text = file.read_text(encoding="utf-8")
        content, repeated = yaml.safe_load(text), _repeated(yaml.compose(text, Loader=yaml.SafeLoader))
    except UnicodeDecodeError:
        raise InputError(f"--config {file}: is no text; name a YAML file of settings") from None
    except yaml.YAMLError as error:
        raise InputError(f"--config {file}: is no YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise InputError(f"--config {file}: holds no settings; write `name: value` lines")
    if repeated is not None:
        place = f"{file}, line {repeated.start_mark.line + 1}"
        raise InputError(f"--config {place}: {repeated.value} is given a second time; keep one of them")
    for name in WORDS_ALONE:
        if content.get(name):
            raise InputError(f"--config {file}: {name} is no setting; give --{name} on the command line")
    for schema in (FitSettings, TrainSettings):
        for line in _lacking(content, schema):
            raise InputError(f"--config {file}: {line}")


def _repeated(node: yaml.Node | None) -> yaml.Node | None:
    """The first key that stands in a table for the second time, at a node or below."""
    parts: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        names = [key.value for key in keys]
        twice = next((key for place, key in enumerate(keys) if key.value in names[:place]), None)
        if twice is not None:
            return twice
        parts = [value for _, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        parts = node.value
    return next((found for part in parts if (found := _repeated(part)) is not None), None)


def _lacking(content: Mapping[str, Any], schema: type) -> Iterator[str]:
    """Settings of a schema that content names and does not give, with what to do."""
    for name, kind in get_type_hints(schema).items():
        if name not in content:
            continue
        value = content[name]
        if isinstance(kind, type) and is_dataclass(kind):
            if isinstance(value, dict):
                yield from (f"{name}.{line}" for line in _lacking(value, kind))
            else:
                yield f"{name} is a group of settings; write them below it, or leave it out"
        elif value is None and type(None) not in get_args(kind):
            yield f"{name} needs a value; give one, or leave it out"
