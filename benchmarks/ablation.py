"""The paper's ablation and the method's open settings, on rendered worlds with exact truth.

python benchmarks/ablation.py --output FOLDER [--steps 300] [--base_steps 2400] [--size 64x192] [--clips 300]
    [--jobs 2] [--only NAME ...]
python benchmarks/ablation.py --output FOLDER --table FILE.md [--plots FOLDER]

Each run is a training by `triptych train` on worlds of the training part, scored by `triptych evaluate streets`
without refinement on the benchmarks of the validation and of the test worlds. Only the former decide anything.
All runs of a seed start from the same networks, which have learned from classical answers; these are scored
too. A run that is done leaves one JSON file in FOLDER/results; started again with the same options, the driver goes on
where it was stopped, within a training too, and the results are the same. `ablation.yaml` says what the runs are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import yaml

from ablation_plots import save_plots
from ablation_table import found_results, write_tables
from commands import check_names, keep_options, prepare_synthetic, run_driver, save_result, triptych

PLAN = Path(__file__).with_suffix(".yaml")
BASE = "base"
SEEDS = {"rows": 3, "settings": 2}
PARTS = ("validation", "test")
FIGURES_OF = ("steps", "base_steps", "size", "clips")
"""Options that change figures."""
SHARES_OVER = 0.5
"""Gate shares are means over this last part of the joint stage."""


@dataclass(frozen=True)
class Run:
    """One training of the ablation.

    Attributes:
        group: base, rows or settings.
        name: of the row or setting.
        seed: of weights, order and augmentation.
        change: what differs from what is common to its group.
        base: name of the run that it starts from; None for random weights.
    """

    group: str
    name: str
    seed: int
    change: dict[str, Any]
    base: str | None

    @property
    def label(self) -> str:
        """Name of its files."""
        return f"{self.name}_{self.seed}"


def planned(plan: dict[str, Any]) -> Iterator[Run]:
    """All runs: the bases, then the rows, then the settings, the seeds by turns."""
    own = {f"{BASE}_{name}": entry[BASE] for name, entry in plan["rows"].items() if BASE in entry}
    for seed in range(max(SEEDS.values())):
        yield from (Run(BASE, name, seed, change, None) for name, change in {BASE: {}, **own}.items())
    for group, seeds in SEEDS.items():
        for seed in range(seeds):
            for name, entry in plan[group].items():
                change = {key: value for key, value in entry.items() if key != BASE}
                yield Run(group, name, seed, change, f"{BASE}_{name}_{seed}" if BASE in entry else f"{BASE}_{seed}")


def run_names(plan: dict[str, Any]) -> list[str]:
    """Of bases, rows and settings, in the plan's order."""
    return list(dict.fromkeys(run.name for run in planned(plan)))


def prepare_worlds(folder: Path, *, size: str, clips: int) -> None:
    """The frames to learn from and the two benchmarks, once."""
    prepare_synthetic(
        folder / "train",
        *("--part", "train", "--layout", "folders", f"--clips={clips}", "--frames=10", f"--size={size}"),
    )
    for part in PARTS:
        prepare_synthetic(folder / part, "--benchmark", "--part", part, f"--size={size}")


def learn(run: Run, options: argparse.Namespace, plan: dict[str, Any]) -> Path:
    """Train, or go on with that; nothing where it is trained already."""
    folder = options.output / "runs" / run.label
    if (folder / "model.safetensors").is_file():
        return folder
    if (folder / "settings.yaml").is_file():
        triptych("train", f"--output={folder}", "--resume")
        return folder
    change = dict(run.change)
    named = change.pop("config", None)
    common = "base" if run.base is None else "common"
    settings = options.output / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / f"{run.label}_common.yaml").write_text(yaml.safe_dump(plan[common]))
    (settings / f"{run.label}.yaml").write_text(yaml.safe_dump(change))
    words = ["train", "--preset", "small", "--config", f"{settings / run.label}_common.yaml"]
    words += ["--config", named] if named else []
    words += ["--config", f"{settings / run.label}.yaml"] if change else []
    words += [f"--data.root={options.output / 'worlds' / 'train'}", "--data.dataset=folders"]
    words += [f"--data.teachings={options.output / 'teachings'}", "--validation.held_out=0"]
    words += [f"--size={options.size}", f"--seed={run.seed}", f"--output={folder}"]
    if run.base is None:
        triptych(*words, f"--steps={options.base_steps}")
    else:
        triptych(*words, f"--steps={options.steps}", f"--initial={options.output / 'runs' / run.base}")
    return folder


def carry_out(run: Run, options: argparse.Namespace, plan: dict[str, Any]) -> None:
    """Train, score and write the result."""
    folder = learn(run, options, plan)
    figures: dict[str, Any] = {}
    for part in PARTS:
        scores = folder / f"{part}.json"
        triptych(
            *("evaluate", "streets", f"--model={folder}", "--refinement=none"),
            *(f"--ground-truth={options.output / 'worlds' / part}", f"--json={scores}", f"--name={run.name}"),
        )
        scored = json.loads(scores.read_text())
        figures[part] = {"protocol": scored["protocol"], "metrics": scored["metrics"]}
    content = {
        "group": run.group,
        "name": run.name,
        "seed": run.seed,
        "steps": options.base_steps if run.base is None else options.steps,
        "size": options.size,
        "change": run.change,
        "shares": gate_shares(folder / "metrics.jsonl"),
        "figures": figures,
    }
    save_result(options.output / "results" / f"{run.label}.json", content)
    print(f"{run.label}: done", flush=True)


def gate_shares(metrics: Path) -> dict[str, float]:
    """Mean shares of pixels that gates and masks keep, over the end of the last stage.

    The log has null for what was not finite: such a step does not count, and a share of no other is left out.
    """
    steps = [json.loads(line) for line in metrics.read_text().splitlines()]
    last = [step for step in steps if step["stage"] == steps[-1]["stage"]]
    tail = last[int(len(last) * SHARES_OVER) :]
    names = set.intersection(*(set(step["shares"]) for step in tail))
    found = {name: [step["shares"][name] for step in tail] for name in sorted(names)}
    finite = {name: [share for share in shares if share is not None] for name, shares in found.items()}
    return {name: sum(shares) / len(shares) for name, shares in finite.items() if shares}


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder of worlds, runs and results")
    parser.add_argument("--steps", type=int, default=300, help="of each training, at batch 4")
    parser.add_argument("--base_steps", type=int, default=2400, help="of the networks that all start from")
    parser.add_argument("--size", default="64x192")
    parser.add_argument("--clips", type=int, default=300, help="training worlds, of ten frames each")
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
        found = found_results(options.output / "results", run_names(plan))
        write_tables(found, options.table)
        if options.plots is not None:
            save_plots(found, "validation", options.plots)
        return
    check_names("--only", options.only or (), run_names(plan))
    keep_options(options.output, options, FIGURES_OF)
    prepare_worlds(options.output / "worlds", size=options.size, clips=options.clips)
    runs = [run for run in planned(plan) if not options.only or run.base is None or run.name in options.only]
    undone = [run for run in runs if not (options.output / "results" / f"{run.label}.json").is_file()]
    bases = {run.base for run in undone}
    done = {run.label: Event() for run in runs}

    def whole(run: Run) -> None:
        if run.base is not None:
            done[run.base].wait()
        try:
            if run.label in bases:
                learn(run, options, plan)
            if run in undone:
                carry_out(run, options, plan)
        finally:
            done[run.label].set()

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(whole, runs))


if __name__ == "__main__":
    run_driver(main)
