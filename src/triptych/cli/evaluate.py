"""Score what was predicted against measured truth, by the standard protocols; no network runs."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from jsonargparse import ArgumentParser

from triptych.cli import (
    evaluate_compare,
    evaluate_depth,
    evaluate_flow,
    evaluate_masks,
    evaluate_odometry,
    evaluate_streets,
)
from triptych.config.load import nearest_name
from triptych.errors import InputError

TASKS: dict[str, ModuleType] = {
    "depth": evaluate_depth,
    "flow": evaluate_flow,
    "odometry": evaluate_odometry,
    "masks": evaluate_masks,
    "streets": evaluate_streets,
    "compare": evaluate_compare,
}


def add_arguments(parser: ArgumentParser) -> None:
    """What can be scored; the options of each are told by `triptych evaluate WHAT --help`."""
    parser.add_argument("what", choices=list(TASKS), help="what is scored; `triptych evaluate WHAT --help` tells how")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Hand over to what was named by the first word."""
    name = words[0] if words else ""
    if name not in TASKS:
        if name and not name.startswith("-"):
            raise InputError(f"{name}: cannot be evaluated{nearest_name(name, list(TASKS))} ({', '.join(TASKS)})")
        if {"-h", "--help"} & set(words):
            parser.parse_args(list(words))
        raise InputError(f"name what to evaluate: {', '.join(TASKS)}")
    task = TASKS[name]
    own = ArgumentParser(prog=f"triptych evaluate {name}", description=task.__doc__, exit_on_error=False)
    task.add_arguments(own)
    task.run(own, words[1:])
