"""The entry point: one parser, one subcommand a file, errors as one line."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentError
from collections.abc import Sequence
from types import ModuleType

from jsonargparse import ArgumentParser

from triptych import __version__
from triptych.cli import app, demo, evaluate, export, fit, predict, prepare, report, train, view
from triptych.config.load import nearest_name
from triptych.errors import InputError

COMMANDS: dict[str, ModuleType] = {
    "fit": fit,
    "train": train,
    "predict": predict,
    "demo": demo,
    "prepare": prepare,
    "evaluate": evaluate,
    "report": report,
    "view": view,
    "app": app,
    "export": export,
}
INPUT_ERROR = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command.

    Exits with 0, with 1 where a check finds something missing, with 2 for input that
    cannot be used, with 130 if interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _run(words)
    except InputError as error:
        _fail(str(error))
    except ArgumentError as error:
        _fail(f"{error} (see triptych {words[0]} --help)")
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        _fail(f"{error.filename or 'file'}: {error.strerror or error}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None


def _run(words: list[str]) -> None:
    name = words[0] if words else "--help"
    if name == "--version":
        print(f"triptych {__version__}")
        return
    if name in ("-h", "--help"):
        print(_overview())
        return
    if name not in COMMANDS:
        raise InputError(f"{name} is not a command{nearest_name(name, list(COMMANDS))} (see triptych --help)")
    command = COMMANDS[name]
    parser = ArgumentParser(prog=f"triptych {name}", description=command.__doc__, exit_on_error=False)
    command.add_arguments(parser)
    command.run(parser, words[1:])


def _overview() -> str:
    lines = ["usage: triptych COMMAND [...]", "", "Depth, camera motion and optical flow from plain video.", ""]
    lines += [f"  {name:<10}{(command.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join([*lines, "", "`triptych COMMAND --help` tells each command's options."])


def _fail(message: str) -> None:
    line = " ".join(message.split())
    rank = os.environ.get("RANK", "0") if "TORCHELASTIC_RUN_ID" in os.environ else "0"
    print(f"triptych: {'' if rank == '0' else f'process {rank}: '}{line}", file=sys.stderr)
    sys.stderr.flush()
    raise SystemExit(INPUT_ERROR)
