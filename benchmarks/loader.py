"""How fast snippets of three frames are loaded by one process: from shards, from image files, and by monodepth2.

python benchmarks/loader.py [--monodepth2 CHECKOUT] [--json FILE] [--runs N] [--memory]

Made-up frames of KITTI's size (1242x375) are written as PNG and JPEG and loaded at 192x640 with
flips and color jitter at the same chances on both sides, in turn. All files are in the page cache:
what is timed is the work of the process, not the disk. monodepth2's loader also makes the three
smaller scales that its training asks for; --scales 1 spares it that.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ColorJitter, functional

from triptych.data.augment import Augmentation
from triptych.data.kitti_snippets import kitti_raw_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.shard_preparing import prepared_shards
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.kitti_writer import write_kitti_raw

SIZE = (192, 640)
FULL_SIZE = (375, 1242)
BATCH = 4
PREFETCHED = 2  # batches that a DataLoader's process works ahead, which are not to be timed
BARS = {"png": 5.0, "jpeg": 3.0}
SAME = Augmentation(crop=1.0, flip=0.5, jitter=0.5)


class Repeated(Dataset[Any]):
    """A data set of few items as one of many.

    Args:
        data: the items.
        length: how many are asked for.
        keyed: whether items are asked for by (epoch, index).
    """

    def __init__(self, data: Any, length: int, *, keyed: bool) -> None:
        self.data, self.length, self.keyed = data, length, keyed

    def __len__(self) -> int:
        """How many are asked for."""
        return self.length

    def __getitem__(self, index: int) -> Any:
        """An item, in an order that jumps."""
        epoch, place = divmod(index * 7, len(self.data))
        return self.data[epoch, place] if self.keyed else self.data[place]


def frames_per_second(data: Any, collate: Callable[..., Any] | None, *, snippets: int) -> float:
    """Frames that one process loads in a second, once it runs."""
    skipped = PREFETCHED + 1
    whole = Repeated(data, snippets + skipped * BATCH, keyed=collate is not None)
    loader: DataLoader[Any] = DataLoader(whole, batch_size=BATCH, num_workers=1, collate_fn=collate)
    batches = iter(loader)
    for _ in range(skipped):
        next(batches)
    begin = time.perf_counter()
    count = sum(1 for _ in batches)
    return 3 * BATCH * count / (time.perf_counter() - begin)


def written_frames(folder: Path, *, count: int) -> dict[str, Path]:
    """The same made-up drive in KITTI's raw layout, as PNG and as JPEG."""
    clip = synthetic_clip("street", seed=1, frames=count, height=FULL_SIZE[0], width=FULL_SIZE[1])
    drive = write_kitti_raw(clip, folder / "png")
    copy = folder / "jpeg" / drive.relative_to(folder / "png")
    (copy / "image_02" / "data").mkdir(parents=True)
    calibration = drive.parent / "calib_cam_to_cam.txt"
    (copy.parent / calibration.name).write_bytes(calibration.read_bytes())
    for file in sorted((drive / "image_02" / "data").glob("*.png")):
        with Image.open(file) as image:
            image.save(copy / "image_02" / "data" / f"{file.stem}.jpg", quality=92)
    return {"png": folder / "png", "jpeg": folder / "jpeg"}


class _CallableJitter:
    """What monodepth2 expects of torchvision: parameters that change an image when called."""

    @staticmethod
    def get_params(*ranges: tuple[float, float]) -> Callable[[Image.Image], Image.Image]:
        """A change of color with random strengths, in random order."""
        order, *strengths = ColorJitter.get_params(*(list(one) for one in ranges))
        steps = (
            functional.adjust_brightness,
            functional.adjust_contrast,
            functional.adjust_saturation,
            functional.adjust_hue,
        )

        def change(image: Image.Image) -> Image.Image:
            for number in order.tolist():
                image = steps[number](image, strengths[number])
            return image

        return change


def monodepth2_data(checkout: Path, root: Path, suffix: str, *, scales: int) -> Any:
    """Its KITTI data set over the made-up drive, brought to run with today's Pillow and torchvision."""
    for name in ("skimage", "skimage.transform"):  # for truth from a laser, of which there is none here
        sys.modules.setdefault(name, types.ModuleType(name))
    if not hasattr(Image, "ANTIALIAS"):
        Image.ANTIALIAS = Image.Resampling.LANCZOS  # type: ignore[attr-defined]
    sys.path.insert(0, str(checkout))
    try:
        module, mono = import_module("datasets.kitti_dataset"), import_module("datasets.mono_dataset")
    finally:
        sys.path.remove(str(checkout))
    own = mono.transforms
    mono.transforms = types.SimpleNamespace(ToTensor=own.ToTensor, Resize=own.Resize, ColorJitter=_CallableJitter)
    (drive,) = root.glob("*/*_sync")
    numbers = sorted(int(file.stem) for file in (drive / "image_02" / "data").iterdir())
    lines = [f"{drive.relative_to(root)} {number} l" for number in numbers[1:-1]]
    return module.KITTIRAWDataset(str(root), lines, *SIZE, [0, -1, 1], scales, is_train=True, img_ext=suffix)


