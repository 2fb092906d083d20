"""What a fit in minutes adds to the weights in the package, on worlds that nothing was learned from.

python benchmarks/fit_worlds.py --output FOLDER [--part test] [--worlds 4] [--minutes 10] [--jobs 2]

Each world is filmed for 60 frames; the first 48 are fitted to, the last 12 scored with exact truth, once as
`triptych predict` has them by the package's weights and once by the fitted ones. A world that is done leaves one JSON
file; started again with the same options, the driver goes on. Settings are chosen with `--part validation`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from commands import keep_options, run_driver, save_result, triptych
from triptych.data.synthetic.random_world import random_recipe, random_world_clip
from triptych.evaluation.averages import mean_figures
from triptych.evaluation.clip_answers import classical_answer
from triptych.evaluation.clip_figures import ClipAnswer, clip_figures, predicted_answer
from triptych.formats.clips import save_frames
from triptych.metrics.trajectory import straight_motion

FRAMES, LEARNED = 60, 48
FIRST_SEED = 1000
"""Away from the seeds of the benchmark."""
FIGURES_OF = ("minutes", "size", "jobs", "settings")
"""Options that change figures; each part has folders of its own."""
MEASURES = ("abs_rel", "delta1", "epe_all", "epe_noc", "ate_5", "occlusion_f1", "moving_hole_rate")


def world(seed: int, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Figures of the held-out frames of one world, before and after the fit."""
    folder = options.output / f"{options.part}_{seed}"
    result = folder / "figures.json"
    if result.is_file():
        return dict(json.loads(result.read_text()))
    height, width = map(int, options.size.split("x"))
    clip = random_world_clip(options.part, seed, frames=FRAMES, height=height, width=width)
    save_frames(folder / "all", clip.images, clip.intrinsics)
    save_frames(folder / "learned", clip.images[:LEARNED], clip.intrinsics)
    threads = max(1, (os.cpu_count() or 1) // options.jobs)
    words = [
        "fit",
        f"{folder / 'learned' / 'frames'}",
        f"--intrinsics={folder / 'learned' / 'K.txt'}",
        f"--output={folder / 'run'}",
        "--overwrite",
        *options.settings,
    ]
    triptych(*words, f"--size={options.size}", f"--minutes={options.minutes}", threads=threads)
    held_out = range(LEARNED, FRAMES)
    figures = {}
    for name, model in (("before", []), ("after", [f"--model={folder / 'run'}"])):
        prediction = folder / name
        words = ["predict", f"{folder / 'all' / 'frames'}", f"--intrinsics={folder / 'all' / 'K.txt'}", *model]
        triptych(*words, f"--output={prediction}", "--overwrite", threads=threads)
        figures[name] = clip_figures(predicted_answer(prediction, clip, held_out), clip, held_out)
    classical = classical_answer(clip)
    assert classical.flow is not None
    truth = clip.camera_to_world[LEARNED:].double()
    beside = ClipAnswer(flow=classical.flow[LEARNED:], camera_to_world=straight_motion(truth))
    figures["dis_straight"] = clip_figures(beside, clip, held_out)
    for name, row in figures.items():
        figures[name] = {measure: value for measure, value in row.items() if math.isfinite(value)}
    save_result(result, figures)
    print(f"{random_recipe(options.part, seed).family} {seed}: done", flush=True)
    return figures


def main() -> None:
    """All worlds, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--part", choices=["validation", "test"], default="test")
    parser.add_argument("--worlds", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--size", default="128x384")
    parser.add_argument("--jobs", type=int, default=2, help="fits at a time; each has its share of the cores")
    parser.add_argument("settings", nargs="*", help="more words of `triptych fit`, after --")
    options = parser.parse_args()
    keep_options(options.output, options, FIGURES_OF)
    seeds = range(FIRST_SEED, FIRST_SEED + options.worlds)
    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(lambda seed: world(seed, options), seeds))
    names = list(rows[0])
    print("world".ljust(14) + "".join(f"{measure:>38}" for measure in MEASURES))
    print(" " * 14 + "".join(f"{' / '.join(names):>38}" for _ in MEASURES))
    for seed, row in [*zip(map(str, seeds), rows, strict=True), ("mean", _mean(rows))]:
        cells = (" / ".join(f"{row[name].get(measure, float('nan')):.3f}" for name in names) for measure in MEASURES)
        print(seed.ljust(14) + "".join(f"{cell:>38}" for cell in cells))


def _mean(rows: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Of each figure, over the worlds that have it."""
    return {name: mean_figures([row[name] for row in rows]) for name in rows[0]}


if __name__ == "__main__":
    run_driver(main)
