"""Pages on data sets, word for word, on made-up ones whose splits are a few frames long."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tests.integration.test_documented_commands import COMMANDS, is_on_data_sets

from triptych.cli import main
from triptych.data import kitti_drives, kitti_snippets, splits
from triptych.data.frame_names import KittiFrame, OdometryFrame
from triptych.data.synthetic import benchmark, synthetic_clip, write_kitti_odometry, write_kitti_raw
from triptych.data.synthetic.kitti_writer import write_kitti_flow2015
from triptych.evaluation.results import load_result
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


def clip_of(seed: int, *, frames: int = FRAMES) -> SyntheticClip:
    return synthetic_clip("street", seed=seed, frames=frames, height=64, width=192)


def raw_frames(drive: str, numbers: range) -> tuple[KittiFrame, ...]:
    return tuple(KittiFrame(drive[:10], drive, 2, number) for number in numbers)


@pytest.fixture
def short_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The splits by their names, of what `data_sets` writes."""
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
    for drive, seed in ((TRAINED, 205), (TESTED, 202)):
        clip = clip_of(seed)
        folder = write_kitti_raw(clip, root / "kitti", drive=int(drive[-9:-5]))
        for index in range(FRAMES):
            write_scan(folder / "velodyne_points" / "data" / f"{index:010d}.bin", clip, index)
    for sequence in ("00", "09", "10"):
        write_kitti_odometry(clip_of(int(sequence) + 1), root / "odometry", sequence=sequence)
    write_kitti_flow2015(clip_of(7), root / "kitti2015")


def write_cityscapes(root: Path) -> None:
    """Sequences to learn from and to validate on, and test images with disparity."""
    root = root / "cityscapes"
    clip = synthetic_clip("street", seed=3, frames=FRAMES, height=96, width=192)
    (fx, _, u0), (_, fy, v0), _ = (clip.intrinsics * CITYSCAPES_SIZE[0] / 192).tolist()
    camera = json.dumps({"extrinsic": {"baseline": 0.2}, "intrinsic": {"fx": fx, "fy": fy, "u0": u0, "v0": v0}})

    def write(path: Path, values: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), values)

    def write_camera(part: str, name: str) -> None:
        file = root / "camera" / part / name.split("_", maxsplit=1)[0] / f"{name}_camera.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(camera)

    pictures = clip.images.flip(1).permute(0, 2, 3, 1).numpy()
    for part, city in (("train", "aachen"), ("val", "ulm")):
        for number, picture in enumerate(pictures):
            name = f"{city}_000001_{number:06d}"
            write(root / "leftImg8bit_sequence" / part / city / f"{name}_leftImg8bit.png", picture)
        write_camera(part, f"{city}_000001_000003")
    for index, name in enumerate(CITYSCAPES_TEST):
        picture = cv2.resize(pictures[index], CITYSCAPES_SIZE)
        write(root / "leftImg8bit" / "test" / "berlin" / f"{name}_leftImg8bit.png", picture)
        disparity = (256 * fx * 0.2 / clip.depth_m[index, 0].clamp(max=1000)).numpy().astype(np.uint16) + 1
        disparity = cv2.resize(disparity, CITYSCAPES_SIZE, interpolation=cv2.INTER_NEAREST)
        write(root / "disparity" / "test" / "berlin" / f"{name}_disparity.png", disparity)
        write_camera("test", name)


def write_drives(root: Path) -> None:
    """Folders of images, one a drive."""
    for seed in (5, 6):
        for index, image in enumerate(clip_of(seed).images):
            save_picture(root / f"drive{seed}" / f"{index:06d}.png", image)


def write_results_of_others(root: Path) -> None:
    """What README and evaluate.md compare with: other seeds and methods."""
    depth = json.loads(Path("depth.json").read_text())
    for number, file in enumerate(("ours-seed0", "ours-seed1", "theirs")):
        metrics = {name: value + 0.001 * number for name, value in depth["metrics"].items()}
        result = depth | {"name": file.split("-")[0], "named": True, "metrics": metrics}
        Path(f"{file}.json").write_text(json.dumps(result))
    for sequence in ("09", "10"):
        truth = root / "odometry" / "poses" / f"{sequence}.txt"
        words = f"--prediction={truth} --ground-truth={truth} --name=theirs --json=theirs{sequence}.json"
        main(["evaluate", "odometry", *words.split()])


def run_page(page: str, data: Path, more: list[str]) -> None:
    """Run the page's commands on data sets but those in a cloud; `data` is what the page calls /data."""
    ran = 0
    for command in (command for command in COMMANDS if command.page == page):
        words = [
            str(data / word.removeprefix("/data/")) if word.startswith("/data/") else word for word in command.words
        ]
        if any(word.startswith("s3://") for word in words) or (page == "README.md" and not is_on_data_sets(command)):
            continue
        if words[0] in ("train", "predict", "prepare") and "--output" in words:
            # One GPU or eight, one page or the next: the same folder.
            shutil.rmtree(words[words.index("--output") + 1], ignore_errors=True)
        if words[0] == "train":  # shards keep the size that they were made with
            words += [word for word in more if "shards" not in words or not word.startswith("--size")]
        main(words)
        ran += 1
    assert ran > 0


@pytest.mark.usefixtures("short_splits")
def test_pages_on_data_sets_run_in_the_order_of_their_commands(
    tmp_path: Path, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    write_kitti(data)
    write_cityscapes(data)
    write_drives(tmp_path / "my_drives")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmark, "CLIPS", 2)
    monkeypatch.setattr(benchmark, "FRAMES", 5)
    run_page("kitti.md", data, [*tiny, *QUICKLY])
    write_results_of_others(data)
    for page in ("streets", "evaluate", "README", "cityscapes", "shards", "train"):
        run_page(f"{page}.md", data, [*tiny, *QUICKLY])
    for file, measure in {
        "depth.json": "abs_rel",
        "ours09.json": "ate_m",
        "flow.json": "epe_all",
        "streets.json": "abs_rel",
        "cityscapes.json": "abs_rel",
    }.items():
        assert measure in load_result(tmp_path / file).metrics
    assert "ATE" in (tmp_path / "odometry.tex").read_text()
