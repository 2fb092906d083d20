"""Make a street clip, fit it, and score held-out frames against exact truth."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jsonargparse import ArgumentParser

from triptych.cli.fit import train
from triptych.cli.parsing import parsed
from triptych.cli.run_folder import check_run_folder, first_model
from triptych.config.load import preset_settings, size_of
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.evaluation.clip import ClipScores
    from triptych.types import SyntheticClip

FRAME_RATE_HZ = 10.0
HELD_OUT_SHARE = 0.2
FEWEST_FRAMES = 16
REFINEMENTS: tuple[tuple[str, Literal["geometry", "none"]], ...] = (
    ("prediction", "geometry"),
    ("networks_alone", "none"),
)
"""Folders of the two predictions that are scored, and how each is refined."""


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych demo`."""
    parser.add_argument("--output", default="demo", help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace what the output folder holds")
    parser.add_argument("--minutes", type=float, default=8.0, help="length of the training")
    parser.add_argument("--steps", type=int | None, help="length of the training in steps, instead of minutes")
    parser.add_argument("--frames", type=int, default=60, help="length of the clip; its last fifth is held out")
    parser.add_argument("--size", default="128x384", help="HEIGHTxWIDTH of the clip (px)")
    parser.add_argument("--family", default="street", choices=["street", "room"], help="kind of scene")
    parser.add_argument("--seed", type=int, default=0, help="of the scene and of the training")
    parser.add_argument(
        "--from_scratch", action="store_true", help="begin with random weights instead of those in the package"
    )


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Make, fit, predict, score, show."""
    options = parsed(parser, words)
    if options.frames < FEWEST_FRAMES:
        raise InputError(f"--frames {options.frames}: {FEWEST_FRAMES} at least, so that a fifth can be held out")
    folder = Path(options.output)
    check_run_folder(folder, overwrite=options.overwrite, resume=False, resumable=False)
    length: dict[str, Any] = {"minutes": options.minutes} if options.steps is None else {"steps": options.steps}
    preset = "small" if options.from_scratch else "adapt"
    settings = preset_settings(preset, size=options.size, seed=options.seed, held_out=0.0, **length)
    from triptych.cli.console import say
    from triptych.cli.predict import write
    from triptych.config.build_model import MODEL_FILE, load_model, save_model
    from triptych.config.check import check_settings
    from triptych.data.synthetic import synthetic_clip
    from triptych.data.synthetic.benchmark import clip_sequence
    from triptych.evaluation.clip import score_clip
    from triptych.networks.execution import keep_freed_memory

    check_settings(settings)
    keep_freed_memory()
    begin = time.perf_counter()
    height, width = size_of(options.size)
    say(f"making {options.frames} frames of a {options.family} at {width}x{height}")
    clip = synthetic_clip(
        options.family, seed=options.seed, frames=options.frames, height=height, width=width, frame_rate=FRAME_RATE_HZ
    )
    sequence = clip_sequence(clip)
    split = round(options.frames * (1 - HELD_OUT_SHARE))
    held_out = list(range(split, options.frames))
    model = first_model(settings)
    train(
        settings,
        model,
        sequence,
        list(range(split)),
        folder=folder,
        overwrite=options.overwrite,
        again=f"begin anew with: triptych demo --output {folder} --overwrite",
    )
    save_model(folder / MODEL_FILE, model, settings)
    model, _ = load_model(folder / MODEL_FILE)
    scores = []
    for name, refinement in REFINEMENTS:
        write(
            model,
            sequence,
            folder / name,
            settings=settings,
            overwrite=True,
            refinement=refinement,
            kept=list(range(split)),
        )
        scores.append(score_clip(folder / name, clip, held_out=held_out))
    report(folder, clip, *scores, held_out=held_out, seconds=time.perf_counter() - begin)


def report(
    folder: Path,
    clip: SyntheticClip,
    scores: ClipScores,
    alone: ClipScores,
    *,
    held_out: list[int],
    seconds: float,
) -> None:
    """Print the table, write `demo.json` and the page."""
    from triptych.cli.console import counted, say
    from triptych.formats.atomic import atomic_path
    from triptych.viewing.demo import DEMO_FILE, demo_rows, save_demo_page, table_lines

    content: dict[str, Any] = {name: part for name, part in asdict(scores).items() if isinstance(part, dict)}
    content["networks_alone"] = {name: part for name, part in asdict(alone).items() if isinstance(part, dict)}
    content |= {"seconds": round(seconds, 1), "held_out_frames": scores.frames}
    with atomic_path(folder / DEMO_FILE) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    rows = demo_rows(scores, alone)
    for line in table_lines(rows):
        print(line)
    page = folder / "index.html"
    with counted("page") as progress:
        save_demo_page(page, clip, rows, prediction=folder / "prediction", held_out=held_out, progress=progress)
    say(f"{seconds / 60:.1f} minutes; look at {page} and {folder / 'prediction' / 'overview.mp4'}")