def memory_of(pid: int) -> dict[str, float]:
    """Resident and proportional memory of a process, and what of it is its own (MB)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in text.splitlines() if line.endswith("kB")}
    return {name: found[key] for name, key in (("rss", "Rss"), ("pss", "Pss"), ("own", "Pss_Anon"))}


def memory_over(data: ShardSnippetDataset, counts: tuple[int, ...]) -> Iterator[tuple[int, dict[str, float]]]:
    """Memory of the process that loads, after each of these numbers of snippets.

    It is spawned: a fork would count what this process has in memory.
    """
    whole = Repeated(data, max(counts) + PREFETCHED * BATCH, keyed=True)
    loader: DataLoader[Any] = DataLoader(
        whole, batch_size=BATCH, num_workers=1, collate_fn=data.collate, multiprocessing_context="spawn"
    )
    batches: Any = iter(loader)
    for number, _ in enumerate(batches, start=1):
        if number * BATCH in counts:
            yield number * BATCH, memory_of(batches._workers[0].pid)


def read_milliseconds(data: ShardSnippetDataset, *, snippets: int) -> float:
    """Time of a frame in this process, with the making of batches (ms)."""
    begin = time.perf_counter()
    for first in range(0, snippets, BATCH):
        data.collate([data[(first + more) % len(data)] for more in range(BATCH)])
    return 1e3 * (time.perf_counter() - begin) / (3 * snippets)


def contestants(folder: Path, options: argparse.Namespace) -> dict[str, Callable[[], float]]:
    """What is timed, by name."""
    roots = written_frames(folder, count=options.frames)
    height, width = SIZE
    prepared_shards(kitti_raw_snippets(roots["png"]), folder / "shards", height=height, width=width)
    shards = {
        "shards": ShardSnippetDataset(folder / "shards", augmentation=SAME),
        "shards, with zoom and crop too": ShardSnippetDataset(folder / "shards", augmentation=Augmentation()),
        "shards, no augmentation": ShardSnippetDataset(folder / "shards"),
    }
    files = {
        f"triptych on {kind}": LazySnippetDataset(
            kitti_raw_snippets(root), height=height, width=width, augmentation=SAME
        )
        for kind, root in roots.items()
    }
    timed: dict[str, Callable[[], float]] = {
        name: lambda data=data: frames_per_second(data, data.collate, snippets=options.snippets)  # type: ignore[misc]
        for name, data in shards.items()
    }
    slower = max(options.snippets // 4, 4 * BATCH)
    timed |= {
        name: lambda data=data: frames_per_second(data, data.collate, snippets=slower)  # type: ignore[misc]
        for name, data in files.items()
    }
    if options.monodepth2 is None:
        print("monodepth2: skipped, name a checkout by --monodepth2")
        return timed
    for (kind, root), suffix in zip(roots.items(), (".png", ".jpg"), strict=True):
        peer = monodepth2_data(options.monodepth2, root, suffix, scales=options.scales)
        timed[f"monodepth2 on {kind}"] = lambda peer=peer: frames_per_second(peer, None, snippets=slower)  # type: ignore[misc]
    return timed


def ratios(rates: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """How many times as fast shards are as each other loader, run by run."""
    told = {}
    for name, other in rates.items():
        if name != "shards":
            pairs = sorted(own / theirs for own, theirs in zip(rates["shards"], other, strict=True))
            told[name] = {"median": statistics.median(pairs), "least": pairs[0], "most": pairs[-1]}
    return told


def main() -> None:
    """Run all and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--monodepth2", type=Path, help="a checkout of it")
    parser.add_argument("--scales", type=int, default=4, help="of monodepth2's pyramid")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--runs", type=int, default=5, help="of each, in turn")
    parser.add_argument("--snippets", type=int, default=160, help="a run from shards; a fourth from image files")
    parser.add_argument("--frames", type=int, default=26, help="of the made-up drive")
    parser.add_argument("--memory", action="store_true", help="also of the process after 1,000 and 10,000 snippets")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*multi-threaded.*", category=DeprecationWarning)
    torch.set_num_threads(1)
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        timed = contestants(Path(folder), options)
        rates: dict[str, list[float]] = {name: [] for name in timed}
        for _ in range(options.runs):
            for name, work in timed.items():
                rates[name].append(work())
        plain = ShardSnippetDataset(Path(folder) / "shards")
        milliseconds = statistics.median(read_milliseconds(plain, snippets=40) for _ in range(options.runs))
        augmented = ShardSnippetDataset(Path(folder) / "shards", augmentation=Augmentation())
        memory = dict(memory_over(augmented, (1_000, 10_000))) if options.memory else {}
    cores = len(os.sched_getaffinity(0))
    print(f"{cores} cores, one loading process, torch {torch.__version__}, medians of {options.runs} runs in turn")
    for name, values in rates.items():
        print(f"{name}: {statistics.median(values):.0f} frames/s ({min(values):.0f} to {max(values):.0f})")
    compared = ratios(rates)
    for name, ratio in compared.items():
        bar = BARS.get(name.rpartition(" ")[2]) if name.startswith("monodepth2") else None
        verdict = "" if bar is None else f"; bar {bar:g}: {'met' if ratio['median'] >= bar else 'MISSED'}"
        print(f"shards / {name}: {ratio['median']:.1f} ({ratio['least']:.1f} to {ratio['most']:.1f}){verdict}")
    print(f"a frame from shards without changes, batches made, in this process: {milliseconds:.2f} ms")
    for count, megabytes in memory.items():
        told = ", ".join(f"{name} {value:.0f} MB" for name, value in megabytes.items())
        print(f"loading process after {count:,} snippets: {told}")
    if options.json:
        figures = {"frames/s": rates, "ratios": compared, "ms a frame": milliseconds, "memory MB": memory}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
