"""Depth of one picture, as a picture: python examples/depth_of_one_image.py [PICTURE] [--output depth.png]."""

from __future__ import annotations

import argparse

import triptych
from triptych.artefacts.colors import depth_colors, depth_limits
from triptych.data.synthetic import synthetic_clip
from triptych.formats.maps import save_picture

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("picture", nargs="?", help="by default a rendered one")
parser.add_argument("--output", default="depth.png")
options = parser.parse_args()

picture = options.picture or synthetic_clip("street", seed=3, frames=2, height=128, width=384).images[0]

model = triptych.load()
depth = model.depth(picture, size="input")
near, far = depth_limits(depth)
save_picture(options.output, depth_colors(depth, near=near, far=far))
print(f"{options.output}: bright is near; 90 % of the pixels lie between {near:.2f} and {far:.2f}, up to scale")
