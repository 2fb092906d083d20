"""Made-up data sets for the pages that need some, and splits that are a few frames long."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from triptych.data import kitti_drives, kitti_snippets, splits
from triptych.data.frame_names import KittiFrame, OdometryFrame
from triptych.data.synthetic import synthetic_clip, write_kitti_odometry, write_kitti_raw
from triptych.data.synthetic.kitti_writer import write_kitti_flow2015
from triptych.formats.maps import save_picture
from triptych.geometry.camera import backprojected
from triptych.types import SyntheticClip

FRAMES = 6
TRAINED, TESTED = "2011_09_26_drive_0005_sync", "2011_09_26_drive_0002_sync"
CITYSCAPES_SIZE = (2048, 1024)
"""Width and height of the pictures that Cityscapes' calibration and truth are of."""
CITYSCAPES_TEST = ("berlin_000000_000019", "berlin_000001_000019")
QUICKLY = [
    "--depth.pretrained=null",
    "--pose.pretrained=null",
    "--depth.encoder=resnet18",
    "--pose.encoder=resnet18",
    "--training.batch_size=2",
    "--training.workers=0",
    "--epochs=1",
]


@cache
def street() -> SyntheticClip:
    """The one world that all of them show.

    Its depth is shuffled within each picture: what networks say that have learned nothing
    could by chance be large where the truth is small, and be refused for disparity.
    """
    clip = synthetic_clip("street", seed=5, frames=FRAMES, height=64, width=192)
    order = torch.randperm(clip.depth_m[0].numel(), generator=torch.Generator().manual_seed(0))
    return replace(clip, depth_m=clip.depth_m.flatten(1)[:, order].view_as(clip.depth_m))


def raw_frames(drive: str, numbers: range) -> tuple[KittiFrame, ...]:
    return tuple(KittiFrame(drive[:10], drive, 2, number) for number in numbers)


def shorten_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make of the splits by their names those of what is written here."""
    raw = {
        "zhou_train": raw_frames(TRAINED, range(1, 3)),
        "zhou_validation": raw_frames(TRAINED, range(FRAMES - 2, FRAMES - 1)),
        "stereo": raw_frames(TRAINED, range(1, 3)),
        "eigen_test": raw_frames(TESTED, range(2)),
    }
    odometry = {
        "odometry_train": tuple(OdometryFrame(0, 2, number) for number in (1, 2)),
        "odometry_validation": (OdometryFrame(0, 2, FRAMES - 2),),
    }
    lengths = {TRAINED: FRAMES, TESTED: FRAMES}
    monkeypatch.setattr(splits, "_RAW", {name: lambda frames=frames: frames for name, frames in raw.items()})
    monkeypatch.setattr(splits, "_ODOMETRY", {name: lambda frames=frames: frames for name, frames in odometry.items()})
    monkeypatch.setattr(kitti_drives, "drive_lengths", lambda: lengths)
    monkeypatch.setattr(kitti_snippets, "drive_lengths", lambda: lengths)
    monkeypatch.setattr(kitti_snippets, "ODOMETRY_LENGTHS", (FRAMES,))
    pairs = splits.kitti2015_pairs()[: FRAMES - 1]
    for place in ("data.kitti_inventory", "data.split_images"):
        monkeypatch.setattr(f"triptych.{place}.kitti2015_pairs", lambda: pairs)
    for place in ("data.split_images", "evaluation.depth_truth"):
        monkeypatch.setattr(f"triptych.{place}.cityscapes_test_names", lambda: CITYSCAPES_TEST)


def write_scan(path: Path, clip: SyntheticClip, index: int) -> None:
    """The depth map as a scan of the laser, whose axes are x forward, y left, z up."""
    points = backprojected(clip.depth_m[index][None], clip.intrinsics[None])[0]
    x, y, z = points[:, clip.depth_m[index, 0] < 60]
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.stack([z, -x, -y, torch.ones_like(x)], dim=1).numpy().astype("<f4").tofile(path)


def write_kitti(root: Path) -> None:
    clip = street()
    for drive in (TRAINED, TESTED):
        folder = write_kitti_raw(clip, root / "kitti", drive=int(drive[-9:-5]))
        for index in range(FRAMES):
            write_scan(folder / "velodyne_points" / "data" / f"{index:010d}.bin", clip, index)
    for sequence in ("00", "09", "10"):
        write_kitti_odometry(clip, root / "odometry", sequence=sequence)
    write_kitti_flow2015(clip, root / "kitti2015")


def write_cityscapes(root: Path) -> None:
    """Sequences to learn from and to validate on, and test images with disparity."""
    root = root / "cityscapes"
    clip, left, width = street(), 32, 128  # the middle of the picture, twice as wide as it is high
    scale = CITYSCAPES_SIZE[0] / width
    (fx, _, u0), (_, fy, v0), _ = (clip.intrinsics * scale).tolist()
    u0 -= left * scale
    camera = json.dumps({"extrinsic": {"baseline": 0.2}, "intrinsic": {"fx": fx, "fy": fy, "u0": u0, "v0": v0}})

    def write(path: Path, values: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), values)

    def write_camera(part: str, name: str) -> None:
        file = root / "camera" / part / name.split("_", maxsplit=1)[0] / f"{name}_camera.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(camera)

    pictures = clip.images.flip(1).permute(0, 2, 3, 1)[:, :, left : left + width].numpy()
    depth_m = clip.depth_m[:, 0, :, left : left + width].clamp(max=1000)
    for part, city in (("train", "aachen"), ("val", "ulm")):
        for number, picture in enumerate(pictures):
            name = f"{city}_000001_{number:06d}"
            write(root / "leftImg8bit_sequence" / part / city / f"{name}_leftImg8bit.png", picture)
        write_camera(part, f"{city}_000001_000003")
    for index, name in enumerate(CITYSCAPES_TEST):
        picture = cv2.resize(pictures[index], CITYSCAPES_SIZE)
        write(root / "leftImg8bit" / "test" / "berlin" / f"{name}_leftImg8bit.png", picture)
        disparity = (256 * fx * 0.2 / depth_m[index]).numpy().astype(np.uint16) + 1
        disparity = cv2.resize(disparity, CITYSCAPES_SIZE, interpolation=cv2.INTER_NEAREST)
        write(root / "disparity" / "test" / "berlin" / f"{name}_disparity.png", disparity)
        write_camera("test", name)


def write_drives(root: Path) -> None:
    """Folders of images, one a drive."""
    for drive in ("first", "second"):
        for index, image in enumerate(street().images):
            save_picture(root / drive / f"{index:06d}.png", image)
