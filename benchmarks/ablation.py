"""The paper's ablation and the method's open settings, on rendered worlds with exact truth.

python benchmarks/ablation.py --output FOLDER [--steps 900] [--size 64x192] [--clips 150] [--jobs 2] [--only NAME ...]
python benchmarks/ablation.py --output FOLDER --table FILE.md [--plots FOLDER]

Each run is a training by `triptych train` on worlds of the training part, scored by `triptych evaluate streets`
without refinement on the benchmarks of the validation and of the test worlds. Only the former decide anything.
What changes nothing in the stage of flow starts from the flow that its seed has learned in `full`: the same as
learning it again. A run that is done leaves one JSON file in FOLDER/results; started again, the driver goes on where
it was stopped, within a training too, and the results are the same. `ablation.yaml` says what the runs are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import yaml

from ablation_plots import save_plots
from ablation_table import found_results, write_tables
from commands import prepare_synthetic, triptych

PLAN = Path(__file__).with_suffix(".yaml")
SEEDS = {"rows": 3, "settings": 2}
PARTS = ("validation", "test")
SHARES_OVER = 0.5
"""Gate shares are means over this last part of the joint stage."""


@dataclass(frozen=True)
class Run:
    """One training of the ablation.

    Attributes:
        group: rows or settings.
        name: of the row or setting.
        seed: of weights, order and augmentation.
        change: what differs from what is common to all.
        stages: those after the flow's.
        own_flow: whether the change bears on the stage of flow, so that it is learned anew.
    """

    group: str
    name: str
    seed: int
    change: dict[str, Any]
    stages: tuple[str, ...] = ("depth", "joint")
    own_flow: bool = False

    @property
    def label(self) -> str:
        """Name of its files."""
        return f"{self.name}_{self.seed}"

    @property
    def flow(self) -> Run:
        """The stage of flow that it starts from."""
        name, change = (f"flow_{self.name}", self.change) if self.own_flow else ("flow", {})
        return Run("flow", name, self.seed, change, ("flow",))


def planned(plan: dict[str, Any]) -> Iterator[Run]:
    """All runs: those of the rows before those of the settings, the seeds by turns."""
    for group, seeds in SEEDS.items():
        for seed in range(seeds):
            yield from (run_of(group, name, seed, entry) for name, entry in plan[group].items())


def run_of(group: str, name: str, seed: int, entry: dict[str, Any]) -> Run:
    """A run as the plan describes it: settings, and beside them `stages` and `own_flow`."""
    change = {key: value for key, value in entry.items() if key not in ("stages", "own_flow")}
    stages = tuple(entry.get("stages", Run.stages))
    return Run(group, name, seed, change, stages, own_flow=entry.get("own_flow", False))


def prepare_worlds(folder: Path, *, size: str, clips: int) -> None:
    """The frames to learn from and the two benchmarks, once."""
    prepare_synthetic(
        folder / "train",
        *("--part", "train", "--layout", "folders", f"--clips={clips}", "--frames=10", f"--size={size}"),
    )
    for part in PARTS:
        prepare_synthetic(folder / part, "--benchmark", "--part", part, f"--size={size}")


def learn(run: Run, options: argparse.Namespace, common: dict[str, Any]) -> Path:
    """Train some stages, or go on with that; nothing where they are learned already."""
    folder = options.output / "runs" / run.label
    if (folder / "model.safetensors").is_file():
        return folder
    if (folder / "settings.yaml").is_file():
        triptych("train", f"--output={folder}", "--resume")
        return folder
    change = dict(run.change)
    named = change.pop("config", None)
    settings = options.output / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "common.yaml").write_text(yaml.safe_dump(common))
    (settings / f"{run.label}.yaml").write_text(yaml.safe_dump(change))
    words = ["train", "--preset", "small", "--config", f"{settings / 'common.yaml'}"]
    words += ["--config", named] if named else []
    words += ["--config", f"{settings / run.label}.yaml"] if change else []
    words += [f"--data.root={options.output / 'worlds' / 'train'}", "--data.dataset=folders"]
    words += [f"--data.teachings={options.output / 'teachings'}"]
    words += ["--validation.held_out=0", f"--size={options.size}", f"--seed={run.seed}"]
    words += [f"--stages={json.dumps(run.stages)}", f"--steps={steps_of(run, options.steps, common)}"]
    if run.stages != ("flow",) or run.group != "flow":
        words += [f"--initial={options.output / 'runs' / run.flow.label}"]
    triptych(*words, f"--output={folder}")
    return folder


def steps_of(run: Run, steps: int, common: dict[str, Any]) -> int:
    """Steps of a run's stages: their shares of the whole length."""
    shares = {name: stage["share"] for name, stage in common["training"].items() if isinstance(stage, dict)}
    own = {name: stage["share"] for name, stage in run.change.get("training", {}).items() if "share" in stage}
    return round(steps * sum((shares | own)[stage] for stage in run.stages))


