"""The pictures of README and docs, anew: python docs/make_pictures.py [NAME ...] [--demo FOLDER] [--output FOLDER].

Names: panels, report, view, app, field_of_view, demo; by default all but `demo`, which is a frame of the folder that
`make demo` wrote. All of it is filmed in rendered worlds; pages are photographed with Chromium.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from triptych.data.synthetic import synthetic_clip
from triptych.data.video import VideoSource

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
BY_SOFTWARE = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
WIDE = (1280, 800)
MOST_COLUMNS = 1280
QUALITY = 82
CLIP_SEED, CLIP_FRAMES, SHOWN_FRAME = "2", "30", 6
SCENE_S = 60.0  # for the scene to be drawn by software
FARTHEST_M = 60.0
"""Of the points that are shown from above."""


def triptych(*words: str) -> None:
    """A command, as its user gives it."""
    subprocess.run([sys.executable, "-m", "triptych", *words], check=True)


class Pictures:
    """Makes pictures, and what they are of when it is first needed.

    Args:
        work: folder for what they are of.
        demo: folder of `make demo`.
    """

    def __init__(self, work: Path, demo: Path) -> None:
        self._work = work
        self._demo = demo

    @cached_property
    def result(self) -> Path:
        """Prediction of a rendered world by the weights in the package."""
        clip = self._work / "clip"
        words = ("--clips=1", f"--seed={CLIP_SEED}", f"--frames={CLIP_FRAMES}", "--part=validation")
        triptych("prepare", "synthetic", f"--output={clip}", "--layout=folders", *words)
        (frames,) = clip.glob("*/frames")
        result = self._work / "yard"
        triptych("predict", str(frames), f"--output={result}")
        return result

    def panels(self) -> Image.Image:
        """A frame with all that is predicted of it."""
        return frame_of(self.result / "overview.mp4", SHOWN_FRAME)

    def demo(self) -> Image.Image:
        """The same of the demo, of a frame that was not learned from."""
        return frame_of(self._demo / "prediction" / "overview.mp4", -7)

    def report(self) -> Image.Image:
        """The upper part of a report."""
        file = self._work / "report.html"
        triptych("report", str(self.result), f"--output={file}", "--overwrite", "--title=A rendered yard")
        with opened(file.as_uri()) as page:
            page.wait_for_timeout(1500)
            page.keyboard.press("Shift+ArrowRight")
            page.wait_for_timeout(500)
            return photographed(page)

    def view(self) -> Image.Image:
        """The scene in 3D."""
        file = self._work / "scene.html"
        triptych("view", str(self.result), f"--save={file}", "--overwrite")
        with opened(file.as_uri()) as page:
            page.wait_for_timeout(1000 * SCENE_S)
            for notice in page.locator(".mantine-Notification-closeButton").all():  # that it is drawn by software
                notice.click()
            page.wait_for_timeout(5000)
            return photographed(page)

    def app(self) -> Image.Image:
        """The app as it opens."""
        with served_app(self._work) as address, opened(address) as page:
            page.wait_for_timeout(5000)
            return photographed(page)

    def field_of_view(self) -> Image.Image:
        """Exact depth seen from above, by the right intrinsics and by a field of view that is too wide."""
        clip = synthetic_clip("street", seed=3, frames=2, height=128, width=384)
        depth_m = clip.depth_m[0, 0].numpy()
        rows, columns = np.nonzero(depth_m < FARTHEST_M)
        colors = clip.images[0].permute(1, 2, 0).numpy()[rows, columns] / 255
        figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True)
        right = float(clip.intrinsics[0, 0])
        for axis, focal, title in zip(axes, (right, right / 2), ("right", "focal length halved"), strict=True):
            x_m = (columns - float(clip.intrinsics[0, 2])) / focal * depth_m[rows, columns]
            axis.scatter(x_m, depth_m[rows, columns], s=1, c=colors)
            axis.set(title=title, xlim=(-40, 40), ylim=(0, FARTHEST_M), xlabel="x (m)", aspect="equal")
            axis.set_facecolor("#dfe3e8")
        axes[0].set_ylabel("depth (m)")
        content = io.BytesIO()
        figure.savefig(content, dpi=110, bbox_inches="tight")
        plt.close(figure)
        return Image.open(content)


def frame_of(video: Path, position: int) -> Image.Image:
    """One frame of a video; a negative position counts from its end."""
    source = VideoSource(video)
    place = position % source.length
    (frame,) = source.frames(place, place + 1)
    return Image.fromarray(frame.permute(1, 2, 0).numpy())


@contextmanager
def opened(address: str) -> Iterator[Page]:
    """A page on a wide screen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(BY_SOFTWARE))
        page = browser.new_page(viewport={"width": WIDE[0], "height": WIDE[1]})
        page.goto(address)
        yield page
        browser.close()


def photographed(page: Page) -> Image.Image:
    """What is on the screen."""
    return Image.open(io.BytesIO(page.screenshot(timeout=240_000)))


@contextmanager
def served_app(work: Path) -> Iterator[str]:
    """The address of an app that runs until the block ends."""
    messages = work / "app.txt"
    with messages.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-m", "triptych", "app", "--headless", "--port=0"], stderr=stream)
    try:
        while not (found := re.search(r"app: (http://\S+)", messages.read_text())):
            if process.poll() is not None:
                raise RuntimeError(messages.read_text())
            time.sleep(0.2)
        yield found.group(1)
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Make what is asked for."""
    names = ("panels", "report", "view", "app", "field_of_view", "demo")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=", ".join(names))
    parser.add_argument("--demo", type=Path, default=Path("demo"), help="folder that `make demo` wrote")
    parser.add_argument("--output", type=Path, default=HERE / "pictures")
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not among {', '.join(names)}")
    mpl.use("Agg")
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        pictures = Pictures(Path(work), options.demo)
        for name in options.names or names[:-1]:
            picture = getattr(pictures, name)().convert("RGB")
            picture.thumbnail((MOST_COLUMNS, 4 * MOST_COLUMNS))
            picture.save(options.output / f"{name}.webp", quality=QUALITY, method=6)
            print(options.output / f"{name}.webp", picture.size)


if __name__ == "__main__":
    main()
