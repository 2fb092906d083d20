"""Optical flow between two pictures: python examples/flow_of_two.py [FIRST SECOND] [--output flow.png]."""

from __future__ import annotations

import argparse

import triptych
from triptych.artefacts.colors import flow_colors, flow_limit
from triptych.data.synthetic import synthetic_clip
from triptych.formats.maps import save_picture

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("pictures", nargs="*", help="two of one size; by default rendered ones")
parser.add_argument("--output", default="flow.png")
options = parser.parse_args()
if len(options.pictures) not in (0, 2):
    parser.error("give two pictures, or none")

pictures = options.pictures or list(synthetic_clip("street", seed=3, frames=2, height=128, width=384).images)

model = triptych.load()
pair = model.flow(*pictures, size="input")
longest = flow_limit(pair.flow)
save_picture(options.output, flow_colors(pair.flow, maximum=longest))
hidden = float((pair.visibility < 0.5).float().mean())
print(f"{options.output}: hue is direction, full color {longest:.1f} px; {hidden:.1%} is hidden in the second")
