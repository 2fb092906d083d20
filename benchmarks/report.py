"""How large the report of a long prediction is, how long it takes to write, and to open in Chromium.

python benchmarks/report.py [--frames N] [--size HEIGHTxWIDTH] [--times N] [--page FILE] [--json FILE]

A made-up prediction: pictures with the detail of a photograph that slide past, depth and
flow of a road with textured walls and things before them, masks with ragged rims. The page
is opened from the disk in a new Chromium window, `--times` times: it is open once the
first frame can be moved, and a frame far away has then come once all its panels show it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from playwright.sync_api import Browser, sync_playwright

from triptych.formats.maps import save_depth, save_kitti_flow, save_mask, save_visibility
from triptych.formats.photos import save_photo
from triptych.formats.trajectories import save_kitti_trajectory, save_tum_trajectory
from triptych.viewing.report import save_report

RATE_HZ = 10.0
SHIFT = 7  # px a frame
LIMIT_MB, LIMIT_S = 40.0, 3.0


def spectrum(generator: np.random.Generator, height: int, width: int, *, power: float) -> NDArray[np.float32]:
    """Noise in [0, 1] whose amplitude falls with frequency as that of photographs does, for a power of 1."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1.0
    noise = np.fft.rfft2(generator.standard_normal((height, width))) / frequency**power
    noise[0, 0] = 0
    field = np.fft.irfft2(noise, (height, width))
    return np.clip(0.5 + field / (6 * field.std()), 0, 1).astype(np.float32)


def written(folder: Path, *, frames: int, height: int, width: int) -> None:
    """A prediction folder as `triptych predict` writes it, without what the report does not read."""
    generator = np.random.default_rng(0)
    long = width + SHIFT * frames
    scene = np.stack([spectrum(generator, height, long, power=1.0) for _ in range(3)])
    walls = 6 + 20 * spectrum(generator, height, long, power=1.3)
    # Edges, as things before things have them: a photograph is more than its spectrum.
    for _ in range(long // 12):
        x, y = int(generator.integers(long)), int(generator.integers(height))
        box = (slice(y, y + int(generator.integers(8, 70))), slice(x, x + int(generator.integers(4, 60))))
        scene[:, box[0], box[1]] = 0.6 * scene[:, box[0], box[1]] + 0.4 * generator.random((3, 1, 1))
        walls[box] = generator.uniform(3, 30)
    road = 1.6 * height / np.maximum(np.arange(height) - 0.42 * height, 4)[:, None]
    grain = spectrum(generator, height, long, power=1.0)
    ragged = spectrum(generator, height, long, power=1.0)
    for index in range(frames):
        part = slice(SHIFT * index, SHIFT * index + width)
        picture = torch.from_numpy((255 * scene[:, :, part]).round().astype(np.uint8))
        depth = torch.from_numpy(np.minimum(walls[:, part], road) * (0.95 + 0.1 * grain[:, part])).float()
        name = f"{index:06d}"
        save_photo(folder / "frames" / f"{name}.jpg", picture)
        save_depth(folder / "depth" / f"{name}.npz", depth)
        if index == frames - 1:
            break
        flow = torch.stack((-60 / depth, (torch.arange(height)[:, None] - 0.42 * height) / depth))
        save_kitti_flow(folder / "flow" / f"{name}.png", flow, torch.ones(height, width, dtype=torch.bool))
        save_visibility(folder / "visibility" / f"{name}.png", torch.from_numpy((ragged[:, part] < 0.62) * 1.0).float())
        save_mask(folder / "motion" / f"{name}.png", torch.from_numpy(ragged[:, part] > 0.7))
    path = torch.eye(4).repeat(frames, 1, 1)
    path[:, 2, 3] = torch.arange(frames) / 10
    path[:, 0, 3] = (torch.arange(frames) / 40).sin()
    save_kitti_trajectory(folder / "trajectory.kitti.txt", path)
    save_tum_trajectory(folder / "trajectory.tum.txt", path, torch.arange(frames) / RATE_HZ)
    matrix = [[0.6 * width, 0.0, (width - 1) / 2], [0.0, 0.6 * width, (height - 1) / 2], [0.0, 0.0, 1.0]]
    facts = {
        "source": "made-up drive",
        "frames": {"in_source": frames, "predicted": frames},
        "size": {"height": height, "width": width},
        "intrinsics": {"matrix": matrix, "origin": "made up"},
    }
    (folder / "result.json").write_text(json.dumps(facts), encoding="utf-8")


def opened(browser: Browser, address: str, *, last: int) -> dict[str, float]:
    """Seconds until the page can be used, and until a frame far away is there."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    begin = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector('#player-panels[data-shown="0"]', state="attached")
    usable = time.perf_counter() - begin
    page.wait_for_load_state("load")
    loaded = time.perf_counter() - begin
    begin = time.perf_counter()
    page.locator("#player-slider").fill(str(last // 2))
    page.wait_for_selector(f'#player-panels[data-shown="{last // 2}"]', state="attached")
    far = time.perf_counter() - begin
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN")
    page.close()
    return {"first_paint_s": paint / 1000, "usable_s": usable, "loaded_s": loaded, "far_frame_s": far}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300, help="how many")
    parser.add_argument("--size", default="192x640", help="HEIGHTxWIDTH (px)")
    parser.add_argument("--times", type=int, default=5, help="how often the page is opened")
    parser.add_argument("--page", type=Path, help="keep the page here")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    height, width = (int(side) for side in options.size.split("x"))
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("a Chromium is needed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = Path(folder)
        written(root / "prediction", frames=options.frames, height=height, width=width)
        page = options.page or root / "report.html"
        begin, begin_work = time.perf_counter(), time.process_time()
        save_report(page, root / "prediction")
        figures = {"write_s": time.perf_counter() - begin, "write_processor_s": time.process_time() - begin_work}
        figures["size_mb"] = page.stat().st_size / 1e6
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        runs = [opened(browser, page.resolve().as_uri(), last=options.frames - 1) for _ in range(options.times)]
        browser.close()
    figures |= {name: float(np.median([run[name] for run in runs])) for name in runs[0]}
    figures["slowest_usable_s"] = max(run["usable_s"] for run in runs)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"{options.frames} frames of {height}x{width}; {os.cpu_count()} cores, load {load}; medians of {options.times}"
    )
    for name, value in figures.items():
        print(f"{name}: {value:.2f}")
    kept = figures["size_mb"] < LIMIT_MB and figures["usable_s"] < LIMIT_S
    print(f"under {LIMIT_MB:.0f} MB and usable in under {LIMIT_S:.0f} s: {'yes' if kept else 'no'}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
