"""Command-line words to options, with errors that say which word and what it should be."""

from __future__ import annotations

import re
from argparse import ArgumentError
from collections.abc import Sequence

from jsonargparse import ArgumentParser, Namespace

from triptych.config.load import nearest_name
from triptych.errors import InputError

KINDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "text",
    "list": "a list, such as [a, b]",
}
"""What a person calls the types of options."""


def parsed(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """The options that words give; `--cap-m` is `--cap_m`.

    Raises:
        InputError: a word that is no option (with the nearest one), a value of another kind, or
            an option that is missing.
    """
    written = [_underscored(word) for word in words]
    known = _options(parser)
    for word in written:
        name = word.partition("=")[0]
        if re.match(r"--[a-z]", name) and name not in known and not _within_a_leaf(name, known):
            raise InputError(f"{name}: no such option{nearest_name(name, known)} (see {parser.prog} --help)")
    try:
        return parser.parse_args(written)
    except ArgumentError as error:
        raise InputError(f"{_explained(parser, str(error))} (see {parser.prog} --help)") from error


def _underscored(word: str) -> str:
    """An option's word with underscores in its name."""
    if not re.match(r"--[a-z]", word):
        return word
    name, equals, value = word.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def _options(parser: ArgumentParser) -> list[str]:
    return [option for option in parser._option_string_actions if option.startswith("--")]


def _within_a_leaf(name: str, known: Sequence[str]) -> bool:
    """Whether a dotted name reaches into an option that is a table of its own, with names that nobody lists."""
    above = [name[: dot.start()] for dot in re.finditer(r"\.", name)]
    leaves = [option for option in known if not any(other.startswith(option + ".") for other in known)]
    return any(option in leaves for option in above)


def _explained(parser: ArgumentParser, message: str) -> str:
    known = _options(parser)
    if message.startswith("unrecognized arguments:"):
        word = message.removeprefix("unrecognized arguments:").split()[0]
        hint = nearest_name(word.partition("=")[0], known) if word.startswith("-") else ""
        return f"{word}: no such {'option' if word.startswith('-') else 'argument'}{hint}"
    stray = re.match(r"(?:Group '(?P<group>[^']*)' does not accept option|Option) '(?P<name>[^']+)'", message)
    if stray:
        name = ".".join(part for part in (stray["group"], stray["name"]) if part)
        return f"{name}: no such setting{nearest_name(name, [option.removeprefix('--') for option in known])}"
    group = re.match(r'Parser key "([^"]+)":\s+Unable to load config (\S+)', message)
    if group:
        return f"--{group.group(1)} {group.group(2)}: is a group of settings; give one of them by its dotted name"
    missing = re.match(r"the following arguments are required: (.*)", message)
    if missing:
        names = [f"--{name}" if f"--{name}" in known else name for name in missing.group(1).split(", ")]
        return f"needed and not given: {', '.join(names)}"
    mistyped = re.match(
        r'Parser key "([^"]+)":(.*?)(?:Given|Got) value: (.*?)(?:\s+- Expected a .*)?$', message, re.DOTALL
    )
    if mistyped:
        expected = re.findall(r"Expected a (?:typing\.)?(?:<class '(\w+)'>|(Literal\[.*\]))", mistyped.group(2))
        wanted = [KINDS.get(kind, kind) or _choices(literal) for kind, literal in expected if kind != "NoneType"]
        return f"--{mistyped.group(1)} {mistyped.group(3).strip()}: give {' or '.join(wanted) or 'another value'}"
    return message


def _choices(literal: str) -> str:
    """The words that a Literal allows, as a person would list them."""
    return "one of " + ", ".join(value.strip("'") for value in literal.removeprefix("Literal[").rstrip("]").split(", "))
