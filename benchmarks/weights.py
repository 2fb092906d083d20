"""The weights in the package, learned anew: worlds, trainings one after another, and the file.

python benchmarks/weights.py --output FOLDER [--processes 2]

`weights.yaml` says what is rendered and how it is learned from; no label is read. Started again, the driver goes on
where it was stopped, within a training too. It ends with FOLDER/small.safetensors and its figures on the validation
worlds; `docs/models.md` is the model card. Each process trains by one thread: batches are of all processes together.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from commands import prepare_synthetic

PLAN = Path(__file__).with_suffix(".yaml")
SCRIPTS = Path(sys.executable).parent


def run(*words: str, processes: int = 1) -> None:
    """A command of the package, with its progress shown."""
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher = [str(SCRIPTS / "torchrun"), "--nproc-per-node", str(processes), "-m"]
    environment = os.environ | {"OMP_NUM_THREADS": "1" if processes > 1 else str(os.cpu_count())}
    subprocess.run([*launcher, "triptych", *words], env=environment, check=True)


def prepare(folder: Path, part: str, worlds: dict[str, Any]) -> None:
    """Frames of random worlds, without their truth; nothing where they are there."""
    words = [f"--{name}={value}" for name, value in worlds.items()]
    prepare_synthetic(folder, "--part", part, "--layout", "folders", *words)


def train(training: dict[str, Any], common: dict[str, Any], folder: Path, options: argparse.Namespace) -> None:
    """One training, or what is left of it."""
    if (folder / "model.safetensors").is_file():
        return
    if (folder / "settings.yaml").is_file():
        run("train", f"--output={folder}", "--resume", processes=options.processes)
        return
    words = ["train", "--preset", "small", f"--output={folder}"]
    for name, settings in (("common", common), (training["name"], training["settings"])):
        file = options.output / f"{name}.yaml"
        file.write_text(yaml.safe_dump(settings))
        words += ["--config", str(file)]
    words += [f"--training.batch_size={training['batch'] // options.processes}", f"--steps={training['steps']}"]
    words += [f"--data.root={options.output / 'worlds'}", f"--validation.root={options.output / 'validation'}"]
    if "after" in training:
        words += [f"--initial={options.output / training['after']}"]
    run(*words, processes=options.processes)


def main() -> None:
    """All that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder of worlds, runs and the weights")
    parser.add_argument("--processes", type=int, default=2, help="that train together, each by one thread")
    options = parser.parse_args()
    options.output = options.output.absolute()
    options.output.mkdir(parents=True, exist_ok=True)
    plan = yaml.safe_load(PLAN.read_text())
    prepare(options.output / "worlds", "train", plan["worlds"])
    prepare(options.output / "validation", "validation", plan["validation"])
    for training in plan["trainings"]:
        train(training, plan["common"], options.output / training["name"], options)
    last = options.output / plan["trainings"][-1]["name"]
    weights = options.output / "small.safetensors"
    run("export", str(last), f"--output={weights}", "--half", "--overwrite")
    streets = options.output / "streets_validation"
    prepare_synthetic(streets, "--benchmark", "--part", "validation")
    run(
        "evaluate",
        "streets",
        f"--model={weights}",
        f"--ground-truth={streets}",
        f"--json={weights.with_suffix('.json')}",
    )


if __name__ == "__main__":
    main()
