"""Train on drives of one's own: python examples/train_on_own_data.py [FOLDER] [--steps 200].

FOLDER holds one folder of images a drive, with its calibration (K.txt) where there is one; see
docs/train.md. Without it two short drives are rendered. `triptych train --preset adapt --config folders
--stages joint` does the same from the command line, with files of all that was learned, and can be resumed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from triptych.config.build import build_loop
from triptych.config.build_model import load_model, save_model
from triptych.config.build_training import build_training_data, build_validation
from triptych.config.load import preset_train_settings
from triptych.data.synthetic import synthetic_clip
from triptych.formats.clips import save_frames
from triptych.training.log import StepReport
from triptych.training.validation import ValidationReport


class Printed:
    """A log that prints."""

    def record(self, report: StepReport) -> None:
        """A step was made."""
        print(f"step {report.step} ({report.stage}): loss {report.total:.4f}")

    def record_validation(self, report: ValidationReport) -> None:
        """The networks were judged on frames held out."""
        print(", ".join(f"{name} {value:.3f}" for name, value in report.figures.items()))

    def close(self) -> None:
        """The training has ended."""


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("drives", nargs="?", type=Path, help="folder of the drives; by default two are rendered")
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--size", default="128x384", help="of the frames as the networks see them")
parser.add_argument("--frames", type=int, default=12, help="of each rendered drive")
parser.add_argument("--output", type=Path, default=Path("own_training"), help="run folder")
options = parser.parse_args()

drives = options.drives
if drives is None:
    drives = options.output / "drives"
    for seed in (3, 4):
        rendered = synthetic_clip("street", seed=seed, frames=options.frames, height=128, width=384)
        save_frames(drives / f"drive_{seed}", rendered.images, rendered.intrinsics)

settings = preset_train_settings(
    "adapt",
    size=options.size,
    minutes=None,
    steps=options.steps,
    stages=["joint"],
    data={"dataset": "folders", "root": str(drives)},
    validation={"snippets": 4, "pictures": 0, "held_out": 0.25},
)
data = build_training_data(settings)
model, _ = load_model("packaged")
validation = build_validation(settings, data, folder=options.output)
loop = build_loop(settings, model, data.learned, folder=options.output, validation=validation)
loop.run((Printed(),))
save_model(options.output / "model.safetensors", model, settings)
print(f"model: {options.output}; use it with: triptych predict VIDEO --model {options.output} --output result")