def carry_out(run: Run, options: argparse.Namespace, common: dict[str, Any]) -> None:
    """Train, score and write the result."""
    folder = learn(run, options, common)
    figures: dict[str, Any] = {}
    for part in PARTS:
        scores = folder / f"{part}.json"
        triptych(
            *("evaluate", "streets", f"--model={folder}", "--refinement=none"),
            *(f"--ground-truth={options.output / 'worlds' / part}", f"--json={scores}", f"--name={run.name}"),
        )
        figures[part] = json.loads(scores.read_text())
    content = {
        "group": run.group,
        "name": run.name,
        "seed": run.seed,
        "steps": options.steps,
        "size": options.size,
        "change": run.change,
        "shares": gate_shares(folder / "metrics.jsonl"),
        "figures": figures,
    }
    result = options.output / "results" / f"{run.label}.json"
    result.parent.mkdir(parents=True, exist_ok=True)
    temporary = result.with_suffix(".partial")
    temporary.write_text(json.dumps(content, indent=1))
    temporary.rename(result)
    print(f"{run.label}: done", flush=True)


def gate_shares(metrics: Path) -> dict[str, float]:
    """Mean shares of pixels that gates and masks keep, over the end of the last stage."""
    steps = [json.loads(line) for line in metrics.read_text().splitlines()]
    last = [step for step in steps if step["stage"] == steps[-1]["stage"]]
    tail = last[int(len(last) * SHARES_OVER) :]
    names = tail[-1]["shares"]
    return {name: sum(step["shares"][name] for step in tail) / len(tail) for name in names}


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder of worlds, runs and results")
    parser.add_argument("--steps", type=int, default=900, help="of each training, at batch 4")
    parser.add_argument("--size", default="64x192")
    parser.add_argument("--clips", type=int, default=150, help="training worlds, of ten frames each")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, each by one thread")
    parser.add_argument("--only", nargs="*", help="names of rows and settings")
    parser.add_argument("--table", type=Path, help="file whose tables are written anew from the results; without runs")
    parser.add_argument("--plots", type=Path, help="with --table: folder of the plots")
    return parser.parse_args()


def main() -> None:
    """Run what is not there yet, or write the tables."""
    options = parsed()
    options.output = options.output.absolute()
    plan = yaml.safe_load(PLAN.read_text())
    if options.table is not None:
        found = found_results(options.output / "results", [*plan["rows"], *plan["settings"]])
        write_tables(found, options.table)
        if options.plots is not None:
            save_plots(found, "validation", options.plots)
        return
    prepare_worlds(options.output / "worlds", size=options.size, clips=options.clips)
    runs = [run for run in planned(plan) if not options.only or run.name in options.only]
    learning = {run.flow.label: Lock() for run in runs}

    def whole(run: Run) -> None:
        if (options.output / "results" / f"{run.label}.json").is_file():
            return
        with learning[run.flow.label]:
            learn(run.flow, options, plan["common"])
        carry_out(run, options, plan["common"])

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(whole, runs))


if __name__ == "__main__":
    main()
