"""How long the 697 images of the Eigen split take to score, and in how much memory.

python benchmarks/evaluation.py [--images N] [--json FILE]

Made-up files of the true sizes: predictions are whole maps of 375x1242 (npz), truths are
laser scans of 120,000 points, projected anew, or the same as 16-bit PNGs. A few files are
linked under all names, so the disk's own speed is not measured. The alternative scores the
PNGs by the same protocol one after another with NumPy and OpenCV.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from triptych.data.frame_names import KittiFrame
from triptych.data.truth.folders import depth_maps
from triptych.data.truth.kitti_depth import kitti_laser_truth
from triptych.evaluation.depth import DepthScorer
from triptych.evaluation.depth_protocols import PROTOCOLS, crop_window
from triptych.evaluation.predictions import predicted_maps
from triptych.formats.maps import save_depth, save_depth_png

HEIGHT, WIDTH = 375, 1242
POINTS = 120_000
DISTINCT = 8
DRIVE = "2011_09_26_drive_0001_sync"
EIGEN = PROTOCOLS["eigen"]


def written(root: Path, images: int) -> list[KittiFrame]:
    """The made-up data set, and its frames."""
    generator = np.random.default_rng(0)
    day = root / "2011_09_26"
    (day / DRIVE / "velodyne_points" / "data").mkdir(parents=True)
    (day / "calib_cam_to_cam.txt").write_text(
        f"S_rect_02: {WIDTH} {HEIGHT}\nR_rect_00: 1 0 0 0 1 0 0 0 1\n"
        "P_rect_02: 721.5 0 609.5 0 0 721.5 172.8 0 0 0 1 0\n"
    )
    (day / "calib_velo_to_cam.txt").write_text("R: 0 -1 0 0 0 -1 1 0 0\nT: 0 -0.08 -0.27\n")
    frames = [KittiFrame("2011_09_26", DRIVE, 2, number) for number in range(images)]
    for frame in frames:
        scan, prediction = frame.scan(root), root / "prediction" / f"{frame.name}.npz"
        prediction.parent.mkdir(parents=True, exist_ok=True)
        if frame.frame >= DISTINCT:
            model = frames[frame.frame % DISTINCT]
            os.link(model.scan(root), scan)
            os.link(root / "prediction" / f"{model.name}.npz", prediction)
            continue
        distance = generator.uniform(3, 75, POINTS)
        bearing, elevation = generator.uniform(-np.pi, np.pi, POINTS), generator.uniform(-0.42, 0.04, POINTS)
        cloud = np.stack((np.cos(bearing), np.sin(bearing), np.sin(elevation), np.zeros(POINTS)), axis=1)
        (cloud * distance[:, None]).astype(np.float32).tofile(scan)
        smooth = cv2.resize(generator.uniform(0.5, 8, (24, 80)).astype(np.float32), (WIDTH, HEIGHT))
        save_depth(prediction, torch.from_numpy(smooth))
    laser = kitti_laser_truth(root, frames[:DISTINCT])
    for index, frame in enumerate(frames[:DISTINCT]):
        forward_m = laser.load(index).forward_m
        assert forward_m is not None
        save_depth_png(root / "truth" / f"{frame.name}.png", forward_m)
    for frame in frames[DISTINCT:]:
        os.link(root / "truth" / f"{frames[frame.frame % DISTINCT].name}.png", root / "truth" / f"{frame.name}.png")
    return frames


def plain_loop(root: Path, frames: list[KittiFrame]) -> float:
    """abs_rel of all images, one after another."""
    errors = []
    (top, bottom), (left, right) = crop_window("Garg", HEIGHT, WIDTH)
    for frame in frames:
        truth = cv2.imread(str(root / "truth" / f"{frame.name}.png"), cv2.IMREAD_UNCHANGED) / 256.0
        with np.load(root / "prediction" / f"{frame.name}.npz") as archive:
            depth = archive["depth"].astype(np.float64)
        inside = np.zeros_like(truth, dtype=bool)
        inside[top:bottom, left:right] = True
        valid = inside & (truth > 1e-3) & (truth < 80)
        goal, guess = truth[valid], depth[valid]
        guess = np.clip(guess * np.median(goal) / np.median(guess), 1e-3, 80)
        ratio = np.maximum(goal / guess, guess / goal)
        maps = [np.abs(goal - guess) / goal, (goal - guess) ** 2 / goal, (goal - guess) ** 2]
        maps += [(np.log(goal) - np.log(guess)) ** 2, *(ratio < 1.25**power for power in (1, 2, 3))]
        errors.append([float(values.mean()) for values in maps])
    return float(np.mean(errors, axis=0)[0])


def timed(work: Callable[[], float]) -> tuple[float, float]:
    """Seconds, and the answer."""
    begin = time.perf_counter()
    answer = work()
    return time.perf_counter() - begin, answer


def peak_mb() -> float:
    """Largest memory of the process so far (MB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=697, help="how many images")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        frames = written(root, options.images)
        maps = predicted_maps(root / "prediction", "depth")
        scans = DepthScorer(maps, kitti_laser_truth(root, frames), EIGEN)
        pictures = DepthScorer(maps, depth_maps(root / "truth"), replace(EIGEN, laser_depth="camera_z"))

        def scored(scorer: DepthScorer) -> float:
            return scorer.report().result.metrics["abs_rel"]

        few = DepthScorer(predicted_maps(root / "prediction", "depth"), kitti_laser_truth(root, frames[:50]), EIGEN)
        scored(few)
        memory = {"after_50_images_mb": peak_mb()}
        figures = {}
        figures["laser scans"], _ = timed(lambda: scored(scans))
        memory["after_all_images_mb"] = peak_mb()
        figures["PNG"], ours = timed(lambda: scored(pictures))
        figures["plain loop, PNG"], theirs = timed(lambda: plain_loop(root, frames))
        assert abs(ours - theirs) < 1e-6, (ours, theirs)
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, {options.images} images of {HEIGHT}x{WIDTH}")
    print("ours: all figures, both depths of a scan, two baselines; the loop: the prediction's figures alone")
    for name, seconds in figures.items():
        print(f"{name}: {seconds:.1f} s, {1000 * seconds / options.images:.1f} ms an image")
    print(f"ratio to the plain loop: {figures['PNG'] / figures['plain loop, PNG']:.2f}")
    print(
        f"peak memory: {memory['after_50_images_mb']:.0f} MB after 50 images, "
        f"{memory['after_all_images_mb']:.0f} MB after all"
    )
    if options.json:
        options.json.write_text(json.dumps(figures | memory, indent=2) + "\n")


if __name__ == "__main__":
    main()
