"""The command line of a training's run: over the preset, or over the settings of the run that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from triptych.cli.parsing import parsed
from triptych.config.load import LENGTHS, over_run, value_of, with_preset
from triptych.errors import InputError
from triptych.formats.counts import number_of

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser, Namespace

SETTINGS_FILE = "settings.yaml"
"""Of a run, in its folder."""

OF_THE_START = (*LENGTHS, "training.whole_plan", "training.epochs_before", "preset", "initial")
"""Settings that a run works out when it begins, so that its own may be others than those that were given."""


def words_of_run(words: Sequence[str], *, default: str = "small") -> list[str]:
    """Command-line words over the preset, or over the settings of the run that is resumed.

    Args:
        words: as given.
        default: name of the preset where they name none.

    Raises:
        InputError: there is no run to resume, or it is to be replaced too.
    """
    words = list(words)
    if "--resume" in words and "--overwrite" in words:
        raise InputError(
            "--resume goes on with the run that is there, --overwrite takes it away: leave one of them out"
        )
    if "--resume" not in words or "-h" in words or "--help" in words:
        return with_preset(words, default=default)
    folder = value_of(words, "--output")
    stored = Path(folder or "") / SETTINGS_FILE
    if folder is None or not stored.is_file():
        raise InputError(f"{folder}: no run to resume there; leave out --resume to start one")
    return over_run(stored, words)


def said_otherwise(
    parser: ArgumentParser, words: Sequence[str], settings: Namespace, *, default: str = "small"
) -> str | None:
    """What files and preset beside `--resume` say otherwise than the run that goes on, to be told; None where nothing.

    Args:
        parser: of the command.
        words: as given.
        settings: parsed, of the run.
        default: name of the preset where the words name none.
    """
    if "--resume" not in words or not any(word.partition("=")[0] in ("--config", "--preset") for word in words):
        return None
    told = parsed(parser, with_preset(words, default=default)).as_flat()
    own = vars(settings.as_flat())
    names = [
        name
        for name, value in vars(told).items()
        if value is not None and name not in OF_THE_START and not name.startswith("config") and own[name] != value
    ]
    if not names:
        return None
    few = ", ".join(names[:3]) + (f" and {number_of(len(names) - 3, 'other', 'others')}" if len(names) > 3 else "")
    return f"the run goes on with its own settings, not {few} of --config or --preset: give as words what is to change"
