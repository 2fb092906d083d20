"""Write a model for other uses: its weights alone, in half the size if asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from triptych.cli.parsing import parsed
from triptych.config.schema import PACKAGED
from triptych.errors import InputError


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych export`."""
    parser.add_argument("--model", default=PACKAGED, help="run folder or model file; by default the package's own")
    parser.add_argument("--output", required=True, help="file to write")
    parser.add_argument(
        "--format", default="safetensors", choices=["safetensors"], help="weights with the settings that rebuild them"
    )
    parser.add_argument("--half", action="store_true", help="weights in half precision; they are loaded as float32")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it is there")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Load and write."""
    options = parsed(parser, words)
    target = Path(options.output)
    if target.exists() and not options.overwrite:
        raise InputError(f"{target}: is there already; name another file or pass --overwrite")
    from triptych.cli.console import say
    from triptych.config.build_model import load_model, save_model

    model, settings = load_model(options.model)
    save_model(target, model, settings, half=options.half)
    say(f"model: {target} ({target.stat().st_size / 1e6:.1f} MB)")
