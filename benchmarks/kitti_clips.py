"""Real clips of KITTI before and after a fit in minutes: path, depth by laser, flow.

python benchmarks/kitti_clips.py --data FOLDER --output FOLDER [--minutes 15] [--jobs 2]

--data holds `kitti_odom` (sequences/00, poses), `kitti_raw` (2011_09_26), `kitti2015` (image_2,
lidar_depth_png16) and `flow/kitti2012`. Sequence 00 is fitted to and scored by ATE-3 and ATE-5 on the same frames,
beside straight motion at the true speed. Drive 0095 is fitted to; by its networks alone (one picture at a time, median
scaling, cap 80 m) the pictures of KITTI 2015 get depth, and with refinement the pair 000157 of KITTI 2012 flow, beside
OpenCV's DIS. Look at `drive_before` and `drive_after`, where overview.mp4 is.
"""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from commands import triptych
from triptych.config.build_model import load_model
from triptych.config.schema import PACKAGED
from triptych.evaluation.baselines import dis_flow
from triptych.formats.maps import load_depth_png, load_kitti_flow
from triptych.formats.trajectories import load_kitti_trajectory
from triptych.inference.predictor import PredictionSettings, Predictor
from triptych.metrics.depth import depth_metrics
from triptych.metrics.flow import end_point_error
from triptych.metrics.trajectory import snippet_trajectory_errors, straight_motion_errors

DRIVE = Path("kitti_raw/2011_09_26/2011_09_26_drive_0095_sync")
SEQUENCE = Path("kitti_odom/sequences/00")
FARTHEST_M = 80.0


def fitted(source: Path, run: Path, options: argparse.Namespace) -> Path:
    """The run folder of a fit, made once."""
    if not (run / "model.safetensors").is_file():
        words = ["fit", str(source), f"--output={run}", "--overwrite", f"--minutes={options.minutes}"]
        triptych(*words, threads=options.threads)
    return run


def predicted(source: Path, folder: Path, model: list[str], *words: str, threads: int) -> Path:
    """The folder of a prediction, made once."""
    if not (folder / "result.json").is_file():
        triptych("predict", str(source), f"--output={folder}", "--overwrite", *model, *words, threads=threads)
    return folder


def path_figures(folder: Path, poses: Path) -> dict[str, float]:
    """ATE-3 and ATE-5 (m) of a predicted path, and those of straight motion."""
    path = load_kitti_trajectory(folder / "trajectory.kitti.txt").double()
    truth = load_kitti_trajectory(poses)[: len(path)].double()
    figures = {}
    for length in (3, 5):
        figures[f"ate_{length}"] = float(snippet_trajectory_errors(path, truth, length=length).mean())
        figures[f"straight_ate_{length}"] = float(straight_motion_errors(truth, length=length).mean())
    return figures


def read(file: Path) -> Tensor:
    """A picture as uint8 (3, height, width)."""
    with Image.open(file) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).contiguous()


def depth_figures(model: str, pictures: Path, truth: Path) -> dict[str, float]:
    """Mean errors over pictures of depth, by the network alone, against projected laser returns."""
    networks, settings = load_model(model)
    size = tuple(map(int, settings.size.split("x")))
    how = PredictionSettings(min_depth=settings.depth.min_depth, max_depth=settings.depth.max_depth)
    predictor = Predictor(networks, how)
    rows = []
    for file in sorted(truth.glob("*.png")):
        picture = read(next(pictures.glob(f"{file.stem}.*"))).float()
        small = F.interpolate(picture[None], size=size, mode="bilinear", antialias=True, align_corners=False)
        inverse = 1 / predictor.depth_of(small[0].round().to(torch.uint8))[None, None]
        depth_m = load_depth_png(file)[None, None]
        depth = 1 / F.interpolate(inverse, size=depth_m.shape[-2:], mode="bilinear", align_corners=False)
        valid = (depth_m > 0) & (depth_m < FARTHEST_M)
        metrics = depth_metrics(depth, depth_m, valid, max_depth_m=FARTHEST_M)
        rows.append([float(metrics.abs_rel), float(metrics.delta1)])
    abs_rel, delta1 = torch.tensor(rows).mean(dim=0).tolist()
    return {"abs_rel": abs_rel, "delta1": delta1, "pictures": len(rows)}


def flow_figures(flow: Tensor, root: Path, name: str) -> dict[str, float]:
    """End-point errors (px of the picture) over all measured pixels and those seen in both."""
    figures = {}
    for part in ("occ", "noc"):
        truth, valid = load_kitti_flow(root / f"flow_{part}" / f"{name}_10.png")
        height, width = truth.shape[-2:]
        full = F.interpolate(flow[None], size=(height, width), mode="bilinear", align_corners=False)
        scale = torch.tensor([width / flow.shape[-1], height / flow.shape[-2]]).view(1, 2, 1, 1)
        error = end_point_error(full * scale, truth[None])
        figures["epe_all" if part == "occ" else "epe_noc"] = float(error[valid[None, None]].mean())
    return figures


def main() -> None:
    """All figures, as a table and as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--jobs", type=int, default=2, help="fits at a time; each has its share of the cores")
    options = parser.parse_args()
    options.threads = max(1, (os.cpu_count() or 1) // options.jobs)
    data, out = options.data.absolute(), options.output.absolute()
    pair = out / "pair"
    pair.mkdir(parents=True, exist_ok=True)
    for file in sorted((data / "flow" / "kitti2012" / "colored_0").iterdir()):
        if not (pair / file.name).exists():
            (pair / file.name).symlink_to(file)
    with ThreadPoolExecutor(options.jobs) as pool:
        sources = {"sequence": data / SEQUENCE, "drive": data / DRIVE}
        folders = pool.map(lambda name: fitted(sources[name], out / name, options), sources)
        runs = dict(zip(sources, folders, strict=True))
    table: dict[str, dict[str, float]] = {}
    camera = "--intrinsics=721.5377,721.5377,609.5593,172.854"
    for when in ("before", "after"):
        models = {name: [] if when == "before" else [f"--model={run}"] for name, run in runs.items()}
        threads = os.cpu_count() or 1
        path = predicted(data / SEQUENCE, out / f"path_{when}", models["sequence"], threads=threads)
        flow = predicted(pair, out / f"flow_{when}", models["drive"], camera, threads=threads)
        predicted(data / DRIVE, out / f"drive_{when}", models["drive"], threads=threads)
        table[when] = {
            **path_figures(path, data / "kitti_odom" / "poses" / "00.txt"),
            **depth_figures(
                PACKAGED if when == "before" else str(runs["drive"]),
                data / "kitti2015" / "image_2",
                data / "kitti2015" / "lidar_depth_png16",
            ),
            **flow_figures(load_kitti_flow(flow / "flow" / "000000.png")[0], data / "flow" / "kitti2012", "000157"),
        }
    frames = [read(file) for file in sorted(pair.iterdir())]
    table["dis"] = flow_figures(dis_flow(*frames), data / "flow" / "kitti2012", "000157")
    (out / "figures.json").write_text(json.dumps(table, indent=1))
    for name in table["before"]:
        print(name.ljust(16) + "".join(f"{when} {row[name]:.4f}   " for when, row in table.items() if name in row))


if __name__ == "__main__":
    main()
