"""A loss term of one's own beside those of the paper: python examples/own_loss.py [VIDEO] [--steps 20].

The networks are trained in a loop of a few lines. `far_above` is the own term: the upper part of the
pictures is sky, so it should be far.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from triptych.config.build import build_objective
from triptych.config.build_model import load_model, save_model
from triptych.config.build_sequence import build_sequence
from triptych.config.load import preset_settings
from triptych.data.snippets import SnippetDataset
from triptych.data.synthetic import synthetic_clip
from triptych.formats.clips import save_frames


def far_above(disparity: Tensor, *, share: float = 0.15) -> Tensor:
    """Mean disparity (0 is farthest) of the uppermost rows, of (batch, 1, height, width)."""
    rows = max(1, round(share * disparity.shape[-2]))
    return disparity[..., :rows, :].mean()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("video", nargs="?", help="file, folder of images or KITTI sequence; by default a rendered one")
parser.add_argument("--intrinsics", help="fx,fy,cx,cy of its frames (px), or a calibration file")
parser.add_argument("--steps", type=int, default=20)
parser.add_argument("--size", default="128x384", help="of the frames as the networks see them")
parser.add_argument("--weight", type=float, default=0.1, help="of the own term")
parser.add_argument(
    "--output", type=Path, default=Path("own_loss"), help="folder of the model, and of a rendered video"
)
options = parser.parse_args()

video, intrinsics = options.video, options.intrinsics
if video is None:
    rendered = synthetic_clip("street", seed=3, frames=6, height=128, width=384)
    save_frames(options.output / "video", rendered.images, rendered.intrinsics)
    video, intrinsics = options.output / "video" / "frames", str(options.output / "video" / "K.txt")

settings = preset_settings("adapt", size=options.size, intrinsics=intrinsics)
data = SnippetDataset(build_sequence(settings, Path(video)))
model, _ = load_model("packaged")
objective = build_objective(settings)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
batches = DataLoader(data, batch_size=2, shuffle=True, collate_fn=SnippetDataset.collate)

model.train()
step = 0
while step < options.steps:
    for snippet in batches:
        estimate = model.estimate(snippet)
        loss = objective(snippet, estimate)
        assert estimate.disparity is not None
        own = far_above(estimate.disparity[0])
        optimizer.zero_grad()
        (loss.total + options.weight * own).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        step += 1
        print(f"step {step}: loss {float(loss.total.detach()):.4f}, own term {float(own.detach()):.4f}")
        if step == options.steps:
            break

save_model(options.output / "model.safetensors", model, settings)
print(f"model: {options.output}; use it with: triptych predict VIDEO --model {options.output} --output result")
