"""Depth of a picture without PyTorch: python examples/onnx_depth.py GRAPHS PICTURE [DEPTH.png].

Needs onnxruntime, numpy and pillow. GRAPHS is the folder of
`triptych export --format onnx --output GRAPHS`. Writes 16 bits a pixel.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

if len(sys.argv) < 3:
    sys.exit(__doc__)
folder, picture, *rest = sys.argv[1:]
output = rest[0] if rest else "depth.png"
description = json.loads(Path(folder, "graphs.json").read_text(encoding="utf-8"))
height, width = description["size"]["height"], description["size"]["width"]
_, farthest = description["depth_range"]

image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
rows = image.height - round(image.height * description["bottom_crop"])  # what the networks learned from
cut = image.crop((0, 0, image.width, rows))
small = cut.resize((width, height), Image.Resampling.BILINEAR)  # reduces with a filter, as in training
pixels = np.asarray(small, dtype=np.float32).transpose(2, 0, 1)[None] / 255
session = onnxruntime.InferenceSession(Path(folder, description["graphs"]["depth"]["file"]))
(depth,) = session.run(["depth"], {"image": pixels})

scale = 65535 / farthest
Image.fromarray(np.round(depth[0, 0] * scale).astype(np.uint16)).save(output)
print(f"{output}: {width}x{height}, depth is value / {scale:g}, {depth.min():.2f} to {depth.max():.2f}, up to scale")
