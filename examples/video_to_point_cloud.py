"""A video as one cloud of colored points: python examples/video_to_point_cloud.py [VIDEO] [--output points.ply].

What moves by itself is left out. Without a video a short one is rendered.
"""

from __future__ import annotations

import argparse

import triptych
from triptych.artefacts.point_cloud import PointCloudWriter, colored_points
from triptych.data.synthetic import synthetic_clip

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("video", nargs="?", help="file, folder of images or KITTI sequence")
parser.add_argument("--intrinsics", help="fx,fy,cx,cy of its frames (px), or a calibration file")
parser.add_argument("--model", default="packaged")
parser.add_argument("--farthest", type=float, default=20.0, help="depth beyond which points are left out")
parser.add_argument("--stride", type=int, default=2, help="use every Nth row and column")
parser.add_argument("--frames", type=int, default=6, help="length of the rendered video")
parser.add_argument("--output", default="points.ply")
options = parser.parse_args()

frames, intrinsics = options.video, options.intrinsics
if frames is None:
    rendered = synthetic_clip("street", seed=3, frames=options.frames, height=128, width=384)
    frames, intrinsics = rendered.images, rendered.intrinsics

clip = triptych.load(options.model).predict(frames, intrinsics)
count = 0
with PointCloudWriter(options.output) as cloud:
    for prediction, image, pose in zip(clip.predictions, clip.images, clip.camera_to_world, strict=True):
        points, colors = colored_points(
            prediction.depth,
            image,
            clip.intrinsics,
            pose,
            max_depth=options.farthest,
            keep=None if prediction.motion is None else ~prediction.motion,
            stride=options.stride,
        )
        cloud.write(points, colors)
        count += len(points)
print(f"{options.output}: {count} points of {len(clip)} frames")
