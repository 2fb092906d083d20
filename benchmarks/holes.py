"""Holes in moving things: what the losses of the ablation's rows make of the cars of a street that they are fitted to.

python benchmarks/holes.py --output FOLDER [--clips 3] [--steps 500] [--base_steps 600] [--size 64x192] [--jobs 2]
    [--settings NAME ...] [--picture FILE]

On many worlds a few hundred steps tell nothing of depth, holes or not (docs/ablation.md). One street is less to learn:
60 frames with oncoming and crossing cars, mostly with one ahead near the camera's pace. As in the ablation, the rows of
a clip start from networks that learned from classical answers on it, and go on by their own losses alone. Scored are
the networks alone on all frames, against exact truth: each loss had these frames, and none had their truth. A training
that is done leaves one JSON file; started again with the same options, the driver goes on. The picture has the depth of
each row on the first street.
"""

from __future__ import annotations

import argparse
import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from ablation import PLAN, Run, learn, planned, run_names
from ablation_table import shown
from commands import check_names, keep_options, run_driver, save_result, triptych
from triptych.artefacts.colors import depth_colors, depth_limits
from triptych.artefacts.figures import LabeledPicture, picture_grid
from triptych.data.synthetic import synthetic_clip
from triptych.evaluation.clip_figures import clip_figures, predicted_answer
from triptych.formats.clips import TRUTH, load_clip, save_clip, save_frames
from triptych.formats.maps import load_depth

FRAMES = 60
FIRST_SEED = 401
"""Away from the seeds of tests and demo."""
FIGURES_OF = ("steps", "base_steps", "size")
"""Options that change figures."""
ROWS = ("baseline", "maskflow", "full", "first_recommended", "recommended")
SHOWN_ROWS, SHOWN_FRAMES = ("base", "baseline", "full", "recommended"), (10, 30, 50)
MEASURES = ("moving_hole_rate", "crossing_hole_rate", "oncoming_hole_rate", "leading_hole_rate", "abs_rel", "epe_all")


def prepared(folder: Path, seed: int, size: str) -> None:
    """A street with its truth, and its frames where a training looks for them; nothing where they are there."""
    if (folder / "worlds" / "truth" / TRUTH).is_file():  # written last
        return
    height, width = map(int, size.split("x"))
    clip = synthetic_clip("street", seed=seed, frames=FRAMES, height=height, width=width)
    save_frames(folder / "worlds" / "train" / "street", clip.images, clip.intrinsics)
    save_clip(folder / "worlds" / "truth", clip)


def scored(folder: Path, run: Run) -> dict[str, float]:
    """Figures of what a run's networks alone say of all frames."""
    place = folder / "worlds" / "train" / "street"
    prediction = folder / "runs" / run.label / "prediction"
    words = ["predict", f"{place / 'frames'}", f"--intrinsics={place / 'K.txt'}", "--refinement=none", "--overwrite"]
    triptych(*words, f"--model={folder / 'runs' / run.label}", f"--output={prediction}")
    frames, clip = range(FRAMES), load_clip(folder / "worlds" / "truth")
    return clip_figures(predicted_answer(prediction, clip, frames), clip, frames)


def street(seed: int, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Figures of all rows, and of the networks that they start from, on one street."""
    folder = options.output / f"street_{seed}"
    prepared(folder, seed, options.size)
    here = argparse.Namespace(**{**vars(options), "output": folder})
    plan = yaml.safe_load(PLAN.read_text())
    rows = {*ROWS, *options.settings}
    chosen = [run for run in planned(plan) if run.seed == 0 and (run.base is None or run.name in rows)]
    figures: dict[str, dict[str, float]] = {}
    for run in chosen:
        result = folder / "results" / f"{run.name}.json"
        if not result.is_file():
            learn(run, here, plan)
            known = {name: value for name, value in scored(folder, run).items() if math.isfinite(value)}
            save_result(result, known)
            print(f"street {seed}, {run.name}: done", flush=True)
        figures[run.name] = json.loads(result.read_text())
    return figures


def save_picture(file: Path, folder: Path) -> None:
    """Frames of a street above what some rows say of their depth, each picture in colors of its own range."""
    clip = load_clip(folder / "worlds" / "truth")
    height, width = clip.images.shape[-2:]
    panels = [LabeledPicture(f"frame {frame}", clip.images[frame]) for frame in SHOWN_FRAMES]
    for row in SHOWN_ROWS:
        depths = folder / "runs" / f"{row}_0" / "prediction" / "depth"
        maps = [load_depth(depths / f"{frame:06d}.npz") for frame in SHOWN_FRAMES]
        for depth in maps:
            near, far = depth_limits(depth)
            panels.append(LabeledPicture(row, depth_colors(depth, near=near, far=far)))
    grid = picture_grid(panels, columns=len(SHOWN_FRAMES), width=2 * width, height=2 * height)
    Image.fromarray(np.asarray(grid.permute(1, 2, 0))).save(file, quality=82)


def main() -> None:
    """All streets, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=3)
    parser.add_argument("--steps", type=int, default=500, help="of each row, at batch 4")
    parser.add_argument("--base_steps", type=int, default=600, help="of what the rows of a street start from")
    parser.add_argument("--size", default="64x192")
    parser.add_argument("--jobs", type=int, default=2, help="streets at a time, each by one thread")
    parser.add_argument("--settings", nargs="*", default=[], help="settings of the ablation, beside its rows")
    parser.add_argument("--picture", type=Path, help="file for the picture of depth")
    options = parser.parse_args()
    options.output = options.output.absolute()
    check_names("--settings", options.settings, run_names(yaml.safe_load(PLAN.read_text())))
    keep_options(options.output, options, FIGURES_OF)
    seeds = range(FIRST_SEED, FIRST_SEED + options.clips)
    with ThreadPoolExecutor(options.jobs) as pool:
        streets = list(pool.map(lambda seed: street(seed, options), seeds))
    if options.picture is not None:
        save_picture(options.picture, options.output / f"street_{seeds[0]}")
    print("mean +- deviation over streets".ljust(32) + "".join(f"{name:>22}" for name in MEASURES))
    for row in streets[0]:
        cells = (shown([figures[row].get(name, math.nan) for figures in streets]) for name in MEASURES)
        print(row.ljust(32) + "".join(f"{cell:>22}" for cell in cells))


if __name__ == "__main__":
    run_driver(main)
